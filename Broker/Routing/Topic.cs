using System.Globalization;
using System.Text.Unicode;
using Broker.Configuration;
using Broker.Delivery;
using Broker.Messaging;

namespace Broker.Routing;

/// <summary>
/// A topic: its name, who listens to it, its last value, and the one order of its messages. Publishing takes a place in that order under the
/// topic's lock, which those of a stream share, and only appends to outboxes there; a socket is touched only where an outbox is full, to learn
/// whether it is slow, and never waited for. Thread-safe.
/// </summary>
internal sealed class Topic(byte[] name, SlowSubscriberPolicy policy, StreamLog? stream, TopicTable table)
{
    private const int MaxOffsetLine = 40; // the name, and a number of 19 digits

    private static long _count;

    private readonly SubscriberSet _exact = new();
    private SubscriberSet[] _matches = [];
    private RetainedValue? _retained;
    private long _position;
    private int _version = -1;
    private bool _retired;

    public byte[] Name { get; } = name;

    /// <summary>Tells topics apart, and which of two is locked first.</summary>
    public long Number { get; } = Interlocked.Increment(ref _count);

    /// <summary>What it does about a subscriber that has no room.</summary>
    public SlowSubscriberPolicy Policy => policy;

    /// <summary>Held while something takes its place; one for all topics of a stream.</summary>
    public Lock Order { get; } = stream?.Order ?? new Lock();

    /// <summary>The history that keeps its messages; null: none does.</summary>
    public StreamLog? Stream => stream;

    /// <summary>Set by each publish, cleared by the table when it looks for topics to forget.</summary>
    public bool WasUsed { get; set; }

    /// <summary>Without the lock: for what may be wrong a moment later.</summary>
    public RetainedValue? Retained => Volatile.Read(ref _retained);

    /// <summary>
    /// Gives a publication its place, and a copy to each subscriber. A <paramref name="patient"/> publisher is told of a subscriber
    /// that it should wait for, and nothing was published; for another one the topic's policy falls on who has no room. What would
    /// be one retained value too many is refused (<see cref="Publication.IsRefused"/>).
    /// False when the table has forgotten this topic: ask it for the new one.
    /// </summary>
    public bool TryPublish(Publication publication, bool patient, DirtyOutboxes dirty, out Subscription? waitFor)
    {
        waitFor = null;
        lock (Order)
        {
            if (_retired)
                return false;
            WasUsed = true;
            if (publication.Retains)
                table.Retained.Add(this); // before the subscribers are looked up: who is not among them finds it there
            if (stream is not null)
                GiveOffsets(publication, stream.Next); // before subscribers are asked whether they have room for it
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

            publication.Place(Name, policy, _position, subscribers > 1);
            if (publication.Retains && !TryRetain(publication))
            {
                if (_retained is null)
                    TryReplace(null);
                publication.IsRefused = true;
                return true;
            }

            _position += publication.Count;
            stream?.Append(publication.Messages, Name);
            foreach (SubscriberSet set in matches)
            {
                foreach (Subscription subscription in set.Snapshot)
                    subscription.Deliver(publication, dirty);
            }
        }

        return true;
    }

    /// <summary>
    /// Whether publications to this topic may go together with those to topics whose subscribers are <paramref name="matches"/>, which the first one
    /// asked sets: it must have the same, and keep nothing. Without the lock: what it says may be wrong a moment later.
    /// </summary>
    public bool MayJoin(ref SubscriberSet[]? matches)
    {
        if (stream is not null || policy == SlowSubscriberPolicy.Conflate)
            return false;
        SubscriberSet[] own = _matches;
        matches ??= own;
        return own.AsSpan().SequenceEqual(matches);
    }

    /// <summary>The same for certain, and until <see cref="Order"/> is given back, which the caller holds.</summary>
    public bool MayJoinNow(ref SubscriberSet[]? matches)
    {
        if (_retired)
            return false;
        Matches();
        return MayJoin(ref matches);
    }

    /// <summary>Gives a publication of such a group its place. The caller holds <see cref="Order"/>.</summary>
    public void Place(Publication publication, int subscribers)
    {
        WasUsed = true;
        publication.Place(Name, policy, _position, subscribers > 1);
        _position += publication.Count;
    }

    /// <summary>Makes a subscription live: it gets all that is published from here on. False when the table has forgotten this topic.</summary>
    public bool TryAdd(Subscription subscription)
    {
        lock (Order)
        {
            if (_retired)
                return false;
            _exact.Add(subscription);
            _version = -1;
            return true;
        }
    }

    public void Remove(Subscription subscription)
    {
        lock (Order)
        {
            _exact.Remove(subscription);
            _version = -1;
        }
    }

    /// <summary>The retained value, once all that it stands for was delivered; null when there is none, or not any more.</summary>
    public RetainedValue? Read(long nowUnixMs)
    {
        lock (Order)
        {
            if (_retained is { ExpiresAt: > 0 and long expiresAt } && expiresAt <= nowUnixMs)
                TryReplace(null);
            return _retained;
        }
    }

    /// <summary>Ends a topic that nobody listens to by name and nobody used lately, so that the table may forget it.</summary>
    public bool TryRetire()
    {
        lock (Order)
        {
            bool used = WasUsed;
            WasUsed = false;
            _retired = !used && _exact.Count == 0 && _retained is null;
            if (_retired)
                table.Retained.TryReplace(this, null, null); // a publisher that had to wait may have announced a value that never came
            return _retired;
        }
    }

    private SubscriberSet[] Matches()
    {
        if (_version != table.PatternVersion)
            _matches = table.Match(this, _exact, out _version);
        return _matches;
    }

    // Nobody else appends: this lock is the stream's. A publisher that has to wait is numbered anew.
    private static void GiveOffsets(Publication publication, long offset)
    {
        Span<byte> line = stackalloc byte[MaxOffsetLine];
        for (int i = 0; i < publication.Count; i++)
        {
            Utf8.TryWrite(line, CultureInfo.InvariantCulture, $"x-stream-offset:{offset + i}\n", out int length);
            publication.Messages[i].Lead = line[..length].ToArray();
        }

        publication.Place(offset);
    }

    private bool TryRetain(Publication publication)
    {
        for (int i = publication.Count - 1; i >= 0; i--)
        {
            Message message = publication.Messages[i];
            if (message.Retain == RetainAction.None)
                continue;
            // The last one counts.
            return TryReplace(message.Retain == RetainAction.Remove ? null : new RetainedValue(message, Name, publication.Position + i, publication.Offset + i));
        }

        return true;
    }

    private bool TryReplace(RetainedValue? value)
    {
        if (!table.Retained.TryReplace(this, _retained, value))
            return false;
        Volatile.Write(ref _retained, value);
        return true;
    }
}
