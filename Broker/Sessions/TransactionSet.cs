using Broker.Configuration;
using Broker.Delivery;
using Broker.Messaging;
using Broker.Routing;
using Broker.Stomp;

namespace Broker.Sessions;

/// <summary>The open transactions of one connection (SEMANTICS 7). Belongs to the session's thread.</summary>
internal sealed class TransactionSet(LimitOptions limits)
{
    private readonly Dictionary<byte[], Transaction> _open = new(Utf8NameComparer.Instance);
    private long _bytes;

    public StompError Begin(ReadOnlySpan<byte> name)
    {
        var byName = _open.GetAlternateLookup<ReadOnlySpan<byte>>();
        if (byName.ContainsKey(name))
            return StompError.DuplicateTransaction;
        if (_open.Count >= limits.Transactions)
            return StompError.TooManyTransactions;
        byName[name] = new Transaction();
        return StompError.None;
    }

    /// <summary>Ends a transaction and hands out what it holds, in order; null for an unknown name.</summary>
    public Transaction? Take(ReadOnlySpan<byte> name)
    {
        if (!_open.GetAlternateLookup<ReadOnlySpan<byte>>().Remove(name, out _, out Transaction? transaction))
            return null;
        _bytes -= transaction.Bytes;
        return transaction;
    }

    /// <summary>The transaction to enlist a frame in, which takes so many bytes; else why it cannot be.</summary>
    public StompError Enlist(ReadOnlySpan<byte> name, int bytes, out Transaction? transaction)
    {
        if (!_open.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out transaction))
            return StompError.UnknownTransaction;
        if (transaction.Frames >= limits.TransactionFrames)
            return StompError.TransactionTooLong;
        if (_bytes + bytes > limits.TransactionBytes)
            return StompError.TransactionTooLarge;
        transaction.Bytes += bytes;
        _bytes += bytes;
        return StompError.None;
    }
}

/// <summary>What was enlisted in one transaction: messages by destination, and acknowledgements.</summary>
internal sealed class Transaction
{
    private readonly List<(Topic Topic, List<Message> Messages)> _sends = [];
    private readonly List<(AckWindow Window, long Sequence)> _settlements = [];
    private readonly List<QueueWork> _queues = [];

    public int Frames { get; private set; }

    public long Bytes { get; set; }

    /// <summary>Each topic's messages, in the order in which they were sent: a commit is atomic per destination.</summary>
    public IReadOnlyList<(Topic Topic, List<Message> Messages)> Sends => _sends;

    public IReadOnlyList<(AckWindow Window, long Sequence)> Settlements => _settlements;

    /// <summary>What is to be done with each queue, in one step.</summary>
    public IReadOnlyList<QueueWork> Queues => _queues;

    public void Add(Queue queue, Message message)
    {
        Frames++;
        QueueWork work = WorkOf(queue);
        work.Messages.Add(message);
        work.Bytes += Queue.SizeOf(message);
    }

    public void Add(in Settlement settlement)
    {
        Frames++;
        WorkOf(settlement.Consumer.Queue).Settlements.Add(settlement);
    }

    public void Add(Topic topic, Message message)
    {
        Frames++;
        // Compared by name: the topic may have been forgotten and made anew since the transaction began.
        int index = _sends.FindIndex(send => ReferenceEquals(send.Topic, topic) || send.Topic.Name.AsSpan().SequenceEqual(topic.Name));
        if (index < 0)
            _sends.Add((topic, [message]));
        else
            _sends[index].Messages.Add(message);
    }

    public void Add(AckWindow? window, long sequence)
    {
        Frames++;
        if (window is not null) // null: of a subscription that has ended since, there is nothing to settle
            _settlements.Add((window, sequence));
    }

    // By name too, as topics: queues are forgotten as well.
    private QueueWork WorkOf(Queue queue)
    {
        QueueWork? work = _queues.Find(work => ReferenceEquals(work.Queue, queue) || work.Queue.Name.AsSpan().SequenceEqual(queue.Name));
        if (work is null)
            _queues.Add(work = new QueueWork { Queue = queue });
        else if (work.Queue.IsGone)
            work.Queue = queue; // what was to be settled in the old one went back when its consumer ended
        return work;
    }
}

/// <summary>What a transaction does with one queue.</summary>
internal sealed class QueueWork
{
    /// <summary>The queue, or the one that took its place.</summary>
    public required Queue Queue { get; set; }

    public List<Settlement> Settlements { get; } = [];

    public List<Message> Messages { get; } = [];

    /// <summary>The room that the messages take in the queue.</summary>
    public long Bytes { get; set; }
}
