using System.Buffers.Text;
using Broker.Stomp;

namespace Broker.Sessions;

/// <summary>Headers whose value is a number.</summary>
internal static class HeaderNumber
{
    /// <summary>A header of decimal digits, null when it is not there; false when it is something else.</summary>
    public static bool TryGet(StompHeaders headers, ReadOnlySpan<byte> name, out long? number)
    {
        number = null;
        if (!headers.TryGet(name, out ReadOnlySpan<byte> value))
            return true;
        if (value.IsEmpty || value[0] is < (byte)'0' or > (byte)'9' || !Utf8Parser.TryParse(value, out long parsed, out int used) || used != value.Length)
            return false;
        number = parsed;
        return true;
    }
}
