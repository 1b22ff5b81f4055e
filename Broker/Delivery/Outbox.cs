using System.IO.Pipelines;
using Broker.Configuration;
using Broker.Diagnostics;
using Broker.Stomp;

namespace Broker.Delivery;

/// <summary>
/// What waits for one connection, in order, bounded in bytes, and its way into the transport. Everybody may put something in;
/// one thread at a time drains, and who finds a drain under way leaves it. A drain never waits for a slow socket: it goes on
/// when the transport has taken what it was given.
/// </summary>
internal sealed partial class Outbox
{
    private readonly OutboxQueue _queue = new();
    private readonly PipeWriter _output;
    private readonly IOutboxOwner _owner;
    private readonly TimeProvider _time;
    private readonly BrokerMetrics _metrics;
    private readonly int _limit;
    private readonly int _bytesPerWrite;
    private Publication? _admitted;
    private byte[]? _pong;
    private TaskCompletionSource? _room;
    private TaskCompletionSource? _ended;
    private long _bytes;
    private long _parked;
    private long _aside;
    private long _conflated;

    public Outbox(PipeWriter output, IOutboxOwner owner, LimitOptions limits, BrokerMetrics metrics, TimeProvider time, int bytesPerWrite = SmallWrite)
    {
        _bytesPerWrite = bytesPerWrite;
        _output = output;
        _owner = owner;
        _metrics = metrics;
        _time = time;
        _limit = limits.OutboxBytes;
    }

    /// <summary>A socket that has taken nothing for this long is stalled: nobody waits for it. Some round trips of a slow mobile network.</summary>
    public static TimeSpan StallGrace { get; } = TimeSpan.FromMilliseconds(250);

    /// <summary>What an output is given at once that says nothing else.</summary>
    public const int SmallWrite = 64 * 1024;

    // The share of the outbox beyond which a connection lags: no bursts of a publisher reach it while the socket keeps up.
    private const int LagShare = 8;

    /// <summary>Bytes that wait: for the socket, for an acknowledgement, or for their time.</summary>
    public long Bytes => Volatile.Read(ref _bytes) + Volatile.Read(ref _conflated);

    /// <summary>Bytes that wait for the socket, with those that the transport was given and has not yet taken.</summary>
    public long Owed => Volatile.Read(ref _bytes) - Volatile.Read(ref _parked);

    // What the limit is about.
    private long Held => Volatile.Read(ref _bytes) - Volatile.Read(ref _aside);

    /// <summary>True when the socket is behind with what it was given, though not by all that may wait.</summary>
    public bool IsLagging
    {
        get
        {
            if (Owed <= _limit / LagShare)
                return false;
            Drain(); // what merely nobody has sent yet is no slowness
            return Owed > _limit / LagShare;
        }
    }

    /// <summary>Grows with each write of STOMP bytes: the sweep sees by it when the last ones went out.</summary>
    public long StompEntries => Volatile.Read(ref _stompEntries);

    /// <summary>True when nothing is being written or about to be.</summary>
    public bool IsIdle => Volatile.Read(ref _state) == 0;

    /// <summary>True when the socket has to take something before this client is read on.</summary>
    public bool IsFull => Owed > _limit;

    /// <summary>True when the socket has something to take, and takes it.</summary>
    public bool IsMoving => Owed > 0 && StalledFor < StallGrace;

    /// <summary>For how long the socket has taken nothing although something waits; zero when it takes what it is given.</summary>
    public TimeSpan StalledFor
    {
        get
        {
            if (!_flushPending)
                return TimeSpan.Zero;
            long unflushed = _output.CanGetUnflushedBytes ? _output.UnflushedBytes : 0;
            if (Interlocked.Exchange(ref _unflushed, unflushed) != unflushed)
                Volatile.Write(ref _movedAt, _time.GetTimestamp()); // some of it was taken since somebody looked
            return _time.GetElapsedTime(Volatile.Read(ref _movedAt));
        }
    }

    public bool HasRoomFor(int size)
    {
        long held = Held;
        return held <= 0 || held + size <= _limit;
    }

    /// <summary>Takes the room for an entry; an empty outbox takes any.</summary>
    public bool TryReserve(int size)
    {
        long bytes = Volatile.Read(ref _bytes);
        while (bytes - Volatile.Read(ref _aside) is var held && (held <= 0 || held + size <= _limit))
        {
            long seen = Interlocked.CompareExchange(ref _bytes, bytes + size, bytes);
            if (seen == bytes)
                return true;
            bytes = seen;
        }

        return false;
    }

    /// <summary>
    /// The same for a publication. Further copies of one that was let in, for other subscriptions of the same connection, are let
    /// in too: they share its bytes.
    /// </summary>
    public bool TryReserve(int size, Publication publication)
    {
        if (ReferenceEquals(Volatile.Read(ref _admitted), publication.Whole))
        {
            Interlocked.Add(ref _bytes, size);
            return true;
        }

        if (!TryReserve(size))
            return false;
        Volatile.Write(ref _admitted, publication.Whole);
        return true;
    }

    /// <summary>Gives room back and wakes who waits for it.</summary>
    public void Release(long size)
    {
        Interlocked.Add(ref _bytes, -size);
        if (Volatile.Read(ref _room) is not null)
            Interlocked.Exchange(ref _room, null)?.TrySetResult();
    }

    /// <summary>
    /// Bytes begin (positive) or cease (negative) to wait for an acknowledgement of this client: they take room as others do, but
    /// the client must be read for them to go.
    /// </summary>
    public void Park(int size) => Interlocked.Add(ref _parked, size);

    /// <summary>Adds an entry for which room was reserved. Whoever makes the outbox dirty owes it a drain.</summary>
    public void Enqueue(in OutboxEntry entry, DirtyOutboxes? dirty)
    {
        _queue.Write(entry);
        if (Interlocked.Or(ref _state, Dirty) != 0)
            return;
        if (dirty is null)
            Drain();
        else
            dirty.Add(this);
    }

    /// <summary>
    /// Adds a piece of a snapshot. Its messages are the topics' own and take no memory here: it has room in any outbox, and leaves to
    /// others theirs.
    /// </summary>
    public void EnqueueSnapshot(in OutboxEntry entry, DirtyOutboxes? dirty)
    {
        ReserveAside(entry.Bytes);
        Enqueue(entry, dirty);
    }

    /// <summary>
    /// Takes room apart from the limit for what a replay has at hand; false when more is owed than may be. Live messages, which follow it, find theirs.
    /// </summary>
    public bool TryReserveAside(int size)
    {
        if (IsFull)
            return false;
        ReserveAside(size);
        return true;
    }

    private void ReserveAside(int size)
    {
        Interlocked.Add(ref _aside, size); // first: what is apart must at no moment seem to be held
        Interlocked.Add(ref _bytes, size);
    }

    /// <summary>Gives such room back.</summary>
    public void ReleaseAside(long size)
    {
        Release(size);
        Interlocked.Add(ref _aside, -size); // last, for the same reason
    }

    /// <summary>
    /// Takes the room for the newest message of a key, until it is pulled. It is as much as for all else, and apart from it: what is on its way to a
    /// slow socket keeps the newest from nobody, and what waits for its time keeps nothing else away. One message always finds room.
    /// </summary>
    public bool TryReserveConflated(int size)
    {
        long conflated = Volatile.Read(ref _conflated);
        while (conflated == 0 || conflated + size <= _limit)
        {
            long seen = Interlocked.CompareExchange(ref _conflated, conflated + size, conflated);
            if (seen == conflated)
                return true;
            conflated = seen;
        }

        return false;
    }

    /// <summary>Gives such room back.</summary>
    public void ReleaseConflated(int size) => Interlocked.Add(ref _conflated, -size);

    /// <summary>Such messages go on their way: the caller has their bytes.</summary>
    public void MoveConflated(int size)
    {
        Interlocked.Add(ref _bytes, size);
        Interlocked.Add(ref _conflated, -size);
    }

    /// <summary>Takes out what waits of a subscription and may be conflated; its room stays reserved.</summary>
    public List<OutboxEntry> TakeOut(Subscription subscription, bool all) => _queue.TakeOut(subscription, all);

    /// <summary>A stream has dropped what a subscription had yet to replay: it goes, so that it does not miss it unseen.</summary>
    public void Overrun()
    {
        _skipMessages = true;
        _owner.Close(StompError.SlowConsumer);
    }

    /// <summary>Adds complete frames that are never refused nor dropped: RECEIPT, CONNECTED, a heart-beat (which is none).</summary>
    public void EnqueueStomp(byte[] bytes, int frames, DirtyOutboxes? dirty)
    {
        Interlocked.Add(ref _bytes, bytes.Length);
        Enqueue(new OutboxEntry(new ReplyFrames(bytes, frames), null, bytes.Length), dirty);
    }

    /// <summary>Adds a WebSocket control frame.</summary>
    public void EnqueueControl(byte[] frame, DirtyOutboxes? dirty)
    {
        Interlocked.Add(ref _bytes, frame.Length);
        Enqueue(new OutboxEntry(new ControlFrame(frame, IsLast: false), null, frame.Length), dirty);
    }

    /// <summary>Answers a ping. RFC 6455, section 5.5.3: where one waits already, the latest ping's answer takes its place.</summary>
    public void EnqueuePong(byte[] payload)
    {
        if (Interlocked.Exchange(ref _pong, payload) is null)
            Enqueue(new OutboxEntry(PendingPong.Instance, null, 0), dirty: null);
    }

    /// <summary>Adds the last bytes of the connection: nothing that comes later is sent. The task ends when they are with the transport.</summary>
    public Task FinishAsync(byte[] last, bool skipMessages)
    {
        _skipMessages = skipMessages;
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ended = Interlocked.CompareExchange(ref _ended, ended, null) ?? ended;
        if (_finished)
            ended.TrySetResult();
        Interlocked.Add(ref _bytes, last.Length);
        Enqueue(new OutboxEntry(new ControlFrame(last, IsLast: true), null, last.Length), dirty: null);
        return ended.Task;
    }

    /// <summary>Ends once there is room, or the socket has stopped, or <paramref name="limit"/> has passed, or it is cancelled, whichever is first.</summary>
    public async Task WaitForRoomAsync(int size, TimeSpan limit, CancellationToken cancellationToken)
    {
        Task released = NextRelease;
        if (HasRoomFor(size) || _finished)
            return;
        TimeSpan wait = limit < StallGrace ? limit : StallGrace;
        await released.WaitAsync(wait, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Ends once the socket has taken something, or has stopped.</summary>
    public async Task WaitWhileFullAsync()
    {
        Task released = NextRelease;
        if (IsFull && !_finished)
            await released.WaitAsync(StallGrace, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private Task NextRelease
    {
        get
        {
            TaskCompletionSource? room = Volatile.Read(ref _room);
            if (room is null)
            {
                var made = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                room = Interlocked.CompareExchange(ref _room, made, null) ?? made;
            }

            return room.Task;
        }
    }

    /// <summary>Applies a topic's policy to a subscription that has no room; true when there is some now, and it is reserved.</summary>
    public bool MakeRoom(Subscription subscription, int size, int messages, SlowSubscriberPolicy policy)
    {
        // What merely nobody has sent yet is no slowness.
        Drain();
        if (TryReserve(size))
            return true;
        if (policy == SlowSubscriberPolicy.Disconnect)
        {
            Overrun(); // what finds room later would stand behind a gap
            return false;
        }

        int dropped = 0;
        bool hasRoom;
        while (!(hasRoom = TryReserve(size)) && DropOldest(subscription, size) is > 0 and int count)
            dropped += count;
        _metrics.AddDropped(DropReasons.SlowSubscriber, hasRoom ? dropped : dropped + messages);
        return hasRoom;
    }

    /// <summary>
    /// Drops as few of the subscription's oldest messages as make room: unsent ones, then what waits for an acknowledgement. Returns how
    /// many; none when all of them were not enough.
    /// </summary>
    private int DropOldest(Subscription subscription, int size)
    {
        long held = Held;
        long others = held - _queue.BytesOf(subscription) - (subscription.Window?.WaitingBytes ?? 0);
        if (others > 0 && others + size > _limit)
            return 0;
        long excess = held + size - _limit;
        int dropped = _queue.DropOldest(subscription, excess, out long freed, out int given);
        Release(freed);
        if (given > 0)
        {
            var dirty = new DirtyOutboxes(); // this one at the most: drained when no lock of the window is held
            while (given-- > 0)
                subscription.Window!.Unsent(dirty);
            dirty.Drain();
        }

        while (freed < excess && subscription.Window?.DropWaiting() is > 0 and int waiting)
        {
            freed += waiting;
            dropped++;
        }

        return dropped;
    }
}
