using System.Buffers.Binary;

namespace Comparison.Loads;

/// <summary>Numbers of 8 hexadecimal digits, all digits at once.</summary>
internal static class Hexadecimal
{
    public const int Length = 8;

    private const ulong Ones = 0x0101_0101_0101_0101;

    public static void Write(Span<byte> destination, uint value)
    {
        // The digits one to a byte, the first one highest.
        ulong digits = value;
        digits = (digits | (digits << 16)) & 0x0000_FFFF_0000_FFFF;
        digits = (digits | (digits << 8)) & 0x00FF_00FF_00FF_00FF;
        digits = (digits | (digits << 4)) & 0x0F0F_0F0F_0F0F_0F0F;
        ulong letters = ((digits + (6 * Ones)) >> 4) & Ones;
        BinaryPrimitives.WriteUInt64BigEndian(destination, digits + (Ones * '0') + (letters * ('A' - '0' - 10)));
    }

    /// <summary>Reads what <see cref="Write"/> wrote; anything else is some number.</summary>
    public static uint Read(ReadOnlySpan<byte> source)
    {
        ulong text = BinaryPrimitives.ReadUInt64BigEndian(source);
        ulong letters = (text >> 6) & Ones;
        ulong digits = (text & (0x0F * Ones)) + (letters * 9);
        digits = (digits | (digits >> 4)) & 0x00FF_00FF_00FF_00FF;
        digits = (digits | (digits >> 8)) & 0x0000_FFFF_0000_FFFF;
        return (uint)(digits | (digits >> 16));
    }
}
