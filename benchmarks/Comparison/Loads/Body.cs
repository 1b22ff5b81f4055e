namespace Comparison.Loads;

/// <summary>
/// What a message carries to be checked by, as text: its publisher and its sequence number, 8 hexadecimal digits each, when it was due, in
/// nanoseconds of <see cref="Wire.Clock"/> (16 digits), letters, and a last one that depends on the sequence number.
/// </summary>
internal static class Body
{
    public const int MinLength = (4 * Number) + 1;

    private const int Number = Hexadecimal.Length;

    public static void Fill(Span<byte> body)
    {
        for (int i = 0; i < body.Length; i++)
            body[i] = (byte)('a' + (i % 26));
    }

    public static void Stamp(Span<byte> body, int publisher, uint sequence, long due)
    {
        Hexadecimal.Write(body, (uint)publisher);
        Hexadecimal.Write(body[Number..], sequence);
        Hexadecimal.Write(body[(2 * Number)..], (uint)(due >> 32));
        Hexadecimal.Write(body[(3 * Number)..], (uint)due);
        body[^1] = Last(sequence);
    }

    /// <summary>Reads the marks back; false when these bytes are no body of such a length.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, int length, out int publisher, out uint sequence)
    {
        publisher = 0;
        sequence = 0;
        if (body.Length != length || length < MinLength)
            return false;
        publisher = (int)Hexadecimal.Read(body);
        sequence = Hexadecimal.Read(body[Number..]);
        return body[^1] == Last(sequence);
    }

    public static long Due(ReadOnlySpan<byte> body) =>
        ((long)Hexadecimal.Read(body[(2 * Number)..]) << 32) | Hexadecimal.Read(body[(3 * Number)..]);

    private static byte Last(uint sequence) => (byte)('A' + (sequence % 26));
}
