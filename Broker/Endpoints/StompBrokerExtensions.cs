using Broker.Configuration;
using Broker.Diagnostics;
using Broker.Routing;
using Broker.Security;
using Broker.Sessions;
using Broker.Transports.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Broker.Endpoints;

/// <summary>Adds a STOMP broker to an ASP.NET Core application.</summary>
public static class StompBrokerExtensions
{
    /// <summary>
    /// Registers the broker and <see cref="StompBroker"/>, by which the application publishes. <paramref name="configure"/> sets the
    /// options, which are checked when the application starts (<see cref="OptionsValidationException"/> names the setting that is wrong).
    /// Nothing of the application's own server, pipeline or configuration is touched. Further calls add to the options.
    /// </summary>
    public static IServiceCollection AddStompBroker(this IServiceCollection services, Action<BrokerOptions>? configure = null)
    {
        OptionsBuilder<BrokerOptions> options = services.AddOptions<BrokerOptions>().ValidateOnStart();
        if (configure is not null)
            options.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<BrokerOptions>, BrokerOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<BrokerOptions>, TopicsValidator>());
        services.AddRouting();
        services.AddMetrics();
        services.AddConfiguredUsers();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<BrokerMetrics>();
        services.TryAddSingleton<SessionRegistry>();
        services.TryAddSingleton(static provider => new TopicTable(
            provider.GetRequiredService<IOptions<BrokerOptions>>().Value, provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(static provider => new QueueTable(
            provider.GetRequiredService<IOptions<BrokerOptions>>().Value.Limits, provider.GetRequiredService<BrokerMetrics>(), provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(static provider => Environment(
            provider, provider.GetRequiredService<IOptions<BrokerOptions>>().Value, provider.GetRequiredService<ConfiguredUsers>()));
        services.TryAddSingleton(static provider => new StompBroker(provider.GetRequiredService<SessionEnvironment>()));
        services.TryAddSingleton<HeartBeatSweep>();
        services.TryAddSingleton<ListenGuard>();
        services.TryAddSingleton(static provider => Origins(provider, provider.GetRequiredService<IOptions<BrokerOptions>>().Value));
        if (services.All(service => service.ImplementationType != typeof(BrokerLifetime)))
            services.AddHostedService<BrokerLifetime>();
        return services;
    }

    /// <summary>
    /// Maps a STOMP-over-WebSocket endpoint. Several may be mapped: they share topics, queues and sessions, and each may have options of its
    /// own. A request that the application has authenticated (a cookie, any scheme) gives the session its user, by the identity's name.
    /// </summary>
    /// <param name="endpoints">Where to map it.</param>
    /// <param name="path">The path; null: <see cref="BrokerOptions.Path"/>.</param>
    /// <param name="configure">
    /// Changes the options for this endpoint alone: origins, users, heart-beats, limits of a connection. <see cref="BrokerOptions.Topics"/>,
    /// <see cref="BrokerOptions.Streams"/>, <see cref="LimitOptions.Destinations"/>, <see cref="LimitOptions.RetainedMessages"/>,
    /// <see cref="LimitOptions.RetainedBytes"/> and the limits of queues, but for <see cref="LimitOptions.TempQueues"/>, are the broker's.
    /// </param>
    /// <returns>Conventions: <c>RequireAuthorization</c>, <c>RequireHost</c> and the like.</returns>
    public static IEndpointConventionBuilder MapStompBroker(this IEndpointRouteBuilder endpoints, string? path = null, Action<BrokerOptions>? configure = null)
    {
        IServiceProvider services = endpoints.ServiceProvider;
        StompEndpoint endpoint = Create(services, configure);
        ListenGuard guard = services.GetRequiredService<ListenGuard>();
        return endpoints
            .Map(path ?? endpoint.Options.Path, context => guard.MayServe ? endpoint.WebSockets.ServeAsync(context) : NotYetAsync(context))
            .WithMetadata(endpoint)
            .WithDisplayName("STOMP over WebSocket");
    }

    private static StompEndpoint Create(IServiceProvider services, Action<BrokerOptions>? configure)
    {
        SessionEnvironment environment = services.GetRequiredService<SessionEnvironment>();
        OriginPolicy origins = services.GetRequiredService<OriginPolicy>();
        if (configure is not null)
        {
            BrokerOptions options = services.GetRequiredService<IOptionsFactory<BrokerOptions>>().Create(Options.DefaultName);
            configure(options);
            Validate(services, options);
            environment = Environment(services, options, new ConfiguredUsers(Options.Create(options), services.GetRequiredService<ILogger<ConfiguredUsers>>()));
            origins = Origins(services, options);
            services.GetRequiredService<HeartBeatSweep>().Require(options.HeartBeat.Outgoing);
        }

        return new StompEndpoint(environment.Options, new WebSocketEndpoint(environment, origins, services.GetRequiredService<ILogger<WebSocketEndpoint>>()));
    }

    private static void Validate(IServiceProvider services, BrokerOptions options)
    {
        string[] failures =
        [
            .. services.GetServices<IValidateOptions<BrokerOptions>>()
                .SelectMany(validator => validator.Validate(Options.DefaultName, options).Failures ?? []),
        ];
        if (failures.Length > 0)
            throw new OptionsValidationException(Options.DefaultName, typeof(BrokerOptions), failures);
    }

    private static SessionEnvironment Environment(IServiceProvider services, BrokerOptions options, ConfiguredUsers users) => new(
        options,
        services.GetRequiredService<TopicTable>(),
        services.GetRequiredService<QueueTable>(),
        users,
        services.GetRequiredService<SessionRegistry>(),
        services.GetRequiredService<BrokerMetrics>(),
        services.GetRequiredService<TimeProvider>(),
        services.GetRequiredService<ILogger<Session>>());

    private static OriginPolicy Origins(IServiceProvider services, BrokerOptions options)
    {
        ListenGuard guard = services.GetRequiredService<ListenGuard>();
        return new OriginPolicy(options.AllowedOrigins, () => guard.IsLoopbackOnly);
    }

    private static Task NotYetAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        return context.Response.WriteAsync("The broker is starting or stopping. Try again.\n");
    }
}
