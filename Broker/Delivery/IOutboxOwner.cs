using Broker.Stomp;

namespace Broker.Delivery;

/// <summary>Whom an outbox belongs to: the session, seen from below.</summary>
internal interface IOutboxOwner
{
    /// <summary>Ends the connection with an ERROR. Thread-safe; the first call counts.</summary>
    void Close(StompError error);

    /// <summary>Whether frames going out are to be told, which is for the trace log alone.</summary>
    bool IsTracing => false;

    /// <summary>So many frames of a command went out in so many bytes. Thread-safe.</summary>
    void TraceSent(string command, int frames, long bytes)
    {
    }

    /// <summary>A fault of the broker while it wrote for this connection, which is lost by it. Thread-safe.</summary>
    void Fault(Exception exception);

    /// <summary>The peer takes no more bytes: it is gone. Thread-safe.</summary>
    void ConnectionLost();
}
