using System.Net.Sockets;

namespace Comparison.Wire;

/// <summary>Bytes to and from a server without ever waiting for it.</summary>
internal abstract class Link(Socket socket) : IDisposable
{
    public const int WouldBlock = -1;

    public Socket Socket { get; } = socket;

    /// <summary>True once bytes can be sent.</summary>
    public abstract bool IsOpen { get; }

    /// <summary>True when it may hold bytes that the socket does not tell of.</summary>
    public abstract bool HoldsInput { get; }

    /// <summary>What is to be sent.</summary>
    public ByteBuffer Output { get; } = new();

    /// <summary>Bytes that the socket has not taken.</summary>
    public abstract int Unsent { get; }

    /// <summary>Receives some bytes and returns their number: zero at the end, <see cref="WouldBlock"/> when there are none yet.</summary>
    public abstract int Receive(byte[] buffer);

    /// <summary>Sends what the socket takes.</summary>
    public abstract void Flush();

    /// <summary>Ends with a reset: thousands of connections one after the other would else use up the ports of this machine.</summary>
    public virtual void Dispose()
    {
        Socket.LingerState = new LingerOption(enable: true, seconds: 0);
        Socket.Dispose();
    }

    protected static int Receive(Socket socket, Span<byte> buffer)
    {
        int count = socket.Receive(buffer, SocketFlags.None, out SocketError error);
        return error switch
        {
            SocketError.Success => count,
            SocketError.WouldBlock => WouldBlock,
            _ => throw new SocketException((int)error),
        };
    }

    protected static void Send(Socket socket, ByteBuffer bytes)
    {
        while (!bytes.IsEmpty)
        {
            int count = socket.Send(bytes.Written, SocketFlags.None, out SocketError error);
            if (error == SocketError.WouldBlock)
                return;
            if (error != SocketError.Success)
                throw new SocketException((int)error);
            bytes.Consume(count);
        }
    }
}

/// <summary>The socket as it is.</summary>
internal sealed class PlainLink(Socket socket) : Link(socket)
{
    public override bool IsOpen => true;

    public override bool HoldsInput => false;

    public override int Unsent => Output.Length;

    public override int Receive(byte[] buffer) => Receive(Socket, buffer);

    public override void Flush() => Send(Socket, Output);
}
