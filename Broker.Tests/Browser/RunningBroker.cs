using Broker.Sessions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Broker.Tests.Browser;

/// <summary>The stand-alone broker, in this process, on a port of the system's choice.</summary>
internal sealed class RunningBroker : IAsyncDisposable
{
    private readonly WebApplication _app;

    private RunningBroker(WebApplication app)
    {
        _app = app;
        Url = app.Urls.Single();
        Port = new Uri(Url).Port;
    }

    /// <summary>Where it is, such as <c>http://127.0.0.1:41234</c>.</summary>
    public string Url { get; }

    public int Port { get; }

    public string WebSocketUrl => $"ws://127.0.0.1:{Port}/ws";

    public static async Task<RunningBroker> StartAsync(params string[] settings)
    {
        WebApplication app = Program.Build(["--urls", "http://127.0.0.1:0", .. settings], static builder => builder.Logging.ClearProviders());
        await app.StartAsync();
        return new RunningBroker(app);
    }

    /// <summary>Ends every connection without a word, as a network does.</summary>
    public void CutConnections()
    {
        foreach (Session session in _app.Services.GetRequiredService<SessionRegistry>().All)
            session.ConnectionLost();
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
