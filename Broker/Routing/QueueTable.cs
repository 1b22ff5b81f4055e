using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Broker.Configuration;
using Broker.Delivery;
using Broker.Diagnostics;
using Broker.Messaging;
using Broker.Stomp;

namespace Broker.Routing;

/// <summary>All queues by name, those of connections by their secret one, and what all of them together take. Thread-safe.</summary>
internal sealed class QueueTable(LimitOptions limits, BrokerMetrics metrics, TimeProvider time)
{
    // More than a publisher has at hand at once besides the latest message, and than many publishers are likely to.
    public const int TightMessages = 4096;
    public const int TightBytes = 2 * 1024 * 1024;

    private const int TokenBytes = 16;
    private const int DeepestAtMost = 100;

    private static readonly SearchValues<byte> Digits = SearchValues.Create("0123456789abcdef"u8);

    // How a name looks that nobody has chosen.
    private static ReadOnlySpan<byte> TokenPrefix => "/temp-queue/r-"u8;

    private readonly ConcurrentDictionary<byte[], Queue> _queues = new(Utf8NameComparer.Instance);
    private readonly ConcurrentDictionary<byte[], Queue> _temporary = new(Utf8NameComparer.Instance);
    private Queue? _vanished;
    private int _count;
    private int _temporaryCount;
    private long _bytes;

    public LimitOptions Limits => limits;

    public BrokerMetrics Metrics => metrics;

    public TimeProvider Time => time;

    /// <summary>How many queues there are, those of connections among them.</summary>
    public int Count => Named + Volatile.Read(ref _temporaryCount);

    // Each kind has the whole limit to itself: who fills one leaves the other usable.
    private int Named => Volatile.Read(ref _count);

    /// <summary>What the messages of all queues take.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>True when little room is left for all queues together, besides so much.</summary>
    public bool IsTightFor(int bytes) => Bytes + bytes > limits.TotalQueueBytes - TightBytes;

    /// <summary>What all queues hold together.</summary>
    public QueueFigures Totals()
    {
        long waiting = 0, unsettled = 0, consumers = 0;
        foreach (Queue queue in All)
        {
            waiting += queue.Messages - queue.Unsettled;
            unsettled += queue.Unsettled;
            consumers += queue.Consumers;
        }

        return new QueueFigures("", Count, waiting, unsettled, consumers, Bytes);
    }

    /// <summary>The queues that hold the most, by name, at most a hundred of them; not those of connections, which come and go.</summary>
    public IReadOnlyList<QueueFigures> Deepest()
    {
        var deepest = new PriorityQueue<Queue, int>();
        foreach ((_, Queue queue) in _queues)
        {
            if (deepest.Count < DeepestAtMost)
                deepest.Enqueue(queue, queue.Messages);
            else
                deepest.EnqueueDequeue(queue, queue.Messages);
        }

        return
        [
            .. deepest.UnorderedItems.Select(static item => item.Element)
                .Select(static queue => new QueueFigures(Encoding.UTF8.GetString(queue.Name), 1, queue.Messages - queue.Unsettled, queue.Unsettled, queue.Consumers, queue.Bytes))
                .OrderBy(static queue => queue.Name, StringComparer.Ordinal),
        ];
    }

    // Who comes or goes meanwhile may be among them or not.
    private IEnumerable<Queue> All => _queues.Concat(_temporary).Select(static entry => entry.Value);

    /// <summary>True for a <c>/temp-queue</c> destination of the form that the broker gives to its own: it names a connection's queue, or one that was.</summary>
    public static bool IsToken(ReadOnlySpan<byte> destination) =>
        destination.Length == TokenPrefix.Length + (2 * TokenBytes) && destination.StartsWith(TokenPrefix)
        && destination[TokenPrefix.Length..].IndexOfAnyExcept(Digits) < 0;

    /// <summary>The queue of a checked destination; null when there are as many as may be.</summary>
    public Queue? GetOrAdd(ReadOnlySpan<byte> destination)
    {
        if (_queues.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(destination, out Queue? queue))
            return queue;
        return Named < limits.Queues ? Add(destination.ToArray()) : null;
    }

    /// <summary>The queue that took the place of one that was forgotten, whatever the limit says.</summary>
    public Queue Renew(Queue forgotten)
    {
        Forget(forgotten);
        return Add(forgotten.Name);
    }

    /// <summary>A queue for a connection, under a name that nobody can guess; null when there are as many as may be.</summary>
    public Queue? AddTemporary()
    {
        if (Volatile.Read(ref _temporaryCount) >= limits.Queues)
            return null;
        byte[] name = [.. TokenPrefix, .. Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(TokenBytes)))];
        var queue = new Queue(name, isTemporary: true, this);
        _temporary[name] = queue;
        Interlocked.Increment(ref _temporaryCount);
        return queue;
    }

    /// <summary>The queue of a connection by its secret name; null when it is gone.</summary>
    public Queue? FindTemporary(ReadOnlySpan<byte> token) =>
        _temporary.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(token, out Queue? queue) ? queue : null;

    /// <summary>Stands for all queues of connections that are gone: what is published to it is dropped.</summary>
    public Queue Vanished
    {
        get
        {
            if (_vanished is null)
            {
                var queue = new Queue([], isTemporary: true, this);
                queue.Close();
                _vanished = queue;
            }

            return _vanished;
        }
    }

    /// <summary>Ends a connection's queue, whose consumers have ended.</summary>
    public void RemoveTemporary(Queue queue)
    {
        if (_temporary.TryRemove(queue.Name, out _))
            Interlocked.Decrement(ref _temporaryCount);
        DropReplies(queue.Close());
    }

    /// <summary>Messages for a connection's queue that is gone are dropped, and counted.</summary>
    public void DropReplies(int count)
    {
        if (count > 0)
            metrics.AddDropped(DropReasons.ReplyQueueGone, count);
    }

    /// <summary>
    /// Adds messages to a queue as one. Their room is taken here, whether there is any or not, unless it <paramref name="isReserved"/>. Where the queue was
    /// forgotten it is made anew; for one of a connection the messages are dropped.
    /// </summary>
    /// <returns>The queue that has them, for the next time.</returns>
    public Queue Publish(Queue queue, ReadOnlySpan<Message> messages, bool isReserved, DirtyOutboxes dirty)
    {
        while (!queue.TryApply([], messages, isReserved, dirty))
        {
            if (queue.IsTemporary)
            {
                DropReplies(messages.Length);
                return queue;
            }

            queue = Renew(queue);
        }

        return queue;
    }

    /// <summary>
    /// Takes room in a queue for messages that will be published, and makes it anew where it was forgotten; false when there is not enough. In a
    /// connection's that is gone there is room for all: they are dropped.
    /// </summary>
    public bool TryReserve(ref Queue queue, int messages, long bytes)
    {
        while (true)
        {
            QueueOutcome outcome = queue.TryReserve(messages, bytes);
            if (outcome != QueueOutcome.Gone || queue.IsTemporary)
                return outcome != QueueOutcome.Full;
            queue = Renew(queue);
        }
    }

    /// <summary>Makes a consumer known to its queue, which is made anew where it was forgotten: <paramref name="make"/> makes one for it.</summary>
    public QueueConsumer Subscribe(Queue queue, Func<Queue, QueueConsumer> make, DirtyOutboxes dirty)
    {
        QueueConsumer consumer;
        while (!queue.TryAdd(consumer = make(queue), dirty))
            queue = Renew(queue);
        return consumer;
    }

    /// <summary>Moves messages that died in a queue to its dead-letter queue, which refuses none.</summary>
    public void Bury(Queue queue, List<DeadMessage>? dead, DirtyOutboxes dirty)
    {
        if (dead is null)
            return;
        byte[] name = queue.IsTemporary ? [] : [.. Destination.QueuePrefix, .. Destination.DeadLetterPrefix, .. queue.Name.AsSpan(Destination.QueuePrefix.Length)];
        if (queue.IsTemporary || Destination.CheckSubscribe(name, limits, out _) != StompError.None)
        {
            // Nobody could name where they would go.
            metrics.AddDropped(DropReasons.NoDeadLetterQueue, dead.Count);
            return;
        }

        var messages = new Message[dead.Count];
        for (int i = 0; i < messages.Length; i++)
        {
            string reason = dead[i].Cause switch
            {
                DeathCause.Rejected => "rejected",
                DeathCause.Expired => "expired",
                _ => "delivery-limit",
            };
            messages[i] = MessageEncoder.DeadLetter(dead[i].Message, Encoding.ASCII.GetBytes(reason), queue.Name, name);
            metrics.AddDeadLettered(reason, 1);
        }

        Publish(_queues.TryGetValue(name, out Queue? buried) ? buried : Add(name), messages, isReserved: false, dirty);
    }

    /// <summary>Takes out what has expired, forgets queues that nobody needs, gives back memory. Called from time to time.</summary>
    public void Tidy()
    {
        long now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var dirty = new DirtyOutboxes();
        foreach (Queue queue in All)
        {
            if (queue.Tidy(now, dirty))
                Forget(queue);
            dirty.Drain();
        }
    }

    /// <summary>Takes room for all queues together; false when there is not enough.</summary>
    public bool TryReserve(long bytes)
    {
        long before = Bytes;
        while (before + bytes <= limits.TotalQueueBytes)
        {
            long seen = Interlocked.CompareExchange(ref _bytes, before + bytes, before);
            if (seen == before)
                return true;
            before = seen;
        }

        return false;
    }

    /// <summary>Gives such room back; a negative number takes it, whether there is any or not.</summary>
    public void Release(long bytes)
    {
        if (bytes != 0)
            Interlocked.Add(ref _bytes, -bytes);
    }

    private Queue Add(byte[] name)
    {
        var made = new Queue(name, isTemporary: false, this);
        Queue queue = _queues.GetOrAdd(name, made);
        if (ReferenceEquals(queue, made))
            Interlocked.Increment(ref _count);
        return queue;
    }

    private void Forget(Queue queue)
    {
        if (_queues.TryRemove(new KeyValuePair<byte[], Queue>(queue.Name, queue)))
            Interlocked.Decrement(ref _count);
    }
}
