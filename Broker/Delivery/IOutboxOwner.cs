using Broker.Stomp;

namespace Broker.Delivery;

/// <summary>Whom an outbox belongs to: the session, seen from below.</summary>
internal interface IOutboxOwner
{
    /// <summary>Ends the connection with an ERROR. Thread-safe; the first call counts.</summary>
    void Close(StompError error);

    /// <summary>A fault of the broker while it wrote for this connection, which is lost by it. Thread-safe.</summary>
    void Fault(Exception exception);

    /// <summary>The peer takes no more bytes: it is gone. Thread-safe.</summary>
    void ConnectionLost();
}
