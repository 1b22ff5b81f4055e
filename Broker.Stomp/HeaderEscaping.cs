using System.Buffers;

namespace Broker.Stomp;

/// <summary>
/// Header escaping as each version has it: 1.0 none, 1.1 <c>\n \c \\</c>, 1.2 also <c>\r</c>. What a version cannot express (in 1.0 CR, LF,
/// and a colon in a name; in 1.1 CR; NUL everywhere) becomes a space on the way out. Thread-safe, allocates nothing.
/// </summary>
public static class HeaderEscaping
{
    private static readonly SearchValues<byte> PlainValueSpecials = SearchValues.Create("\0\r\n"u8);
    private static readonly SearchValues<byte> PlainNameSpecials = SearchValues.Create("\0\r\n:"u8);
    private static readonly SearchValues<byte> EscapedSpecials = SearchValues.Create("\0\r\n:\\"u8);
    private static readonly SearchValues<byte> PercentSpecials = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(control => (byte)control), 0x7F, (byte)':', (byte)'\\', (byte)'%']);

    /// <summary>Whether <see cref="Escape"/> would change the bytes.</summary>
    public static bool NeedsEscaping(StompVersion version, ReadOnlySpan<byte> decoded, bool isName) =>
        decoded.ContainsAny(Specials(version, isName));

    /// <summary>
    /// Writes a header's name or value as the version has it and returns the bytes written. <paramref name="destination"/> must have twice
    /// the length of <paramref name="decoded"/>, else <see cref="ArgumentException"/>.
    /// </summary>
    public static int Escape(StompVersion version, ReadOnlySpan<byte> decoded, Span<byte> destination, bool isName)
    {
        SearchValues<byte> specials = Specials(version, isName);
        int written = 0;
        while (true)
        {
            int plain = decoded.IndexOfAny(specials);
            if (plain < 0)
            {
                decoded.CopyTo(destination[written..]);
                return written + decoded.Length;
            }
            decoded[..plain].CopyTo(destination[written..]);
            written += plain;
            byte letter = EscapeLetter(version, decoded[plain]);
            if (letter != ' ')
                destination[written++] = (byte)'\\';
            destination[written++] = letter;
            decoded = decoded[(plain + 1)..];
        }
    }

    /// <summary>
    /// Decodes a header's name or value; false when it has an escape that the version does not define. <paramref name="destination"/> must
    /// have the length of <paramref name="wire"/>, else <see cref="ArgumentException"/>. In 1.0 everything stands for itself.
    /// </summary>
    public static bool TryUnescape(StompVersion version, ReadOnlySpan<byte> wire, Span<byte> destination, out int written)
    {
        written = 0;
        while (true)
        {
            int plain = version == StompVersion.V10 ? -1 : wire.IndexOf((byte)'\\');
            if (plain < 0)
            {
                wire.CopyTo(destination[written..]);
                written += wire.Length;
                return true;
            }
            wire[..plain].CopyTo(destination[written..]);
            written += plain;
            byte letter = plain + 1 < wire.Length ? wire[plain + 1] : (byte)0;
            switch (letter)
            {
                case (byte)'n':
                    destination[written++] = (byte)'\n';
                    break;
                case (byte)'c':
                    destination[written++] = (byte)':';
                    break;
                case (byte)'\\':
                    destination[written++] = (byte)'\\';
                    break;
                case (byte)'r' when version == StompVersion.V12:
                    destination[written++] = (byte)'\r';
                    break;
                default:
                    return false;
            }
            wire = wire[(plain + 2)..];
        }
    }

    /// <summary>
    /// Writes a value for a CONNECTED frame, which no version escapes: ASCII control characters, <c>:</c>, <c>\</c> and <c>%</c> as
    /// <c>%XX</c>, the rest as it is. Returns the bytes written; <paramref name="destination"/> must have three times the length, else <see
    /// cref="ArgumentException"/>.
    /// </summary>
    public static int PercentEncode(ReadOnlySpan<byte> value, Span<byte> destination)
    {
        int written = 0;
        while (true)
        {
            int plain = value.IndexOfAny(PercentSpecials);
            if (plain < 0)
            {
                value.CopyTo(destination[written..]);
                return written + value.Length;
            }
            value[..plain].CopyTo(destination[written..]);
            written += plain;
            destination[written++] = (byte)'%';
            destination[written++] = "0123456789ABCDEF"u8[value[plain] >> 4];
            destination[written++] = "0123456789ABCDEF"u8[value[plain] & 15];
            value = value[(plain + 1)..];
        }
    }

    private static SearchValues<byte> Specials(StompVersion version, bool isName) =>
        version != StompVersion.V10 ? EscapedSpecials : isName ? PlainNameSpecials : PlainValueSpecials;

    // A space means that the version has no escape for the byte.
    private static byte EscapeLetter(StompVersion version, byte special) => (special, version) switch
    {
        (_, StompVersion.V10) or (0, _) or ((byte)'\r', StompVersion.V11) => (byte)' ',
        ((byte)'\r', _) => (byte)'r',
        ((byte)'\n', _) => (byte)'n',
        ((byte)':', _) => (byte)'c',
        _ => (byte)'\\',
    };
}
