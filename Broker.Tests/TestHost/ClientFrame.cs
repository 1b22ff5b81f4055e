using System.Buffers.Binary;

namespace Broker.Tests.TestHost;

/// <summary>A plain encoder of client-to-server frames (RFC 6455, section 5.2), which encodes every wrong thing too.</summary>
internal static class ClientFrame
{
    public const byte Continuation = 0x0;
    public const byte Text = 0x1;
    public const byte Binary = 0x2;
    public const byte Close = 0x8;
    public const byte Ping = 0x9;
    public const byte Pong = 0xA;

    public const uint DefaultKey = 0x37FA213D;

    /// <summary>
    /// One frame. <paramref name="announcedLength"/> is the length in the header when it is not the payload's,
    /// <paramref name="lengthBytes"/> its 0, 2 or 8 extended bytes when they are not as few as do.
    /// </summary>
    public static byte[] Encode(
        byte opcode,
        ReadOnlySpan<byte> payload,
        bool fin = true,
        int rsv = 0,
        bool masked = true,
        long? announcedLength = null,
        int? lengthBytes = null,
        uint key = DefaultKey)
    {
        var length = announcedLength ?? payload.Length;
        var extended = lengthBytes ?? (length is >= 0 and < 126 ? 0 : length is >= 0 and <= ushort.MaxValue ? 2 : 8);
        var frame = new List<byte>(14 + payload.Length)
        {
            (byte)((fin ? 0x80 : 0) | (rsv << 4) | opcode),
            (byte)((masked ? 0x80 : 0) | (extended switch { 0 => (int)length, 2 => 126, _ => 127 })),
        };

        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(number, length);
        frame.AddRange(number[(8 - extended)..]);
        BinaryPrimitives.WriteUInt32BigEndian(number, masked ? key : 0);
        if (masked)
            frame.AddRange(number[..4]);
        for (var i = 0; i < payload.Length; i++)
            frame.Add((byte)(payload[i] ^ number[i % 4]));
        return [.. frame];
    }

    /// <summary>The payload of a close frame.</summary>
    public static byte[] CloseBody(int code, ReadOnlySpan<byte> reason = default) =>
        [(byte)(code >> 8), (byte)code, .. reason];
}
