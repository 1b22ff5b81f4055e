using System.Diagnostics.CodeAnalysis;

namespace Broker.Transports.WebSockets;

/// <summary>What becomes of an opening handshake: the headers of the 101 response, or a refusal.</summary>
internal readonly record struct HandshakeResult
{
    private HandshakeResult(string? accept, string? subprotocol, HandshakeRefusal? refusal) =>
        (Accept, Subprotocol, Refusal) = (accept, subprotocol, refusal);

    /// <summary>The value of Sec-WebSocket-Accept.</summary>
    public string? Accept { get; }

    /// <summary>The value of Sec-WebSocket-Protocol; null when none was offered, and then the header is left out.</summary>
    public string? Subprotocol { get; }

    /// <summary>Why there is no WebSocket.</summary>
    public HandshakeRefusal? Refusal { get; }

    [MemberNotNullWhen(true, nameof(Accept))]
    [MemberNotNullWhen(false, nameof(Refusal))]
    public bool IsAccepted => Refusal is null;

    public static HandshakeResult Accepted(string accept, string? subprotocol) => new(accept, subprotocol, null);

    public static implicit operator HandshakeResult(HandshakeRefusal refusal) => new(null, null, refusal);
}

/// <summary>An HTTP answer instead of a WebSocket.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Text">What a person can do about it: printable ASCII and line feeds, safe to send and to log.</param>
internal sealed record HandshakeRefusal(int Status, string Text)
{
    /// <summary>The configuration setting that would lift it, if one would: for the log.</summary>
    public string? Setting { get; init; }

    /// <summary>The origin, or the host, that was refused, in printable ASCII and cut: for the log.</summary>
    public string? Refused { get; init; }
}
