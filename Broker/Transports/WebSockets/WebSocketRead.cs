namespace Broker.Transports.WebSockets;

/// <summary>What <see cref="WebSocketFrameReader.Read"/> met.</summary>
internal enum WebSocketRead : byte
{
    /// <summary>All input was consumed; more is needed.</summary>
    NeedMore,

    /// <summary>As many payload bytes were delivered as one call may; call again with the same input.</summary>
    Data,

    /// <summary>A data message ended; what was delivered since the one before is its payload, which may be empty.</summary>
    EndOfMessage,

    /// <summary>A ping; <see cref="WebSocketFrameReader.Control"/> is what the pong must echo.</summary>
    Ping,

    /// <summary>A pong.</summary>
    Pong,

    /// <summary>A valid close frame; all input after it is discarded (RFC 6455, section 5.5.1).</summary>
    Close,

    /// <summary>A violation, named by <see cref="WebSocketFrameReader.Error"/>; every later call returns the same.</summary>
    Error,
}

/// <summary>Why a connection must be failed.</summary>
internal enum WebSocketError : byte
{
    None,

    /// <summary>Close code 1002.</summary>
    Protocol,

    /// <summary>Close code 1007.</summary>
    BadUtf8,

    /// <summary>Close code 1009.</summary>
    MessageTooLarge,
}
