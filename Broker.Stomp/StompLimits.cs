namespace Broker.Stomp;

/// <summary>
/// How much a peer may send before it is refused; each limit is enforced while bytes are scanned. Immutable, thread-safe.
/// </summary>
public sealed record StompLimits
{
    /// <summary>The longest command, in bytes without its line end. Default 32: STOMP's longest, UNSUBSCRIBE, has 11.</summary>
    public int CommandBytes { get; init; } = 32;

    /// <summary>The most header lines in a frame. Default 100, as in Kestrel's <c>MaxRequestHeaderCount</c>.</summary>
    public int Headers { get; init; } = 100;

    /// <summary>
    /// The longest header line, in bytes as received, without its line end. Default 10 KiB, as in ActiveMQ's STOMP transport.
    /// </summary>
    public int HeaderLineBytes { get; init; } = 10 * 1024;

    /// <summary>
    /// The largest frame, in bytes from its command up to and with its NUL. Default 64 KiB, Spring's limit for an inbound message;
    /// a parser's own <see cref="StompParser.FrameBytes"/> starts from it and may be raised.
    /// </summary>
    public int FrameBytes { get; init; } = 64 * 1024;
}
