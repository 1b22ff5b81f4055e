using System.Buffers;
using System.IO.Pipelines;
using Broker.Diagnostics;
using Broker.Messaging;

namespace Broker.Delivery;

internal sealed partial class Outbox
{
    private const int Dirty = 1;
    private const int Draining = 2;
    private const int EntriesPerWrite = 256;

    // From here on a copy costs more than a write of its own.
    private const int WholeFrom = 4 * 1024;

    [ThreadStatic]
    private static OutboxEntry[]? _taken;

    [ThreadStatic]
    private static Message[]? _pulled;

    private ReadOnlyMemory<byte> _whole; // frames that leave as they are, in slices
    private long _stompEntries;
    private long _inFlight;
    private long _asideInFlight;
    private long _movedAt;
    private long _unflushed;
    private int _state;
    private bool _isAlone;
    private volatile bool _flushPending;
    private volatile bool _skipMessages;
    private volatile bool _finished;

    /// <summary>Sends what waits, unless somebody is at it or there is nothing. Returns without waiting for the socket.</summary>
    public void Drain()
    {
        if (Interlocked.CompareExchange(ref _state, Draining, Dirty) == Dirty)
            Run();
    }

    private void Run()
    {
        try
        {
            do
            {
                while (TryWriteSome())
                {
                    ValueTask<FlushResult> flush = FlushAsync();
                    if (!flush.IsCompletedSuccessfully)
                    {
                        _unflushed = _output.CanGetUnflushedBytes ? _output.UnflushedBytes : 0;
                        Volatile.Write(ref _movedAt, _time.GetTimestamp());
                        _flushPending = true;
                        _ = GoOnAfterAsync(flush);
                        return;
                    }

                    Written(flush.Result);
                }

                _admitted = null;
            }
            while (Interlocked.CompareExchange(ref _state, 0, Draining) != Draining && TakeDirty());
        }
        catch (Exception exception)
        {
            // A fault while encoding must end this connection alone, whoever's thread this is.
            Lost();
            _owner.Fault(exception);
            ReleaseInFlight();
            Volatile.Write(ref _state, 0);
        }

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
            ReadOnlyMemory<byte> slice = _whole.Length <= _bytesPerWrite ? _whole : _whole[.._bytesPerWrite];
            _whole = _whole[slice.Length..];
            return _output.WriteAsync(slice);
        }
        catch (Exception exception) when (IsConnectionLoss(exception))
        {
            return new ValueTask<FlushResult>(Gone);
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
            result = Gone;
        }

        _flushPending = false;
        Written(result);
        Run();
    }

    private void Written(FlushResult result)
    {
        if (result.IsCompleted)
            Lost();
        if (_whole.IsEmpty)
            ReleaseInFlight();
    }

    private void Lost()
    {
        _finished = true;
        _whole = default;
        _owner.ConnectionLost();
    }

    private static FlushResult Gone => new(isCanceled: false, isCompleted: true);

    private static bool IsConnectionLoss(Exception exception) =>
        exception is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException;

    /// <summary>Writes some entries into the transport's buffer; false when there is nothing to flush.</summary>
    private bool TryWriteSome()
    {
        if (!_whole.IsEmpty)
            return true;
        OutboxEntry[] taken = _taken ?? new OutboxEntry[EntriesPerWrite];
        _taken = null; // making the buffer larger may run other code on this thread
        int frames = 0;
        int messages = 0;
        long bytes = 0;
        int count;
        do
        {
            count = _queue.Take(taken, _bytesPerWrite);
            _isAlone = count == 1;
            for (int i = 0; i < count; i++)
            {
                _inFlight += taken[i].Bytes;
                if (taken[i].IsSnapshot)
                    _asideInFlight += taken[i].Bytes;
                if (!_finished)
                    frames += Write(taken[i], ref bytes, ref messages);
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
        long sent = _inFlight - _asideInFlight, aside = _asideInFlight;
        _inFlight = _asideInFlight = 0;
        if (aside > 0)
            ReleaseAside(aside);
        if (sent > 0)
            Release(sent);
    }

    /// <summary>Writes an entry and returns how many STOMP frames it was.</summary>
    private int Write(in OutboxEntry entry, ref long bytes, ref int messages)
    {
        int frames = 0;
        long before = bytes;
        switch (entry.Payload)
        {
            case Publication publication when Wanted(entry.Subscription!):
                messages += frames = Write(publication, entry.First, entry.Subscription!, ref bytes);
                break;
            case Message message when Wanted(entry.Subscription!):
                messages += frames = Write(message, entry.Subscription!, ref bytes);
                break;
            case PendingPull when Wanted(entry.Subscription!):
                messages += frames = Pull(entry.Subscription!, ref bytes);
                if (frames == 0)
                    return 0;
                break;
            case ReplyFrames replies:
                bytes += WriteBytes(replies.Bytes);
                frames = replies.Count;
                break;
            case ControlFrame control:
                bytes += WriteBytes(control.Bytes);
                _finished |= control.IsLast;
                if (_owner.IsTracing)
                    _owner.TraceSent(WireFrame.Describe(control.Bytes), 1, control.Bytes.Length);
                return 0;
            case PendingPong:
                bytes += WriteBytes(WireFrame.Create(WireFrame.Pong, Interlocked.Exchange(ref _pong, null)));
                return 0;
            default:
                return 0;
        }

        _stompEntries++;
        if (_owner.IsTracing)
            _owner.TraceSent(entry.Payload is ReplyFrames told ? WireFrame.Describe(told.Bytes) : "MESSAGE", frames, bytes - before);
        return frames;
    }

    private int WriteBytes(byte[] bytes)
    {
        _output.Write(bytes);
        return bytes.Length;
    }

    private bool Wanted(Subscription subscription) => !_skipMessages && !subscription.HasEnded;

    private int Write(Publication publication, int first, Subscription subscription, ref long bytes)
    {
        // A large one is encoded whole even for one receiver, so that it can leave in slices: a slow socket is seen to move.
        bool isLarge = publication.MessageBytes > _bytesPerWrite && _isAlone;
        if (first == 0 && publication.IsUniform && (publication.IsShared || isLarge) && publication.TryGetShared(subscription.Prefix, out ReadOnlyMemory<byte> frames))
        {
            bytes += frames.Length;
            if (_isAlone && frames.Length >= WholeFrom)
                _whole = frames;
            else
                _output.Write(frames.Span);
            return publication.Count;
        }

        if (isLarge)
        {
            var buffer = new ArrayBufferWriter<byte>(subscription.SizeOf(publication));
            int large = Write(buffer, publication, first, subscription, ref bytes);
            _whole = buffer.WrittenMemory;
            return large;
        }

        return Write(_output, publication, first, subscription, ref bytes);
    }

    private int Write(IBufferWriter<byte> output, Publication publication, int first, Subscription subscription, ref long bytes)
    {
        if (publication.IsUniform && first == 0)
        {
            Span<byte> frames = output.GetSpan(subscription.SizeOf(publication));
            int length = FrameEncoder.Write(frames, subscription.Prefix, publication.Messages);
            output.Advance(length);
            bytes += length;
            return publication.Count;
        }

        int written = 0;
        long now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (Message message in publication.Messages[first..])
        {
            if (message.HasExpired(now))
            {
                _metrics.AddDropped(DropReasons.Expired, 1);
                continue;
            }

            bytes += FrameEncoder.Write(output, subscription.Prefix, message.Lead, message.For(subscription.Version), message.IsText);
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

        if (message.Length > _bytesPerWrite && _isAlone)
        {
            var buffer = new ArrayBufferWriter<byte>(subscription.SizeOf(message));
            bytes += FrameEncoder.WriteToAcknowledge(buffer, subscription, message, window.NextSequence());
            _whole = buffer.WrittenMemory;
        }
        else
        {
            bytes += FrameEncoder.WriteToAcknowledge(_output, subscription, message, window.NextSequence());
        }

        return 1;
    }

    /// <summary>Writes some of what waits at its subscription.</summary>
    private int Pull(Subscription subscription, ref long bytes)
    {
        Message[] pulled = _pulled ?? new Message[EntriesPerWrite];
        _pulled = null; // making the buffer larger may run other code on this thread
        int count = subscription.Pull(pulled, _bytesPerWrite, out long reserved, out bool isAside);
        _inFlight += reserved;
        _asideInFlight += isAside ? reserved : 0;
        int written = 0;
        for (int i = 0; i < count; i++)
            written += WritePulled(pulled[i], subscription, ref bytes);
        Array.Clear(pulled, 0, count);
        _pulled = pulled;
        return written;
    }

    private int WritePulled(Message message, Subscription subscription, ref long bytes)
    {
        if (subscription.Window is not null)
            return Write(message, subscription, ref bytes);
        if (message.ExpiresAt != 0 && message.HasExpired(_time.GetUtcNow().ToUnixTimeMilliseconds()))
        {
            _metrics.AddDropped(DropReasons.Expired, 1);
            return 0;
        }

        // A large one is the last that was pulled.
        ArrayBufferWriter<byte>? large = message.Length > _bytesPerWrite && _isAlone ? new(subscription.SizeOf(message)) : null;
        bytes += FrameEncoder.Write(large ?? (IBufferWriter<byte>)_output, subscription.Prefix, message.Lead, message.For(subscription.Version), message.IsText);
        if (large is not null)
            _whole = large.WrittenMemory;
        return 1;
    }
}
