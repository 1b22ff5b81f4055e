using Broker.Delivery;
using Broker.Messaging;
using Broker.Routing;
using Broker.Stomp;

namespace Broker.Sessions;

// Temporary queues: names that mean something on this connection alone, each with a secret name under which others can answer.
internal sealed partial class Session
{
    private Dictionary<byte[], TempQueue>? _tempQueues;

    /// <summary>This connection's queue of a checked <c>/temp-queue</c> destination, made if need be; null when there are as many as may be.</summary>
    private TempQueue? OwnQueue(ReadOnlySpan<byte> destination)
    {
        var byName = (_tempQueues ??= new(Utf8NameComparer.Instance)).GetAlternateLookup<ReadOnlySpan<byte>>();
        if (byName.TryGetValue(destination, out TempQueue? own))
            return own;
        if (_tempQueues.Count >= _environment.Limits.TempQueues || _environment.Queues.AddTemporary() is not { } queue)
            return null;
        return byName[destination] = new TempQueue(queue);
    }

    // Where a SEND goes: to who asked, where the name is a secret one, and else to this connection.
    private Queue? ResolveTempQueue(ReadOnlySpan<byte> destination)
    {
        if (_environment.Queues.FindTemporary(destination) is { } asked)
            return asked;
        return QueueTable.IsToken(destination) ? _environment.Queues.Vanished : OwnQueue(destination)?.Queue;
    }

    /// <summary>
    /// What a SEND's <c>reply-to</c> becomes; empty: it stays as it is. A queue of this connection gets its secret name, and its messages come
    /// without a SUBSCRIBE, until there is one.
    /// </summary>
    private StompError ResolveReplyTo(StompHeaders headers, out byte[] replyTo)
    {
        replyTo = [];
        if (!headers.TryGet(HeaderNames.ReplyTo, out ReadOnlySpan<byte> destination) || !destination.StartsWith(Destination.TempQueuePrefix))
            return StompError.None;
        if (QueueTable.IsToken(destination))
            return StompError.None; // passed on: the answer is another's
        StompError error = Destination.CheckSend(destination, _environment.Limits);
        if (error != StompError.None)
            return error is StompError.DestinationTooLong ? error : StompError.BadReplyTo;
        if (OwnQueue(destination) is not { } own)
            return StompError.TooManyDestinations;
        if (!own.IsConsumed)
        {
            Subscription subscription = NewQueueSubscription(number: 0, id: destination, destination, noLocal: false);
            own.Replies = _environment.Queues.Subscribe(own.Queue, queue => new QueueConsumer(queue, subscription, AckMode.Auto, prefetch: 0), _publisher.Dirty);
        }

        replyTo = own.Queue.Name;
        return StompError.None;
    }

    /// <summary>UNSUBSCRIBE of what nobody has subscribed to: replies come no more until the queue is used again.</summary>
    private bool TryEndReplies(ReadOnlySpan<byte> destination)
    {
        if (_tempQueues?.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(destination, out TempQueue? own) != true || own!.Replies is null)
            return false;
        own.EndReplies(_publisher.Dirty);
        return true;
    }

    private void ReleaseTempQueues()
    {
        foreach (TempQueue own in _tempQueues?.Values ?? Enumerable.Empty<TempQueue>())
        {
            own.EndReplies(_publisher.Dirty);
            _environment.Queues.RemoveTemporary(own.Queue);
        }

        _tempQueues = null;
    }

    /// <summary>A connection's queue, and who gets its messages there.</summary>
    private sealed class TempQueue(Queue queue)
    {
        private int _subscriptions;

        public Queue Queue => queue;

        /// <summary>Who gets them without a SUBSCRIBE; null: nobody, or there is one.</summary>
        public QueueConsumer? Replies { get; set; }

        public bool IsConsumed => Replies is not null || _subscriptions > 0;

        public void Subscribed(DirtyOutboxes dirty)
        {
            _subscriptions++;
            EndReplies(dirty);
        }

        public void Unsubscribed() => _subscriptions--;

        public void EndReplies(DirtyOutboxes dirty)
        {
            Replies?.End(dirty);
            Replies = null;
        }
    }
}
