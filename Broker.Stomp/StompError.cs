namespace Broker.Stomp;

/// <summary>
/// Every condition that is answered with an ERROR frame; <see cref="StompErrors"/> has its texts and its close. Not a wire value.
/// </summary>
public enum StompError : byte
{
    /// <summary>No error.</summary>
    None,

    // Frame grammar (section 2).
    /// <summary>The command is none of STOMP's.</summary>
    UnknownCommand,

    /// <summary>A client sent a command that belongs to servers.</summary>
    ServerCommand,

    /// <summary>The first line is longer than any command.</summary>
    CommandTooLong,

    /// <summary>A header line has no colon or no name, or, in 1.2, a bare CR.</summary>
    MalformedHeader,

    /// <summary>A header has an escape that the version does not define.</summary>
    UndefinedEscape,

    /// <summary>A header is not valid UTF-8.</summary>
    BadHeaderUtf8,

    /// <summary>A NUL stands within the command or the headers.</summary>
    NulInHeaders,

    /// <summary>A header line is longer than allowed.</summary>
    HeaderLineTooLong,

    /// <summary>A frame has more header lines than allowed.</summary>
    TooManyHeaders,

    /// <summary>The content-length is not a plain number.</summary>
    BadContentLength,

    /// <summary>The frame, or the body that it announces, is larger than allowed.</summary>
    FrameTooLarge,

    /// <summary>A frame that may have no body has one.</summary>
    BodyNotAllowed,

    /// <summary>The byte after content-length bytes of body is not NUL.</summary>
    MissingNul,

    // Connecting and heart-beats (sections 3 and 4).
    /// <summary>Another frame came before CONNECT.</summary>
    NotConnected,

    /// <summary>A second CONNECT.</summary>
    AlreadyConnected,

    /// <summary>No version that both sides speak.</summary>
    NoCommonVersion,

    /// <summary>The heart-beat value is malformed.</summary>
    BadHeartBeat,

    /// <summary>No complete CONNECT in time.</summary>
    LoginTimeout,

    /// <summary>A frame that had begun was not completed in time.</summary>
    FrameTimeout,

    /// <summary>Nothing came for longer than the heart-beats agreed on allow.</summary>
    HeartBeatTimeout,

    // Required headers.
    /// <summary>SEND or SUBSCRIBE without destination.</summary>
    MissingDestination,

    /// <summary>SUBSCRIBE, UNSUBSCRIBE, or a 1.2 ACK or NACK, without id.</summary>
    MissingId,

    /// <summary>A 1.0 or 1.1 ACK or NACK without message-id.</summary>
    MissingMessageId,

    /// <summary>A 1.1 ACK or NACK without subscription.</summary>
    MissingSubscription,

    /// <summary>BEGIN, COMMIT or ABORT without transaction.</summary>
    MissingTransaction,

    // Destinations (section 5).
    /// <summary>The prefix is unknown, or a name or segment is empty.</summary>
    BadDestination,

    /// <summary>The kind of destination is not available here, or not for this command.</summary>
    DestinationUnavailable,

    /// <summary>The destination has too many bytes or segments.</summary>
    DestinationTooLong,

    /// <summary>SEND to a pattern.</summary>
    SendToPattern,

    /// <summary>A pattern that is malformed, or not on a topic.</summary>
    BadPattern,

    /// <summary>The reply-to value is not a temporary queue.</summary>
    BadReplyTo,

    /// <summary>More destinations than allowed.</summary>
    TooManyDestinations,

    // Subscriptions and acknowledgement (section 6).
    /// <summary>The id is in use on this connection.</summary>
    DuplicateSubscription,

    /// <summary>No subscription of this id on this connection.</summary>
    UnknownSubscription,

    /// <summary>More subscriptions on one connection than allowed.</summary>
    TooManySubscriptions,

    /// <summary>The ack mode is unknown.</summary>
    BadAckMode,

    /// <summary>The id is of no such form, or newer than any given.</summary>
    BadAckId,

    /// <summary>A header that must be a number is not.</summary>
    BadNumber,

    /// <summary>SUBSCRIBE with selector.</summary>
    SelectorNotSupported,

    /// <summary>The durable subscription is live elsewhere.</summary>
    DurableInUse,

    /// <summary>The durable subscription belongs to another destination.</summary>
    DurableMismatch,

    /// <summary>The queue, or all queues together, are full.</summary>
    QueueFull,

    /// <summary>A header asks for something that this server does not do.</summary>
    FeatureUnavailable,

    // Transactions (section 7).
    /// <summary>No open transaction of this name.</summary>
    UnknownTransaction,

    /// <summary>A transaction of this name is open.</summary>
    DuplicateTransaction,

    /// <summary>More transactions open than allowed.</summary>
    TooManyTransactions,

    /// <summary>More frames in a transaction than allowed.</summary>
    TransactionTooLong,

    /// <summary>More bytes in open transactions than allowed.</summary>
    TransactionTooLarge,

    // Live data (section 12).
    /// <summary>The retain value is unknown.</summary>
    BadRetain,

    /// <summary>More retained values or bytes than allowed.</summary>
    TooManyRetained,

    /// <summary>The stream offset is malformed.</summary>
    BadStreamOffset,

    /// <summary>The subscription does not lie within one stream.</summary>
    NotOneStream,

    // Security, load and the server itself (sections 8 to 11).
    /// <summary>The credentials are wrong.</summary>
    LoginFailed,

    /// <summary>The credentials have expired.</summary>
    TokenExpired,

    /// <summary>The user may not do this.</summary>
    NotPermitted,

    /// <summary>More SENDs per second than allowed.</summary>
    RateExceeded,

    /// <summary>The client reads more slowly than its messages come.</summary>
    SlowConsumer,

    /// <summary>The server failed.</summary>
    ServerError,
}
