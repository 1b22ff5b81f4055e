using Broker.Stomp;

namespace Broker.Messaging;

/// <summary>
/// One published message, immutable: everything of its MESSAGE frame that all subscribers share, as the bytes of STOMP 1.2:
/// <code>message-id:ID LF *( header LF ) LF body NUL</code>
/// What differs per subscriber (command, <c>subscription</c>, <c>ack</c>) goes in front of it.
/// </summary>
internal sealed class Message(byte[] bytes, int idLineLength, int bodyOffset, bool isText, bool hasEscapes, long expiresAt)
{
    private byte[]? _v10;
    private byte[]? _v11;

    /// <summary>The frame from <c>message-id</c> to NUL, in STOMP 1.2.</summary>
    public byte[] Bytes { get; } = bytes;

    /// <summary>Length of the first line, its LF included.</summary>
    public int IdLineLength { get; } = idLineLength;

    /// <summary>The value of <c>message-id</c>.</summary>
    public ReadOnlySpan<byte> Id => Bytes.AsSpan(IdPrefix.Length, IdLineLength - IdPrefix.Length - 1);

    /// <summary>The body, without the NUL.</summary>
    public ReadOnlySpan<byte> Body => Bytes.AsSpan(bodyOffset, Bytes.Length - bodyOffset - 1);

    /// <summary>The header lines behind <c>message-id</c>, without the empty one.</summary>
    public ReadOnlySpan<byte> HeaderLines => Bytes.AsSpan(IdLineLength, bodyOffset - 1 - IdLineLength);

    /// <summary>True when the body is valid UTF-8 (headers always are): the frame may go out as a text message.</summary>
    public bool IsText { get; } = isText;

    /// <summary>True when some header holds an escape, so that other versions than 1.2 need other bytes.</summary>
    public bool HasEscapes { get; } = hasEscapes;

    /// <summary>Unix milliseconds after which the message is not delivered; zero: never.</summary>
    public long ExpiresAt { get; } = expiresAt;

    public static ReadOnlySpan<byte> IdPrefix => "message-id:"u8;

    public bool HasExpired(long nowUnixMs) => ExpiresAt != 0 && nowUnixMs >= ExpiresAt;

    /// <summary>The same frame part for a receiver of <paramref name="version"/>. Thread-safe: two threads may both encode, to the same bytes.</summary>
    public byte[] For(StompVersion version)
    {
        if (!HasEscapes || version == StompVersion.V12)
            return Bytes;
        return version == StompVersion.V11
            ? _v11 ??= MessageEncoder.Reencode(this, StompVersion.V11)
            : _v10 ??= MessageEncoder.Reencode(this, StompVersion.V10);
    }
}
