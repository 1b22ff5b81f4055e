using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;

namespace Broker.Transports.Sockets;

/// <summary>
/// The output of a connection straight into its socket. A flush sends at once, on the caller's thread, and goes asynchronous only
/// when the kernel's buffer is full; a server's own pipe wakes another thread for each flush and copies once more. Holds no
/// memory while it is empty. One writer at a time; a flush is awaited before the next write, as <see cref="PipeWriter"/> asks.
/// </summary>
internal sealed class SocketOutput : PipeWriter
{
    private const int SmallestBuffer = 4096;

    // A wait for the kernel ends when all of what it was for is taken: in slices a slow peer is seen to move.
    private const int Slice = 32 * 1024;

    private readonly Socket _socket;
    private readonly Lock _gate = new();
    private byte[] _buffer = [];
    private int _length;
    private int _sent;
    private bool _completed;
    private volatile bool _lost;
    private bool _cancelled;
    private Task _sending = Task.CompletedTask;
    private TaskCompletionSource<FlushResult>? _pending;

    public SocketOutput(Socket socket)
    {
        _socket = socket;
        _socket.Blocking = false; // else a send into a full buffer would wait, and the thread with it
    }

    public override bool CanGetUnflushedBytes => true;

    /// <summary>What the kernel has not taken yet. Any thread may look.</summary>
    public override long UnflushedBytes => Volatile.Read(ref _length) - Volatile.Read(ref _sent);

    /// <summary>
    /// Set for a WebSocket: that the peer has ended its own sending does not end the connection, for what it is owed, an ERROR
    /// perhaps, still goes out. The server would cut it.
    /// </summary>
    public bool OutlivesInput { get; set; }

    /// <summary>While it is set, who wrote before ends and does not complete it: another one goes on.</summary>
    public bool IsHandedOver { get; set; }

    /// <summary>Ends when nothing more is on its way to the socket.</summary>
    public Task Sending => _sending;

    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, _buffer.Length - _length);
        _length += bytes;
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _buffer.AsMemory(_length);
    }

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _buffer.AsSpan(_length);
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (_cancelled)
        {
            _cancelled = false;
            return new(new FlushResult(isCanceled: true, isCompleted: _lost));
        }

        if (_length == 0)
            return new(new FlushResult(isCanceled: false, isCompleted: _lost));
        int sent = TrySend(_buffer.AsSpan(0, _length));
        if (sent == _length || _lost)
        {
            Release();
            return new(new FlushResult(isCanceled: false, isCompleted: _lost));
        }

        return SendRestAsync(sent);
    }

    /// <summary>Bytes that exist as they are leave without a copy; what the kernel does not take is copied and sent later.</summary>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        if (_length > 0 || _cancelled)
        {
            this.Write(source.Span);
            return FlushAsync(cancellationToken);
        }

        int sent = TrySend(source.Span);
        if (sent == source.Length || _lost)
            return new(new FlushResult(isCanceled: false, isCompleted: _lost));
        this.Write(source.Span[sent..]);
        return SendRestAsync(0);
    }

    public override void CancelPendingFlush()
    {
        TaskCompletionSource<FlushResult>? pending;
        lock (_gate)
        {
            pending = _pending;
            _pending = null;
            _cancelled = pending is null;
        }

        pending?.TrySetResult(new FlushResult(isCanceled: true, isCompleted: _lost));
    }

    public override void Complete(Exception? exception = null)
    {
        if (_completed || IsHandedOver)
            return;
        _completed = true;
        if (_sending.IsCompleted)
        {
            // What was written and not flushed goes out too, as with any pipe.
            int sent = exception is null && _length > 0 ? TrySend(_buffer.AsSpan(0, _length)) : _length;
            if (sent < _length && !_lost)
                SendRestAsync(sent).AsTask();
            else
                Release();
        }
    }

    private void Reserve(int sizeHint)
    {
        int wanted = Math.Max(sizeHint, 1);
        if (_buffer.Length - _length >= wanted)
            return;
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(Math.Max(SmallestBuffer, _buffer.Length * 2), _length + wanted));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    private void Release()
    {
        _length = _sent = 0;
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private int TrySend(ReadOnlySpan<byte> bytes)
    {
        if (_lost)
            return 0;
        try
        {
            int sent = _socket.Send(bytes, SocketFlags.None, out SocketError error);
            if (error is not (SocketError.Success or SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable))
                _lost = true;
            return sent;
        }
        catch (ObjectDisposedException)
        {
            _lost = true;
            return 0;
        }
    }

    private ValueTask<FlushResult> SendRestAsync(int from)
    {
        var pending = new TaskCompletionSource<FlushResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
            _pending = pending;
        _sending = SendAsync(from);
        return new(pending.Task);
    }

    private async Task SendAsync(int from)
    {
        try
        {
            while (from < _length)
            {
                from += await _socket.SendAsync(_buffer.AsMemory(from, Math.Min(Slice, _length - from)), SocketFlags.None).ConfigureAwait(false);
                Volatile.Write(ref _sent, from);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            _lost = true;
        }

        Release();
        TaskCompletionSource<FlushResult>? pending;
        lock (_gate)
        {
            pending = _pending;
            _pending = null;
        }

        pending?.TrySetResult(new FlushResult(isCanceled: false, isCompleted: _lost));
    }
}
