using Broker.Messaging;
using Broker.Stomp;

namespace Broker.Sessions;

/// <summary>Which setting decides about a refusal: for the operator who reads the log.</summary>
internal static class RefusalSettings
{
    /// <summary>The setting's name; null where none would lift the refusal.</summary>
    public static string? Of(CloseReason reason, StompError error, bool isLoggedIn) => error switch
    {
        StompError.None when reason == CloseReason.WebSocketMessageTooLarge => "Broker:Limits:WebSocketMessageBytes",
        StompError.CommandTooLong => "Broker:Limits:CommandBytes",
        StompError.HeaderLineTooLong => "Broker:Limits:HeaderLineBytes",
        StompError.TooManyHeaders => "Broker:Limits:Headers",
        StompError.FrameTooLarge => isLoggedIn ? "Broker:Limits:FrameBytes" : "Broker:Limits:FrameBytesBeforeConnected",
        StompError.LoginTimeout => "Broker:Limits:LoginTimeout",
        StompError.FrameTimeout => "Broker:Limits:FrameTimeout",
        StompError.HeartBeatTimeout => "Broker:HeartBeat:Incoming, Broker:HeartBeat:PeerTimeout",
        StompError.LoginFailed => "Broker:Users",
        StompError.DestinationTooLong => "Broker:Limits:DestinationBytes, Broker:Limits:DestinationSegments",
        StompError.TooManyDestinations => "Broker:Limits:Destinations",
        StompError.TooManySubscriptions => "Broker:Limits:Subscriptions",
        StompError.TooManyTransactions => "Broker:Limits:Transactions",
        StompError.TransactionTooLong => "Broker:Limits:TransactionFrames",
        StompError.TransactionTooLarge => "Broker:Limits:TransactionBytes",
        StompError.RateExceeded => "Broker:Limits:SendsPerSecond",
        _ => null,
    };
}
