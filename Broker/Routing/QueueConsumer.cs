using Broker.Delivery;
using Broker.Messaging;
using Broker.Stomp;

namespace Broker.Routing;

/// <summary>
/// A subscription as a consumer of its queue. Everything here belongs to the queue and is read and written under its lock, but for what says that
/// it is thread-safe.
/// </summary>
internal sealed class QueueConsumer : IQueueConsumer
{
    // One write's worth: what a publisher has at hand fits, and little is stuck behind a socket that takes nothing.
    private const int UnsentBytesAtMost = 64 * 1024;

    // Of more than so many places it does not keep account.
    private const int CameBackAtMost = 1024;

    private readonly byte[] _ownIds;
    private SortedSet<long>? _cameBack;
    private long _sent;

    /// <param name="queue">The queue.</param>
    /// <param name="subscription">The subscription; its messages go into its outbox.</param>
    /// <param name="mode">How they are acknowledged.</param>
    /// <param name="prefetch">The most that it is given and has not acknowledged; zero: no limit.</param>
    public QueueConsumer(Queue queue, Subscription subscription, AckMode mode, int prefetch)
    {
        Queue = queue;
        Subscription = subscription;
        Mode = mode;
        Prefetch = mode == AckMode.Auto ? 0 : prefetch;
        _ownIds = subscription.OwnIds;
        subscription.Consumer = this;
    }

    /// <summary>Thread-safe, as is what it was made with.</summary>
    public Queue Queue { get; }

    public Subscription Subscription { get; }

    public AckMode Mode { get; }

    public int Prefetch { get; }

    /// <summary>What it was given and has not settled, by number; in <c>auto</c> mode what is not sent yet.</summary>
    public OrderedRing<QueueEntry> Held { get; } = new();

    /// <summary>The number of the last delivery that was assigned.</summary>
    public long Assigned { get; set; }

    /// <summary>The number of the last delivery that was sent. Thread-safe to read.</summary>
    public long Sent
    {
        get => Volatile.Read(ref _sent);
        set => Volatile.Write(ref _sent, value);
    }

    /// <summary>Bytes that are assigned and not sent.</summary>
    public int UnsentBytes { get; set; }

    /// <summary>How many were sent and are not settled.</summary>
    public int Unsettled { get; set; }

    public bool HasEnded { get; set; }

    /// <summary>Its index among the queue's consumers.</summary>
    public int Slot { get; set; }

    /// <summary>Its neighbours among those that can be given a message; null while it cannot.</summary>
    public QueueConsumer? Next { get; set; }

    /// <inheritdoc cref="Next"/>
    public QueueConsumer? Previous { get; set; }

    /// <summary>Nothing that waits below this place is for it, but for what came back. Only used where it is choosy.</summary>
    public long LookedUpTo { get; set; }

    /// <summary>True when it does not take every message: <c>no-local</c>.</summary>
    public bool IsChoosy => _ownIds.Length > 0;

    /// <summary>True when it can be given another message: it has credit, and its socket keeps up.</summary>
    public bool HasRoom => UnsentBytes < UnsentBytesAtMost && (Prefetch == 0 || Held.Count < Prefetch) && !(UnsentBytes > 0 && IsStalled);

    /// <summary>True when its socket has taken nothing for a while.</summary>
    public bool IsStalled => Subscription.Outbox.StalledFor >= Outbox.StallGrace;

    /// <summary>Something that it wants came back to a place that it had passed.</summary>
    public void CameBack(long place)
    {
        if (place >= LookedUpTo)
            return;
        (_cameBack ??= []).Add(place);
        if (_cameBack.Count <= CameBackAtMost)
            return;
        LookedUpTo = _cameBack.Min; // it looks again
        _cameBack = null;
    }

    /// <summary>The first place of such; false when there is none.</summary>
    public bool TryTakeBack(out long place)
    {
        place = 0;
        if (_cameBack is not { Count: > 0 })
            return false;
        place = _cameBack.Min;
        _cameBack.Remove(place);
        return true;
    }

    public bool Wants(Message message) => !IsChoosy || !message.Id.StartsWith(_ownIds);

    /// <summary>True when a delivery of this number was sent at some time. Thread-safe.</summary>
    public bool WasGiven(long sequence) => sequence <= Sent;

    /// <inheritdoc/>
    public int Take(Span<QueueDelivery> into, int maxBytes, out bool more) => Queue.Take(this, into, maxBytes, out more);

    /// <summary>Gives back what it holds to the queue, as it was: no failure of the messages. Thread-safe; what it says to others leaves with <paramref name="dirty"/>.</summary>
    public void End(DirtyOutboxes dirty)
    {
        Subscription.End();
        Queue.Remove([this], dirty);
    }
}
