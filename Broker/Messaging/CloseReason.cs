using Broker.Stomp;

namespace Broker.Messaging;

/// <summary>Why a connection ended: the one catalogue. Every close has exactly one; it is counted and logged.</summary>
internal enum CloseReason : byte
{
    /// <summary>Not closed yet.</summary>
    None,

    /// <summary>The client sent DISCONNECT.</summary>
    Disconnected,

    /// <summary>The client sent a WebSocket close frame without DISCONNECT.</summary>
    ClientClosed,

    /// <summary>The connection ended or was reset without a close frame.</summary>
    ConnectionLost,

    /// <summary>The broker is stopping.</summary>
    GoingAway,

    /// <summary>A frame, a value or an order of frames that STOMP or the broker's contract does not allow.</summary>
    ProtocolError,

    /// <summary>No complete CONNECT in time.</summary>
    LoginTimeout,

    /// <summary>A frame was begun and not completed in time.</summary>
    FrameTimeout,

    /// <summary>No sign of life within the agreed heart-beats, or no answer to pings.</summary>
    HeartBeatLost,

    /// <summary>Credentials, permission or a limit on counts and lengths.</summary>
    PolicyViolation,

    /// <summary>A frame or body too large.</summary>
    TooLarge,

    /// <summary>The client did not read fast enough.</summary>
    SlowConsumer,

    /// <summary>Closed by the application or an operator.</summary>
    ClosedByApplication,

    /// <summary>RFC 6455 was violated (no STOMP ERROR).</summary>
    WebSocketViolation,

    /// <summary>A text message was not UTF-8 (no STOMP ERROR).</summary>
    BadUtf8,

    /// <summary>A WebSocket message over the limit (no STOMP ERROR).</summary>
    WebSocketMessageTooLarge,

    /// <summary>A fault of the broker itself.</summary>
    ServerError,
}

/// <summary>The close code and the short text of each <see cref="CloseReason"/> (SEMANTICS 10, RFC 6455 7.4.1).</summary>
internal static class CloseReasons
{
    private static readonly (ushort Code, string Text)[] Table = Build();

    /// <summary>The WebSocket close code; zero where no close frame is sent.</summary>
    public static ushort Code(this CloseReason reason) => Table[(int)reason].Code;

    /// <summary>The close frame's text, also the label in metrics and logs.</summary>
    public static string Text(this CloseReason reason) => Table[(int)reason].Text;

    /// <summary>Whether the client was refused, without an ERROR that says so.</summary>
    public static bool IsRefusal(this CloseReason reason) =>
        reason is CloseReason.WebSocketViolation or CloseReason.BadUtf8 or CloseReason.WebSocketMessageTooLarge;

    /// <summary>The reason that follows from a STOMP error.</summary>
    public static CloseReason From(StompError error) => error switch
    {
        StompError.LoginTimeout => CloseReason.LoginTimeout,
        StompError.FrameTimeout => CloseReason.FrameTimeout,
        StompError.HeartBeatTimeout => CloseReason.HeartBeatLost,
        _ => StompErrors.Get(error).Condition switch
        {
            StompCloseCondition.PolicyViolation => CloseReason.PolicyViolation,
            StompCloseCondition.TooLarge => CloseReason.TooLarge,
            StompCloseCondition.SlowConsumer => CloseReason.SlowConsumer,
            StompCloseCondition.Internal => CloseReason.ServerError,
            _ => CloseReason.ProtocolError,
        },
    };

    private static (ushort, string)[] Build()
    {
        var table = new (ushort, string)[(int)CloseReason.ServerError + 1];
        Set(CloseReason.None, 0, "none");
        Set(CloseReason.Disconnected, 1000, "disconnected");
        Set(CloseReason.ClientClosed, 1000, "client closed");
        Set(CloseReason.ConnectionLost, 0, "connection lost");
        Set(CloseReason.GoingAway, 1001, "server going away");
        Set(CloseReason.ProtocolError, 1002, "protocol error");
        Set(CloseReason.LoginTimeout, 1002, "login timeout");
        Set(CloseReason.FrameTimeout, 1002, "unfinished frame");
        Set(CloseReason.HeartBeatLost, 1002, "heart-beat timeout");
        Set(CloseReason.PolicyViolation, 1008, "policy violation");
        Set(CloseReason.TooLarge, 1009, "too large");
        Set(CloseReason.SlowConsumer, 1013, "slow consumer");
        Set(CloseReason.ClosedByApplication, 1000, "closed by application");
        Set(CloseReason.WebSocketViolation, 1002, "websocket protocol error");
        Set(CloseReason.BadUtf8, 1007, "invalid UTF-8");
        Set(CloseReason.WebSocketMessageTooLarge, 1009, "websocket message too large");
        Set(CloseReason.ServerError, 1011, "server error");
        return table;

        void Set(CloseReason reason, ushort code, string text) => table[(int)reason] = (code, text);
    }
}
