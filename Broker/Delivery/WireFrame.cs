using System.Buffers;
using System.Buffers.Binary;

namespace Broker.Delivery;

/// <summary>The header of a server's WebSocket frame: final, unmasked (RFC 6455 5.2).</summary>
internal static class WireFrame
{
    public const int MaxHeaderLength = 10;
    public const byte Text = 0x1;
    public const byte Binary = 0x2;
    public const byte Close = 0x8;
    public const byte Ping = 0x9;
    public const byte Pong = 0xA;

    private const byte Final = 0x80;

    public static int WriteHeader(Span<byte> destination, byte opcode, int payloadLength)
    {
        destination[0] = (byte)(Final | opcode);
        switch (payloadLength)
        {
            case < 126:
                destination[1] = (byte)payloadLength;
                return 2;
            case <= ushort.MaxValue:
                destination[1] = 126;
                BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)payloadLength);
                return 4;
            default:
                destination[1] = 127;
                BinaryPrimitives.WriteUInt64BigEndian(destination[2..], (ulong)payloadLength);
                return 10;
        }
    }

    /// <summary>Reads such a header back; false while it is incomplete.</summary>
    public static bool TryReadLength(ref SequenceReader<byte> reader, out long payloadLength)
    {
        payloadLength = 0;
        if (!reader.TryRead(out _) || !reader.TryRead(out byte length))
            return false;
        if (length < 126)
        {
            payloadLength = length;
            return true;
        }

        if (length == 126)
        {
            if (!reader.TryReadBigEndian(out short two))
                return false;
            payloadLength = (ushort)two;
            return true;
        }

        return reader.TryReadBigEndian(out payloadLength);
    }

    /// <summary>What the first of some frames is, for a log: a STOMP command, or the kind of frame.</summary>
    public static string Describe(ReadOnlySpan<byte> frames)
    {
        if (frames.IsEmpty)
            return "nothing";
        int start = (frames[1] & 0x7F) switch { 126 => 4, 127 => 10, _ => 2 };
        int line = frames[start..].IndexOf((byte)'\n');
        return (frames[0] & 0xF) switch
        {
            Close => "close",
            Ping => "ping",
            Pong => "pong",
            _ => line > 0 ? System.Text.Encoding.ASCII.GetString(frames.Slice(start, line)) : "heart-beat",
        };
    }

    /// <summary>A whole frame as an array.</summary>
    public static byte[] Create(byte opcode, ReadOnlySpan<byte> payload)
    {
        Span<byte> header = stackalloc byte[MaxHeaderLength];
        int length = WriteHeader(header, opcode, payload.Length);
        byte[] frame = new byte[length + payload.Length];
        header[..length].CopyTo(frame);
        payload.CopyTo(frame.AsSpan(length));
        return frame;
    }
}
