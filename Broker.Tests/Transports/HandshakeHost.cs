using Broker.Transports.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Broker.Tests.Transports;

/// <summary>A Kestrel with nothing but the handshake at <c>/ws</c>: what is accepted gets its 101 and ends.</summary>
public sealed class HandshakeHost : IAsyncLifetime
{
    private WebApplication? _app;

    public int Port { get; private set; }

    /// <summary>What the policy is told: set by each test before its request.</summary>
    public bool IsLoopbackOnly { get; set; }

    /// <summary>What happens to an accepted connection before it ends.</summary>
    public Func<Stream, Task> AfterUpgrade { get; set; } = _ => Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        _app = builder.Build();
        var policy = new OriginPolicy(["HTTPS://App.Example.com:443/", "http://[2001:DB8::1]:8080", "capacitor://localhost"], () => IsLoopbackOnly);
        _app.Map("/ws", context => AnswerAsync(context, policy));
        await _app.StartAsync();
        Port = new Uri(_app.Urls.Single()).Port;
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
            await _app.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context, OriginPolicy policy)
    {
        var result = Handshake.Check(context, policy);
        if (!result.IsAccepted)
        {
            await Handshake.WriteRefusalAsync(context, result.Refusal);
            return;
        }

        context.Response.Headers.SecWebSocketAccept = result.Accept;
        if (result.Subprotocol is not null)
            context.Response.Headers.SecWebSocketProtocol = result.Subprotocol;
        // Kestrel sets Connection; Upgrade is the handler's.
        context.Response.Headers.Upgrade = "websocket";
        await using var stream = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
        await AfterUpgrade(stream);
    }
}
