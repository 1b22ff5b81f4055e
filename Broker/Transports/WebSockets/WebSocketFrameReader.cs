using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Unicode;

namespace Broker.Transports.WebSockets;

/// <summary>
/// Decodes client-to-server frames (RFC 6455, section 5) from input cut anywhere. It does no I/O and holds no payload: data
/// is unmasked straight from the input into the writer, the bytes of an unfinished header are kept in the reader, so that the
/// input can be let go whenever it asks for more. Not thread-safe.
/// </summary>
/// <remarks>
/// Stricter than many: a length not in its shortest form is refused (section 5.2: the minimal number of bytes MUST be used).
/// Every violation is reported at the first byte that shows it, a length before the masking key that follows it.
/// </remarks>
internal sealed class WebSocketFrameReader(long maxMessageBytes)
{
    private const byte Fin = 0x80;
    private const byte Reserved = 0x70;
    private const byte Masked = 0x80;
    private const int NoHeader = 0;
    private const int BadHeader = -1;

    /// <summary>The longest payload of a control frame (section 5.5).</summary>
    private const int MaxControlPayload = 125;

    private readonly long _maxMessageBytes = maxMessageBytes;

    /// <summary>Bytes announced by the frames so far of the current message.</summary>
    private long _messageLength;

    /// <summary>Bytes of the current frame's payload that are still to come.</summary>
    private long _remaining;

    /// <summary>The payload of the last control frame, of exactly its length.</summary>
    private byte[] _control = [];

    /// <summary>The masking key, rotated to the next byte of the payload.</summary>
    private uint _key;

    private PartialHeader _header;
    private byte _headerLength;
    private byte _opcode;
    private bool _fin;
    private bool _inPayload;
    private bool _inMessage;
    private bool _closed;
    private Utf8Validator _utf8;

    /// <summary>Whether the current message, or the one that just ended, is text.</summary>
    public bool IsText { get; private set; }

    /// <summary>What is wrong, after <see cref="WebSocketRead.Error"/>.</summary>
    public WebSocketError Error { get; private set; }

    /// <summary>The payload of the control frame just read: at most 125 bytes, valid until the next call.</summary>
    public ReadOnlySpan<byte> Control => _control;

    /// <summary>The code of the close frame just read, <see cref="WebSocketCloseCode.NoStatus"/> where it has none.</summary>
    public int CloseCode => _control.Length == 0 ? WebSocketCloseCode.NoStatus : BinaryPrimitives.ReadUInt16BigEndian(_control);

    /// <summary>
    /// Advances <paramref name="input"/> past what was consumed, and appends at most <paramref name="maxPayload"/> bytes of
    /// data to <paramref name="payload"/>, whatever it returns. Text is valid UTF-8 as far as it was appended, but for a last
    /// character that may be unfinished.
    /// </summary>
    public WebSocketRead Read(ref ReadOnlySequence<byte> input, IBufferWriter<byte> payload, int maxPayload)
    {
        Debug.Assert(maxPayload > 0, "A call that may deliver nothing never gets on.");
        if (Error != WebSocketError.None)
            return WebSocketRead.Error;

        if (_closed)
        {
            input = input.Slice(input.End);
            return WebSocketRead.NeedMore;
        }

        var consumed = 0;
        var read = ReadSegment(input.FirstSpan, ref consumed, payload, ref maxPayload);
        if (read == WebSocketRead.NeedMore && !input.IsSingleSegment)
            return ReadFurtherSegments(ref input, payload, maxPayload);
        input = input.Slice(consumed);
        return read;
    }

    /// <summary>Goes on behind the first segment, all of which was consumed.</summary>
    private WebSocketRead ReadFurtherSegments(ref ReadOnlySequence<byte> input, IBufferWriter<byte> payload, int maxPayload)
    {
        // By TryGet, not by slicing: a slice of nothing never gets past an empty segment.
        var position = input.Start;
        input.TryGet(ref position, out var segment);
        long total = segment.Length;
        while (input.TryGet(ref position, out segment))
        {
            var consumed = 0;
            var read = ReadSegment(segment.Span, ref consumed, payload, ref maxPayload);
            total += consumed;
            if (read != WebSocketRead.NeedMore)
            {
                input = input.Slice(total);
                return read;
            }
        }

        input = input.Slice(input.End);
        return WebSocketRead.NeedMore;
    }

    /// <summary>Reads one segment; it is consumed as a whole when more is needed.</summary>
    private WebSocketRead ReadSegment(ReadOnlySpan<byte> segment, ref int consumed, IBufferWriter<byte> payload, ref int maxPayload)
    {
        while (true)
        {
            if (!_inPayload && !TryReadHeader(segment, ref consumed))
                return Error == WebSocketError.None ? WebSocketRead.NeedMore : WebSocketRead.Error;

            var count = (int)Math.Min(_remaining, segment.Length - consumed);
            if (WebSocketOpcode.IsControl(_opcode))
            {
                Unmask(segment.Slice(consumed, count), _control.AsSpan(_control.Length - (int)_remaining));
                consumed += count;
                if (_remaining > 0)
                    return WebSocketRead.NeedMore;
                _inPayload = false;
                return EndControl();
            }

            count = Math.Min(count, maxPayload);
            if (!TryDeliver(segment.Slice(consumed, count), payload))
                return Fail(WebSocketError.BadUtf8);
            consumed += count;
            maxPayload -= count;
            if (_remaining > 0)
                return consumed == segment.Length ? WebSocketRead.NeedMore : WebSocketRead.Data;
            _inPayload = false;
            if (_fin)
                return EndMessage();
        }
    }

    /// <summary>True when a header is complete and taken over; else the bytes at hand are kept, or the error is set.</summary>
    private bool TryReadHeader(ReadOnlySpan<byte> segment, ref int consumed)
    {
        if (_headerLength == 0)
        {
            var rest = segment[consumed..];
            var parsed = ParseHeader(rest);
            consumed += parsed == NoHeader ? rest.Length : Math.Max(parsed, 0);
            if (parsed == NoHeader)
            {
                rest.CopyTo(_header);
                _headerLength = (byte)rest.Length;
            }

            return parsed > 0;
        }

        while (consumed < segment.Length)
        {
            _header[_headerLength++] = segment[consumed++];
            var parsed = ParseHeader(((ReadOnlySpan<byte>)_header)[.._headerLength]);
            if (parsed == NoHeader)
                continue;
            _headerLength = 0;
            return parsed > 0;
        }

        return false;
    }

    /// <summary>Checks as much of a header as there is; takes it over and returns its length once it is complete.</summary>
    private int ParseHeader(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return NoHeader;

        var fin = (bytes[0] & Fin) != 0;
        var opcode = (byte)(bytes[0] & 0x0F);
        // RSV bits belong to extensions, and none was negotiated (section 5.2).
        if ((bytes[0] & Reserved) != 0 || !IsExpected(opcode, fin))
            return Refuse(WebSocketError.Protocol);
        if (bytes.Length < 2)
            return NoHeader;

        // Section 5.1: a client must mask. Section 5.5: a control frame's length fits into seven bits.
        var length = (long)(bytes[1] & 0x7F);
        var isControl = WebSocketOpcode.IsControl(opcode);
        if ((bytes[1] & Masked) == 0 || (isControl && length > MaxControlPayload))
            return Refuse(WebSocketError.Protocol);

        var keyAt = 2;
        if (length == 126)
        {
            keyAt += sizeof(ushort);
            if (bytes.Length < keyAt)
                return NoHeader;
            length = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
            if (length < 126)
                return Refuse(WebSocketError.Protocol);
        }
        else if (length == 127)
        {
            keyAt += sizeof(ulong);
            // The most significant bit MUST be 0 (section 5.2).
            if (bytes.Length > 2 && bytes[2] > 0x7F)
                return Refuse(WebSocketError.Protocol);
            if (bytes.Length < keyAt)
                return NoHeader;
            length = BinaryPrimitives.ReadInt64BigEndian(bytes[2..]);
            if (length <= ushort.MaxValue)
                return Refuse(WebSocketError.Protocol);
        }

        var before = opcode == WebSocketOpcode.Continuation ? _messageLength : 0;
        if (!isControl && length > _maxMessageBytes - before)
            return Refuse(WebSocketError.MessageTooLarge);
        if (bytes.Length < keyAt + sizeof(uint))
            return NoHeader;

        Begin(opcode, fin, length, before, MemoryMarshal.Read<uint>(bytes[keyAt..]));
        return keyAt + sizeof(uint);
    }

    /// <summary>Section 5.4: fragments of one message follow each other, only control frames, themselves whole, come between.</summary>
    private bool IsExpected(byte opcode, bool fin) => opcode switch
    {
        WebSocketOpcode.Continuation => _inMessage,
        WebSocketOpcode.Text or WebSocketOpcode.Binary => !_inMessage,
        WebSocketOpcode.Close or WebSocketOpcode.Ping or WebSocketOpcode.Pong => fin,
        _ => false,
    };

    private void Begin(byte opcode, bool fin, long length, long before, uint key)
    {
        (_opcode, _fin, _remaining, _key, _inPayload) = (opcode, fin, length, key, true);
        if (WebSocketOpcode.IsControl(opcode))
        {
            if (_control.Length != length)
                _control = length == 0 ? [] : new byte[length];
            return;
        }

        _messageLength = before + length;
        _inMessage = true;
        if (opcode != WebSocketOpcode.Continuation)
            IsText = opcode == WebSocketOpcode.Text;
    }

    /// <summary>False when the text cannot be valid; nothing of the piece is appended then.</summary>
    private bool TryDeliver(ReadOnlySpan<byte> data, IBufferWriter<byte> payload)
    {
        while (!data.IsEmpty)
        {
            // No size asked for: the writer fills the buffer that it has before it takes another.
            var free = payload.GetSpan();
            var count = Math.Min(free.Length, data.Length);
            var isAscii = Unmask(data[..count], free);
            if (IsText && !(isAscii && _utf8.IsComplete) && !_utf8.TryAccept(free[..count]))
                return false;
            payload.Advance(count);
            data = data[count..];
        }

        return true;
    }

    private bool Unmask(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        var isAscii = Masking.Copy(source, destination, _key);
        _key = Masking.Rotate(_key, source.Length);
        _remaining -= source.Length;
        return isAscii;
    }

    private WebSocketRead EndMessage()
    {
        if (!_utf8.IsComplete)
            return Fail(WebSocketError.BadUtf8);
        _inMessage = false;
        return WebSocketRead.EndOfMessage;
    }

    private WebSocketRead EndControl()
    {
        if (_opcode != WebSocketOpcode.Close)
            return _opcode == WebSocketOpcode.Ping ? WebSocketRead.Ping : WebSocketRead.Pong;

        // Section 5.5.1: no body, or one that begins with a code of two bytes; what follows it is UTF-8.
        if (_control.Length > 0)
        {
            if (_control.Length == 1 || !WebSocketCloseCode.MayBeSent(CloseCode))
                return Fail(WebSocketError.Protocol);
            if (!Utf8.IsValid(_control.AsSpan(sizeof(ushort))))
                return Fail(WebSocketError.BadUtf8);
        }

        _closed = true;
        return WebSocketRead.Close;
    }

    private int Refuse(WebSocketError error)
    {
        Error = error;
        return BadHeader;
    }

    private WebSocketRead Fail(WebSocketError error)
    {
        Error = error;
        return WebSocketRead.Error;
    }

    /// <summary>The header bytes that came so far: one fewer than the longest header at most, as the last completes it.</summary>
    [InlineArray(14)]
    private struct PartialHeader
    {
        private byte _first;
    }
}
