using System.Buffers;
using System.Text.Unicode;

namespace Broker.Stomp;

internal enum BlockScan : byte
{
    More,
    Complete,
    Failed,
}

/// <summary>
/// A frame from its command to the empty line, while it arrives. Offsets count from the frame's first byte. Lines are scanned where they lie.
/// </summary>
internal sealed class HeaderBlock(StompLimits limits)
{
    // Longer ones are not kept.
    private const int LongestRepeat = 512;
    private const int FirstRepeat = 128;

    // Most clients' frames have fewer headers; the table grows up to the limit when one has more.
    private const int InitialHeaders = 8;

    // Without any of these a block needs no decoding: no escape, no bare CR, nothing but ASCII.
    private static readonly SearchValues<byte> Undecoded =
        SearchValues.Create([(byte)'\\', (byte)'\r', .. Enumerable.Range(0x80, 0x80).Select(octet => (byte)octet)]);

    private HeaderRange[] _table = new HeaderRange[Math.Min(InitialHeaders, limits.Headers)];
    private int _count;
    private int _lines;
    private int _lineStart;
    private int _scanned;
    private int _contentLength;
    private bool _commandRead;
    private bool _isConnect;
    private StompVersion _escaping;
    private StompError _heldBack;
    private byte[]? _decoded;
    private byte[] _remembered = [];
    private int _rememberedLength;
    private ulong _names;
    private bool _isDecoded;

    /// <summary>The command, once the block is complete.</summary>
    public StompCommand Command { get; private set; }

    /// <summary>The error, once a scan failed; or the one that was held back, once the block is complete.</summary>
    public StompError Error { get; private set; }

    /// <summary>The bytes of the complete lines so far; in the end those of the block, empty line included.</summary>
    public int Length => _lineStart;

    public void Reset()
    {
        _count = _lines = _lineStart = _scanned = _rememberedLength = 0;
        _contentLength = -1;
        _names = 0;
        _commandRead = _isConnect = _isDecoded = false;
        _heldBack = Error = StompError.None;
    }

    /// <summary>The error to report where <paramref name="error"/> is found: the first one counts.</summary>
    public StompError HeldBack(StompError error) => _heldBack != StompError.None ? _heldBack : error;

    /// <summary>Gives back what decoding took, once the frame is done with.</summary>
    public void LetGo()
    {
        if (_decoded is null)
            return;
        ArrayPool<byte>.Shared.Return(_decoded);
        _decoded = null;
    }

    /// <summary>
    /// Keeps a complete block, so that another one with the same bytes needs neither scanning nor decoding: who publishes to one destination mostly
    /// repeats all its headers.
    /// </summary>
    public void Remember(ReadOnlySpan<byte> bytes)
    {
        if (_isDecoded || bytes.Length > LongestRepeat)
            return;
        if (_remembered.Length < bytes.Length)
            _remembered = new byte[Math.Max(bytes.Length, FirstRepeat)];
        bytes.CopyTo(_remembered);
        _rememberedLength = bytes.Length;
    }

    /// <summary>Makes the next block a new one.</summary>
    public void Forget() => _rememberedLength = 0;

    /// <summary>Whether the input begins with the same block again, which is then this one as it stands.</summary>
    public bool IsRepeatedBy(ReadOnlySpan<byte> input) =>
        _rememberedLength > 0 && input.StartsWith(_remembered.AsSpan(0, _rememberedLength));

    public BlockScan Scan(ReadOnlySpan<byte> input, StompVersion version, int frameBytes) =>
        ScanLines(input.Length > frameBytes ? input[..frameBytes] : input, version);

    // Goes on where it ended. What it decides at a byte depends on the bytes up to that one, and on nothing behind it.
    private BlockScan ScanLines(ReadOnlySpan<byte> bytes, StompVersion version)
    {
        while (_scanned < bytes.Length)
        {
            int limit = _commandRead ? limits.HeaderLineBytes : limits.CommandBytes;
            if (_lines == limits.Headers && _commandRead && bytes[_lineStart] is not ((byte)'\n' or (byte)'\r' or 0))
                return Fail(StompError.TooManyHeaders);

            // A line of the limit, its CR and its LF.
            ReadOnlySpan<byte> window = bytes[..(int)Math.Min(bytes.Length, _lineStart + limit + 2L)];
            int found = window[_scanned..].IndexOfAny((byte)'\n', (byte)0);
            int end = found < 0 ? window.Length : _scanned + found;
            int contentEnd = end > _lineStart && window[end - 1] == '\r' ? end - 1 : end;
            if (contentEnd - _lineStart > limit)
                return Fail(_commandRead ? StompError.HeaderLineTooLong : StompError.CommandTooLong);
            if (found < 0)
            {
                _scanned = end;
                return BlockScan.More;
            }

            ReadOnlySpan<byte> line = window[_lineStart..contentEnd];
            StompError fault = StompError.None;
            if (!_commandRead)
                fault = ReadCommand(line, version);
            else if (line.IsEmpty && window[end] != 0)
            {
                _lineStart = end + 1;
                Error = _heldBack;
                return BlockScan.Complete;
            }
            else if (_lines == limits.Headers && window[end] != 0)
                return Fail(StompError.TooManyHeaders);
            else if (window[end] != 0)
                fault = AddHeader(line, version);

            if (fault != StompError.None && _heldBack != StompError.None)
                return Fail(fault);
            _heldBack = HeldBack(fault);
            if (window[end] == 0)
                return Fail(StompError.NulInHeaders);
            _lineStart = _scanned = end + 1;
        }
        return BlockScan.More;
    }

    private BlockScan Fail(StompError error)
    {
        Error = HeldBack(error);
        return BlockScan.Failed;
    }

    private StompError ReadCommand(ReadOnlySpan<byte> line, StompVersion version)
    {
        bool known = StompCommands.TryParse(line, out StompCommand command);
        _commandRead = true;
        Command = command;
        _isConnect = known && command == StompCommand.Connect;
        _escaping = known && command is StompCommand.Connect or StompCommand.Connected ? StompVersion.V10 : version;
        return known ? StompError.None : StompError.UnknownCommand;
    }

    private StompError AddHeader(ReadOnlySpan<byte> line, StompVersion version)
    {
        _lines++;
        int nameStart = 0, nameEnd = line.IndexOf((byte)':'), valueStart = nameEnd + 1, valueEnd = line.Length;
        if (version == StompVersion.V10 && nameEnd > 0)
        {
            nameStart = line[..nameEnd].Length - line[..nameEnd].TrimStart((byte)' ').Length;
            nameEnd = nameStart + line[nameStart..nameEnd].TrimEnd((byte)' ').Length;
        }
        if (nameEnd <= nameStart)
            return StompError.MalformedHeader;
        if (_contentLength < 0 && line[nameStart..nameEnd].SequenceEqual(HeaderNames.ContentLength))
            _contentLength = _count;
        if (_count == _table.Length)
            Array.Resize(ref _table, Math.Min(2 * _count, limits.Headers));
        _names |= StompHeaders.Mark(line[nameStart..nameEnd]);
        _table[_count++] = new HeaderRange(_lineStart + nameStart, nameEnd - nameStart, _lineStart + valueStart, valueEnd - valueStart);
        return StompError.None;
    }

    /// <summary>The headers of a complete and decoded block.</summary>
    public StompHeaders Headers(ReadOnlySpan<byte> bytes) => new(bytes, _decoded, _table.AsSpan(0, _count), _isDecoded ? ulong.MaxValue : _names);

    /// <summary>Checks and unescapes a complete block, once.</summary>
    public StompError Decode(ReadOnlySpan<byte> bytes, StompVersion version)
    {
        if (version == StompVersion.V10)
            TrimValues(bytes);
        if (!bytes.ContainsAny(Undecoded))
            return StompError.None;
        _isDecoded = true;
        if (!Utf8.IsValid(bytes))
            return StompError.BadHeaderUtf8;
        bool escapes = _escaping != StompVersion.V10 && bytes.Contains((byte)'\\');
        int written = 0;
        foreach (ref HeaderRange range in _table.AsSpan(0, _count))
        {
            if (version == StompVersion.V12 && bytes[range.NameStart..(range.ValueStart + range.ValueLength)].Contains((byte)'\r'))
                return StompError.MalformedHeader;
            if (!escapes)
                continue;
            if (!TryDecode(bytes, range.NameStart, range.NameLength, ref written, out int nameStart, out int nameLength)
                || !TryDecode(bytes, range.ValueStart, range.ValueLength, ref written, out int valueStart, out int valueLength))
                return StompError.UndefinedEscape;
            range = new HeaderRange(nameStart, nameLength, valueStart, valueLength);
        }
        return StompError.None;
    }

    // Spaces around a value are padding in 1.0. A CONNECT comes before there is a version: one that names versions is a newer
    // client's, and a passcode of its may end with a space.
    private void TrimValues(ReadOnlySpan<byte> bytes)
    {
        if (Command == StompCommand.Connect && Headers(bytes).Contains(HeaderNames.AcceptVersion))
            return;
        foreach (ref HeaderRange range in _table.AsSpan(0, _count))
        {
            ReadOnlySpan<byte> value = bytes.Slice(range.ValueStart, range.ValueLength);
            ReadOnlySpan<byte> trimmed = value.TrimStart((byte)' ');
            int start = range.ValueStart + value.Length - trimmed.Length;
            range = new HeaderRange(range.NameStart, range.NameLength, start, trimmed.TrimEnd((byte)' ').Length);
        }
    }

    private bool TryDecode(ReadOnlySpan<byte> bytes, int start, int length, ref int written, out int decodedStart, out int decodedLength)
    {
        ReadOnlySpan<byte> wire = bytes.Slice(start, length);
        decodedStart = start;
        decodedLength = length;
        if (!wire.Contains((byte)'\\'))
            return true;
        // Decoding never lengthens, so all decoded parts together fit.
        _decoded ??= ArrayPool<byte>.Shared.Rent(bytes.Length);
        decodedStart = ~written;
        if (!HeaderEscaping.TryUnescape(_escaping, wire, _decoded.AsSpan(written), out decodedLength))
            return false;
        written += decodedLength;
        return true;
    }

    /// <summary>
    /// The value of <c>content-length</c> in a decoded block, -1 without one; a number too large for an int is as large as that can be.
    /// </summary>
    public StompError ReadContentLength(ReadOnlySpan<byte> bytes, out int length)
    {
        length = -1;
        return _contentLength < 0 || Digits.TryParse(Headers(bytes)[_contentLength].Value, out length)
            ? StompError.None
            : StompError.BadContentLength;
    }

    /// <summary>
    /// The decoded <c>receipt</c> among the complete lines, whether or not the block was decoded; null where there is none that can be
    /// decoded. On CONNECT it has no meaning (STOMP 1.2, "Standard Headers").
    /// </summary>
    public byte[]? FindReceipt(ReadOnlySpan<byte> bytes, StompVersion version)
    {
        if (_isConnect || !Headers(bytes).TryGet(HeaderNames.Receipt, out ReadOnlySpan<byte> value))
            return null;
        // A value inside the block has no escape any more, or was not decoded yet.
        if (!bytes.Overlaps(value))
            return value.ToArray();
        if (version == StompVersion.V10)
            value = value.Trim((byte)' ');
        byte[] decoded = new byte[value.Length];
        bool valid = Utf8.IsValid(value) && (version != StompVersion.V12 || !value.Contains((byte)'\r'));
        return valid && HeaderEscaping.TryUnescape(_escaping, value, decoded, out int written) ? decoded[..written] : null;
    }
}
