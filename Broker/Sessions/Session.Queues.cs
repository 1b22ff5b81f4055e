using System.Runtime.InteropServices;
using System.Text;
using Broker.Delivery;
using Broker.Messaging;
using Broker.Routing;
using Broker.Stomp;

namespace Broker.Sessions;

// Queues: consecutive SENDs to one, and consecutive ACKs, are collected as SENDs to a topic are, and done in one step before anything
// that could tell the difference. Nothing here ever waits.
internal sealed partial class Session
{
    private const int MaxSettlements = 1024;

    // Null for who has nothing to do with queues.
    private List<Settlement>? _settlements;
    private List<Message>? _queueBatch;
    private byte[] _queueDestination = [];
    private Queue? _queue;
    private int _queueBatchBytes;

    private bool HasQueueWork => _queueBatch is { Count: > 0 } || _settlements is { Count: > 0 };

    private static bool IsQueue(ReadOnlySpan<byte> destination) => destination.StartsWith(Destination.QueuePrefix) || destination.StartsWith(Destination.TempQueuePrefix);

    private static QueueConsumer? ConsumerOf(Subscription? subscription) => subscription?.Consumer as QueueConsumer;

    private bool ContinuesQueueWork(in StompFrame frame) => frame.Command switch
    {
        StompCommand.Ack or StompCommand.Nack => _queueBatch is not { Count: > 0 },
        StompCommand.Send => _settlements is not { Count: > 0 } && !frame.Headers.Contains(HeaderNames.Transaction)
            && frame.Headers.TryGet(HeaderNames.Destination, out ReadOnlySpan<byte> destination) && destination.SequenceEqual(_queueDestination),
        _ => false,
    };

    private void DoQueueWork()
    {
        if (_settlements is { Count: > 0 })
            SettleAll(_settlements);
        if (_queueBatch is not { Count: > 0 })
            return;
        _queue = _environment.Queues.Publish(_queue!, CollectionsMarshal.AsSpan(_queueBatch), isReserved: false, _publisher.Dirty);
        _queueBatch.Clear();
        _queueBatchBytes = 0;
    }

    private void SettleAll(List<Settlement> settlements)
    {
        ReadOnlySpan<Settlement> left = CollectionsMarshal.AsSpan(settlements);
        while (!left.IsEmpty)
        {
            Queue queue = left[0].Consumer.Queue;
            int run = 1;
            while (run < left.Length && ReferenceEquals(left[run].Consumer.Queue, queue))
                run++;
            queue.TryApply(left[..run], [], isReserved: false, _publisher.Dirty);
            left = left[run..];
        }

        settlements.Clear();
    }

    private Step HandleQueueSend(in StompFrame frame, ReadOnlySpan<byte> destination)
    {
        StompError error = ResolveQueue(destination, out Queue? queue);
        long expiresAt = 0;
        if (error == StompError.None)
            error = SendHeaders.TryReadForQueue(frame, _environment.Time, queue!.IsTemporary, out expiresAt);
        byte[] replyTo = [];
        if (error == StompError.None)
            error = ResolveReplyTo(frame.Headers, out replyTo);
        if (error != StompError.None)
            return Fail(error, frame);

        Span<byte> id = stackalloc byte[MaxIdBytes];
        Message message = MessageEncoder.Encode(frame, NextMessageId(id), _userId, expiresAt, RetainAction.None, replyTo);
        _sent++;
        _sendRate?.Take();
        if (frame.Headers.TryGet(HeaderNames.Transaction, out ReadOnlySpan<byte> name))
        {
            error = Transactions.Enlist(name, message.Bytes.Length, out Transaction? transaction);
            if (error != StompError.None)
                return Fail(error, frame);
            transaction!.Add(queue!, message);
            return Done(frame);
        }

        if (!destination.SequenceEqual(_queueDestination))
            _queueDestination = destination.ToArray();
        _queue = queue;
        error = AddToQueue(message);
        if (error != StompError.None)
            return Fail(error, frame);
        if (frame.IsRepeat && expiresAt == 0 && !frame.Headers.Contains(HeaderNames.Receipt))
            _repeated = RepeatedHeaders.Of(message, frame.Headers.Contains(HeaderNames.ContentLength), isToQueue: true);
        return Done(frame);
    }

    private StompError AddToQueue(Message message)
    {
        if (_queue!.IsTightFor(message))
            return PublishAlone(message);
        (_queueBatch ??= []).Add(message);
        _queueBatchBytes += message.Bytes.Length;
        if (_queueBatchBytes >= _environment.BatchBytes)
            DoQueueWork();
        return StompError.None;
    }

    // Where little room is left, a refusal must be the one frame's.
    private StompError PublishAlone(Message message)
    {
        DoQueueWork();
        if (!_environment.Queues.TryReserve(ref _queue!, 1, Queue.SizeOf(message)))
            return StompError.QueueFull;
        _environment.Queues.Publish(_queue, [message], isReserved: true, _publisher.Dirty);
        return StompError.None;
    }

    private StompError ResolveQueue(ReadOnlySpan<byte> destination, out Queue? queue)
    {
        queue = _queue;
        if (queue is not null && destination.SequenceEqual(_queueDestination))
            return StompError.None;
        StompError error = Destination.CheckSend(destination, _environment.Limits);
        if (error != StompError.None)
            return error;
        queue = destination.StartsWith(Destination.QueuePrefix) ? _environment.Queues.GetOrAdd(destination) : ResolveTempQueue(destination);
        return queue is null ? StompError.TooManyDestinations : StompError.None;
    }

    private Step SubscribeToQueue(in StompFrame frame, ReadOnlySpan<byte> id, ReadOnlySpan<byte> destination, in SubscribeHeaders asked)
    {
        if (asked.Start is not null)
            return Fail(StompError.NotOneStream, frame);
        if (asked.Conflation is not null || asked.MarksSnapshot)
            return Fail(StompError.FeatureUnavailable, frame);
        TempQueue? own = destination.StartsWith(Destination.TempQueuePrefix) ? OwnQueue(destination) : null;
        Queue? queue = own is not null ? own.Queue
            : destination.StartsWith(Destination.QueuePrefix) ? _environment.Queues.GetOrAdd(destination) : null;
        if (queue is null)
            return Fail(StompError.TooManyDestinations, frame);

        (int number, int credit) = Acknowledged(asked);
        Subscription subscription = NewQueueSubscription(number, id, destination, asked.NoLocal);
        _subscriptions.Add(subscription.Id, subscription);
        if (number > 0)
            (_acknowledged ??= [])[number] = subscription;
        _environment.Metrics.AddSubscriptions(1);
        own?.Subscribed(_publisher.Dirty);
        if (frame.Headers.TryGet(HeaderNames.Receipt, out ReadOnlySpan<byte> receipt))
            Outbox.EnqueueStomp(ReplyWriter.Receipt(Version, receipt, stream: null), 1, _publisher.Dirty);
        AckMode mode = asked.Mode;
        _environment.Queues.Subscribe(queue, queue => new QueueConsumer(queue, subscription, mode, credit), _publisher.Dirty);
        return Step.NeedInput;
    }

    private Subscription NewQueueSubscription(int number, ReadOnlySpan<byte> id, ReadOnlySpan<byte> destination, bool noLocal) =>
        new(Outbox, number, id.ToArray(), destination.ToArray(), isPattern: false, Version, AckMode.Auto, prefetch: 0, noLocalTo: null, Id)
        {
            OwnIds = noLocal ? Encoding.ASCII.GetBytes(Id + "-") : [],
        };

    private void Unsubscribe(Subscription subscription)
    {
        if (ConsumerOf(subscription) is not { } consumer)
        {
            _environment.Topics.Unsubscribe(subscription);
            return;
        }

        consumer.End(_publisher.Dirty);
        if (consumer.Queue.IsTemporary)
            OwnQueue(subscription.Destination)?.Unsubscribed();
    }

    // The connection ends. What several consumers held of one queue goes back together, for it is in one order.
    private void UnsubscribeAll()
    {
        List<QueueConsumer> consumers = [];
        foreach (Subscription subscription in _subscriptions.Values)
        {
            if (ConsumerOf(subscription) is { } consumer)
                consumers.Add(consumer);
            else
                _environment.Topics.Unsubscribe(subscription, skipWaiting: false);
        }

        foreach (IGrouping<Queue, QueueConsumer> group in consumers.GroupBy(static consumer => consumer.Queue))
        {
            foreach (QueueConsumer consumer in group)
                consumer.Subscription.End();
            group.Key.Remove([.. group], _publisher.Dirty);
        }
    }

    private Step HandleQueueSettle(in StompFrame frame, QueueConsumer consumer, long sequence)
    {
        if (!consumer.WasGiven(sequence))
            return Fail(StompError.BadAckId, frame);
        StompHeaders headers = frame.Headers;
        Verdict verdict = frame.Command == StompCommand.Ack ? Verdict.Accept
            : headers.TryGet(HeaderNames.Requeue, out ReadOnlySpan<byte> requeue) && requeue.SequenceEqual("false"u8) ? Verdict.Reject : Verdict.Return;
        var settlement = new Settlement(consumer, sequence, verdict);
        if (headers.TryGet(HeaderNames.Transaction, out ReadOnlySpan<byte> name))
        {
            StompError error = Transactions.Enlist(name, 0, out Transaction? transaction);
            if (error != StompError.None)
                return Fail(error, frame);
            transaction!.Add(settlement);
            return Done(frame);
        }

        (_settlements ??= []).Add(settlement);
        if (_settlements.Count >= MaxSettlements)
            SettleAll(_settlements);
        return Done(frame);
    }

    /// <summary>Does what a transaction holds for queues, each in one step; false, and nothing of it, when the messages do not all find room.</summary>
    private bool TryCommit(IReadOnlyList<QueueWork> queues)
    {
        QueueTable table = _environment.Queues;
        for (int i = 0; i < queues.Count; i++)
        {
            QueueWork work = queues[i];
            Queue queue = work.Queue;
            bool hasRoom = work.Messages.Count == 0 || table.TryReserve(ref queue, work.Messages.Count, work.Bytes);
            work.Queue = queue;
            if (hasRoom)
                continue;
            for (int j = 0; j < i; j++)
                queues[j].Queue.Release(queues[j].Messages.Count, queues[j].Bytes);
            return false;
        }

        foreach (QueueWork work in queues)
        {
            if (!work.Queue.TryApply(CollectionsMarshal.AsSpan(work.Settlements), CollectionsMarshal.AsSpan(work.Messages), isReserved: true, _publisher.Dirty))
                table.DropReplies(work.Messages.Count); // only a connection's queue can be gone
        }

        return true;
    }
}
