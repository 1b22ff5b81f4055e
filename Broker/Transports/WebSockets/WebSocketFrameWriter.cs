using System.Buffers.Binary;

namespace Broker.Transports.WebSockets;

/// <summary>
/// Encodes server-to-client frames (RFC 6455, section 5.2): always whole (FIN), never masked (section 5.1), the length in
/// its shortest form.
/// </summary>
internal static class WebSocketFrameWriter
{
    /// <summary>The longest header that <see cref="WriteHeader"/> writes.</summary>
    public const int MaxHeaderLength = 10;

    /// <summary>The longest payload of a control frame (section 5.5).</summary>
    public const int MaxControlPayload = 125;

    /// <summary>The longest reason in a close frame: the control payload less the two bytes of the code.</summary>
    public const int MaxCloseReason = MaxControlPayload - sizeof(ushort);

    /// <summary>The longest frame that <see cref="WriteClose"/> writes.</summary>
    public const int MaxCloseFrame = 2 + MaxControlPayload;

    private const byte Fin = 0x80;
    private const byte Length16 = 126;
    private const byte Length64 = 127;

    /// <summary>Bytes of the header before a payload of that length: 2, 4 or 10.</summary>
    public static int HeaderLength(int payloadLength) =>
        payloadLength < Length16 ? 2 : payloadLength <= ushort.MaxValue ? 4 : MaxHeaderLength;

    /// <summary>Writes a header; returns its length.</summary>
    public static int WriteHeader(Span<byte> destination, int payloadLength, byte opcode)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(payloadLength);
        var length = HeaderLength(payloadLength);
        switch (length)
        {
            case 2:
                destination[1] = (byte)payloadLength;
                break;
            case 4:
                destination[1] = Length16;
                BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)payloadLength);
                break;
            default:
                destination[1] = Length64;
                BinaryPrimitives.WriteUInt64BigEndian(destination[2..], (ulong)payloadLength);
                break;
        }

        destination[0] = (byte)(Fin | opcode);
        return length;
    }

    /// <summary>
    /// Writes a close frame; returns its length. The reason is UTF-8 and is cut on a character's boundary where it is too
    /// long. The code <see cref="WebSocketCloseCode.NoStatus"/>, which must not be on the wire (section 7.4.1), makes it empty.
    /// </summary>
    public static int WriteClose(Span<byte> destination, int code, ReadOnlySpan<byte> reason)
    {
        if (code == WebSocketCloseCode.NoStatus)
            return WriteHeader(destination, 0, WebSocketOpcode.Close);

        var cut = reason.Length;
        if (cut > MaxCloseReason)
        {
            cut = MaxCloseReason;
            while (cut > 0 && (reason[cut] & 0xC0) == 0x80)
                cut--;
        }

        var header = WriteHeader(destination, sizeof(ushort) + cut, WebSocketOpcode.Close);
        BinaryPrimitives.WriteUInt16BigEndian(destination[header..], checked((ushort)code));
        reason[..cut].CopyTo(destination[(header + sizeof(ushort))..]);
        return header + sizeof(ushort) + cut;
    }
}
