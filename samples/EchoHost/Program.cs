using System.Diagnostics.Metrics;
using System.IO.Pipelines;
using Broker.Configuration;
using Broker.Diagnostics;
using Broker.Security;
using Broker.Transports.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace EchoHost;

/// <summary>A conformance fixture: the transport that the broker ships, with an echo service at <c>/echo</c> instead of the broker.</summary>
internal static class Program
{
    internal static Task Main(string[] args) => Build(args).RunAsync();

    /// <summary>The application as it runs; tests build it too.</summary>
    internal static WebApplication Build(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
        if (builder.Configuration["urls"] is null)
            builder.Configuration.AddInMemoryCollection([new("urls", "http://localhost:9001")]);
        builder.Services.AddMetrics();
        configure?.Invoke(builder);
        WebApplication app = builder.Build();

        var limits = new LimitOptions();
        var metrics = new BrokerMetrics(app.Services.GetRequiredService<IMeterFactory>());
        var origins = new OriginPolicy([], () => ListenRule.AllLoopback(app.Urls));
        app.Map("/echo", context => EchoAsync(context, origins, limits, metrics));
        return app;
    }

    private static async Task EchoAsync(HttpContext context, OriginPolicy origins, LimitOptions limits, BrokerMetrics metrics)
    {
        context.Request.Headers.Remove("Sec-WebSocket-Protocol"); // what is echoed is no STOMP: whatever was offered does not matter
        HandshakeResult handshake = Handshake.Check(context, origins);
        if (!handshake.IsAccepted)
        {
            await Handshake.WriteRefusalAsync(context, handshake.Refusal).ConfigureAwait(false);
            return;
        }

        IDuplexPipe pipe = await WebSocketUpgrade.AcceptAsync(context, handshake, endsWithRequest: true).ConfigureAwait(false);
        await new EchoConnection(pipe, context.Abort, limits, metrics).RunAsync().ConfigureAwait(false);
    }
}
