using System.Diagnostics.CodeAnalysis;
using Broker.Configuration;
using Broker.Delivery;
using Broker.Diagnostics;

namespace Broker.Routing;

/// <summary>
/// Who publishes: holds the outboxes that it has yet to drain and the time for which it may be held. Belongs to one thread at a time.
/// </summary>
internal sealed class Publisher(TopicTable topics, LimitOptions limits, BrokerMetrics metrics, TimeProvider time)
{
    // A stall is rare, its bookkeeping is made when the first one comes.
    private StallBudget? _stalls;

    public DirtyOutboxes Dirty { get; } = new();

    /// <summary>Publishes at once, or says false: then <see cref="HoldAsync"/> does it when the slow subscriber has room or the time is over.</summary>
    public bool TryPublish(Topic topic, Publication publication) => TryPublish(topic, publication, patient: true, out _);

    /// <summary>Publishes as soon as the subscribers' sockets allow; after the publisher's time the topic's policy falls on them.</summary>
    public async ValueTask HoldAsync(Topic topic, Publication publication)
    {
        _stalls ??= new StallBudget(limits.PublisherStall, limits.PublisherStallWindow, time);
        while (true)
        {
            // Nobody else sends what this publisher put there before, and it may be all that is in the way.
            Dirty.Drain();
            if (TryPublish(topic, publication, patient: true, out Subscription? slow))
                return;
            slow.Outbox.Drain();
            TimeSpan remaining = _stalls.Remaining;
            if (remaining <= TimeSpan.Zero)
            {
                TryPublish(topic, publication, patient: false, out _);
                return;
            }

            long start = time.GetTimestamp();
            await slow.Outbox.WaitForRoomAsync(slow.SizeOf(publication), remaining).ConfigureAwait(false);
            metrics.AddPublisherStall(_stalls.Record(start));
        }
    }

    private bool TryPublish(Topic topic, Publication publication, bool patient, [NotNullWhen(false)] out Subscription? waitFor)
    {
        while (!topic.TryPublish(publication, patient, Dirty, out waitFor))
            topic = topics.Renew(topic);
        return waitFor is null;
    }
}
