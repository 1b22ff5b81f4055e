using System.Buffers;
using System.Buffers.Text;

namespace Broker.Stomp;

/// <summary>
/// Writes frames into a buffer: <see cref="Begin"/>, headers, <see cref="EndHeaders"/>, the body, <see cref="End"/>. Line ends are LF.
/// Nothing is allocated; what was written belongs to the output only after <see cref="End"/> or <see cref="Flush"/>. Not thread-safe; the
/// order of the calls is the caller's care.
/// </summary>
/// <param name="output">Where the frames go.</param>
/// <param name="version">The receiver's version, which decides the escaping; CONNECT and CONNECTED are never escaped.</param>
public ref struct StompWriter(IBufferWriter<byte> output, StompVersion version)
{
    private const int MinimumSpan = 256;
    private readonly StompVersion _version = version;
    private StompVersion _escaping = version;
    private Span<byte> _span;
    private int _written;

    /// <summary>Starts a frame with its command line.</summary>
    public void Begin(StompCommand command)
    {
        // Towards 1.0 nothing is escaped, and what would break the frame becomes a space: just what these two frames need in every version.
        _escaping = command is StompCommand.Connect or StompCommand.Connected ? StompVersion.V10 : _version;
        ReadOnlySpan<byte> name = StompCommands.Name(command);
        Span<byte> span = Reserve(name.Length + 1);
        name.CopyTo(span);
        span[name.Length] = (byte)'\n';
        _written += name.Length + 1;
    }

    /// <summary>Writes a header, both parts escaped as the receiver's version has it.</summary>
    public void Header(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value)
    {
        Span<byte> span = Reserve((2 * (name.Length + value.Length)) + 2);
        int length = HeaderEscaping.Escape(_escaping, name, span, isName: true);
        span[length++] = (byte)':';
        length += HeaderEscaping.Escape(_escaping, value, span[length..], isName: false);
        span[length++] = (byte)'\n';
        _written += length;
    }

    /// <summary>Writes a header whose value is a decimal number.</summary>
    public void Header(scoped ReadOnlySpan<byte> name, long value)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(value, digits, out int length);
        Header(name, digits[..length]);
    }

    /// <summary>
    /// Writes a header whose value is percent-encoded: a user name in CONNECTED. See <see cref="HeaderEscaping.PercentEncode"/>.
    /// </summary>
    public void PercentEncodedHeader(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value)
    {
        Span<byte> span = Reserve((2 * name.Length) + (3 * value.Length) + 2);
        int length = HeaderEscaping.Escape(_escaping, name, span, isName: true);
        span[length++] = (byte)':';
        length += HeaderEscaping.PercentEncode(value, span[length..]);
        span[length++] = (byte)'\n';
        _written += length;
    }

    /// <summary>Ends the headers with the empty line.</summary>
    public void EndHeaders() => Byte((byte)'\n');

    /// <summary>Writes a body, or a part of one, as it is. A body with a NUL needs a <c>content-length</c> before it.</summary>
    public void Body(scoped ReadOnlySpan<byte> body)
    {
        while (!body.IsEmpty)
        {
            Span<byte> span = Reserve(1);
            int part = Math.Min(span.Length, body.Length);
            body[..part].CopyTo(span);
            _written += part;
            body = body[part..];
        }
    }

    /// <summary>Ends the frame with its NUL and hands all bytes to the output.</summary>
    public void End()
    {
        Byte(0);
        Flush();
    }

    /// <summary>Hands all bytes written so far to the output: for a part of a frame that is kept and sent many times.</summary>
    public void Flush()
    {
        if (_written > 0)
            output.Advance(_written);
        _written = 0;
        _span = default;
    }

    private void Byte(byte value)
    {
        Reserve(1)[0] = value;
        _written++;
    }

    private Span<byte> Reserve(int length)
    {
        if (_span.Length - _written < length)
        {
            Flush();
            _span = output.GetSpan(Math.Max(length, MinimumSpan));
        }
        return _span[_written..];
    }
}
