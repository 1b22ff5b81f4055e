using System.Buffers.Binary;

namespace Comparison.Wire;

/// <summary>
/// Takes a server's WebSocket frames (RFC 6455, section 5.2) apart. A protocol frame that is whole in what was received is read where it lies; one
/// that is cut waits in a buffer for its rest, and only its rest is copied.
/// </summary>
internal sealed class ServerFrames(WebSocketConnection connection)
{
    private const int MaxHead = 10;
    private const int FirstPiece = 512;

    private readonly ByteBuffer _cut = new();
    private readonly byte[] _head = new byte[MaxHead];
    private readonly ByteBuffer _control = new();
    private int _headLength;
    private long _left;
    private byte _opcode;

    private bool IsControl => _opcode >= WebSocketConnection.Close;

    public void Feed(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && connection.IsUp)
        {
            if (_left == 0 && !TryReadHead(ref bytes))
                return;
            int count = (int)Math.Min(_left, bytes.Length);
            ReadOnlySpan<byte> payload = bytes[..count];
            bytes = bytes[count..];
            _left -= count;
            if (!IsControl)
                Deliver(payload);
            else if (Collect(payload))
                connection.Control(_opcode, _control.Written);
        }
    }

    private bool Collect(ReadOnlySpan<byte> payload)
    {
        _control.Write(payload);
        return _left == 0;
    }

    private bool TryReadHead(ref ReadOnlySpan<byte> bytes)
    {
        if (_headLength == 0 && bytes.Length >= MaxHead)
        {
            bytes = bytes[Begin(bytes)..];
            return true;
        }

        while (!bytes.IsEmpty)
        {
            _head[_headLength++] = bytes[0];
            bytes = bytes[1..];
            if (_headLength < 2 || _headLength < HeadLength(_head))
                continue;
            Begin(_head);
            _headLength = 0;
            if (_left > 0 || !IsControl)
                return true;
            connection.Control(_opcode, []); // nothing will follow that brings it up
        }

        return false;
    }

    private static int HeadLength(ReadOnlySpan<byte> head) => (head[1] & 0x7F) switch { 126 => 4, 127 => 10, _ => 2 };

    private int Begin(ReadOnlySpan<byte> head)
    {
        if ((head[0] & 0x70) != 0 || (head[1] & 0x80) != 0)
            throw new IOException("A frame of the server has reserved bits or a mask.");
        _opcode = (byte)(head[0] & 0xF);
        _left = (head[1] & 0x7F) switch
        {
            126 => BinaryPrimitives.ReadUInt16BigEndian(head[2..]),
            127 => BinaryPrimitives.ReadInt64BigEndian(head[2..]),
            int length => length,
        };
        _control.Clear();
        return HeadLength(head);
    }

    private void Deliver(ReadOnlySpan<byte> payload)
    {
        // What is cut grows piece by piece until it is whole; what lies behind it is read in place again.
        while (!_cut.IsEmpty && !payload.IsEmpty)
        {
            int before = _cut.Length;
            int piece = Math.Min(payload.Length, Math.Max(FirstPiece, before));
            _cut.Write(payload[..piece]);
            int read = connection.Read(_cut.Written);
            if (read <= before)
            {
                _cut.Consume(read);
                payload = payload[piece..];
            }
            else
            {
                _cut.Clear();
                payload = payload[(read - before)..];
            }
        }

        if (payload.IsEmpty)
            return;
        int whole = connection.Read(payload);
        if (whole < payload.Length)
            _cut.Write(payload[whole..]);
    }
}
