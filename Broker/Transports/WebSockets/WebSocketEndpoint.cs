using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Security.Claims;
using Broker.Configuration;
using Broker.Messaging;
using Broker.Sessions;
using Broker.Transports.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Broker.Transports.WebSockets;

/// <summary>From the HTTP request to a running session: the handshake, its refusals, the upgrade, and the end of the socket.</summary>
internal sealed partial class WebSocketEndpoint(SessionEnvironment environment, OriginPolicy origins, ILogger<WebSocketEndpoint> log)
{
    /// <summary>Serves one request; ends with the connection.</summary>
    public async Task ServeAsync(HttpContext context)
    {
        HandshakeResult handshake = Handshake.Check(context, origins);
        if (!handshake.IsAccepted)
        {
            await RefuseAsync(context, handshake.Refusal).ConfigureAwait(false);
            return;
        }

        LimitOptions limits = environment.Limits;
        IPAddress? address = context.Connection.RemoteIpAddress;
        if (!environment.Sessions.TryEnter(address, limits.Connections, limits.ConnectionsPerAddress))
        {
            await RefuseAsync(context, new HandshakeRefusal(StatusCodes.Status503ServiceUnavailable,
                "This server has as many connections as it allows. Try again later, or ask its operator to raise the limit.\n")
            {
                Setting = "Broker:Limits:Connections, Broker:Limits:ConnectionsPerAddress",
            }).ConfigureAwait(false);
            return;
        }

        var entry = new Entry(environment, address, $"{address}:{context.Connection.RemotePort}", PrincipalOf(context));
        bool isHandedOver = false;
        try
        {
            isHandedOver = await RunAsync(context, handshake, entry).ConfigureAwait(false);
        }
        finally
        {
            if (!isHandedOver)
                entry.Leave();
        }
    }

    /// <summary>True when the connection goes on after the request.</summary>
    private static async Task<bool> RunAsync(HttpContext context, HandshakeResult handshake, Entry entry)
    {
        // Below TLS there is nothing that could go on without it.
        SocketConnection? connection = context.Features.Get<ITlsConnectionFeature>() is null ? context.Features.Get<IConnectionSocketFeature>() as SocketConnection : null;
        IDuplexPipe pipe = await WebSocketUpgrade.AcceptAsync(context, handshake, endsWithRequest: connection is null).ConfigureAwait(false);
        if (connection is not null)
        {
            connection.HandOver(() => entry.ServeAsync(pipe, connection.Abort, connection.Socket));
            return true;
        }

        await ServeAsync(entry.Environment, pipe, context.Abort, entry.Peer, entry.Principal, context.Features.Get<IConnectionSocketFeature>()?.Socket).ConfigureAwait(false);
        if (context.Features.Get<IConnectionLifetimeFeature>() is { } lifetime)
            _ = CutAsync(lifetime, entry.Environment);
        return false;
    }

    /// <summary>A connection that was let in, and counts until it leaves.</summary>
    private sealed record Entry(SessionEnvironment Environment, IPAddress? Address, string Peer, string? Principal)
    {
        public void Leave() => Environment.Sessions.Leave(Address, Environment.Limits.ConnectionsPerAddress);

        /// <summary>Serves it to its end.</summary>
        public async Task ServeAsync(IDuplexPipe pipe, Action abort, Socket socket)
        {
            try
            {
                await WebSocketEndpoint.ServeAsync(Environment, pipe, abort, Peer, Principal, socket).ConfigureAwait(false);
            }
            finally
            {
                Leave();
            }
        }
    }

    /// <summary>
    /// The server ends the connection once the peer has taken what it was sent. One that takes nothing would keep it for ever, and hold
    /// up the server's stop.
    /// </summary>
    private static async Task CutAsync(IConnectionLifetimeFeature connection, SessionEnvironment environment)
    {
        // Not cut short by ConnectionClosed: that tells of the receiving side alone. Where all is over it does nothing.
        await Task.Delay(environment.Limits.LingerTimeout, environment.Time).ConfigureAwait(false);
        connection.Abort();
    }

    /// <summary>Serves a WebSocket whose handshake is done, over any pipe; ends with the connection.</summary>
    public static async Task ServeAsync(SessionEnvironment environment, IDuplexPipe pipe, Action abort, string peer, string? principal = null, Socket? socket = null)
    {
        Session? session = null;
        var transport = new WebSocketTransport(pipe, abort, environment.Limits, environment.Time) { Outbox = () => session!.Outbox, Socket = socket };
        session = new Session(environment, transport, peer, principal);
        environment.Metrics.ConnectionOpened();
        await session.RunAsync().ConfigureAwait(false);
        CloseReason reason = session.CloseReason;
        TimeSpan limit = reason == CloseReason.GoingAway ? environment.Options.ShutdownTimeout : environment.Limits.LingerTimeout;
        try
        {
            await transport.CloseAsync(session.Outbox, reason, session.Farewell(), limit).ConfigureAwait(false);
        }
        finally
        {
            session.LogEnd();
        }
    }

    private static string? PrincipalOf(HttpContext context)
    {
        if (context.User.Identity is not { IsAuthenticated: true } identity)
            return null;
        string? name = identity.Name ?? context.User.FindFirst(ClaimTypes.NameIdentifier)?.Value ?? context.User.FindFirst("sub")?.Value;
        return string.IsNullOrEmpty(name) ? null : name;
    }

    private Task RefuseAsync(HttpContext context, HandshakeRefusal refusal)
    {
        environment.Metrics.HandshakeRefused(refusal.Status);
        string reason = refusal.Text.Split('\n')[0];
        if (refusal.Setting is not null)
            LogRefusedBySetting(log, context.Connection.RemoteIpAddress, refusal.Status, refusal.Refused ?? "-", refusal.Setting, reason);
        else
            LogRefused(log, context.Connection.RemoteIpAddress, refusal.Status, reason);
        return Handshake.WriteRefusalAsync(context, refusal);
    }

    [LoggerMessage(200, LogLevel.Warning, "Handshake from {Address} refused with {Status}: {Refused} (setting: {Setting}). {Text}")]
    private static partial void LogRefusedBySetting(ILogger logger, IPAddress? address, int status, string refused, string setting, string text);

    [LoggerMessage(201, LogLevel.Warning, "Handshake from {Address} refused with {Status}. {Text}")]
    private static partial void LogRefused(ILogger logger, IPAddress? address, int status, string text);
}
