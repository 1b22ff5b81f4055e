namespace Broker.Stomp;

// The grammar, after the augmented BNF of STOMP 1.2:
//
//   stream         = *( between / frame )
//   between        = EOL / NUL
//   frame          = command EOL *( header EOL ) EOL body NUL
//   command        = one of StompCommands, case-sensitive
//   header         = name ":" value
//   name           = 1*<any octet except NUL, LF and ":">
//   value          = *<any octet except NUL and LF>
//   body           = content-length octets, or without that header *<any octet except NUL>
//   EOL            = [CR] LF
//
// Where the texts leave a choice, or peers in use need one:
//   - CR LF ends a line in every version, as 1.2 has it. Another CR in a line is part of it in 1.0 and 1.1, and an error in 1.2.
//   - A line is split at its first colon: many clients send raw colons in values.
//   - A NUL between frames is skipped like an EOL: some clients end a frame twice.
//   - In 1.0 the spaces around name and value are padding; in 1.1 and 1.2 they count.
//   - content-length is digits only in every version; the first one counts. Too large a number is too large a frame, not a bad number.
//   - Only SEND, MESSAGE and ERROR have a body (1.2; the others do not forbid it). The body of a 1.0 SUBSCRIBE is ignored, as 1.0 says.
//   - CONNECT and CONNECTED are never unescaped, since they come before a version is known.
//
// When an error is found: a broken limit or a NUL in the header block at once. An unknown command and a malformed line are held back until
// the block is complete, or a second fault comes, for the `receipt` that may follow. What decoding finds, and a content-length that is
// malformed or too large, when the block is complete, before any of the body. All this depends on the bytes only, never on how they were
// split.

/// <summary>What <see cref="StompParser.Read"/> came to.</summary>
public enum StompParseResult : byte
{
    /// <summary>The input has no complete frame; read again with more bytes behind those left.</summary>
    NeedMore,

    /// <summary>A frame was read.</summary>
    Frame,

    /// <summary>The input is not STOMP, or goes over a limit; nothing more can be read.</summary>
    Error,
}

/// <summary>
/// Reads frames of clients and servers from bytes that arrive in pieces. Each byte is scanned once, and each limit is enforced while
/// scanning. Allocates nothing per frame. Not thread-safe: one parser per connection.
/// </summary>
/// <param name="limits">How much a frame may have of what.</param>
public sealed class StompParser(StompLimits limits)
{
    private readonly HeaderBlock _block = new(limits);
    private Phase _phase;
    private int _blockLength;
    private int _bodyLength;
    private int _scanned;
    private bool _isRepeat;
    private byte[]? _errorReceipt;

    private enum Phase : byte
    {
        Between,
        Block,
        Body,
        Failed,
    }

    /// <summary>The version that frames are decoded by; 1.0 until set, which is due after CONNECT and between two frames.</summary>
    public StompVersion Version { get; set; }

    /// <summary>
    /// The largest frame, in bytes from its command up to and with its NUL; at first that of the limits. May be raised between two frames.
    /// </summary>
    public int FrameBytes { get; set; } = limits.FrameBytes;

    /// <summary>Whether a frame has begun and is not complete. Line ends between frames begin none.</summary>
    public bool InFrame => _phase is Phase.Block or Phase.Body;

    /// <summary>
    /// What was wrong, once <see cref="Read"/> came to <see cref="StompParseResult.Error"/>; before that <see cref="StompError.None"/>.
    /// </summary>
    public StompError Error { get; private set; }

    /// <summary>
    /// The decoded <c>receipt</c> of the frame with the error; false when it has none, none that can be decoded, or none before the place
    /// where reading had to end, and for a CONNECT.
    /// </summary>
    public bool TryGetErrorReceipt(out ReadOnlySpan<byte> receipt)
    {
        receipt = _errorReceipt;
        return _errorReceipt is not null;
    }

    /// <summary>
    /// Reads the next frame. The caller passes all bytes not yet consumed, each time, in one piece; <paramref name="input"/> is advanced past
    /// what was consumed: line ends, and whole frames. The frame is a view, valid until the next call. Never throws for what the input
    /// contains; after an error every call comes to the same error.
    /// </summary>
    public StompParseResult Read(scoped ref ReadOnlySpan<byte> input, out StompFrame frame)
    {
        frame = default;
        if (_phase == Phase.Between)
        {
            _block.LetGo();
            if (!SkipBetween(ref input))
                return StompParseResult.NeedMore;
            _isRepeat = _block.IsRepeatedBy(input);
            if (_isRepeat)
            {
                _scanned = _blockLength;
                _phase = Phase.Body;
            }
            else
            {
                _block.Reset();
                _phase = Phase.Block;
            }
        }
        if (_phase == Phase.Block)
        {
            StompParseResult result = ReadBlock(input);
            if (result != StompParseResult.Frame)
                return result;
        }
        return _phase == Phase.Failed ? StompParseResult.Error : ReadBody(ref input, out frame);
    }

    /// <summary>
    /// Forgets the frame just read, which the caller has not consumed: the next <see cref="Read"/> begins with it again. For a
    /// receiver that finds that it cannot handle a frame yet.
    /// </summary>
    public void Unread()
    {
        _phase = Phase.Between;
        _block.Forget();
    }

    // False when nothing is left that begins a frame. A CR that may yet become CR LF stays in the input and begins none.
    private static bool SkipBetween(ref ReadOnlySpan<byte> input)
    {
        int skipped = 0;
        while (skipped < input.Length)
        {
            if (input[skipped] is (byte)'\n' or 0)
                skipped++;
            else if (input[skipped] == '\r' && skipped + 1 < input.Length && input[skipped + 1] == '\n')
                skipped += 2;
            else
                break;
        }
        input = input[skipped..];
        return input.Length > 1 || (input.Length == 1 && input[0] != '\r');
    }

    private StompParseResult ReadBlock(ReadOnlySpan<byte> input)
    {
        BlockScan scan = _block.Scan(input, Version, FrameBytes);
        if (scan == BlockScan.More)
            return input.Length > FrameBytes ? Fail(_block.HeldBack(StompError.FrameTooLarge), input) : StompParseResult.NeedMore;
        StompError error = _block.Error;
        if (scan == BlockScan.Complete && error == StompError.None)
            error = CompleteBlock(input);
        if (error != StompError.None)
            return Fail(error, input);
        _phase = Phase.Body;
        return StompParseResult.Frame;
    }

    private StompError CompleteBlock(ReadOnlySpan<byte> input)
    {
        _blockLength = _scanned = _block.Length;
        StompError error = _block.Decode(input[.._blockLength], Version);
        if (error != StompError.None)
            return error;
        error = _block.ReadContentLength(input[.._blockLength], out _bodyLength);
        if (error != StompError.None)
            return error;
        if (_bodyLength >= FrameBytes - _blockLength)
            return StompError.FrameTooLarge;
        return _bodyLength > 0 && !AcceptsBody ? StompError.BodyNotAllowed : StompError.None;
    }

    private StompParseResult ReadBody(scoped ref ReadOnlySpan<byte> input, out StompFrame frame)
    {
        frame = default;
        int end;
        if (_bodyLength >= 0)
        {
            end = _blockLength + _bodyLength;
            if (input.Length <= end)
                return StompParseResult.NeedMore;
            if (input[end] != 0)
                return Fail(StompError.MissingNul, input);
        }
        else
        {
            end = FindNul(input);
            if (end < 0)
                return input.Length > FrameBytes ? Fail(StompError.FrameTooLarge, input) : StompParseResult.NeedMore;
            if (end > _blockLength && !AcceptsBody)
                return Fail(StompError.BodyNotAllowed, input);
        }
        ReadOnlySpan<byte> block = input[.._blockLength];
        frame = new StompFrame(_block.Command, _block.Headers(block), HasBody ? input[_blockLength..end] : default, _isRepeat);
        if (_block.Command == StompCommand.Send && !_isRepeat)
            _block.Remember(block);
        input = input[(end + 1)..];
        _phase = Phase.Between;
        return StompParseResult.Frame;
    }

    // The offset of the NUL that ends the frame; -1 when there is none yet within the limit. Where no body may be, any first byte will do.
    private int FindNul(ReadOnlySpan<byte> input)
    {
        int available = Math.Min(input.Length, FrameBytes);
        if (available <= _scanned)
            return -1;
        if (!AcceptsBody)
            return input[_blockLength] == 0 ? _blockLength : int.MaxValue;
        int found = input[_scanned..available].IndexOf((byte)0);
        int end = found < 0 ? -1 : _scanned + found;
        _scanned = available;
        return end;
    }

    private bool HasBody => _block.Command is StompCommand.Send or StompCommand.Message or StompCommand.Error;

    private bool AcceptsBody => HasBody || (_block.Command == StompCommand.Subscribe && Version == StompVersion.V10);

    private StompParseResult Fail(StompError error, ReadOnlySpan<byte> input)
    {
        Error = error;
        _errorReceipt = _block.FindReceipt(input[..Math.Min(_block.Length, input.Length)], Version);
        _phase = Phase.Failed;
        return StompParseResult.Error;
    }
}
