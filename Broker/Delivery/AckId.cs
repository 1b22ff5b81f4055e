using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Broker.Delivery;

/// <summary>
/// How a delivery is named for its acknowledgement: <c>SESSION-SUBSCRIPTION-SEQUENCE</c>, the last two decimal numbers of that session. An answer that comes
/// when its connection is gone, and another one has taken its place, is told from one to what the new one was given.
/// </summary>
internal static class AckId
{
    public const int MaxLength = 80;

    /// <summary>Stands between a message's own id and this in the <c>message-id</c> towards 1.0 and 1.1.</summary>
    public const byte Mark = (byte)'@';

    // CONNECTED's session: the run of the broker, and a number.
    private const int EpochLength = 12;

    private static readonly SearchValues<byte> EpochDigits = SearchValues.Create("0123456789abcdef"u8);

    /// <summary>What all ids of a subscription begin with.</summary>
    public static byte[] Prefix(string session, int subscription) =>
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{session}-{subscription}-"));

    public static int Format(Span<byte> destination, ReadOnlySpan<byte> prefix, long sequence)
    {
        prefix.CopyTo(destination);
        Utf8Formatter.TryFormat(sequence, destination[prefix.Length..], out int written);
        return prefix.Length + written;
    }

    /// <summary>Cuts a <c>message-id</c> of 1.0 or 1.1 down to the delivery's own part; false when it has none.</summary>
    public static bool TrySplit(ref ReadOnlySpan<byte> messageId)
    {
        int mark = messageId.LastIndexOf(Mark);
        if (mark <= 0)
            return false;
        messageId = messageId[(mark + 1)..];
        return true;
    }

    /// <summary>Reads what <see cref="Format"/> wrote for a session, or for another one: then the subscription is 0. Anything else is false.</summary>
    public static bool TryParse(ReadOnlySpan<byte> id, ReadOnlySpan<byte> session, out int subscription, out long sequence)
    {
        sequence = 0;
        if (id.Length > session.Length && id[session.Length] == (byte)'-' && id.StartsWith(session))
            return TryParseNumbers(id[(session.Length + 1)..], out subscription, out sequence);
        if (id.Length <= EpochLength || id[EpochLength] != (byte)'-' || id[..EpochLength].ContainsAnyExcept(EpochDigits))
        {
            subscription = 0;
            return false;
        }

        ReadOnlySpan<byte> numbers = id[(EpochLength + 1)..];
        int dash = numbers.IndexOf((byte)'-');
        bool isForeign = dash > 0 && TryParseNumber(numbers[..dash], out _) && TryParseNumbers(numbers[(dash + 1)..], out _, out _);
        subscription = 0;
        return isForeign;
    }

    private static bool TryParseNumbers(ReadOnlySpan<byte> numbers, out int subscription, out long sequence)
    {
        subscription = 0;
        sequence = 0;
        int dash = numbers.IndexOf((byte)'-');
        if (dash <= 0 || !TryParseNumber(numbers[..dash], out long number) || number > int.MaxValue || !TryParseNumber(numbers[(dash + 1)..], out sequence))
            return false;
        subscription = (int)number;
        return true;
    }

    private static bool TryParseNumber(ReadOnlySpan<byte> digits, out long number)
    {
        number = 0;
        return !digits.IsEmpty && digits[0] is >= (byte)'1' and <= (byte)'9' && Utf8Parser.TryParse(digits, out number, out int used) && used == digits.Length;
    }
}
