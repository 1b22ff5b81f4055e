using Broker.Configuration;
using Broker.Delivery;

namespace Broker.Routing;

/// <summary>
/// A topic: its name, who listens to it, and the one order of its messages. Publishing takes a place in that order under the
/// topic's lock and only appends to outboxes there; no socket is touched. Thread-safe.
/// </summary>
internal sealed class Topic(byte[] name, SlowSubscriberPolicy policy, TopicTable table)
{
    private readonly Lock _order = new();
    private readonly SubscriberSet _exact = new();
    private SubscriberSet[] _matches = [];
    private int _version = -1;
    private bool _retired;

    public byte[] Name { get; } = name;

    /// <summary>Set by each publish, cleared by the table when it looks for topics to forget.</summary>
    public bool WasUsed { get; set; }

    /// <summary>
    /// Gives a publication its place, and a copy to each subscriber. A <paramref name="patient"/> publisher is told of a subscriber
    /// that it should wait for, and nothing was published; for another one the topic's policy falls on who has no room.
    /// False when the table has forgotten this topic: ask it for the new one.
    /// </summary>
    public bool TryPublish(Publication publication, bool patient, DirtyOutboxes dirty, out Subscription? waitFor)
    {
        waitFor = null;
        lock (_order)
        {
            if (_retired)
                return false;
            WasUsed = true;
            SubscriberSet[] matches = Matches();
            int subscribers = 0;
            foreach (SubscriberSet set in matches)
            {
                Subscription[] members = set.Snapshot;
                subscribers += members.Length;
                if (!patient)
                    continue;
                foreach (Subscription subscription in members)
                {
                    if (subscription.WantsPublisherToWait(publication))
                    {
                        waitFor = subscription;
                        return true;
                    }
                }
            }

            publication.IsShared = subscribers > 1;
            foreach (SubscriberSet set in matches)
            {
                foreach (Subscription subscription in set.Snapshot)
                    subscription.Deliver(publication, policy, dirty);
            }
        }

        return true;
    }

    /// <summary>Makes a subscription live: it gets all that is published from here on. False when the table has forgotten this topic.</summary>
    public bool TryAdd(Subscription subscription)
    {
        lock (_order)
        {
            if (_retired)
                return false;
            _exact.Add(subscription);
            return true;
        }
    }

    public void Remove(Subscription subscription)
    {
        lock (_order)
            _exact.Remove(subscription);
    }

    /// <summary>Ends a topic that nobody listens to by name and nobody used lately, so that the table may forget it.</summary>
    public bool TryRetire()
    {
        lock (_order)
        {
            bool used = WasUsed;
            WasUsed = false;
            _retired = !used && _exact.Count == 0;
            return _retired;
        }
    }

    private SubscriberSet[] Matches()
    {
        if (_version != table.PatternVersion)
            _matches = table.Match(this, _exact, out _version);
        return _matches;
    }
}
