using Broker.Diagnostics;
using Broker.Routing;
using Broker.Security;
using Broker.Sessions;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;

namespace Broker.Endpoints;

/// <summary>Whether the broker may serve where the server listens (SEMANTICS 11). Nobody is served before it has looked.</summary>
internal sealed class ListenGuard
{
    private volatile bool _mayServe;

    public bool MayServe => _mayServe;

    public bool IsLoopbackOnly { get; private set; }

    /// <summary>Called once the server listens; throws <see cref="InvalidOperationException"/> with the setting to add where an endpoint must not be served.</summary>
    public void Check(ICollection<string> addresses, IEnumerable<Endpoint> routes)
    {
        foreach (Endpoint route in routes)
        {
            if (route.Metadata.GetMetadata<StompEndpoint>()?.Refusal(route, addresses) is { } refusal)
                throw new InvalidOperationException(refusal);
        }

        IsLoopbackOnly = ListenRule.AllLoopback(addresses);
        _mayServe = true;
    }

    public void Stop() => _mayServe = false;
}

/// <summary>Starts the sweep, checks where the server listens, and on shutdown lets every session empty its outbox and close with 1001.</summary>
internal sealed partial class BrokerLifetime(
    IServer server, IHostApplicationLifetime lifetime, ListenGuard guard, HeartBeatSweep sweep, SessionRegistry sessions, TopicTable topics, QueueTable queues, BrokerMetrics metrics,
    EndpointDataSource routes, ILogger<BrokerLifetime> log) : IHostedLifecycleService, IDisposable
{
    private CancellationTokenRegistration _stopping;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        ICollection<string> addresses = server.Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
        guard.Check(addresses, routes.Endpoints);
        metrics.ObserveTopics(() => topics.Count);
        metrics.ObserveKept(() => new KeptMessages(topics.Retained.Count, topics.Retained.Bytes, topics.Streams.Count, topics.Streams.Bytes));
        metrics.ObserveQueues(queues.Totals, queues.Deepest);
        metrics.ObserveOutboxBytes(() => sessions.OutboxBytes);
        if (!guard.IsLoopbackOnly && routes.Endpoints.Any(static route => route.Metadata.GetMetadata<StompEndpoint>()?.IsOpen(route) == true))
            LogAnonymous(log, string.Join(", ", addresses));
        _stopping = lifetime.ApplicationStopping.Register(Stop);
        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _stopping.Dispose();
        sweep.Dispose();
    }

    private void Stop()
    {
        guard.Stop();
        LogStopping(log, sessions.Count);
        sessions.Stop();
    }

    [LoggerMessage(400, LogLevel.Warning, "Anybody may connect to {Addresses}: Broker:AllowAnonymous is true and there are no Broker:Users")]
    private static partial void LogAnonymous(ILogger logger, string addresses);

    [LoggerMessage(401, LogLevel.Information, "Stopping: {Sessions} sessions are told to go")]
    private static partial void LogStopping(ILogger logger, int sessions);
}
