using Comparison.Wire;

namespace Comparison.Protocols;

/// <summary>What is spoken over the WebSocket. Has no state: that is the client's.</summary>
internal abstract class Protocol
{
    /// <summary>The WebSocket subprotocol to ask for; null for none.</summary>
    public virtual string? Subprotocol => null;

    /// <summary>What messages are sent as.</summary>
    public virtual byte Opcode => WebSocketConnection.Text;

    /// <summary>The destination that a topic's name, of segments with dots between them, has here.</summary>
    public abstract string Destination(string name);

    /// <summary>Says what comes first over an open WebSocket.</summary>
    public abstract void Greet(Client client);

    /// <summary>Subscribes, and asks for something that comes back once the subscription is live.</summary>
    public abstract void Subscribe(Client client, string destination);

    /// <summary>The answer to a <see cref="Client.Ping"/>.</summary>
    public virtual void Ponged(Client client)
    {
    }

    /// <summary>Reads all whole frames and returns their length.</summary>
    public abstract int Read(Client client, ReadOnlySpan<byte> bytes);

    /// <summary>A message to a destination as it is sent, with so many bytes left for the body.</summary>
    public abstract (byte[] Before, byte[] After) Send(string destination, int bodyBytes);
}
