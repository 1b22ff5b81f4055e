using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Authentication;

namespace Comparison.Wire;

/// <summary>A client's WebSocket connection: the upgrade, masked frames out, a server's frames in. One thread, that of its loop.</summary>
internal sealed class WebSocketConnection : IDisposable
{
    public const byte Text = 0x1;
    public const byte Binary = 0x2;
    public const byte Close = 0x8;
    public const byte Ping = 0x9;

    private const byte Pong = 0xA;
    private const byte Final = 0x80;
    private const byte Masked = 0x80;
    private const int MaxHead = 14;

    private readonly EventLoop _loop;
    private readonly Endpoint _endpoint;
    private readonly IWebSocketOwner _owner;
    private readonly ServerFrames _frames;
    private Upgrade? _upgrade;
    private Link? _link;
    private int _slot;
    private uint _mask = (uint)Random.Shared.Next(1, int.MaxValue);
    private bool _isAsked;
    private bool _watchesWriting;

    public WebSocketConnection(EventLoop loop, Endpoint endpoint, IWebSocketOwner owner)
    {
        _loop = loop;
        _endpoint = endpoint;
        _owner = owner;
        _frames = new ServerFrames(this);
    }

    public bool IsUp => _link is not null;

    /// <summary>Bytes that the socket has yet to take.</summary>
    public int Unsent => _link?.Unsent ?? 0;

    /// <summary>Connects, which on one machine takes no time, and asks for the upgrade.</summary>
    public void Open(string? subprotocol)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Connect(_endpoint.Address);
            socket.Blocking = false;
            _upgrade = new Upgrade(_endpoint, subprotocol);
            _link = _endpoint.IsTls ? new TlsLink(socket) : new PlainLink(socket);
            _slot = _loop.Add(this, socket);
        }
        catch (Exception exception) when (IsLoss(exception))
        {
            socket.Dispose();
            _owner.Lost(exception.Message);
            return;
        }

        Ready();
    }

    /// <summary>Receives and sends what there is to be.</summary>
    public void Ready()
    {
        try
        {
            Receive();
            if (IsUp && !_isAsked && _link!.IsOpen)
            {
                _isAsked = true;
                _link.Output.Write(_upgrade!.Request);
            }

            if (Unsent > 0)
                Send();
        }
        catch (Exception exception) when (IsLoss(exception))
        {
            Lose(exception.Message);
        }
    }

    /// <summary>Adds a message, to be sent by <see cref="Flush"/>.</summary>
    public void Write(byte opcode, ReadOnlySpan<byte> payload)
    {
        if (_link is null)
            return;
        Span<byte> frame = _link.Output.Reserve(MaxHead + payload.Length);
        frame[0] = (byte)(Final | opcode);
        int length = 2;
        switch (payload.Length)
        {
            case < 126:
                frame[1] = (byte)(Masked | payload.Length);
                break;
            case <= ushort.MaxValue:
                frame[1] = Masked | 126;
                BinaryPrimitives.WriteUInt16BigEndian(frame[2..], (ushort)payload.Length);
                length += sizeof(ushort);
                break;
            default:
                frame[1] = Masked | 127;
                BinaryPrimitives.WriteInt64BigEndian(frame[2..], payload.Length);
                length += sizeof(long);
                break;
        }

        uint key = NextMask();
        MemoryMarshal.Write(frame[length..], key);
        length += sizeof(uint);
        Masking.Copy(payload, frame[length..], key);
        _link.Output.Commit(length + payload.Length);
    }

    /// <summary>Sends what the socket takes; true when nothing is left. The rest goes when there is room for it.</summary>
    public bool Flush()
    {
        try
        {
            if (IsUp)
                Send();
        }
        catch (Exception exception) when (IsLoss(exception))
        {
            Lose(exception.Message);
        }

        return Unsent == 0;
    }

    public int Read(ReadOnlySpan<byte> payload) => _owner.Read(payload);

    /// <summary>Takes a control frame.</summary>
    public void Control(byte opcode, ReadOnlySpan<byte> payload)
    {
        if (opcode == Ping)
            Write(Pong, payload);
        else if (opcode == Pong)
            _owner.Ponged();
        else if (opcode == Close)
            Lose(payload.Length < 2 ? "closed by the server" : $"closed by the server with {BinaryPrimitives.ReadUInt16BigEndian(payload)}");
    }

    public void Dispose()
    {
        if (_link is not { } link)
            return;
        _link = null;
        _loop.Remove(link.Socket, _slot);
        link.Dispose();
    }

    private void Receive()
    {
        do
        {
            int count = _link!.Receive(_loop.Buffer);
            if (count == Link.WouldBlock)
                return;
            if (count == 0)
                throw new IOException("ended by the server");
            _loop.ReceivedAt = Clock.Now;
            ReadOnlySpan<byte> bytes = _loop.Buffer.AsSpan(0, count);
            if (_upgrade is not null)
            {
                if (!_upgrade.TryFinish(ref bytes))
                    continue;
                _upgrade = null;
                _owner.Upgraded();
            }

            _frames.Feed(bytes);
        }
        while (_link is { HoldsInput: true });
    }

    private void Send()
    {
        if (!_link!.IsOpen)
            return; // what a handshake has to say, it sends by itself
        _link.Flush();
        bool isHeldUp = _link.Unsent > 0;
        if (isHeldUp == _watchesWriting)
            return;
        _watchesWriting = isHeldUp;
        _loop.WatchWriting(_link.Socket, _slot, isHeldUp);
    }

    private void Lose(string why)
    {
        if (!IsUp)
            return;
        Dispose();
        _owner.Lost(why);
    }

    // Xorshift: a mask has to be another one each time, and no more than that here.
    private uint NextMask()
    {
        _mask ^= _mask << 13;
        _mask ^= _mask >> 17;
        return _mask ^= _mask << 5;
    }

    private static bool IsLoss(Exception exception) => exception is IOException or SocketException or AuthenticationException;
}
