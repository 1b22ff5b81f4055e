namespace Broker.Stomp;

/// <summary>A STOMP frame's command; those of clients come first, those from <see cref="Connected"/> on belong to servers.</summary>
public enum StompCommand : byte
{
    /// <summary>CONNECT, and STOMP, its other name since 1.1.</summary>
    Connect,

    /// <summary>SEND: a message to a destination.</summary>
    Send,

    /// <summary>SUBSCRIBE: ask for a destination's messages.</summary>
    Subscribe,

    /// <summary>UNSUBSCRIBE: end a subscription.</summary>
    Unsubscribe,

    /// <summary>ACK: a message was consumed.</summary>
    Ack,

    /// <summary>NACK: a message was not consumed.</summary>
    Nack,

    /// <summary>BEGIN: open a transaction.</summary>
    Begin,

    /// <summary>COMMIT: carry a transaction out.</summary>
    Commit,

    /// <summary>ABORT: forget a transaction.</summary>
    Abort,

    /// <summary>DISCONNECT: the client is leaving.</summary>
    Disconnect,

    /// <summary>CONNECTED: the server accepted the client.</summary>
    Connected,

    /// <summary>MESSAGE: a message of a subscription.</summary>
    Message,

    /// <summary>RECEIPT: a client's frame has taken effect.</summary>
    Receipt,

    /// <summary>ERROR: the server gives up the connection.</summary>
    Error,
}
