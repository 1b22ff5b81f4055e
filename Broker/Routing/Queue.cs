using Broker.Delivery;
using Broker.Messaging;

namespace Broker.Routing;

/// <summary>
/// A queue: its messages in order, and who consumes them. Each message is assigned to one consumer at a time, by turns, under the queue's lock; there it stays,
/// sent or not, until it is settled or comes back. What waits has no taker: whenever the lock is free, no consumer has room for a message that waits
/// and that it wants. Nothing is sent under the lock, and no other queue's is taken. Thread-safe.
/// </summary>
internal sealed partial class Queue(byte[] name, bool isTemporary, QueueTable table)
{
    /// <summary>What a message takes besides its bytes: about 80 for the object, 24 for its array's header, up to 32 for its slot.</summary>
    public const int MessageOverhead = 160;

    private const int ExpiredAtATime = 1000;

    // Of larger ones several publishers together would be far beyond a limit.
    private const int LargeMessage = 16 * 1024;

    private readonly Lock _gate = new();
    private readonly Backlog _backlog = new();
    private readonly List<QueueConsumer> _consumers = [];
    private readonly List<QueueConsumer> _choosy = []; // of them, those that do not take every message
    private long _nextPlace;
    private int _messages;
    private long _bytes;
    private int _unsettled;
    private int _rests; // of Tidy since it was used
    private bool _isGone;

    /// <summary>The whole destination.</summary>
    public byte[] Name => name;

    /// <summary>True for the queue of a connection, which goes with it and has no dead-letter queue.</summary>
    public bool IsTemporary => isTemporary;

    /// <summary>Messages in it, those that consumers have among them.</summary>
    public int Messages => Volatile.Read(ref _messages);

    /// <summary>What they take.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Messages that were sent and are not acknowledged.</summary>
    public int Unsettled => Volatile.Read(ref _unsettled);

    /// <summary>True when the table forgets it, or its connection has ended.</summary>
    public bool IsGone => Volatile.Read(ref _isGone);

    /// <summary>How many consume it.</summary>
    public int Consumers => _consumers.Count;

    /// <summary>
    /// True when it is large, or little room is left besides that of it, here or in all queues together: then it is published by itself after
    /// <see cref="TryReserve"/>, so that a refusal is one frame's. Else all that one publisher has at hand finds room.
    /// </summary>
    public bool IsTightFor(Message message) => message.Bytes.Length > LargeMessage || (IsGone && !isTemporary) || Messages > table.Limits.QueueMessages - QueueTable.TightMessages
        || Bytes + SizeOf(message) > table.Limits.QueueBytes - QueueTable.TightBytes || table.IsTightFor(SizeOf(message));

    /// <summary>What a message counts as against the limits.</summary>
    public static int SizeOf(Message message) => message.Bytes.Length + MessageOverhead;

    /// <summary>Takes room for messages that will be published; <see cref="QueueOutcome.Full"/> where there is not enough for all of them.</summary>
    public QueueOutcome TryReserve(int messages, long bytes)
    {
        lock (_gate)
        {
            if (_isGone)
                return QueueOutcome.Gone;
            if (_messages + messages > table.Limits.QueueMessages || _bytes + bytes > table.Limits.QueueBytes || !table.TryReserve(bytes))
                return QueueOutcome.Full;
            _rests = 0;
            _messages += messages;
            _bytes += bytes;
            return QueueOutcome.Done;
        }
    }

    /// <summary>Gives back room that was not needed.</summary>
    public void Release(int messages, long bytes)
    {
        lock (_gate)
        {
            if (_isGone)
                return; // it gave back all
            _messages -= messages;
            _bytes -= bytes;
        }

        table.Release(bytes);
    }

    /// <summary>
    /// Settles what consumers answered, then adds messages, in one step that nobody sees the half of. The messages' room is taken here
    /// unless it <paramref name="isReserved"/>. False when the queue is gone: ask the table for the new one.
    /// </summary>
    public bool TryApply(ReadOnlySpan<Settlement> settlements, ReadOnlySpan<Message> messages, bool isReserved, DirtyOutboxes dirty)
    {
        List<DeadMessage>? dead = null;
        bool more;
        long bytes = 0;
        foreach (Message message in messages)
            bytes += isReserved ? 0 : SizeOf(message);
        lock (_gate)
        {
            if (_isGone)
                return false;
            _rests = 0;
            _bytes += bytes;
            _messages += isReserved ? 0 : messages.Length;
            foreach (ref readonly Settlement settlement in settlements)
                bytes -= Settle(settlement, ref dead);
            foreach (Message message in messages)
                Add(message, dirty);
            more = Dispatch(dirty, ref dead);
            bytes -= CountOut(dead);
        }

        table.Release(-bytes);
        table.Bury(this, dead, dirty);
        GoOn(more);
        return true;
    }

    /// <summary>Makes a consumer known: it gets what waits. False when the queue is gone.</summary>
    public bool TryAdd(QueueConsumer consumer, DirtyOutboxes dirty)
    {
        List<DeadMessage>? dead = null;
        bool more;
        long bytes;
        lock (_gate)
        {
            if (_isGone)
                return false;
            _rests = 0;
            consumer.Slot = _consumers.Count;
            _consumers.Add(consumer);
            if (consumer.IsChoosy)
                _choosy.Add(consumer);
            SetReady(consumer);
            more = Dispatch(dirty, ref dead);
            bytes = CountOut(dead);
        }

        table.Release(bytes);
        table.Bury(this, dead, dirty);
        GoOn(more);
        return true;
    }

    /// <summary>Forgets consumers that end together: what they held goes back to its place, all of it, before others are given any.</summary>
    public void Remove(ReadOnlySpan<QueueConsumer> consumers, DirtyOutboxes dirty)
    {
        List<DeadMessage>? dead = null;
        bool more;
        long bytes;
        lock (_gate)
        {
            foreach (QueueConsumer consumer in consumers)
                Remove(consumer);
            _rests = 0;
            more = Dispatch(dirty, ref dead);
            bytes = CountOut(dead);
        }

        table.Release(bytes);
        table.Bury(this, dead, dirty);
        GoOn(more);
    }

    // Very many have expired: the rest of them is taken out by another thread, a little at a time, and then what waits behind them is given out.
    private void GoOn(bool hasMore)
    {
        if (hasMore)
            ThreadPool.UnsafeQueueUserWorkItem(static queue => queue.GoOn(), this, preferLocal: false);
    }

    private void GoOn()
    {
        var dirty = new DirtyOutboxes();
        Remove([], dirty);
        dirty.Drain();
    }

    private void Remove(QueueConsumer consumer)
    {
        if (consumer.HasEnded)
            return;
        consumer.HasEnded = true;
        SetReady(consumer);
        _consumers[^1].Slot = consumer.Slot;
        _consumers[consumer.Slot] = _consumers[^1];
        _consumers.RemoveAt(_consumers.Count - 1);
        if (consumer.IsChoosy)
            _choosy.Remove(consumer);
        if (_isGone)
            return;
        for (int i = 0; i < consumer.Held.Span; i++)
        {
            if (consumer.Held.TryGet(i, out _, out QueueEntry entry))
                Return(entry, refusedBy: null);
        }

        _unsettled -= consumer.Unsettled;
        consumer.Held.Clear();
    }

    /// <summary>
    /// Takes out what has expired and gives back memory; called from time to time. True when nobody needs the queue and nobody used it since the last time:
    /// then it is gone, and the table forgets it.
    /// </summary>
    public bool Tidy(long nowUnixMs, DirtyOutboxes dirty)
    {
        if (_rests > 1 && _backlog.NextExpiry > nowUnixMs)
            return false; // most of them, most of the time
        while (TakeExpired(nowUnixMs, dirty))
            dirty.Drain(); // those who were given some are owed it soon
        TakeBack(dirty);
        lock (_gate)
        {
            bool retires = _rests > 0 && _messages == 0 && _consumers.Count == 0 && !_isGone && !isTemporary;
            _isGone |= retires;
            if (++_rests == 2)
                Trim();
            return retires;
        }
    }

    /// <summary>What stalled consumers were assigned and not sent goes to others, as if it had never been theirs.</summary>
    private void TakeBack(DirtyOutboxes dirty)
    {
        if (_consumers.Count < 2)
            return;
        List<DeadMessage>? dead = null;
        bool more = false;
        long bytes = 0;
        lock (_gate)
        {
            bool any = false;
            foreach (QueueConsumer consumer in _consumers)
            {
                if (consumer.UnsentBytes > 0 && consumer.IsStalled)
                    any |= TakeBack(consumer);
            }

            if (any)
            {
                more = Dispatch(dirty, ref dead);
                bytes = CountOut(dead);
            }
        }

        table.Release(bytes);
        table.Bury(this, dead, dirty);
        GoOn(more);
    }

    private bool TakeBack(QueueConsumer consumer)
    {
        for (int i = consumer.Held.IndexFrom(consumer.Sent + 1); i < consumer.Held.Span; i = consumer.Held.IndexFrom(consumer.Sent + 1))
        {
            consumer.Held.TryGet(i, out _, out QueueEntry entry);
            consumer.Held.RemoveAt(i);
            Return(entry, consumer);
        }

        consumer.Assigned = consumer.Sent;
        consumer.UnsentBytes = 0;
        SetReady(consumer);
        return true;
    }

    // A little at a time, so that nobody waits for the lock for long; true when there may be more.
    private bool TakeExpired(long nowUnixMs, DirtyOutboxes dirty)
    {
        List<DeadMessage>? dead = null;
        long bytes;
        lock (_gate)
        {
            while ((dead is null || dead.Count < ExpiredAtATime) && _backlog.TryTakeExpired(nowUnixMs, out QueueEntry entry))
                (dead ??= []).Add(new DeadMessage(entry.Message, DeathCause.Expired));
            bytes = CountOut(dead);
        }

        table.Release(bytes);
        table.Bury(this, dead, dirty);
        return dead is not null;
    }

    /// <summary>Ends the queue of a connection that ends: returns how many messages are lost with it.</summary>
    public int Close()
    {
        int messages;
        long bytes;
        lock (_gate)
        {
            _isGone = true;
            _backlog.Clear();
            (messages, bytes) = (_messages, _bytes);
            (_messages, _bytes, _unsettled) = (0, 0, 0);
        }

        table.Release(bytes);
        return messages;
    }

    private void Trim()
    {
        _backlog.Trim();
        foreach (QueueConsumer consumer in _consumers)
            consumer.Held.Trim();
    }

    // Returns what the dead give back of the room.
    private long CountOut(List<DeadMessage>? dead)
    {
        if (dead is null)
            return 0;
        long bytes = 0;
        foreach (DeadMessage message in dead)
            bytes += SizeOf(message.Message);
        _messages -= dead.Count;
        _bytes -= bytes;
        return bytes;
    }
}

/// <summary>What came of an attempt to add to a queue.</summary>
internal enum QueueOutcome : byte
{
    /// <summary>It was done.</summary>
    Done,

    /// <summary>There is no room.</summary>
    Full,

    /// <summary>The queue is no more.</summary>
    Gone,
}
