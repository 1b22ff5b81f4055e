using System.Buffers;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Broker.Transports.Sockets;

// The socket's side, and the buffer of what was received and not consumed.
internal sealed partial class SocketInput
{
    private int Receive(Span<byte> buffer, out bool wouldBlock)
    {
        wouldBlock = false;
        try
        {
            int received = _socket.Receive(buffer, SocketFlags.None, out SocketError error);
            wouldBlock = error is SocketError.WouldBlock or SocketError.Interrupted or SocketError.TryAgain;
            if (!wouldBlock && error != SocketError.Success)
            {
                _error = new ConnectionResetException("The connection was lost.", new SocketException((int)error));
                return 0;
            }

            return received;
        }
        catch (ObjectDisposedException exception)
        {
            _error = new ConnectionAbortedException("The connection was cut.", exception);
            return 0;
        }
    }

    private void Ask()
    {
        if (_loop is not null && OperatingSystem.IsLinux())
            _loop.Ask(this);
        else
            _ = AskAsync();
    }

    // Without a loop: the framework tells when there is something.
    private async Task AskAsync()
    {
        try
        {
            await _socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Receiving finds it out again.
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(EventLoopBytes);
        Receive(ref buffer, isEnd: true);
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private const int EventLoopBytes = 16 * 1024;

    private void Hold(ReadOnlySequence<byte> rest)
    {
        _held = ArrayPool<byte>.Shared.Rent(Math.Max(SmallestBuffer, (int)rest.Length));
        rest.CopyTo(_held);
        _start = 0;
        _end = (int)rest.Length;
    }

    // For more behind what is held.
    private void Grow()
    {
        if (_start > 0)
        {
            _held.AsSpan(_start, _end - _start).CopyTo(_held);
            (_start, _end) = (0, _end - _start);
        }

        if (_held.Length - _end >= SmallestBuffer / 2)
            return;
        byte[] larger = ArrayPool<byte>.Shared.Rent(_held.Length * 2);
        _held.AsSpan(0, _end).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_held);
        _held = larger;
    }

    private void Drop()
    {
        if (_held.Length > 0)
            ArrayPool<byte>.Shared.Return(_held);
        _held = [];
        _start = _end = 0;
    }
}
