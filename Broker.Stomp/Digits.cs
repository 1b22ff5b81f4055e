namespace Broker.Stomp;

/// <summary>Numbers as STOMP's headers have them: decimal digits, at least one, nothing else.</summary>
internal static class Digits
{
    /// <summary>Reads a number; false when it is none. A number beyond <see cref="int.MaxValue"/> counts as that.</summary>
    public static bool TryParse(ReadOnlySpan<byte> digits, out int number)
    {
        long sum = 0;
        number = 0;
        foreach (byte digit in digits)
        {
            if (!char.IsAsciiDigit((char)digit))
                return false;
            sum = Math.Min((sum * 10) + (digit - '0'), int.MaxValue);
        }
        number = (int)sum;
        return !digits.IsEmpty;
    }
}
