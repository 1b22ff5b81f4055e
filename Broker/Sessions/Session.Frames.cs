using System.Buffers;
using System.Text;
using Broker.Delivery;
using Broker.Messaging;
using Broker.Routing;
using Broker.Stomp;

namespace Broker.Sessions;

// The client's frames, one method each, and the one place that says which may come when.
internal sealed partial class Session
{
    // The most that is kept for one subscription's unsettled deliveries; AMQP's prefetch is a 16-bit number too.
    private const long MaxPrefetch = ushort.MaxValue;

    // The most for all subscriptions of a connection together: as many as the default gives to the most subscriptions.
    private const int MaxCredit = 1024 * 1024;

    private const int MaxIdleReplies = 4096;

    private readonly Dictionary<byte[], Subscription> _subscriptions = new(Utf8NameComparer.Instance);
    private ArrayBufferWriter<byte> _replies = new();
    private Dictionary<int, Subscription>? _acknowledged;
    private TransactionSet? _transactions;
    private int _replyCount;
    private int _lastAcknowledged;
    private int _credit;
    private int _snapshots;

    private Step Handle(in StompFrame frame)
    {
        if (_environment.Log.IsEnabled(LogLevel.Trace))
            Trace(frame);
        return (_state, frame.Command) switch
        {
            (_, StompCommand.Connected or StompCommand.Message or StompCommand.Receipt or StompCommand.Error) => Fail(StompError.ServerCommand, frame),
            (State.Opening, StompCommand.Connect) => HandleConnect(frame),
            (State.Opening, _) => Fail(StompError.NotConnected, frame),
            (State.Connected, StompCommand.Connect) => Fail(StompError.AlreadyConnected, frame),
            (State.Connected, StompCommand.Send) => HandleSend(frame),
            (State.Connected, StompCommand.Subscribe) => HandleSubscribe(frame),
            (State.Connected, StompCommand.Unsubscribe) => HandleUnsubscribe(frame),
            (State.Connected, StompCommand.Ack or StompCommand.Nack) => HandleSettle(frame),
            (State.Connected, StompCommand.Begin or StompCommand.Commit or StompCommand.Abort) => HandleTransaction(frame),
            (State.Connected, StompCommand.Disconnect) => HandleDisconnect(frame),
            _ => Step.End,
        };
    }

    private Step HandleSubscribe(in StompFrame frame)
    {
        StompHeaders headers = frame.Headers;
        if (!headers.TryGet(HeaderNames.Destination, out ReadOnlySpan<byte> destination))
            return Fail(StompError.MissingDestination, frame);
        if (!TryGetSubscriptionId(headers, destination, out ReadOnlySpan<byte> id))
            return Fail(StompError.MissingId, frame);
        StompError error = Destination.CheckSubscribe(destination, _environment.Limits, out bool isPattern);
        if (error != StompError.None)
            return Fail(error, frame);
        if (_subscriptions.GetAlternateLookup<ReadOnlySpan<byte>>().ContainsKey(id))
            return Fail(StompError.DuplicateSubscription, frame);
        if (_subscriptions.Count >= _environment.Limits.Subscriptions)
            return Fail(StompError.TooManySubscriptions, frame);
        error = SubscribeHeaders.TryRead(headers, out SubscribeHeaders asked);
        if (error != StompError.None)
            return Fail(error, frame);
        if (IsQueue(destination))
            return SubscribeToQueue(frame, id, destination, asked);
        SubscribedStream? stream = asked.Start is null ? null : _environment.Topics.Streams.Around(destination.ToArray());
        if (asked.Start is not null && stream is null)
            return Fail(StompError.NotOneStream, frame);

        Subscription subscription = NewSubscription(id, destination, isPattern, asked);
        error = _environment.Topics.Subscribe(subscription);
        if (error != StompError.None)
            return Fail(error, frame);
        _subscriptions.Add(subscription.Id, subscription);
        if (subscription.Window is not null)
            (_acknowledged ??= [])[subscription.Number] = subscription;
        _environment.Metrics.AddSubscriptions(1);
        Beginning beginning = _environment.Topics.Begin(
            subscription, stream is null ? null : new StreamRequest(stream, asked.Start!.Value, asked.Epoch),
            asked.MarksSnapshot ? MessageEncoder.Empty(Encoding.ASCII.GetBytes($"{Id}-s{++_snapshots}"), subscription.Destination) : null, NowUnixMs);
        byte[]? receipt = headers.TryGet(HeaderNames.Receipt, out ReadOnlySpan<byte> receiptId) ? ReplyWriter.Receipt(Version, receiptId, beginning.Position) : null;
        subscription.Open(receipt, _publisher.Dirty, beginning.Snapshot, beginning.Replay);

        // Who owes a large snapshot asks for no other one before it has taken it.
        return beginning.Snapshot is not null && Outbox.IsFull ? Step.Throttle : Step.NeedInput;
    }

    private Subscription NewSubscription(ReadOnlySpan<byte> id, ReadOnlySpan<byte> destination, bool isPattern, in SubscribeHeaders asked)
    {
        (int number, int credit) = Acknowledged(asked);
        var subscription = new Subscription(
            Outbox, number, id.ToArray(), destination.ToArray(), isPattern, Version, asked.Mode, credit, asked.NoLocal ? this : null, Id)
        {
            OwnIds = asked.NoLocal ? Encoding.ASCII.GetBytes(Id + "-") : [],
            Replays = asked.Start is not null,
        };
        if (asked.Conflation is not null || _environment.Topics.Conflates)
        {
            ConflationMode mode = asked.Conflation is not { } interval ? ConflationMode.WhereTopicsDo
                : interval == TimeSpan.Zero ? ConflationMode.WhileLagging : ConflationMode.ByInterval;
            if (asked.Conflation is not null)
                _transport.KeepFresh();
            subscription.Conflate(mode, asked.Conflation ?? TimeSpan.Zero, asked.ConflationKey, _environment.Conflation, _environment.Metrics);
        }

        return subscription;
    }

    // Its place among the acknowledged subscriptions, zero for none, and the most that it is given.
    private (int Number, int Credit) Acknowledged(in SubscribeHeaders asked)
    {
        if (asked.Mode == AckMode.Auto)
            return (0, 0);
        int credit = (int)Math.Min(asked.Prefetch ?? _environment.Limits.PrefetchCount, MaxPrefetch);
        if (credit > 0)
            _credit += credit = Math.Max(1, Math.Min(credit, MaxCredit - _credit));
        return (++_lastAcknowledged, credit);
    }

    private long NowUnixMs => _environment.Time.GetUtcNow().ToUnixTimeMilliseconds();

    private Step HandleUnsubscribe(in StompFrame frame)
    {
        frame.Headers.TryGet(HeaderNames.Destination, out ReadOnlySpan<byte> destination);
        if (!TryGetSubscriptionId(frame.Headers, destination, out ReadOnlySpan<byte> id) || (id.IsEmpty && Version == StompVersion.V10))
            return Fail(StompError.MissingId, frame);
        if (!_subscriptions.GetAlternateLookup<ReadOnlySpan<byte>>().Remove(id, out _, out Subscription? subscription))
            return TryEndReplies(id) ? Done(frame) : Fail(StompError.UnknownSubscription, frame);
        Unsubscribe(subscription);
        if (subscription.Number > 0)
        {
            _acknowledged!.Remove(subscription.Number);
            _credit -= subscription.Window?.Prefetch ?? ConsumerOf(subscription)!.Prefetch;
        }

        _environment.Metrics.AddSubscriptions(-1);
        return Done(frame);
    }

    private Step HandleSettle(in StompFrame frame)
    {
        StompHeaders headers = frame.Headers;
        ReadOnlySpan<byte> subscriptionId = default;
        if (!headers.TryGet(Version == StompVersion.V12 ? HeaderNames.Id : HeaderNames.MessageId, out ReadOnlySpan<byte> id))
            return Fail(Version == StompVersion.V12 ? StompError.MissingId : StompError.MissingMessageId, frame);
        if (Version == StompVersion.V11 && !headers.TryGet(HeaderNames.Subscription, out subscriptionId))
            return Fail(StompError.MissingSubscription, frame);
        if (Version != StompVersion.V12 && !AckId.TrySplit(ref id))
            return Fail(StompError.BadAckId, frame);
        if (!AckId.TryParse(id, IdPrefix.AsSpan(..^1), out int number, out long sequence) || number > _lastAcknowledged)
            return Fail(StompError.BadAckId, frame);

        // Null for one that has ended, and for another connection's: what they were given is settled, or back in its queue.
        Subscription? subscription = null;
        if (_acknowledged?.TryGetValue(number, out subscription) == true && Version == StompVersion.V11 && !subscriptionId.SequenceEqual(subscription.Id))
            return Fail(StompError.BadAckId, frame);
        if (ConsumerOf(subscription) is { } consumer)
            return HandleQueueSettle(frame, consumer, sequence);
        if (headers.TryGet(HeaderNames.Transaction, out ReadOnlySpan<byte> name))
        {
            if (subscription?.Window!.WasGiven(sequence) == false)
                return Fail(StompError.BadAckId, frame);
            StompError error = Transactions.Enlist(name, 0, out Transaction? transaction);
            if (error != StompError.None)
                return Fail(error, frame);
            transaction!.Add(subscription?.Window, sequence);
            return Done(frame);
        }

        // A topic's NACK drops the message: it settles as an ACK does.
        return subscription?.Window!.Settle(sequence, _publisher.Dirty) == false ? Fail(StompError.BadAckId, frame) : Done(frame);
    }

    private Step HandleTransaction(in StompFrame frame)
    {
        if (!frame.Headers.TryGet(HeaderNames.Transaction, out ReadOnlySpan<byte> name))
            return Fail(StompError.MissingTransaction, frame);
        if (frame.Command == StompCommand.Begin)
        {
            StompError error = Transactions.Begin(name);
            return error == StompError.None ? Done(frame) : Fail(error, frame);
        }

        if (Transactions.Take(name) is not { } transaction)
            return Fail(StompError.UnknownTransaction, frame);
        if (frame.Command == StompCommand.Abort)
            return Done(frame);
        if (_environment.Topics.Retained.Check(transaction.Sends, NowUnixMs) is var refused and not StompError.None)
            return Fail(refused, frame);
        if (!TryCommit(transaction.Queues))
            return Fail(StompError.QueueFull, frame);

        foreach ((AckWindow window, long sequence) in transaction.Settlements)
            window.Settle(sequence, _publisher.Dirty);
        foreach ((Topic topic, List<Message> messages) in transaction.Sends)
            _outgoing.Enqueue((topic, new Publication([.. messages], this)));
        Done(frame);
        KeepReceipt(frame);
        return TryPublishBatch() ? Step.NeedInput : Step.Hold;
    }

    private Step HandleDisconnect(in StompFrame frame)
    {
        EndSubscriptions(); // its RECEIPT is the last that the client gets
        Done(frame);
        TryEnd(CloseReason.Disconnected, StompError.None);
        return Step.End;
    }

    /// <summary>The frame's effect is there, or will be before the replies go: answer its <c>receipt</c>.</summary>
    private Step Done(in StompFrame frame)
    {
        if (frame.Headers.TryGet(HeaderNames.Receipt, out ReadOnlySpan<byte> receipt))
        {
            ReplyWriter.Receipt(_replies, Version, receipt);
            _replyCount++;
        }

        return Step.NeedInput;
    }

    private void SendReplies()
    {
        if (_replyCount == 0)
            return;
        Outbox.EnqueueStomp(_replies.WrittenSpan.ToArray(), _replyCount, _publisher.Dirty);
        _replyCount = 0;
        if (_replies.Capacity <= MaxIdleReplies)
            _replies.ResetWrittenCount();
        else
            _replies = new ArrayBufferWriter<byte>(); // a burst of receipts is over
    }

    private TransactionSet Transactions => _transactions ??= new TransactionSet(_environment.Limits);

    // In STOMP 1.0 the destination stands in for an id that is not given.
    private bool TryGetSubscriptionId(StompHeaders headers, ReadOnlySpan<byte> destination, out ReadOnlySpan<byte> id)
    {
        if (headers.TryGet(HeaderNames.Id, out id))
            return true;
        id = destination;
        return Version == StompVersion.V10;
    }

    private void Trace(in StompFrame frame)
    {
        frame.Headers.TryGet(HeaderNames.Destination, out ReadOnlySpan<byte> destination);
        LogFrame(_environment.Log, Id, frame.Command.ToString(), Safe(Encoding.UTF8.GetString(destination)), frame.Body.Length);
    }
}
