namespace Broker.Stomp;

/// <summary>
/// One frame, as a view over the received bytes and the parser's buffers: valid until the next <see cref="StompParser.Read"/>, and
/// as long as the input that it was read from.
/// </summary>
public readonly ref struct StompFrame
{
    internal StompFrame(StompCommand command, StompHeaders headers, ReadOnlySpan<byte> body, bool isRepeat)
    {
        Command = command;
        Headers = headers;
        Body = body;
        IsRepeat = isRepeat;
    }

    /// <summary>The command.</summary>
    public StompCommand Command { get; }

    /// <summary>The headers, decoded, in the order received, repeats included.</summary>
    public StompHeaders Headers { get; }

    /// <summary>The body without the NUL that ends the frame; empty where there is none.</summary>
    public ReadOnlySpan<byte> Body { get; }

    /// <summary>
    /// True when the frame before was a SEND too, with the same bytes up to its body: whatever was found out about its headers holds again. False says
    /// nothing.
    /// </summary>
    public bool IsRepeat { get; }
}
