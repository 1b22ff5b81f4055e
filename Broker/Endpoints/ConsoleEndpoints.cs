using System.Buffers;
using Broker.Configuration;
using Broker.Transports.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Broker.Endpoints;

/// <summary>The stand-alone broker's console page, the JavaScript library that it serves, and the page's question why it was refused.</summary>
internal static class ConsoleEndpoints
{
    private const string RefusalPath = "/refusal";

    private static readonly string[] Reading = [HttpMethods.Get, HttpMethods.Head];

    private static readonly SearchValues<char> HostCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:");

    /// <summary>Maps all of it; where <see cref="BrokerOptions.Path"/> takes one of the paths, that one is the broker's.</summary>
    public static void MapBrokerConsole(this IEndpointRouteBuilder endpoints)
    {
        BrokerOptions options = endpoints.ServiceProvider.GetRequiredService<IOptions<BrokerOptions>>().Value;
        string endpoint = options.Path;
        foreach (ConsoleAsset asset in ConsoleAsset.Load(endpoint))
        {
            if (IsFree(asset.Path))
                endpoints.MapMethods(asset.Path, Reading, context => SendAsync(context, asset)).WithDisplayName("Console " + asset.Path);
        }

        ListenGuard guard = endpoints.ServiceProvider.GetRequiredService<ListenGuard>();
        var origins = new OriginPolicy(options.AllowedOrigins, () => guard.IsLoopbackOnly);
        if (IsFree(RefusalPath))
            endpoints.MapPost(RefusalPath, context => ExplainAsync(context, origins, guard)).WithDisplayName("Console " + RefusalPath);

        bool IsFree(string path) => !path.Equals(endpoint, StringComparison.OrdinalIgnoreCase);
    }

    private static Task SendAsync(HttpContext context, ConsoleAsset asset)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";

        // Asked again each time, and answered with 304 while nothing changed: after an upgrade nobody runs an old page.
        headers.CacheControl = asset.IsVersioned ? "public, max-age=31536000, immutable" : "no-cache";
        if (asset.IsOfPage)
        {
            headers["Cross-Origin-Resource-Policy"] = "same-origin";
            headers["Referrer-Policy"] = "same-origin";
        }
        else
        {
            headers.AccessControlAllowOrigin = "*";
            headers["Cross-Origin-Resource-Policy"] = "cross-origin";
        }

        if (asset.Path == ConsoleAsset.PagePath)
            headers.ContentSecurityPolicy = ContentSecurityPolicy(context.Request.Host.Value);
        return TypedResults.Bytes(asset.Content, asset.ContentType, entityTag: asset.Tag).ExecuteAsync(context);
    }

    /// <summary>
    /// Nothing but the page's own files, and no markup out of strings. Not every browser takes 'self' for ws: and wss: too, so they are
    /// named; an IPv6 address cannot be named there (CSP 3, section 2.3.1), and neither is a host that could end the directive.
    /// </summary>
    private static string ContentSecurityPolicy(string? host)
    {
        bool canName = !string.IsNullOrEmpty(host) && !host.AsSpan().ContainsAnyExcept(HostCharacters);
        return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            + (canName ? $"connect-src 'self' ws://{host} wss://{host}; " : "connect-src 'self'; ")
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
    }

    /// <summary>
    /// Browsers hide from a page why its WebSocket was refused. The same origin asks here with a POST, since a browser sends Origin with
    /// that: the text and the status of the refusal, or 204 when the handshake has nothing against host and origin.
    /// </summary>
    private static Task ExplainAsync(HttpContext context, OriginPolicy origins, ListenGuard guard)
    {
        HandshakeRefusal? refusal = guard.MayServe
            ? Handshake.Check(AsHandshake(context.Request), origins).Refusal
            : new HandshakeRefusal(StatusCodes.Status503ServiceUnavailable, "The broker is starting or stopping. Try again.\n");
        if (refusal is not null)
            return Handshake.WriteRefusalAsync(context, refusal);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        context.Response.Headers.CacheControl = "no-store";
        return Task.CompletedTask;
    }

    /// <summary>A handshake from the same page to the same host, with nothing else to object to.</summary>
    private static DefaultHttpContext AsHandshake(HttpRequest asked)
    {
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpUpgradeFeature>(Upgradable.Instance);
        HttpRequest request = context.Request;
        request.Method = HttpMethods.Get;
        request.Protocol = HttpProtocol.Http11;
        request.Scheme = asked.Scheme;
        request.Host = asked.Host;
        request.Headers.Origin = asked.Headers.Origin;
        request.Headers.Connection = "Upgrade";
        request.Headers.Upgrade = "websocket";
        request.Headers.SecWebSocketVersion = "13";
        request.Headers.SecWebSocketKey = Convert.ToBase64String(new byte[16]);
        return context;
    }

    private sealed class Upgradable : IHttpUpgradeFeature
    {
        public static Upgradable Instance { get; } = new();

        public bool IsUpgradableRequest => true;

        public Task<Stream> UpgradeAsync() => throw new NotSupportedException();
    }
}
