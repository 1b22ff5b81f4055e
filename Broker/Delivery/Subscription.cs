using Broker.Configuration;
using Broker.Messaging;
using Broker.Stomp;

namespace Broker.Delivery;

/// <summary>
/// One SUBSCRIBE of one connection. Topics call it under their own lock, one at a time per topic, but several topics at once
/// through a pattern; the drain and the session call it from their threads.
/// </summary>
internal sealed class Subscription
{
    private readonly Lock _opening = new();
    private List<(Publication, SlowSubscriberPolicy)>? _early;
    private volatile State _state;

    public Subscription(Outbox outbox, int number, byte[] id, byte[] destination, bool isPattern, StompVersion version, AckMode ackMode, int prefetch, object? noLocalTo)
    {
        Outbox = outbox;
        Number = number;
        Id = id;
        Destination = destination;
        IsPattern = isPattern;
        Version = version;
        NoLocalTo = noLocalTo;
        Prefix = FrameEncoder.SubscriptionPrefix(id, version);
        if (ackMode != AckMode.Auto)
            Window = new AckWindow(this, ackMode, prefetch);
    }

    public Outbox Outbox { get; }

    /// <summary>Its place among the acknowledged subscriptions of its connection, from 1; zero in <c>auto</c> mode.</summary>
    public int Number { get; }

    public byte[] Id { get; }

    /// <summary>The topic or pattern subscribed to.</summary>
    public byte[] Destination { get; }

    public bool IsPattern { get; }

    public StompVersion Version { get; }

    /// <summary>Whose messages are not delivered here (<c>no-local</c>); null: everybody's are.</summary>
    public object? NoLocalTo { get; }

    /// <summary>What every MESSAGE of it begins with.</summary>
    public byte[] Prefix { get; }

    /// <summary>What is given and not acknowledged; null in <c>auto</c> mode.</summary>
    public AckWindow? Window { get; }

    /// <summary>What waits of it is not sent.</summary>
    public bool HasEnded => _state == State.Ended;

    /// <summary>Where it stands in its <c>SubscriberSet</c>, which alone uses this.</summary>
    internal int Slot { get; set; }

    /// <summary>Takes nothing more. What waits in the outbox is skipped after an UNSUBSCRIBE, and is still sent when the connection closes.</summary>
    public void End(bool skipWaiting = true)
    {
        lock (_opening)
            _state = skipWaiting ? State.Ended : State.Closing;
        Window?.End();
    }

    /// <summary>
    /// Begins to deliver: the RECEIPT of its SUBSCRIBE, if one was asked for, then what was published since the topics know
    /// of it. To be called once they do.
    /// </summary>
    public void Open(byte[]? receipt, DirtyOutboxes dirty)
    {
        lock (_opening)
        {
            if (receipt is not null)
                Outbox.EnqueueStomp(receipt, 1, dirty);
            if (_early is not null)
            {
                foreach ((Publication publication, SlowSubscriberPolicy policy) in _early)
                    Take(publication, policy, dirty);
                _early = null;
            }

            _state = State.Live;
        }
    }

    /// <summary>The bytes that a publication takes in this subscription's outbox.</summary>
    public int SizeOf(Publication publication) =>
        publication.MessageBytes + (publication.Count * Overhead);

    public int SizeOf(Message message) =>
        message.Bytes.Length + Overhead;

    private int Overhead => Prefix.Length + WireFrame.MaxHeaderLength + (Window is null ? 0 : AckId.MaxLength);

    /// <summary>
    /// True when a publisher should wait before it publishes: there is no room, waiting is not for an acknowledgement, and
    /// the socket is still taking bytes.
    /// </summary>
    public bool WantsPublisherToWait(Publication publication)
    {
        if (_state != State.Live || IsOwn(publication))
            return false;
        if (Window is { HasCredit: false })
            return false;
        return !Outbox.HasRoomFor(SizeOf(publication)) && Outbox.IsMoving;
    }

    /// <summary>Takes a publication; what finds no room meets the topic's policy at once.</summary>
    public void Deliver(Publication publication, SlowSubscriberPolicy policy, DirtyOutboxes dirty)
    {
        if (IsOwn(publication))
            return;
        if (_state != State.Live && IsTooEarlyOrLate(publication, policy))
            return;
        Take(publication, policy, dirty);
    }

    private bool IsOwn(Publication publication) => NoLocalTo is not null && ReferenceEquals(publication.Source, NoLocalTo);

    private bool IsTooEarlyOrLate(Publication publication, SlowSubscriberPolicy policy)
    {
        lock (_opening)
        {
            if (_state == State.Opening)
                (_early ??= []).Add((publication, policy));
            return _state != State.Live;
        }
    }

    private void Take(Publication publication, SlowSubscriberPolicy policy, DirtyOutboxes dirty)
    {
        if (Window is not null)
        {
            Window.Deliver(publication, policy, dirty);
            return;
        }

        int size = SizeOf(publication);
        if (Outbox.TryReserve(size, publication) || Outbox.MakeRoom(this, size, publication.Count, policy))
            Outbox.Enqueue(new OutboxEntry(publication, this, size), dirty);
    }

    private enum State : byte
    {
        /// <summary>Topics know of it, its RECEIPT is not out yet: what comes is kept.</summary>
        Opening,

        Live,

        /// <summary>Its connection closes: nothing is added, what waits is sent.</summary>
        Closing,

        Ended,
    }
}
