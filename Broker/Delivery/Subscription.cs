using Broker.Diagnostics;
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
    private List<Publication>? _early;
    private Replay? _replay;
    private Conflator? _conflator;
    private long _liveFrom;
    private int _pulls;
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

    /// <summary>What the ids of those messages begin with; empty for none.</summary>
    public byte[] OwnIds { get; init; } = [];

    /// <summary>True when it begins with what a stream has kept: topics give it nothing until it has caught up.</summary>
    public bool Replays { get; init; }

    /// <summary>What every MESSAGE of it begins with.</summary>
    public byte[] Prefix { get; }

    /// <summary>What is given and not acknowledged; null in <c>auto</c> mode.</summary>
    public AckWindow? Window { get; }

    /// <summary>What waits of it is not sent.</summary>
    public bool HasEnded => _state == State.Ended;

    /// <summary>Where it stands in its <c>SubscriberSet</c>, which alone uses this.</summary>
    internal int Slot { get; set; }

    /// <summary>Its messages may be conflated. To be called before topics know of it.</summary>
    public void Conflate(ConflationMode mode, TimeSpan interval, byte[] keyHeader, ConflationClock clock, BrokerMetrics metrics) =>
        _conflator = new Conflator(this, mode, interval, keyHeader, clock, metrics);

    /// <summary>Takes nothing more. What waits in the outbox is skipped after an UNSUBSCRIBE, and is still sent when the connection closes.</summary>
    public void End(bool skipWaiting = true)
    {
        lock (_opening)
        {
            _state = skipWaiting ? State.Ended : State.Closing;
            _replay?.End();
            _replay = null;
        }

        Window?.End();
        _conflator?.End();
    }

    /// <summary>
    /// Begins to deliver: the RECEIPT of its SUBSCRIBE, if one was asked for, the snapshot, then what was published since the topics know
    /// of it, or what the stream has kept. To be called once they do.
    /// </summary>
    public void Open(byte[]? receipt, DirtyOutboxes dirty, Snapshot? snapshot = null, Replay? replay = null)
    {
        lock (_opening)
        {
            if (receipt is not null)
                Outbox.EnqueueStomp(receipt, 1, dirty);
            if (snapshot is not null)
                Give(snapshot, dirty);
            if (replay is not null)
            {
                _replay = replay;
                RequestPull(dirty);
                return;
            }

            if (_early is not null)
            {
                foreach (Publication later in (snapshot ?? Snapshot.None).Later(_early))
                    Take(later, dirty);
                _early = null;
            }

            _state = State.Live;
        }
    }

    private void Give(Snapshot snapshot, DirtyOutboxes dirty)
    {
        if (Window is not null)
        {
            Window.Deliver(snapshot, dirty);
        }
        else
        {
            foreach (Publication piece in snapshot.Pieces())
                Outbox.EnqueueSnapshot(new OutboxEntry(piece, this, SizeOf(piece), IsSnapshot: true), dirty);
        }

        _conflator?.Rest();
    }

    /// <summary>The bytes that a publication takes in this subscription's outbox.</summary>
    public int SizeOf(Publication publication) =>
        publication.MessageBytes + (publication.Count * Overhead);

    public int SizeOf(Message message) =>
        message.Length + Overhead;

    private int Overhead => Prefix.Length + WireFrame.MaxHeaderLength + (Window is null ? 0 : AckId.MaxLength);

    /// <summary>
    /// True when a publisher should wait before it publishes: there is no room, waiting is not for an acknowledgement, and
    /// the socket is still taking bytes.
    /// </summary>
    public bool WantsPublisherToWait(Publication publication)
    {
        if (_state != State.Live || IsOwn(publication) || _conflator is { IsAsked: true })
            return false;
        if (Window is { HasCredit: false })
            return false;
        return !Outbox.HasRoomFor(SizeOf(publication)) && Outbox.IsMoving;
    }

    /// <summary>False when a publication that can be taken apart had better be.</summary>
    public bool HasRoomFor(Publication publication) =>
        _state != State.Live || IsOwn(publication) || _conflator is { IsAsked: true } || Window is { HasCredit: false } || Outbox.HasRoomFor(SizeOf(publication));

    /// <summary>True when it takes the parts of a joined publication one by one: it counts which topic a message is of, or how many there are.</summary>
    public bool TakesParts => _state != State.Live || _conflator is not null || Window is not null;

    /// <summary>Takes a publication; what finds no room meets the topic's policy at once.</summary>
    public void Deliver(Publication publication, DirtyOutboxes dirty)
    {
        if (IsOwn(publication))
            return;
        if (publication.Parts is { } parts && TakesParts)
        {
            foreach (Publication part in parts)
                Deliver(part, dirty);
            return;
        }

        if (_state != State.Live && IsTooEarlyOrLate(publication))
            return;
        if (publication.Offset >= _liveFrom) // else its stream has replayed it
            Take(publication, dirty);
    }

    private bool IsOwn(Publication publication) => NoLocalTo is not null && ReferenceEquals(publication.Source, NoLocalTo);

    private bool IsTooEarlyOrLate(Publication publication)
    {
        lock (_opening)
        {
            if (_state == State.Opening && !Replays)
                (_early ??= []).Add(publication);
            return _state != State.Live;
        }
    }

    private void Take(Publication publication, DirtyOutboxes dirty)
    {
        if (_conflator is not null)
            _conflator.Deliver(publication, dirty);
        else
            Give(publication, dirty);
    }

    /// <summary>Puts a publication into the outbox or the window; what finds no room meets the topic's policy.</summary>
    public void Give(Publication publication, DirtyOutboxes dirty)
    {
        if (Window is not null)
        {
            Window.Deliver(publication, dirty);
            return;
        }

        int size = SizeOf(publication);
        if (Outbox.TryReserve(size, publication) || Outbox.MakeRoom(this, size, publication.Count, publication.Policy))
            Outbox.Enqueue(new OutboxEntry(publication, this, size), dirty);
    }

    /// <summary>The same, but false where there is no room, after what merely nobody has sent yet was sent.</summary>
    public bool TryGive(Publication publication, DirtyOutboxes dirty)
    {
        int size = SizeOf(publication);
        if (!Outbox.HasRoomFor(size))
            Outbox.Drain();
        if (Window is not null)
            return Window.TryDeliver(publication, dirty);
        if (!Outbox.TryReserve(size, publication))
            return false;
        Outbox.Enqueue(new OutboxEntry(publication, this, size), dirty);
        return true;
    }

    /// <summary>Has the outbox ask for what waits here, in its turn, with <see cref="Pull"/>. One request is enough until then.</summary>
    public void RequestPull(DirtyOutboxes? dirty)
    {
        if (Interlocked.Exchange(ref _pulls, 1) == 0)
            Outbox.Enqueue(new OutboxEntry(PendingPull.Instance, this, 0), dirty);
    }

    /// <summary>
    /// Takes messages that wait here for the socket: of a stream's history, or conflated. Fills <paramref name="into"/> up to about so many
    /// bytes; <paramref name="reserved"/> of the outbox's room, apart from the limit or not, goes over to the caller. What is left was asked for again.
    /// </summary>
    public int Pull(Span<Message> into, int maxBytes, out long reserved, out bool isAside)
    {
        Volatile.Write(ref _pulls, 0);
        reserved = 0;
        bool more = false, lost = false;
        int count = _replay is null ? 0 : ReplaySome(into, maxBytes, out reserved, out more, out lost);
        isAside = count > 0;
        if (lost)
        {
            Outbox.Overrun();
            return 0;
        }

        if (count == 0 && !more && _conflator is not null)
            count = _conflator.Take(into, maxBytes, out reserved, out more);
        else if (!more && _conflator is not null)
            more = true;
        if (more)
            RequestPull(dirty: null);
        return count;
    }

    private int ReplaySome(Span<Message> into, int maxBytes, out long reserved, out bool more, out bool lost)
    {
        reserved = 0;
        more = lost = false;
        lock (_opening)
        {
            if (_replay is null)
                return 0;
            bool conflates = _conflator is { TakesReplay: true };
            int credit = conflates ? into.Length : Window?.TakeCredit(into.Length) ?? into.Length;
            if (credit == 0)
                return 0;
            int count = _replay.Read(into[..credit], maxBytes, out reserved, out bool atEnd, out lost);
            if (!conflates)
                Window?.ReturnCredit(credit - count);
            if (atEnd && _state == State.Opening)
            {
                _liveFrom = _replay.Next;
                _replay = null;
                _state = State.Live;
            }

            more = !atEnd;
            if (!conflates)
                return count;
            _conflator!.Keep(into[..count]);
            into[..count].Clear();
            Outbox.ReleaseAside(reserved);
            reserved = 0;
            return 0;
        }
    }

    private enum State : byte
    {
        /// <summary>Topics know of it, its RECEIPT is not out yet, or it is catching up with its stream: what comes is kept, or left to the stream.</summary>
        Opening,

        Live,

        /// <summary>Its connection closes: nothing is added, what waits is sent.</summary>
        Closing,

        Ended,
    }
}

/// <summary>Stands in the queue for what waits elsewhere until the socket can take it.</summary>
internal sealed class PendingPull
{
    public static readonly PendingPull Instance = new();
}
