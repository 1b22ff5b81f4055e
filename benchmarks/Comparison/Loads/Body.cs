using System.Buffers;
using System.Buffers.Text;

namespace Comparison.Loads;

/// <summary>
/// What a message carries to be checked by, as text: publisher (4 hexadecimal digits), its sequence number (8), when the message was due, in
/// nanoseconds of <see cref="Wire.Clock"/> (14), then letters that depend on the sequence number.
/// </summary>
internal static class Body
{
    public const int MarkLength = 12;
    public const int DueLength = 14;
    public const int MinLength = MarkLength + DueLength + 1;

    public static void Fill(Span<byte> body)
    {
        for (int i = 0; i < body.Length; i++)
            body[i] = (byte)('a' + (i % 26));
    }

    public static void Stamp(Span<byte> body, int publisher, uint sequence, long due)
    {
        Utf8Formatter.TryFormat(((ulong)publisher << 32) | sequence, body, out _, new StandardFormat('X', MarkLength));
        Utf8Formatter.TryFormat(due, body[MarkLength..], out _, new StandardFormat('X', DueLength));
        body[^1] = Last(sequence);
    }

    /// <summary>Reads the marks back; false when these bytes are no body of such a length.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, int length, out int publisher, out uint sequence)
    {
        publisher = 0;
        sequence = 0;
        if (body.Length != length || !Utf8Parser.TryParse(body[..MarkLength], out ulong mark, out int used, 'X') || used != MarkLength)
            return false;
        publisher = (int)(mark >> 32);
        sequence = (uint)mark;
        return body[^1] == Last(sequence);
    }

    public static long Due(ReadOnlySpan<byte> body) =>
        Utf8Parser.TryParse(body.Slice(MarkLength, DueLength), out long due, out _, 'X') ? due : 0;

    private static byte Last(uint sequence) => (byte)('A' + (sequence % 26));
}
