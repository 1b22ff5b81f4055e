using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;
using Broker.Stomp;

namespace Broker.Messaging;

/// <summary>Makes a <see cref="Message"/> out of a SEND frame, and its bytes for older versions (SEMANTICS 2).</summary>
internal static class MessageEncoder
{
    private const int MaxNumber = 20;

    /// <summary>
    /// Copies a SEND frame once. <paramref name="messageId"/> and <paramref name="userId"/> are plain bytes; the latter is empty for none.
    /// <paramref name="replyTo"/> takes the place of the frame's own, unless it is empty.
    /// </summary>
    public static Message Encode(
        in StompFrame send, ReadOnlySpan<byte> messageId, ReadOnlySpan<byte> userId, long expiresAt, RetainAction retain, ReadOnlySpan<byte> replyTo = default)
    {
        StompHeaders headers = send.Headers;
        int bodyLength = send.Body.Length;
        int size = Message.IdPrefix.Length + messageId.Length + 1
            + HeaderNames.UserId.Length + 1 + (2 * userId.Length) + 1
            + HeaderNames.ContentLength.Length + 1 + MaxNumber + 1
            + replyTo.Length + 1;
        bool escapes = HeaderEscaping.NeedsEscaping(StompVersion.V12, userId, isName: false);
        for (int i = 0; i < headers.Count; i++)
        {
            StompHeader header = headers[i];
            if (!escapes)
            {
                escapes = HeaderEscaping.NeedsEscaping(StompVersion.V12, header.Name, isName: true)
                    || HeaderEscaping.NeedsEscaping(StompVersion.V12, header.Value, isName: false)
                    || IsPadded(header.Name);
            }

            size += header.Name.Length + header.Value.Length + 2;
        }

        if (escapes)
            size *= 2; // each byte of a header becomes two at the most

        byte[] rented = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            var writer = new HeaderLines(rented, StompVersion.V12);
            writer.Plain(HeaderNames.MessageId, messageId);
            int idLine = writer.Length;
            bool hasLength = false;
            for (int i = 0; i < headers.Count; i++)
            {
                StompHeader header = headers[i];
                if (IsSetByBroker(header.Name) || headers.IsRepeat(i))
                    continue;
                if (header.Name.SequenceEqual(HeaderNames.ContentLength))
                {
                    hasLength = true;
                    writer.Number(header.Name, bodyLength);
                }
                else if (!replyTo.IsEmpty && header.Name.SequenceEqual(HeaderNames.ReplyTo))
                {
                    writer.Plain(header.Name, replyTo);
                }
                else if (escapes)
                {
                    writer.Escaped(header.Name, header.Value);
                }
                else
                {
                    writer.Plain(header.Name, header.Value);
                }
            }

            if (!userId.IsEmpty)
                writer.Escaped(HeaderNames.UserId, userId);
            if (!hasLength)
                writer.Number(HeaderNames.ContentLength, bodyLength);
            int bodyOffset = writer.Length + 1;
            byte[] bytes = GC.AllocateUninitializedArray<byte>(bodyOffset + bodyLength + 1);
            rented.AsSpan(0, writer.Length).CopyTo(bytes);
            bytes[writer.Length] = (byte)'\n';
            Span<byte> body = bytes.AsSpan(bodyOffset, bodyLength);
            send.Body.CopyTo(body);
            bytes[^1] = 0;
            return new Message(bytes, idLine, bodyOffset, Utf8.IsValid(body), escapes, expiresAt, retain);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>
    /// A message as its dead-letter queue has it: the same, with why and where it died behind its id, that queue for a destination, and without a time
    /// to expire. What an earlier death said is left out.
    /// </summary>
    public static Message DeadLetter(Message message, ReadOnlySpan<byte> reason, ReadOnlySpan<byte> queue, ReadOnlySpan<byte> deadLetterQueue)
    {
        ReadOnlySpan<byte> lines = message.HeaderLines;
        ReadOnlySpan<byte> rest = message.Bytes.AsSpan(message.Bytes.Length - message.Body.Length - 2); // the empty line, the body, NUL
        byte[] buffer = new byte[message.Bytes.Length + 64 + reason.Length + (2 * (queue.Length + deadLetterQueue.Length))];
        var writer = new HeaderLines(buffer, StompVersion.V12);
        writer.Plain(HeaderNames.MessageId, message.Id);
        int idLine = writer.Length;
        writer.Plain("x-death-reason"u8, reason);
        writer.Escaped("x-death-queue"u8, queue);
        while (!lines.IsEmpty)
        {
            int end = lines.IndexOf((byte)'\n') + 1;
            if (lines.StartsWith(HeaderNames.Destination) && lines[HeaderNames.Destination.Length] == (byte)':')
                writer.Escaped(HeaderNames.Destination, deadLetterQueue);
            else if (!lines.StartsWith(HeaderNames.XDeathPrefix))
                writer.Lines(lines[..end]);
            lines = lines[end..];
        }

        int bodyOffset = writer.Length + 1;
        byte[] bytes = [.. buffer.AsSpan(0, writer.Length), .. rest];
        bool escapes = message.HasEscapes || HeaderEscaping.NeedsEscaping(StompVersion.V12, queue, isName: false);
        return new Message(bytes, idLine, bodyOffset, message.IsText, escapes, expiresAt: 0);
    }

    /// <summary>
    /// A message whose header lines, between the id and the empty line, are known: those of the message before. A <c>content-length</c> is added
    /// where the lines have none.
    /// </summary>
    public static Message Repeat(ReadOnlySpan<byte> lines, bool hasLength, bool hasEscapes, ReadOnlySpan<byte> messageId, ReadOnlySpan<byte> body)
    {
        Span<byte> digits = stackalloc byte[MaxNumber];
        int digitCount = 0;
        if (!hasLength)
            Utf8Formatter.TryFormat(body.Length, digits, out digitCount);
        int idLine = Message.IdPrefix.Length + messageId.Length + 1;
        int bodyOffset = idLine + lines.Length + (hasLength ? 0 : HeaderNames.ContentLength.Length + 1 + digitCount + 1) + 1;
        byte[] bytes = GC.AllocateUninitializedArray<byte>(bodyOffset + body.Length + 1);
        var writer = new HeaderLines(bytes, StompVersion.V12);
        writer.Plain(HeaderNames.MessageId, messageId);
        writer.Lines(lines);
        if (!hasLength)
            writer.Plain(HeaderNames.ContentLength, digits[..digitCount]);
        bytes[bodyOffset - 1] = (byte)'\n';
        body.CopyTo(bytes.AsSpan(bodyOffset));
        bytes[^1] = 0;
        return new Message(bytes, idLine, bodyOffset, Utf8.IsValid(body), hasEscapes, expiresAt: 0);
    }

    /// <summary>A message without a body, of the broker's own.</summary>
    public static Message Empty(ReadOnlySpan<byte> messageId, ReadOnlySpan<byte> destination)
    {
        byte[] buffer = new byte[Message.IdPrefix.Length + messageId.Length + HeaderNames.Destination.Length + (2 * destination.Length) + HeaderNames.ContentLength.Length + 8];
        var writer = new HeaderLines(buffer, StompVersion.V12);
        writer.Plain(HeaderNames.MessageId, messageId);
        int idLine = writer.Length;
        writer.Escaped(HeaderNames.Destination, destination);
        writer.Number(HeaderNames.ContentLength, 0);
        byte[] bytes = [.. buffer.AsSpan(0, writer.Length), (byte)'\n', 0];
        bool escapes = HeaderEscaping.NeedsEscaping(StompVersion.V12, destination, isName: false);
        return new Message(bytes, idLine, bytes.Length - 1, isText: true, escapes, expiresAt: 0);
    }

    /// <summary>
    /// The bytes for a receiver of an older version. What it cannot express has become a space; a name that then repeats
    /// one before it is left out, so that no header can pose as another.
    /// </summary>
    public static byte[] Reencode(Message message, StompVersion version)
    {
        ReadOnlySpan<byte> lines = message.HeaderLines;
        byte[] source = ArrayPool<byte>.Shared.Rent(lines.Length + 1);
        byte[] rented = ArrayPool<byte>.Shared.Rent((2 * lines.Length) + message.IdLineLength);
        try
        {
            var writer = new HeaderLines(rented, version);
            writer.Plain(HeaderNames.MessageId, message.Id);
            var names = new List<byte[]> { HeaderNames.MessageId.ToArray(), HeaderNames.Subscription.ToArray(), HeaderNames.Ack.ToArray() };
            while (!lines.IsEmpty)
            {
                int end = lines.IndexOf((byte)'\n');
                ReadOnlySpan<byte> line = lines[..end];
                lines = lines[(end + 1)..];
                int colon = line.IndexOf((byte)':');
                HeaderEscaping.TryUnescape(StompVersion.V12, line[..colon], source, out int nameLength);
                HeaderEscaping.TryUnescape(StompVersion.V12, line[(colon + 1)..], source.AsSpan(nameLength), out int valueLength);

                int start = writer.Length;
                ReadOnlySpan<byte> name = writer.Escaped(source.AsSpan(0, nameLength), source.AsSpan(nameLength, valueLength));
                if (Contains(names, name, version) || (version == StompVersion.V10 && IsDisguised(name)))
                    writer.Length = start;
                else
                    names.Add(name.ToArray());
            }

            ReadOnlySpan<byte> rest = message.Bytes.AsSpan(message.Bytes.Length - message.Body.Length - 2);
            byte[] bytes = new byte[writer.Length + rest.Length];
            rented.AsSpan(0, writer.Length).CopyTo(bytes);
            rest.CopyTo(bytes.AsSpan(writer.Length));
            return bytes;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(source);
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    // A STOMP 1.0 receiver trims the padding around a name: " x" is "x" to it.
    private static bool Contains(List<byte[]> names, ReadOnlySpan<byte> name, StompVersion version)
    {
        foreach (byte[] earlier in names)
        {
            bool same = version == StompVersion.V10 ? Bare(earlier).SequenceEqual(Bare(name)) : name.SequenceEqual(earlier);
            if (same)
                return true;
        }

        return false;
    }

    // Whether Bare may be shorter: beyond ASCII it has to look.
    private static bool IsPadded(ReadOnlySpan<byte> name) => name[0] is <= (byte)' ' or >= 0x7F || name[^1] is <= (byte)' ' or >= 0x7F;

    // " user-id" is a name of its own in 1.1 and 1.2, but "user-id" to a 1.0 receiver; and " " is none to it.
    private static bool IsDisguised(ReadOnlySpan<byte> name)
    {
        ReadOnlySpan<byte> bare = Bare(name);
        return bare.Length != name.Length
            && (bare.IsEmpty || IsSetByBroker(bare) || bare.SequenceEqual(HeaderNames.Destination) || bare.SequenceEqual(HeaderNames.ContentLength));
    }

    /// <summary>The name without what some receiver's trimming takes for padding: Java's takes control characters, JavaScript's Unicode spaces.</summary>
    private static ReadOnlySpan<byte> Bare(ReadOnlySpan<byte> name)
    {
        while (Rune.DecodeFromUtf8(name, out Rune first, out int length) == OperationStatus.Done && IsPadding(first))
            name = name[length..];
        while (Rune.DecodeLastFromUtf8(name, out Rune last, out int length) == OperationStatus.Done && IsPadding(last))
            name = name[..^length];
        return name;
    }

    private static bool IsPadding(Rune rune) => Rune.IsWhiteSpace(rune) || Rune.IsControl(rune) || rune.Value == 0xFEFF;

    /// <summary>True for headers of a SEND that are not forwarded: what concerns the sender alone, and what the broker alone sets.</summary>
    public static bool IsSetByBroker(ReadOnlySpan<byte> name) => name.Length switch
    {
        3 => name.SequenceEqual(HeaderNames.Ack),
        5 => name.SequenceEqual(HeaderNames.Login),
        7 => name.SequenceEqual(HeaderNames.Receipt) || name.SequenceEqual(HeaderNames.UserId),
        8 => name.SequenceEqual(HeaderNames.Passcode) || name.SequenceEqual(HeaderNames.Retained) || IsFamily(name),
        10 => name.SequenceEqual(HeaderNames.MessageId) || name.SequenceEqual(HeaderNames.XSnapshot) || IsFamily(name),
        11 => name.SequenceEqual(HeaderNames.Transaction) || name.SequenceEqual(HeaderNames.Redelivered) || name.SequenceEqual(HeaderNames.XConflated) || IsFamily(name),
        12 => name.SequenceEqual(HeaderNames.Subscription) || IsFamily(name),
        16 => name.SequenceEqual("x-delivery-count"u8) || IsFamily(name),
        _ => IsFamily(name),
    };

    private static bool IsFamily(ReadOnlySpan<byte> name) => name.StartsWith(HeaderNames.XStreamPrefix) || name.StartsWith(HeaderNames.XDeathPrefix);

    /// <summary>Header lines into one buffer that is known to be large enough.</summary>
    private ref struct HeaderLines(byte[] buffer, StompVersion version)
    {
        private readonly Span<byte> _buffer = buffer;

        public int Length { get; set; }

        public void Plain(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value)
        {
            Span<byte> rest = _buffer[Length..];
            name.CopyTo(rest);
            rest[name.Length] = (byte)':';
            value.CopyTo(rest[(name.Length + 1)..]);
            int length = name.Length + 1 + value.Length;
            rest[length] = (byte)'\n';
            Length += length + 1;
        }

        public void Lines(scoped ReadOnlySpan<byte> lines)
        {
            lines.CopyTo(_buffer[Length..]);
            Length += lines.Length;
        }

        public ReadOnlySpan<byte> Escaped(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
        {
            Span<byte> rest = _buffer[Length..];
            int nameLength = HeaderEscaping.Escape(version, name, rest, isName: true);
            rest[nameLength] = (byte)':';
            int length = nameLength + 1;
            length += HeaderEscaping.Escape(version, value, rest[length..], isName: false);
            rest[length] = (byte)'\n';
            Length += length + 1;
            return rest[..nameLength];
        }

        public void Number(ReadOnlySpan<byte> name, int value)
        {
            Span<byte> digits = stackalloc byte[MaxNumber];
            Utf8Formatter.TryFormat(value, digits, out int written);
            Plain(name, digits[..written]);
        }
    }
}
