using System.IO.Pipelines;
using Broker.Configuration;
using Broker.Delivery;
using Broker.Diagnostics;
using Broker.Messaging;
using Broker.Sessions;
using Broker.Stomp;
using Broker.Transports.WebSockets;

namespace EchoHost;

/// <summary>One WebSocket whose messages come back as they are: what a session is to the broker.</summary>
internal sealed class EchoConnection : IOutboxOwner
{
    private readonly WebSocketTransport _transport;
    private readonly Outbox _outbox;
    private readonly LimitOptions _limits;
    private readonly ReceiveBuffer _message = new();
    private volatile bool _lost;

    public EchoConnection(IDuplexPipe pipe, Action abort, LimitOptions limits, BrokerMetrics metrics)
    {
        _limits = limits;
        _transport = new WebSocketTransport(pipe, abort, limits, TimeProvider.System) { Outbox = () => _outbox!, StopsAtMessages = true };
        _outbox = new Outbox(pipe.Output, this, limits, metrics, TimeProvider.System);
    }

    /// <summary>Echoes until the connection ends.</summary>
    public async Task RunAsync()
    {
        CloseReason reason;
        while ((reason = await _transport.ReceiveAsync(_message).ConfigureAwait(false)) == CloseReason.None && !_lost)
        {
            if (!_transport.AtEndOfMessage)
                continue;
            byte opcode = _transport.IsText ? WireFrame.Text : WireFrame.Binary;
            _outbox.EnqueueStomp(WireFrame.Create(opcode, _message.Unread), 1, dirty: null);
            _message.Consume(_message.Count);
            while (_outbox.IsFull && !_lost)
                await _outbox.WaitWhileFullAsync().ConfigureAwait(false);
        }

        _message.Clear();
        reason = _lost ? CloseReason.ConnectionLost : reason;
        await _transport.CloseAsync(_outbox, reason, ReplyWriter.Close(reason), _limits.LingerTimeout).ConfigureAwait(false);
    }

    /// <summary>No topic has a policy here: never called.</summary>
    public void Close(StompError error) => ConnectionLost();

    public void Fault(Exception exception) => ConnectionLost();

    public void ConnectionLost()
    {
        _lost = true;
        _transport.Wake();
    }
}
