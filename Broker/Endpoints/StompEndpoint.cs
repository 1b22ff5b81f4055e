using Broker.Configuration;
using Broker.Security;
using Broker.Transports.WebSockets;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;

namespace Broker.Endpoints;

/// <summary>One mapped STOMP endpoint: metadata of its route, by which the start finds it and checks what it lets in.</summary>
internal sealed class StompEndpoint(BrokerOptions options, WebSocketEndpoint webSockets)
{
    public BrokerOptions Options { get; } = options;

    public WebSocketEndpoint WebSockets { get; } = webSockets;

    /// <summary>Why it must not be served at these addresses (SEMANTICS 11); null when it may. An endpoint that requires authorization lets nobody in unknown.</summary>
    public string? Refusal(Endpoint route, IEnumerable<string> addresses) =>
        IsAuthorized(route) || ListenRule.Refusal(addresses, Options) is not { } refusal ? null
        : refusal + " In an application that maps the broker itself: RequireAuthorization() on what MapStompBroker returns, or the same settings in code.";

    /// <summary>True when anybody may connect from anywhere, as told to.</summary>
    public bool IsOpen(Endpoint route) => !IsAuthorized(route) && Options.AllowAnonymous && Options.Users.Count == 0;

    private static bool IsAuthorized(Endpoint route) => route.Metadata.GetMetadata<IAllowAnonymous>() is null
        && (route.Metadata.GetMetadata<IAuthorizeData>() is not null || route.Metadata.GetMetadata<AuthorizationPolicy>() is not null);
}
