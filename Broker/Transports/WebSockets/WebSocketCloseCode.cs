namespace Broker.Transports.WebSockets;

/// <summary>What RFC 6455, section 7.4, and the IANA registry behind it say about close codes.</summary>
internal static class WebSocketCloseCode
{
    /// <summary>Stands for a close frame without a code; never on the wire.</summary>
    public const int NoStatus = 1005;

    /// <summary>
    /// Whether a peer may send this code: not the reserved 1004, not 1005, 1006 and 1015 which only an end itself reports,
    /// and none that nobody defined. 1012 to 1014 were registered after the RFC.
    /// </summary>
    public static bool MayBeSent(int code) => code is (>= 1000 and <= 1003) or (>= 1007 and <= 1014) or (>= 3000 and <= 4999);
}
