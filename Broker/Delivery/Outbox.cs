using System.IO.Pipelines;
using System.Threading.Channels;
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
    private const int Dirty = 1;
    private const int Draining = 2;
    private const int EntriesPerWrite = 64;
    private const int BytesPerWrite = 64 * 1024;

    // From here on a copy costs more than what a write of its own does.
    private const int WholeFrom = 4 * 1024;

    [ThreadStatic]
    private static OutboxEntry[]? _taken;

    // Bounded in name only: the bytes are what is bounded. This kind of channel takes no memory while it is empty.
    private readonly Channel<OutboxEntry> _channel = Channel.CreateBounded<OutboxEntry>(
        new BoundedChannelOptions(int.MaxValue) { AllowSynchronousContinuations = true });

    private readonly Lock _taking = new();
    private readonly PipeWriter _output;
    private readonly IOutboxOwner _owner;
    private readonly TimeProvider _time;
    private readonly BrokerMetrics _metrics;
    private readonly int _limit;
    private List<OutboxEntry>? _front; // taken from the channel to make room, and still to be sent first
    private TaskCompletionSource? _room;
    private TaskCompletionSource? _ended;
    private long _bytes;
    private long _parked;
    private int _controlFrames;
    private long _stompEntries;
    private long _inFlight;
    private long _movedAt;
    private int _state;
    private ReadOnlyMemory<byte> _whole;
    private bool _isAlone;
    private volatile bool _flushPending;
    private volatile bool _skipMessages;
    private volatile bool _finished;

    public Outbox(PipeWriter output, IOutboxOwner owner, LimitOptions limits, BrokerMetrics metrics, TimeProvider time)
    {
        _output = output;
        _owner = owner;
        _metrics = metrics;
        _time = time;
        _limit = limits.OutboxBytes;
    }

    /// <summary>A socket that has taken nothing for this long is stalled: nobody waits for it. Some round trips of a slow mobile network.</summary>
    public static TimeSpan StallGrace { get; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Bytes that wait, with those that the transport was given and has not yet taken.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Grows with each write of STOMP bytes: the sweep sees by it when the last ones went out.</summary>
    public long StompEntries => Volatile.Read(ref _stompEntries);

    /// <summary>WebSocket control frames that were not yet written.</summary>
    public int ControlFrames => Volatile.Read(ref _controlFrames);

    /// <summary>True when nothing is being written or about to be. Bytes may wait all the same: for an acknowledgement.</summary>
    public bool IsIdle => Volatile.Read(ref _state) == 0;

    /// <summary>True when the socket has to take something before this client is read on.</summary>
    public bool IsFull => Bytes - Volatile.Read(ref _parked) >= _limit;

    /// <summary>False when the socket has stopped taking bytes.</summary>
    public bool IsMoving => !_flushPending || _time.GetElapsedTime(Volatile.Read(ref _movedAt)) < StallGrace;

    /// <summary>For how long the socket has taken nothing although something waits; zero when it takes what it is given.</summary>
    public TimeSpan StalledFor => _flushPending ? _time.GetElapsedTime(Volatile.Read(ref _movedAt)) : TimeSpan.Zero;

    public bool HasRoomFor(int size)
    {
        long bytes = Bytes;
        return bytes == 0 || bytes + size <= _limit;
    }

    /// <summary>Takes the room for an entry; an empty outbox takes any.</summary>
    public bool TryReserve(int size)
    {
        long bytes = Interlocked.Add(ref _bytes, size);
        if (bytes <= _limit || bytes == size)
            return true;
        Release(size);
        return false;
    }

    /// <summary>Gives room back and wakes who waits for it.</summary>
    public void Release(long size)
    {
        Interlocked.Add(ref _bytes, -size);
        if (Volatile.Read(ref _room) is not null)
            Interlocked.Exchange(ref _room, null)?.TrySetResult();
    }

    /// <summary>Adds an entry for which room was reserved. Whoever makes the outbox dirty owes it a drain.</summary>
    public void Enqueue(in OutboxEntry entry, DirtyOutboxes? dirty)
    {
        _channel.Writer.TryWrite(entry);
        if (Interlocked.Or(ref _state, Dirty) != 0)
            return;
        if (dirty is null)
            Drain();
        else
            dirty.Add(this);
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
        Interlocked.Increment(ref _controlFrames);
        Interlocked.Add(ref _bytes, frame.Length);
        Enqueue(new OutboxEntry(new ControlFrame(frame, IsLast: false), null, frame.Length), dirty);
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

    /// <summary>
    /// Bytes begin (positive) or cease (negative) to wait for an acknowledgement of this client: they take room as others do, but
    /// the client must be read for them to go.
    /// </summary>
    public void Park(int size) => Interlocked.Add(ref _parked, size);

    /// <summary>Ends once there is room, or the socket has stopped, or <paramref name="limit"/> has passed, whichever is first.</summary>
    public async Task WaitForRoomAsync(int size, TimeSpan limit)
    {
        Task released = NextRelease;
        if (HasRoomFor(size) || _finished)
            return;
        TimeSpan wait = limit < StallGrace ? limit : StallGrace;
        await released.WaitAsync(wait, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
            TaskCompletionSource room = Volatile.Read(ref _room) ?? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return (Interlocked.CompareExchange(ref _room, room, null) ?? room).Task;
        }
    }

    /// <summary>Applies a topic's policy to a subscription that has no room; true when there is some now, and it is reserved.</summary>
    public bool MakeRoom(Subscription subscription, int size, int messages, SlowSubscriberPolicy policy)
    {
        if (policy == SlowSubscriberPolicy.Disconnect)
        {
            _owner.Close(StompError.SlowConsumer);
            return false;
        }

        int dropped = 0;
        while (!TryReserve(size))
        {
            int count = DropOldest(subscription);
            if (count == 0)
            {
                _metrics.AddDropped(DropReasons.SlowSubscriber, dropped + messages);
                return false;
            }

            dropped += count;
        }

        _metrics.AddDropped(DropReasons.SlowSubscriber, dropped);
        return true;
    }

    private int DropOldest(Subscription subscription)
    {
        OutboxEntry oldest = default;
        lock (_taking)
        {
            _front ??= [];
            while (_channel.Reader.TryRead(out OutboxEntry entry))
                _front.Add(entry);
            int index = _front.FindIndex(entry => ReferenceEquals(entry.Subscription, subscription));
            if (index >= 0)
            {
                oldest = _front[index];
                _front.RemoveAt(index);
            }
        }

        if (oldest.Payload is null)
        {
            int size = subscription.Window?.DropWaiting() ?? 0;
            Release(size);
            return size == 0 ? 0 : 1;
        }

        Release(oldest.Bytes);
        if (oldest.Payload is Publication publication)
            return publication.Count;
        subscription.Window?.Unsent(dirty: null);
        return 1;
    }
}

/// <summary>Complete frames of the broker's own: how many STOMP frames, zero for a heart-beat.</summary>
internal sealed record ReplyFrames(byte[] Bytes, int Count);

/// <summary>A frame of the transport's own: ping, pong, or what ends the connection.</summary>
internal sealed record ControlFrame(byte[] Bytes, bool IsLast);
