using Broker.Stomp;

namespace Broker.Messaging;

/// <summary>
/// One published message, immutable: everything of its MESSAGE frame that all subscribers share, as the bytes of STOMP 1.2:
/// <code>message-id:ID LF *( header LF ) LF body NUL</code>
/// What differs per subscriber (command, <c>subscription</c>, <c>ack</c>) goes in front of it.
/// </summary>
internal sealed class Message(
    byte[] bytes, int idLineLength, int bodyOffset, bool isText, bool hasEscapes, long expiresAt, RetainAction retain = RetainAction.None)
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

    /// <summary>What it does to its topic's retained value.</summary>
    public RetainAction Retain { get; } = retain;

    /// <summary>
    /// Header lines of the broker's own that go in front of <see cref="Bytes"/>, the same in every version; mostly none. Set by a stream
    /// before anybody else has the message.
    /// </summary>
    public byte[] Lead { get; set; } = [];

    /// <summary>True when it has a place in a stream: as it is published, before other lines are put in front.</summary>
    public bool HasOffset => Lead.AsSpan().StartsWith(HeaderNames.XStreamOffset);

    /// <summary>What all subscribers share, in bytes.</summary>
    public int Length => Lead.Length + Bytes.Length;

    public static ReadOnlySpan<byte> IdPrefix => "message-id:"u8;

    public bool HasExpired(long nowUnixMs) => ExpiresAt != 0 && nowUnixMs >= ExpiresAt;

    /// <summary>The destination that it was sent to.</summary>
    public ReadOnlySpan<byte> Destination
    {
        get
        {
            TryGetLine(HeaderNames.Destination, out ReadOnlySpan<byte> value);
            if (!value.Contains((byte)'\\'))
                return value;
            byte[] plain = new byte[value.Length];
            HeaderEscaping.TryUnescape(StompVersion.V12, value, plain, out int length);
            return plain.AsSpan(0, length);
        }
    }

    /// <summary>The value of a header, both as STOMP 1.2 escapes them; false where there is none of that name.</summary>
    public bool TryGetLine(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        for (ReadOnlySpan<byte> lines = HeaderLines; !lines.IsEmpty; lines = lines[(lines.IndexOf((byte)'\n') + 1)..])
        {
            if (lines.Length > name.Length && lines[name.Length] == (byte)':' && lines.StartsWith(name))
            {
                value = lines[(name.Length + 1)..lines.IndexOf((byte)'\n')];
                return true;
            }
        }

        value = default;
        return false;
    }

    /// <summary>The same message with one more header line of the broker's own; the bytes are shared.</summary>
    public Message With(ReadOnlySpan<byte> line) =>
        new(Bytes, IdLineLength, bodyOffset, IsText, HasEscapes, ExpiresAt) { Lead = [.. line, .. Lead] };

    /// <summary>The same frame part for a receiver of <paramref name="version"/>. Thread-safe: two threads may both encode, to the same bytes.</summary>
    public byte[] For(StompVersion version)
    {
        if (!HasEscapes || version == StompVersion.V12)
            return Bytes;
        if (Lead.Length > 0 || Retain == RetainAction.Set)
            return MessageEncoder.Reencode(this, version); // it may be kept for long, and only its own bytes are accounted for
        return version == StompVersion.V11
            ? _v11 ??= MessageEncoder.Reencode(this, StompVersion.V11)
            : _v10 ??= MessageEncoder.Reencode(this, StompVersion.V10);
    }
}

/// <summary>What a message does to its topic's retained value (SEMANTICS 12).</summary>
internal enum RetainAction : byte
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Becomes it.</summary>
    Set,

    /// <summary>Removes it.</summary>
    Remove,
}
