using System.Collections.Concurrent;
using Broker.Diagnostics;
using Broker.Sessions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Broker.Tests.TestHost;

/// <summary>The stand-alone broker as it ships, in process, on a free port of 127.0.0.1.</summary>
internal sealed class RunningBroker : IAsyncDisposable
{
    private readonly WebApplication _app;

    private RunningBroker(WebApplication app, ManualTime? time, LogLines log)
    {
        _app = app;
        Time = time;
        Log = log;
        string address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        Port = new Uri(address).Port;
    }

    public int Port { get; }

    /// <summary>The clock, where the test turns it; else null.</summary>
    public ManualTime? Time { get; }

    public LogLines Log { get; }

    public SessionRegistry Sessions => _app.Services.GetRequiredService<SessionRegistry>();

    public BrokerMetrics Metrics => _app.Services.GetRequiredService<BrokerMetrics>();

    public IServiceProvider Services => _app.Services;

    /// <param name="settings">Configuration, such as <c>Broker:Limits:OutboxBytes=4096</c>.</param>
    public static Task<RunningBroker> StartAsync(params string[] settings) => StartAsync(time: null, settings);

    /// <summary>As above, with a clock that only the test turns.</summary>
    public static async Task<RunningBroker> StartAsync(ManualTime? time, params string[] settings)
    {
        var log = new LogLines();
        string[] args = ["--urls=http://127.0.0.1:0", .. settings.Select(setting => "--" + setting)];
        WebApplication app = Program.Build(args, builder =>
        {
            builder.Logging.ClearProviders();
            builder.Logging.AddProvider(log);
            if (time is not null)
                builder.Services.AddSingleton<TimeProvider>(time);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new RunningBroker(app, time, log);
    }

    /// <summary>As SIGTERM does.</summary>
    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}

/// <summary>What was logged, line by line: level, then text.</summary>
internal sealed class LogLines : ILoggerProvider
{
    private readonly ConcurrentQueue<string> _lines = new();

    public IReadOnlyCollection<string> Lines => _lines;

    public ILogger CreateLogger(string categoryName) => new Logger(_lines);

    public void Dispose()
    {
    }

    private sealed class Logger(ConcurrentQueue<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue($"{logLevel}: {formatter(state, exception)}{(exception is null ? "" : " " + exception)}");
    }
}
