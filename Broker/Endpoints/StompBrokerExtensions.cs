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
    /// Registers the broker. <paramref name="configure"/> sets its options, which are checked when the application starts
    /// (<see cref="OptionsValidationException"/> names the setting that is wrong). Call it once.
    /// </summary>
    public static IServiceCollection AddStompBroker(this IServiceCollection services, Action<BrokerOptions>? configure = null)
    {
        OptionsBuilder<BrokerOptions> options = services.AddOptions<BrokerOptions>().ValidateOnStart();
        if (configure is not null)
            options.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<BrokerOptions>, BrokerOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<BrokerOptions>, TopicsValidator>());
        services.AddMetrics();
        services.AddConfiguredUsers();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<BrokerMetrics>();
        services.TryAddSingleton<SessionRegistry>();
        services.TryAddSingleton(static provider => new TopicTable(provider.GetRequiredService<IOptions<BrokerOptions>>().Value));
        services.TryAddSingleton(static provider => new SessionEnvironment(
            provider.GetRequiredService<IOptions<BrokerOptions>>().Value,
            provider.GetRequiredService<TopicTable>(),
            provider.GetRequiredService<ConfiguredUsers>(),
            provider.GetRequiredService<SessionRegistry>(),
            provider.GetRequiredService<BrokerMetrics>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<Session>>()));
        services.TryAddSingleton<HeartBeatSweep>();
        services.TryAddSingleton<ListenGuard>();
        services.TryAddSingleton(static provider => new OriginPolicy(
            provider.GetRequiredService<IOptions<BrokerOptions>>().Value.AllowedOrigins,
            () => provider.GetRequiredService<ListenGuard>().IsLoopbackOnly));
        services.TryAddSingleton<WebSocketEndpoint>();
        services.AddHostedService<BrokerLifetime>();
        return services;
    }

    /// <summary>Maps the STOMP-over-WebSocket endpoint at <paramref name="path"/>, by default <see cref="BrokerOptions.Path"/>.</summary>
    public static IEndpointConventionBuilder MapStompBroker(this IEndpointRouteBuilder endpoints, string? path = null)
    {
        path ??= endpoints.ServiceProvider.GetRequiredService<IOptions<BrokerOptions>>().Value.Path;
        WebSocketEndpoint endpoint = endpoints.ServiceProvider.GetRequiredService<WebSocketEndpoint>();
        ListenGuard guard = endpoints.ServiceProvider.GetRequiredService<ListenGuard>();
        return endpoints.Map(path, context => guard.MayServe ? endpoint.ServeAsync(context) : NotYetAsync(context)).WithDisplayName("STOMP over WebSocket");
    }

    private static Task NotYetAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        return context.Response.WriteAsync("The broker is starting or stopping. Try again.\n");
    }
}
