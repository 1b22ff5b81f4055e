using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Broker.Configuration;
using Broker.Delivery;
using Broker.Messaging;
using Broker.Transports.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Broker.Transports.WebSockets;

/// <summary>
/// A WebSocket, from the 101 response to the end of the socket, over a pipe: the server's own, or one in memory. Data frames
/// become a stream of bytes; pings are answered; the close handshake is completed, or given up, in <see cref="CloseAsync"/>.
/// </summary>
internal sealed class WebSocketTransport(IDuplexPipe pipe, Action abort, LimitOptions limits, TimeProvider time) : ITransport
{
    private const int BytesPerReceive = 256 * 1024;

    // A peer that still sends is read for longer than a silent one, but not forever.
    private const int LingersAtMost = 5;

    // Who may send only so much is told to wait in between, and not when much too much is here.
    private readonly int _bytesPerReceive = limits.SendsPerSecond > 0 ? BytesPerReceive / 4 : BytesPerReceive;

    private readonly WebSocketFrameReader _reader = new(limits.WebSocketMessageBytes);
    private CloseReason _ended;
    private long _received;
    private bool _peerClosed;
    private byte[] _peerCode = [];
    private volatile bool _lingerOver;

    /// <summary>The outbox that pongs go through.</summary>
    public required Func<Outbox> Outbox { private get; init; }

    /// <summary>The socket below; null where there is none.</summary>
    public Socket? Socket { private get; init; }

    public PipeWriter Output => pipe.Output;

    public int BytesPerWrite => pipe.Output is SocketOutput ? BytesPerReceive : Delivery.Outbox.SmallWrite;

    public long BytesReceived => Volatile.Read(ref _received);

    /// <summary>Return from <see cref="ReceiveAsync"/> at the end of each message, which <see cref="AtEndOfMessage"/> then tells.</summary>
    public bool StopsAtMessages { get; init; }

    public bool AtEndOfMessage { get; private set; }

    /// <summary>Whether the current message, or the one that just ended, is text.</summary>
    public bool IsText => _reader.IsText;

    public void KeepFresh()
    {
        if (Socket is not null)
            UnsentLimit.Set(Socket);
    }

    public void Wake() => pipe.Input.CancelPendingRead();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<CloseReason> ReceiveAsync(ReceiveBuffer buffer)
    {
        int before = buffer.Count;
        AtEndOfMessage = false;
        while (_ended == CloseReason.None)
        {
            ReadResult result;
            try
            {
                ValueTask<ReadResult> read = pipe.Input.ReadAsync();
                if (!read.IsCompleted)
                    buffer.Release();
                result = await read.ConfigureAwait(false);
            }
            catch (Exception exception) when (IsConnectionLoss(exception))
            {
                return _ended = CloseReason.ConnectionLost;
            }

            ReadOnlySequence<byte> bytes = result.Buffer;
            long available = bytes.Length;
            _ended = Decode(ref bytes, buffer, before + _bytesPerReceive);
            Volatile.Write(ref _received, _received + available - bytes.Length);
            bool isLast = result.IsCompleted && bytes.IsEmpty && _ended == CloseReason.None;
            pipe.Input.AdvanceTo(bytes.Start);
            if (isLast)
                _ended = CloseReason.ConnectionLost;
            if (buffer.Count > before || AtEndOfMessage)
                return CloseReason.None; // what came before the end is processed first
            if (result.IsCanceled)
                return CloseReason.None;
        }

        return _ended;
    }

    /// <summary>
    /// Ends the connection: what the outbox owes and <paramref name="last"/> go out, then the peer's end is awaited, so that closing over
    /// unread input does not send a reset that destroys the last frame. Who does not take or end in time is cut. A peer that closed
    /// gets its own code back in place of <paramref name="last"/> (RFC 6455, section 5.5.1).
    /// </summary>
    public async Task CloseAsync(Outbox outbox, CloseReason reason, byte[] last, TimeSpan limit)
    {
        if (reason == CloseReason.ConnectionLost)
        {
            abort();
            await outbox.FinishAsync([], skipMessages: true).ConfigureAwait(false);
            return;
        }

        if (reason == CloseReason.ClientClosed)
            last = WireFrame.Create(WireFrame.Close, _peerCode);
        Task peerEnd = DiscardAsync();
        Task sent = outbox.FinishAsync(last, skipMessages: reason is CloseReason.SlowConsumer or CloseReason.ClientClosed);
        await sent.WaitAsync(limit, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (sent.IsCompletedSuccessfully)
            await LingerAsync(peerEnd, reason == CloseReason.GoingAway ? 1 : LingersAtMost).ConfigureAwait(false);
        if (!sent.IsCompletedSuccessfully || !peerEnd.IsCompleted)
        {
            if (!sent.IsCompletedSuccessfully)
                abort();
            _lingerOver = true; // before the read is woken, or it would go on to the next one
            pipe.Input.CancelPendingRead();
        }

        await sent.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await peerEnd.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task LingerAsync(Task peerEnd, int atMost)
    {
        for (int i = 0; i < atMost && !peerEnd.IsCompleted; i++)
        {
            long before = BytesReceived;
            await peerEnd.WaitAsync(limits.LingerTimeout, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (BytesReceived == before)
                return;
        }
    }

    /// <summary>Reads and forgets until the peer's close frame or the end of its bytes.</summary>
    private async Task DiscardAsync()
    {
        await Task.Yield(); // a peer that sends without end never makes a read wait, and the last bytes must not wait for that
        var nowhere = new Nowhere();
        try
        {
            while (!_peerClosed && !_lingerOver)
            {
                ReadResult result = await pipe.Input.ReadAsync().ConfigureAwait(false);
                ReadOnlySequence<byte> bytes = result.Buffer;
                long available = bytes.Length;
                while (!bytes.IsEmpty && !_peerClosed)
                {
                    WebSocketRead read = _reader.Read(ref bytes, nowhere, int.MaxValue);
                    if (read == WebSocketRead.Error)
                        bytes = bytes.Slice(bytes.End); // after a violation there are no frames to tell apart
                    _peerClosed |= read == WebSocketRead.Close;
                }

                Volatile.Write(ref _received, _received + available);
                pipe.Input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                    return;
            }
        }
        catch (Exception exception) when (IsConnectionLoss(exception))
        {
            return;
        }
    }

    private CloseReason Decode(ref ReadOnlySequence<byte> bytes, ReceiveBuffer buffer, int upTo)
    {
        while (!bytes.IsEmpty && buffer.Count < upTo)
        {
            switch (_reader.Read(ref bytes, buffer, upTo - buffer.Count))
            {
                case WebSocketRead.NeedMore or WebSocketRead.Data:
                    return CloseReason.None;
                case WebSocketRead.EndOfMessage when StopsAtMessages:
                    AtEndOfMessage = true;
                    return CloseReason.None;
                case WebSocketRead.Ping:
                    Outbox().EnqueuePong(_reader.Control.ToArray());
                    break;
                case WebSocketRead.Close:
                    _peerClosed = true;
                    _peerCode = _reader.Control[..Math.Min(_reader.Control.Length, sizeof(ushort))].ToArray();
                    return CloseReason.ClientClosed;
                case WebSocketRead.Error:
                    return _reader.Error switch
                    {
                        WebSocketError.BadUtf8 => CloseReason.BadUtf8,
                        WebSocketError.MessageTooLarge => CloseReason.WebSocketMessageTooLarge,
                        _ => CloseReason.WebSocketViolation,
                    };
            }
        }

        return CloseReason.None;
    }

    private static bool IsConnectionLoss(Exception exception) =>
        exception is ConnectionResetException or ConnectionAbortedException or IOException or OperationCanceledException or ObjectDisposedException;

    private sealed class Nowhere : IBufferWriter<byte>
    {
        private readonly byte[] _bytes = new byte[4096];

        public void Advance(int count)
        {
        }

        public Memory<byte> GetMemory(int sizeHint = 0) => _bytes;

        public Span<byte> GetSpan(int sizeHint = 0) => _bytes;
    }
}
