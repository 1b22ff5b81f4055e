namespace Comparison.Wire;

/// <summary>Whom a connection tells what happens to it.</summary>
internal interface IWebSocketOwner
{
    /// <summary>The WebSocket is open.</summary>
    void Upgraded();

    /// <summary>Reads protocol frames out of the payload of data frames, which is one stream of bytes, and returns how many were whole.</summary>
    int Read(ReadOnlySpan<byte> payload);

    /// <summary>The answer to a ping came.</summary>
    void Ponged();

    /// <summary>The connection has ended, and not by us.</summary>
    void Lost(string why);
}
