using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;
using Microsoft.AspNetCore.Connections;

namespace Broker.Transports.Sockets;

/// <summary>
/// The input of a connection straight from its socket. A read that waits is completed by the <see cref="EventLoop"/> that saw the bytes come, on its
/// thread; elsewhere than on Linux by the framework's. Bytes are received into a buffer that is lent for the time of that call: what was not
/// consumed when it is over is copied, or, if the reader still looks at it, the buffer is the reader's from then on. So an idle
/// connection holds no memory. One reader at a time; <see cref="CancelPendingRead"/> is thread-safe.
/// </summary>
internal sealed partial class SocketInput : PipeReader, IValueTaskSource<ReadResult>
{
    private const int SmallestBuffer = 1024;

    private readonly Socket _socket;
    private readonly Action _ended;
    private readonly EventLoop? _loop;
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<ReadResult> _read;
    private CancellationTokenRegistration _cancellation;
    private ReadOnlySequence<byte> _given;
    private byte[] _held = []; // rented, while it holds something
    private byte[]? _lent;
    private Exception? _error;
    private Exception? _cancelledBy;
    private int _start;
    private int _end;
    private int _slot;
    private int _lease;
    private int _leases;
    private Wait _wait;
    private bool _isReadable;
    private bool _isEnding;
    private bool _isAtEnd;
    private bool _isExamined = true;
    private bool _isCancelled;
    private bool _isCompleted;

    /// <param name="socket">The socket, which does not block.</param>
    /// <param name="loop">Who tells of what comes; null: the framework.</param>
    /// <param name="ended">Called once the peer's end was read, or the loss of the connection.</param>
    public SocketInput(Socket socket, EventLoop? loop, Action ended)
    {
        _socket = socket;
        _loop = loop;
        _ended = ended;
    }

    private enum Wait : byte
    {
        /// <summary>Nobody waits.</summary>
        None,

        /// <summary>The reader waits.</summary>
        Reader,

        /// <summary>The reader waits, and somebody is receiving for it.</summary>
        Receiver,
    }

    /// <summary>Ends reading, now and for ever: the socket is about to be closed, of which it would not be told. Thread-safe.</summary>
    public void Abort()
    {
        lock (_gate)
        {
            _isAtEnd = true;
            _error ??= new ConnectionAbortedException("The connection was cut.");
        }

        CancelRead(_error);
    }

    /// <summary>While it is set, who read before ends and does not complete it: another one goes on.</summary>
    public bool IsHandedOver { get; set; }

    /// <summary>From here on what comes is known. To be called once, before the first read.</summary>
    public void Start()
    {
        _isReadable = _loop is null; // the first read asks
        if (_loop is not null && OperatingSystem.IsLinux())
            _slot = _loop.Add(this, _socket);
    }

    /// <summary>To be called once the socket is closed.</summary>
    public void Stop()
    {
        if (_loop is not null && OperatingSystem.IsLinux())
            _loop.Remove(_slot);
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        bool ask;
        lock (_gate)
        {
            if (TryTake(out ReadResult result))
                return new(result);
            if (_wait != Wait.None)
                throw new InvalidOperationException("A read is pending.");
            _read.Reset();
            if (cancellationToken.CanBeCanceled)
                _cancellation = cancellationToken.UnsafeRegister(static (input, token) => ((SocketInput)input!).CancelRead(new OperationCanceledException(token)), this);
            _wait = Wait.Reader;
            ask = _isReadable;
        }

        short version = _read.Version;
        if (cancellationToken.IsCancellationRequested)
            CancelRead(new OperationCanceledException(cancellationToken)); // the registration may have come before the wait
        else if (ask)
            Ask();
        return new(this, version);
    }

    public override bool TryRead(out ReadResult result)
    {
        lock (_gate)
            return TryTake(out result);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        int used = (int)_given.GetOffset(consumed) - (int)_given.GetOffset(_given.Start);
        int looked = (int)_given.GetOffset(examined) - (int)_given.GetOffset(_given.Start);
        int length = (int)_given.Length;
        _isExamined = looked == length;
        if (_lent is { } lent)
        {
            if (used < length)
                Hold(_given.Slice(used));
            _lent = null;
            if ((Interlocked.Exchange(ref _lease, Returned) & Kept) != 0)
                ArrayPool<byte>.Shared.Return(lent);
        }
        else
        {
            _start += used;
            if (_start == _end)
                Drop();
        }

        _given = default;
    }

    public override void CancelPendingRead() => CancelRead(null);

    public override void Complete(Exception? exception = null)
    {
        if (_isCompleted || IsHandedOver)
            return;
        _isCompleted = true;
        if (_lent is not null)
            AdvanceTo(_given.End);
        Drop();
    }

    /// <summary>Receives what there is for a reader that waits. By one thread at a time; the buffer is another one afterwards where the reader has kept it.</summary>
    public void Receive(ref byte[] buffer, bool isEnd)
    {
        lock (_gate)
        {
            _isReadable = true;
            _isEnding |= isEnd;
            if (_wait != Wait.Reader)
                return;
            _wait = Wait.Receiver;
        }

        bool isHeld = _end > 0;
        if (isHeld)
            Grow();
        int room = isHeld ? _held.Length - _end : buffer.Length;
        int received = Receive(isHeld ? _held.AsSpan(_end) : buffer, out bool wouldBlock);
        if (wouldBlock && GoesOnWaiting())
            return;
        if (received > 0 && isHeld)
            _end += received;
        int lease = Returned;
        ReadResult result;
        lock (_gate)
        {
            _isReadable = !wouldBlock && (received == room || _isEnding); // a short read took all there was
            if (received > 0)
            {
                _isExamined = false;
            }
            else if (!wouldBlock)
            {
                _isAtEnd = true;
            }

            if (received > 0 && !isHeld)
            {
                _lent = buffer;
                lease = ++_leases << 2;
                _lease = lease | Lent;
                _given = new ReadOnlySequence<byte>(buffer, 0, received);
            }
            else
            {
                _given = new ReadOnlySequence<byte>(_held, _start, _end - _start);
            }

            result = new ReadResult(_given, _isCancelled, _isAtEnd);
            _isCancelled = false;
            _wait = Wait.None;
        }

        if (_isAtEnd)
            _ended();
        Exception? error = received > 0 ? null : _isAtEnd ? _error : wouldBlock ? _cancelledBy : null;
        _cancelledBy = null;
        EndCancellation();
        if (error is not null)
            _read.SetException(error);
        else
            _read.SetResult(result);
        if (lease != Returned && Interlocked.CompareExchange(ref _lease, lease | Kept, lease | Lent) == (lease | Lent))
            buffer = ArrayPool<byte>.Shared.Rent(buffer.Length);
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token) => _read.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _read.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _read.OnCompleted(continuation, state, token, flags);

    // What a lent buffer's state is: only while it is lent do both sides know of it. In front stands which lease it is.
    private const int Returned = 0;
    private const int Lent = 1;
    private const int Kept = 2;

    private bool TryTake(out ReadResult result)
    {
        if (_isCompleted)
            throw new InvalidOperationException("Reading is not allowed after the reader was completed.");
        if (_isCancelled || _isAtEnd || !_isExamined)
        {
            if (_error is not null && !_isCancelled)
                throw _error;
            _given = _end > 0 ? new ReadOnlySequence<byte>(_held, _start, _end - _start) : ReadOnlySequence<byte>.Empty;
            result = new ReadResult(_given, _isCancelled, _isAtEnd);
            _isCancelled = false;
            return true;
        }

        result = default;
        return false;
    }

    private void CancelRead(Exception? exception)
    {
        lock (_gate)
        {
            if (_wait != Wait.Reader)
            {
                _isCancelled |= exception is null; // the read at hand, or the next one
                _cancelledBy = _wait == Wait.Receiver ? exception : null;
                return;
            }

            _wait = Wait.None;
            if (exception is null)
                _given = _end > 0 ? new ReadOnlySequence<byte>(_held, _start, _end - _start) : ReadOnlySequence<byte>.Empty;
        }

        // On another thread: the caller may hold what the reader's code takes.
        ThreadPool.UnsafeQueueUserWorkItem(
            static cancelled =>
            {
                SocketInput input = cancelled.Input;
                input.EndCancellation();
                if (cancelled.Exception is not null)
                    input._read.SetException(cancelled.Exception);
                else
                    input._read.SetResult(new ReadResult(input._given, isCanceled: true, input._isAtEnd));
            },
            (Input: this, Exception: exception),
            preferLocal: false);
    }

    private void EndCancellation()
    {
        _cancellation.Unregister();
        _cancellation = default;
    }

    private bool GoesOnWaiting()
    {
        lock (_gate)
        {
            _isReadable = false;
            if (_isCancelled || _isAtEnd || _cancelledBy is not null)
                return false;
            _wait = Wait.Reader;
        }

        if (_loop is null)
            Ask();
        return true;
    }
}
