using Broker.Delivery;
using Broker.Diagnostics;

namespace Broker.Routing;

/// <summary>
/// Who publishes: holds the outboxes that it has yet to drain and the time for which it may be held. Belongs to one thread at a time.
/// </summary>
internal sealed class Publisher(TopicTable topics, StallBudget stalls, BrokerMetrics metrics, TimeProvider time)
{
    public DirtyOutboxes Dirty { get; } = new();

    private readonly TopicGroup _group = new();

    /// <summary>Publishes the first of what goes out, together with those behind it that may: returns how many; zero: it has to go alone.</summary>
    public int TryPublishTogether(Queue<(Topic Topic, Publication Publication)> outgoing) => _group.TryPublish(outgoing, Dirty);

    /// <summary>Publishes at once, or says false: then <see cref="HoldAsync"/> does it when the slow subscriber has room or the time is over.</summary>
    public bool TryPublish(Topic topic, Publication publication) => TryPublish(topic, publication, patient: true, out _);

    /// <summary>Publishes as soon as the subscribers' sockets allow; after the publisher's time the topic's policy falls on them.</summary>
    public async ValueTask HoldAsync(Topic topic, Publication publication, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long start = time.GetTimestamp();
            TimeSpan remaining = stalls.Remaining;
            if (TryPublish(topic, publication, patient: remaining > TimeSpan.Zero, out Subscription? slow))
                return;
            Dirty.Drain(); // nobody else sends what this publisher put there before
            slow!.Outbox.Drain();
            await slow.Outbox.WaitForRoomAsync(slow.SizeOf(publication), remaining, cancellationToken).ConfigureAwait(false);
            metrics.AddPublisherStall(stalls.Record(start));
        }
    }

    private bool TryPublish(Topic topic, Publication publication, bool patient, out Subscription? slow)
    {
        while (!topic.TryPublish(publication, patient, Dirty, out slow))
            topic = topics.Renew(topic);
        return slow is null;
    }
}
