using System.Buffers;
using System.IO.Pipelines;
using Broker.Diagnostics;
using Broker.Messaging;

namespace Broker.Delivery;

internal sealed partial class Outbox
{
    /// <summary>Sends what waits, unless somebody is at it or there is nothing. Returns without waiting for the socket.</summary>
    public void Drain()
    {
        if (Interlocked.CompareExchange(ref _state, Draining, Dirty) == Dirty)
            Run();
    }

    private void Run()
    {
        do
        {
            while (TryWriteSome())
            {
                ValueTask<FlushResult> flush = FlushAsync();
                if (!flush.IsCompletedSuccessfully)
                {
                    Volatile.Write(ref _movedAt, _time.GetTimestamp());
                    _flushPending = true;
                    _ = GoOnAfterAsync(flush);
                    return;
                }

                Written(flush.Result);
            }
        }
        while (Interlocked.CompareExchange(ref _state, 0, Draining) != Draining && TakeDirty());

        if (_finished)
            Volatile.Read(ref _ended)?.TrySetResult();
    }

    private bool TakeDirty()
    {
        Volatile.Write(ref _state, Draining);
        return true;
    }

    private ValueTask<FlushResult> FlushAsync()
    {
        try
        {
            if (_whole.IsEmpty)
                return _output.FlushAsync();
            ReadOnlyMemory<byte> whole = _whole;
            _whole = default;
            return _output.WriteAsync(whole);
        }
        catch (Exception exception) when (IsConnectionLoss(exception))
        {
            return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, isCompleted: true));
        }
    }

    private async Task GoOnAfterAsync(ValueTask<FlushResult> flush)
    {
        FlushResult result;
        try
        {
            result = await flush.ConfigureAwait(false);
        }
        catch (Exception exception) when (IsConnectionLoss(exception))
        {
            result = new FlushResult(isCanceled: false, isCompleted: true);
        }

        _flushPending = false;
        Written(result);
        Run();
    }

    private void Written(FlushResult result)
    {
        if (result.IsCompleted)
            Lost();
        ReleaseInFlight();
    }

    private void Lost()
    {
        _finished = true;
        _owner.ConnectionLost();
    }

    private static bool IsConnectionLoss(Exception exception) =>
        exception is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException;

    /// <summary>Writes some entries into the transport's buffer; false when there is nothing to flush.</summary>
    private bool TryWriteSome()
    {
        OutboxEntry[] taken = _taken ?? new OutboxEntry[EntriesPerWrite];
        _taken = null; // making the buffer larger may run other code on this thread
        int frames = 0;
        int messages = 0;
        long bytes = 0;
        int count;
        do
        {
            count = Take(taken);
            _isAlone = count == 1;
            for (int i = 0; i < count; i++)
            {
                if (!_finished)
                    frames += Write(taken[i], ref bytes, ref messages);
                _inFlight += taken[i].Bytes;
            }

            Array.Clear(taken, 0, count);
            if (bytes == 0)
                ReleaseInFlight(); // skipped, all of it
        }
        while (count > 0 && bytes == 0);

        _taken = taken;
        if (bytes > 0)
            _metrics.AddOut(frames, messages, bytes);
        return bytes > 0;
    }

    private void ReleaseInFlight()
    {
        long sent = _inFlight;
        _inFlight = 0;
        if (sent > 0)
            Release(sent);
    }

    private int Take(OutboxEntry[] taken)
    {
        int count = 0;
        long bytes = 0;
        lock (_taking)
        {
            if (_front is { Count: > 0 } front)
            {
                while (count < taken.Length && count < front.Count && bytes < BytesPerWrite)
                {
                    taken[count] = front[count];
                    bytes += taken[count++].Bytes;
                }

                front.RemoveRange(0, count);
                if (front.Count > 0)
                    return count;
            }

            while (count < taken.Length && bytes < BytesPerWrite && _channel.Reader.TryRead(out taken[count]))
                bytes += taken[count++].Bytes;
        }

        return count;
    }

    /// <summary>Writes an entry and returns how many STOMP frames it was.</summary>
    private int Write(in OutboxEntry entry, ref long bytes, ref int messages)
    {
        switch (entry.Payload)
        {
            case Publication publication when Wanted(entry.Subscription!):
                int published = Write(publication, entry.Subscription!, ref bytes);
                messages += published;
                _stompEntries++;
                return published;
            case Message message when Wanted(entry.Subscription!):
                int single = Write(message, entry.Subscription!, ref bytes);
                messages += single;
                _stompEntries++;
                return single;
            case ReplyFrames replies:
                _output.Write(replies.Bytes);
                bytes += replies.Bytes.Length;
                _stompEntries++;
                return replies.Count;
            case ControlFrame control:
                _output.Write(control.Bytes);
                bytes += control.Bytes.Length;
                _finished |= control.IsLast;
                if (!control.IsLast)
                    Interlocked.Decrement(ref _controlFrames);
                return 0;
            default:
                return 0;
        }
    }

    private bool Wanted(Subscription subscription) => !_skipMessages && !subscription.HasEnded;

    private int Write(Publication publication, Subscription subscription, ref long bytes)
    {
        if (publication.IsUniform && publication.IsShared && publication.TryGetShared(subscription.Prefix, out ReadOnlyMemory<byte> frames))
        {
            bytes += frames.Length;
            if (_isAlone && frames.Length >= WholeFrom)
                _whole = frames; // with the flush, as it is
            else
                _output.Write(frames.Span);
            return publication.Count;
        }

        int written = 0;
        long now = publication.IsUniform ? 0 : _time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (Message message in publication.Messages)
        {
            if (message.HasExpired(now))
            {
                _metrics.AddDropped(DropReasons.Expired, 1);
                continue;
            }

            bytes += FrameEncoder.Write(_output, subscription.Prefix, message.For(subscription.Version), message.IsText);
            written++;
        }

        return written;
    }

    private int Write(Message message, Subscription subscription, ref long bytes)
    {
        AckWindow window = subscription.Window!;
        if (message.ExpiresAt != 0 && message.HasExpired(_time.GetUtcNow().ToUnixTimeMilliseconds()))
        {
            _metrics.AddDropped(DropReasons.Expired, 1);
            window.Unsent(dirty: null);
            return 0;
        }

        bytes += FrameEncoder.WriteToAcknowledge(_output, subscription, message, window.NextSequence());
        return 1;
    }
}
