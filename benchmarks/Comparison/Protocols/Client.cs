using System.Text;
using Comparison.Loads;
using Comparison.Wire;

namespace Comparison.Protocols;

/// <summary>How far a client has come.</summary>
internal enum ClientState
{
    Connecting,
    Greeting,
    Subscribing,
    Ready,
    Closed,
}

/// <summary>One client of a server under load.</summary>
internal abstract class Client : IWebSocketOwner, IDisposable
{
    private readonly EventLoop _loop;
    private readonly WebSocketConnection _connection;
    private readonly Protocol _protocol;

    protected Client(EventLoop loop, Target target, Tally tally, string subscriptionId)
    {
        _loop = loop;
        _connection = new WebSocketConnection(loop, target.Endpoint, this);
        _protocol = target.Protocol;
        Tally = tally;
        SubscriptionId = subscriptionId;
        Header = new KnownHeader(subscriptionId);
        SubscriptionBytes = Encoding.ASCII.GetBytes(subscriptionId);
    }

    public ClientState State { get; private set; }

    public bool IsUp => State != ClientState.Closed;

    /// <summary>The server's own name and version, once it has told.</summary>
    public string? ServerName { get; set; }

    public string SubscriptionId { get; }

    public byte[] SubscriptionBytes { get; }

    /// <summary>What the messages that came before have in common.</summary>
    public KnownHeader Header { get; }

    /// <summary>Bytes that the server has yet to take.</summary>
    public int Unsent => _connection.Unsent;

    protected Tally Tally { get; }

    /// <summary>When what is being delivered came in.</summary>
    protected long ReceivedAt => _loop.ReceivedAt;

    /// <summary>What to subscribe to; null for a publisher.</summary>
    protected abstract string? Subscription { get; }

    public void Open() => _connection.Open(_protocol.Subprotocol);

    /// <summary>Adds a message to be sent by <see cref="Flush"/>, or when what is being received has been read.</summary>
    public void Send(ReadOnlySpan<byte> frame) => _connection.Write(_protocol.Opcode, frame);

    /// <summary>Asks for <see cref="Ponged"/>.</summary>
    public void Ping() => _connection.Write(WebSocketConnection.Ping, []);

    public bool Flush() => _connection.Flush();

    public void Upgraded()
    {
        State = ClientState.Greeting;
        _protocol.Greet(this);
    }

    public int Read(ReadOnlySpan<byte> payload) => _protocol.Read(this, payload);

    /// <summary>The server has let it in.</summary>
    public void Greeted(string? serverName)
    {
        ServerName = serverName;
        if (Subscription is { } destination)
        {
            State = ClientState.Subscribing;
            _protocol.Subscribe(this, destination);
        }
        else
        {
            State = ClientState.Ready;
        }
    }

    public void Ponged() => _protocol.Ponged(this);

    /// <summary>The subscription is live.</summary>
    public void Subscribed() => State = ClientState.Ready;

    /// <summary>Takes a message; <paramref name="isOwn"/> tells whether it names this client's subscription.</summary>
    public abstract void Deliver(ReadOnlySpan<byte> body, bool isOwn);

    /// <summary>The server has told an error.</summary>
    public void Refused(string error) => Tally.AddError(error);

    public void Lost(string why)
    {
        State = ClientState.Closed;
        Tally.AddClosed(why);
    }

    public void Dispose()
    {
        State = ClientState.Closed;
        _connection.Dispose();
    }
}

/// <summary>Where a server listens, and what it speaks.</summary>
internal sealed record Target(Endpoint Endpoint, Protocol Protocol);
