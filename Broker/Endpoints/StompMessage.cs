using System.Text;

namespace Broker.Endpoints;

/// <summary>A message as the application receives it: one MESSAGE frame. Immutable, thread-safe.</summary>
public sealed class StompMessage
{
    internal StompMessage(IReadOnlyList<KeyValuePair<string, string>> headers, ReadOnlyMemory<byte> body)
    {
        Headers = headers;
        Body = body;
    }

    /// <summary>All headers in the order of the frame, decoded: those of the SEND, and those that the broker sets.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; }

    /// <summary>The body's bytes.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>The body as UTF-8 text; what is not UTF-8 becomes U+FFFD.</summary>
    public string Text => Encoding.UTF8.GetString(Body.Span);

    /// <summary>The destination that it was sent to, never a pattern.</summary>
    public string Destination => this["destination"] ?? "";

    /// <summary>Unique across restarts of the broker.</summary>
    public string Id => this["message-id"] ?? "";

    /// <summary>True for a topic's last value, which was published before the subscription began.</summary>
    public bool IsRetained => this["retained"] == "true";

    /// <summary>Who sent it, as the broker knows it; null for a client without a name and for the application itself.</summary>
    public string? UserId => this["user-id"];

    /// <summary>The value of the first header of this name; null when there is none.</summary>
    public string? this[string name]
    {
        get
        {
            foreach ((string key, string value) in Headers)
            {
                if (key == name)
                    return value;
            }

            return null;
        }
    }
}

/// <summary>A message to publish: where to, what, and with which headers.</summary>
/// <param name="Destination">A topic, such as <c>/topic/quotes.MSFT</c>.</param>
/// <param name="Body">The body; it is copied when the message is published.</param>
/// <param name="Headers">More headers, forwarded as a client's are; null for none.</param>
/// <param name="Retain">Keep it as the topic's last value, which later subscribers get first; an empty body removes the value. As the header <c>retain:set</c>.</param>
public readonly record struct OutgoingMessage(
    string Destination, ReadOnlyMemory<byte> Body, IEnumerable<KeyValuePair<string, string>>? Headers = null, bool Retain = false);

/// <summary>A client's session, as it was when it was asked for.</summary>
/// <param name="Id">CONNECTED's <c>session</c>.</param>
/// <param name="User">The user's name; null for a client without one.</param>
/// <param name="RemoteAddress">The peer's address and port.</param>
public sealed record StompSession(string Id, string? User, string RemoteAddress);

/// <summary>The broker refused what the application asked for; the message says why, as the ERROR to a client would.</summary>
public sealed class StompBrokerException : Exception
{
    /// <summary>An exception without a text.</summary>
    public StompBrokerException()
    {
    }

    /// <summary>An exception with a text.</summary>
    public StompBrokerException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with a text and a cause.</summary>
    public StompBrokerException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
