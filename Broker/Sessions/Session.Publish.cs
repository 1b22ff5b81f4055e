using System.Text;
using Broker.Delivery;
using Broker.Messaging;
using Broker.Routing;
using Broker.Stomp;

namespace Broker.Sessions;

// SEND: copied once, collected while the destination stays the same, published when it changes, when another frame comes, or
// when the input runs dry. Receipts follow what they are receipts for.
internal sealed partial class Session
{
    private const int MaxIdBytes = 64;

    private readonly List<Message> _batch = [];
    private readonly List<(Topic Topic, int End)> _runs = [];
    private readonly Queue<(Topic Topic, Publication Publication)> _outgoing = new();
    private readonly SendRate? _sendRate;
    private Topic? _topic;
    private int _batchBytes;
    private bool _batchRetains;
    private long _sent;
    private long _countedBytes;
    private long _countedFrames;
    private long _countedSent;
    private RepeatedHeaders? _repeated;
    private byte[]? _idPrefix;
    private byte[]? _refusedReceipt;

    private Step HandleSend(in StompFrame frame)
    {
        if (frame.IsRepeat && _repeated is not null)
            return HandleRepeat(frame.Body, _repeated);
        _repeated = null;
        StompHeaders headers = frame.Headers;
        if (!headers.TryGet(HeaderNames.Destination, out ReadOnlySpan<byte> destination))
            return Fail(StompError.MissingDestination, frame);
        StompError error = Resolve(destination, out Topic? topic);
        long expiresAt = 0;
        RetainAction retain = RetainAction.None;
        if (error == StompError.None)
            error = SendHeaders.TryRead(frame, _environment.Time, out expiresAt, out retain);
        if (error != StompError.None)
            return Fail(error, frame);

        Span<byte> id = stackalloc byte[MaxIdBytes];
        Message message = MessageEncoder.Encode(frame, NextMessageId(id), _userId, expiresAt, retain);
        if (retain == RetainAction.Set)
            error = _environment.Topics.Retained.Check(topic!, message, NowUnixMs);
        if (error != StompError.None)
            return Fail(error, frame);
        _sent++;
        _sendRate?.Take();
        if (headers.TryGet(HeaderNames.Transaction, out ReadOnlySpan<byte> name))
        {
            error = Transactions.Enlist(name, message.Bytes.Length, out Transaction? transaction);
            if (error != StompError.None)
                return Fail(error, frame);
            transaction!.Add(topic!, message);
            return Done(frame);
        }

        if (!ReferenceEquals(_topic, topic))
        {
            EndRun();
            _topic = topic;
        }

        _batch.Add(message);
        _batchBytes += message.Bytes.Length;
        _batchRetains |= retain != RetainAction.None;
        Done(frame);
        if (frame.IsRepeat && expiresAt == 0 && retain == RetainAction.None && !headers.Contains(HeaderNames.Receipt))
            _repeated = RepeatedHeaders.Of(message, headers.Contains(HeaderNames.ContentLength));
        if (IsAlone(frame))
            KeepReceipt(frame);
        else if (_batchBytes < _environment.BatchBytes)
            return Step.NeedInput;
        return TryPublishBatch() ? Step.NeedInput : Step.Hold;
    }

    // The headers are those of the frame before, and ask for nothing but that the message be sent to the same topic.
    private Step HandleRepeat(ReadOnlySpan<byte> body, RepeatedHeaders headers)
    {
        Span<byte> id = stackalloc byte[MaxIdBytes];
        Message message = MessageEncoder.Repeat(headers.Lines, headers.HasLength, headers.HasEscapes, NextMessageId(id), body);
        _sent++;
        _sendRate?.Take();
        _batch.Add(message);
        _batchBytes += message.Bytes.Length;
        return _batchBytes < _environment.BatchBytes || TryPublishBatch() ? Step.NeedInput : Step.Hold;
    }

    /// <summary>A message's header lines, for those that follow with the same headers; without the <c>content-length</c> that the broker has added.</summary>
    private sealed record RepeatedHeaders(byte[] Lines, bool HasLength, bool HasEscapes)
    {
        public static RepeatedHeaders Of(Message message, bool hasLength)
        {
            ReadOnlySpan<byte> lines = message.HeaderLines;
            int length = hasLength ? lines.Length : lines[..^1].LastIndexOf((byte)'\n') + 1; // it is the last one
            return new RepeatedHeaders(lines[..length].ToArray(), hasLength, message.HasEscapes);
        }
    }

    private bool IsAlone(in StompFrame send) => send.Headers.Contains(HeaderNames.Retain) && _environment.Topics.Retained.IsTight;

    /// <summary>For an ERROR in the place of the RECEIPT, should the frame's values find no room when they take their place.</summary>
    private void KeepReceipt(in StompFrame frame) =>
        _refusedReceipt = frame.Headers.TryGet(HeaderNames.Receipt, out ReadOnlySpan<byte> receipt) ? receipt.ToArray() : null;

    /// <summary>True when a frame can be handled now: a SEND that joins the batch, or the batch is out.</summary>
    private bool MayHandle(in StompFrame frame)
    {
        if ((_batch.Count == 0 && _replyCount == 0) || (frame.IsRepeat && _repeated is not null))
            return true;
        // Where only so much can be kept, what is before takes its place first.
        if (frame.Command == StompCommand.Send && !frame.Headers.Contains(HeaderNames.Transaction) && !IsAlone(frame)
            && ((!_batchRetains && !_environment.Topics.IsTight) || (frame.Headers.TryGet(HeaderNames.Destination, out ReadOnlySpan<byte> destination) && _topic is not null && destination.SequenceEqual(_topic.Name))))
            return true;
        return TryPublishBatch();
    }

    // The messages from here on are for another topic.
    private void EndRun()
    {
        int start = _runs.Count > 0 ? _runs[^1].End : 0;
        if (_batch.Count > start)
            _runs.Add((_topic!, _batch.Count));
    }

    /// <summary>Publishes what was collected, then sends the receipts; false when a slow subscriber holds this publisher.</summary>
    private bool TryPublishBatch()
    {
        if (_batch.Count > 0)
        {
            EndRun();
            Message[] messages = [.. _batch];
            int start = 0;
            foreach ((Topic topic, int end) in _runs)
            {
                _outgoing.Enqueue((topic, new Publication(messages, start, end - start, this)));
                start = end;
            }

            _runs.Clear();
            _batch.Clear();
            _batchBytes = 0;
            _batchRetains = false;
        }

        while (_outgoing.TryPeek(out var next))
        {
            int together = _publisher.TryPublishTogether(_outgoing);
            for (int i = 0; i < together; i++)
                _outgoing.Dequeue();
            if (together > 0)
                continue;
            next.Publication.Detach();
            if (!_publisher.TryPublish(next.Topic, next.Publication))
                return false;
            Published(_outgoing.Dequeue().Publication);
        }

        _refusedReceipt = null;
        SendReplies();
        return true;
    }

    private async Task PublishHeldAsync()
    {
        while (_outgoing.TryPeek(out var next))
        {
            next.Publication.Detach();
            await _publisher.HoldAsync(next.Topic, next.Publication).ConfigureAwait(false);
            Published(_outgoing.Dequeue().Publication);
        }

        _refusedReceipt = null;
        SendReplies();
    }

    // There was room for a retained value when its frame came, and others took it.
    private void Published(Publication publication)
    {
        if (!publication.IsRefused)
            return;
        _outgoing.Clear();
        _replyCount = 0;
        _replies.ResetWrittenCount();
        Fail(StompError.TooManyRetained, _refusedReceipt);
    }

    private StompError Resolve(ReadOnlySpan<byte> destination, out Topic? topic)
    {
        topic = _topic;
        if (topic is not null && destination.SequenceEqual(topic.Name))
            return StompError.None;
        StompError error = Destination.CheckSend(destination, _environment.Limits);
        if (error != StompError.None)
            return error;
        topic = _environment.Topics.GetOrAdd(destination);
        return topic is null ? StompError.TooManyDestinations : StompError.None;
    }

    private ReadOnlySpan<byte> NextMessageId(Span<byte> buffer)
    {
        _idPrefix ??= Encoding.ASCII.GetBytes(Id + "-");
        _idPrefix.CopyTo(buffer);
        System.Buffers.Text.Utf8Formatter.TryFormat(_sent + 1, buffer[_idPrefix.Length..], out int written);
        return buffer[..(_idPrefix.Length + written)];
    }

    private void CountInput()
    {
        long bytes = _clock.StompBytesIn, frames = _clock.Frames, sent = _sent;
        _environment.Metrics.AddIn((int)(frames - _countedFrames), (int)(sent - _countedSent), bytes - _countedBytes);
        (_countedBytes, _countedFrames, _countedSent) = (bytes, frames, sent);
    }
}
