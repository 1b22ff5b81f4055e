namespace Broker.Stomp;

/// <summary>What kind of close follows an ERROR; a transport gives it its own number.</summary>
public enum StompCloseCondition : byte
{
    /// <summary>The peer broke the protocol. WebSocket: 1002.</summary>
    ProtocolError,

    /// <summary>The peer was refused, or went over a limit on counts or lengths. WebSocket: 1008.</summary>
    PolicyViolation,

    /// <summary>The peer sent too large a frame. WebSocket: 1009.</summary>
    TooLarge,

    /// <summary>The peer reads too slowly. WebSocket: 1013.</summary>
    SlowConsumer,

    /// <summary>The server failed. WebSocket: 1011.</summary>
    Internal,
}

/// <summary>What is said and done about an error. Immutable.</summary>
/// <param name="Message">The <c>message</c> header: a few fixed words, ASCII, nothing that would need escaping.</param>
/// <param name="Body">The body: what a person can do about it, ASCII.</param>
/// <param name="Condition">The close that follows.</param>
public readonly record struct StompErrorText(string Message, string Body, StompCloseCondition Condition);

/// <summary>The one table of errors: condition, texts, close. None of the texts repeats input. Thread-safe.</summary>
public static class StompErrors
{
    /// <summary>
    /// What is said and done about <paramref name="error"/>. Throws <see cref="ArgumentOutOfRangeException"/> for <see
    /// cref="StompError.None"/>.
    /// </summary>
    public static StompErrorText Get(StompError error) => error switch
    {
        // Frame grammar (section 2).
        StompError.UnknownCommand => Protocol("unknown command",
            "The frame's first line is not a STOMP command. Commands are written in capitals, for example CONNECT, "
            + "SEND or SUBSCRIBE, and the server must be spoken to in STOMP."),
        StompError.ServerCommand => Protocol("command not allowed",
            "CONNECTED, MESSAGE, RECEIPT and ERROR are sent by servers only."),
        StompError.CommandTooLong => Policy("command too long",
            "The frame's first line is longer than any STOMP command. Check that each frame ends with a NUL byte and "
            + "that content-length counts bytes."),
        StompError.MalformedHeader => Protocol("malformed header",
            "Each header is one line NAME:VALUE with a name that is not empty, and an empty line ends the headers. A "
            + "carriage return within a line must be escaped in STOMP 1.2."),
        StompError.UndefinedEscape => Protocol("undefined escape in header",
            "STOMP 1.1 defines the header escapes \\n, \\c and \\\\, STOMP 1.2 also \\r; write a backslash itself as "
            + "\\\\."),
        StompError.BadHeaderUtf8 => Protocol("invalid UTF-8 in header",
            "Commands and headers must be encoded in UTF-8."),
        StompError.NulInHeaders => Protocol("NUL in headers",
            "An empty line must end the headers, even when there is no body, and only then may the NUL byte follow."),
        StompError.HeaderLineTooLong => Policy("header line too long",
            "A header line is longer than this server allows. Send large data in the body."),
        StompError.TooManyHeaders => Policy("too many headers",
            "The frame has more headers than this server allows. Send data in the body."),
        StompError.BadContentLength => Protocol("bad content-length",
            "content-length must be the number of bytes in the body, written in decimal digits and nothing else."),
        StompError.FrameTooLarge => TooLarge("frame too large",
            "The frame is larger than this server allows. Send smaller messages, or ask the server's operator to raise "
            + "the limit."),
        StompError.BodyNotAllowed => Protocol("body not allowed",
            "Only SEND may have a body among a client's frames. End the others with a NUL byte right after the empty "
            + "line."),
        StompError.MissingNul => Protocol("missing NUL after body",
            "The body must be followed by a NUL byte. Check that content-length counts bytes, not characters."),

        // Connecting and heart-beats (sections 3 and 4).
        StompError.NotConnected => Protocol("not connected",
            "Send CONNECT first."),
        StompError.AlreadyConnected => Protocol("already connected",
            "CONNECT may be sent only once on a connection."),
        StompError.NoCommonVersion => Protocol("no common version",
            "This server speaks STOMP 1.0, 1.1 and 1.2. Name at least one of them in accept-version."),
        StompError.BadHeartBeat => Protocol("bad heart-beat",
            "heart-beat must be two numbers of milliseconds with a comma between them, for example 10000,10000."),
        StompError.LoginTimeout => Protocol("login timeout",
            "A complete CONNECT must arrive soon after the connection was opened."),
        StompError.FrameTimeout => Protocol("frame timeout",
            "The rest of a frame did not arrive in time. Check that the frame ends with a NUL byte and that "
            + "content-length counts bytes."),
        StompError.HeartBeatTimeout => Protocol("heart-beat timeout",
            "Nothing arrived from the client for several of the intervals that it promised in heart-beat."),

        // Required headers.
        StompError.MissingDestination => Protocol("missing destination",
            "SEND and SUBSCRIBE need a destination header."),
        StompError.MissingId => Protocol("missing id",
            "SUBSCRIBE and UNSUBSCRIBE need the id of the subscription; in STOMP 1.2 ACK and NACK need the id that the "
            + "message's ack header gave."),
        StompError.MissingMessageId => Protocol("missing message-id",
            "Before STOMP 1.2, ACK and NACK need the message-id of the message."),
        StompError.MissingSubscription => Protocol("missing subscription",
            "In STOMP 1.1, ACK and NACK need the subscription of the message."),
        StompError.MissingTransaction => Protocol("missing transaction",
            "BEGIN, COMMIT and ABORT need a transaction header."),

        // Destinations (section 5).
        StompError.BadDestination => Protocol("bad destination",
            "Valid destinations are /topic/NAME, /queue/NAME and /temp-queue/NAME. No part of NAME, between dots and "
            + "slashes, may be empty."),
        StompError.DestinationUnavailable => Protocol("destination not available",
            "This server does not have this kind of destination yet, or only a client's connection can have one. Valid "
            + "destinations are /topic/NAME, /queue/NAME and, on a connection, /temp-queue/NAME."),
        StompError.DestinationTooLong => Policy("destination too long",
            "The destination's name has more bytes or more segments than this server allows."),
        StompError.SendToPattern => Protocol("send to a pattern",
            "A message is sent to one destination. Patterns with *, **, # or > are for SUBSCRIBE."),
        StompError.BadPattern => Protocol("bad pattern",
            "Patterns are for topics: * stands for one segment, # or ** for any number, at most two of these; > for "
            + "any number, and only as the last segment."),
        StompError.BadReplyTo => Protocol("bad reply-to",
            "reply-to must be a destination of the form /temp-queue/NAME."),
        StompError.TooManyDestinations => Policy("too many destinations",
            "This server keeps no more destinations. Use fewer names, or ask its operator to raise the limit."),

        // Subscriptions and acknowledgement (section 6).
        StompError.DuplicateSubscription => Protocol("duplicate subscription",
            "A subscription with this id exists. Choose another id, or send UNSUBSCRIBE first."),
        StompError.UnknownSubscription => Protocol("unknown subscription",
            "There is no subscription with this id on this connection."),
        StompError.TooManySubscriptions => Policy("too many subscriptions",
            "This connection has as many subscriptions as this server allows. Use a pattern, or unsubscribe from what "
            + "is no longer needed."),
        StompError.BadAckMode => Protocol("bad ack mode",
            "ack must be auto, client or client-individual."),
        StompError.BadAckId => Protocol("bad ack id",
            "ACK and NACK must repeat the id of a message that was delivered on this connection."),
        StompError.BadNumber => Protocol("bad number",
            "prefetch-count, expires, expiration and x-conflate-ms must be numbers in decimal digits."),
        StompError.SelectorNotSupported => Protocol("selector not supported",
            "This server does not filter by selector. Use separate destinations, or filter in the client."),
        StompError.DurableInUse => Protocol("durable subscription in use",
            "Another connection holds this durable subscription. Give each client its own client-id or id."),
        StompError.DurableMismatch => Protocol("durable subscription mismatch",
            "This durable subscription belongs to another destination. End it with UNSUBSCRIBE and durable:true, or "
            + "choose another id."),
        StompError.QueueFull => Policy("queue full",
            "The message was not accepted, for the queue, or all queues together, have no room for it. Send again when "
            + "consumers have caught up."),
        StompError.FeatureUnavailable => Protocol("feature not available",
            "A header of this frame asks for something that this server does not do, or not with this destination: "
            + "durable; on a queue persistent, x-snapshot and x-conflate-ms too. Leave it out."),

        // Transactions (section 7).
        StompError.UnknownTransaction => Protocol("unknown transaction",
            "No transaction of this name is open on this connection. Send BEGIN first."),
        StompError.DuplicateTransaction => Protocol("duplicate transaction",
            "A transaction of this name is open. Choose another name, or end it with COMMIT or ABORT."),
        StompError.TooManyTransactions => Policy("too many transactions",
            "This connection has as many open transactions as this server allows. End one with COMMIT or ABORT."),
        StompError.TransactionTooLong => Policy("too many frames in transaction",
            "The transaction has as many frames as this server allows. Commit in smaller steps."),
        StompError.TransactionTooLarge => Policy("transaction too large",
            "The open transactions hold as many bytes as this server allows. Commit in smaller steps."),

        // Live data (section 12).
        StompError.BadRetain => Protocol("bad retain",
            "retain must be set or remove, on a SEND to a topic."),
        StompError.TooManyRetained => Policy("too many retained values",
            "This server keeps no more retained values. Remove some with retain:remove, or ask its operator to raise "
            + "the limit."),
        StompError.BadStreamOffset => Protocol("bad stream offset",
            "x-stream-offset must be first, last, next or offset=N."),
        StompError.NotOneStream => Protocol("not one stream",
            "A subscription with x-stream-offset must lie within one of the streams that the server's operator has "
            + "configured (setting Broker:Streams)."),

        // Security, load and the server itself (sections 8 to 11).
        StompError.LoginFailed => Policy("login failed",
            "The user name or the password is not correct."),
        StompError.TokenExpired => Policy("token expired",
            "The credentials of this connection have expired. Connect again with new ones."),
        StompError.NotPermitted => Policy("not permitted",
            "The user of this connection may not do this with this destination."),
        StompError.RateExceeded => Policy("rate exceeded",
            "This connection sends more messages per second than this server allows. Send more slowly."),
        StompError.SlowConsumer => Slow("slow consumer",
            "Messages came faster than this client read them. Read faster, subscribe to less, or use x-conflate-ms."),
        StompError.ServerError => Internal("server error",
            "The server could not carry out the frame. Its log says why."),
        _ => throw new ArgumentOutOfRangeException(nameof(error)),
    };

    private static StompErrorText Protocol(string message, string body) => new(message, body, StompCloseCondition.ProtocolError);

    private static StompErrorText Policy(string message, string body) => new(message, body, StompCloseCondition.PolicyViolation);

    private static StompErrorText TooLarge(string message, string body) => new(message, body, StompCloseCondition.TooLarge);

    private static StompErrorText Slow(string message, string body) => new(message, body, StompCloseCondition.SlowConsumer);

    private static StompErrorText Internal(string message, string body) => new(message, body, StompCloseCondition.Internal);
}
