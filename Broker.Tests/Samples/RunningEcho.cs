using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace Broker.Tests.Samples;

/// <summary>The conformance fixture as it ships, in process, on a free port of 127.0.0.1.</summary>
public sealed class RunningEcho : IAsyncLifetime
{
    private WebApplication? _app;

    public int Port { get; private set; }

    public async ValueTask InitializeAsync()
    {
        _app = EchoHost.Program.Build(["--urls=http://127.0.0.1:0"], builder => builder.Logging.ClearProviders());
        await _app.StartAsync(TestContext.Current.CancellationToken);
        Port = new Uri(_app.Urls.Single()).Port;
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
            await _app.DisposeAsync();
    }
}
