using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Broker.Transports.WebSockets;

/// <summary>
/// The server's side of the opening handshake (RFC 6455, section 4.2). The checks stand in the order in which they are made,
/// which is promised: a request with several faults is told of the first.
/// </summary>
internal static class Handshake
{
    private const string Version = "13";
    private const int MaxEcho = 128;

    private const string HowToConnect =
        "Point a STOMP client at this very URL, with ws: for http: or wss: for https:, as in a browser\n" +
        "new StompJs.Client({ brokerURL: 'ws://HOST:PORT/PATH' }).activate()\n";

    /// <summary>In the order of preference: the highest.</summary>
    private static readonly string[] Subprotocols = ["v12.stomp", "v11.stomp", "v10.stomp"];

    /// <summary>Decides; touches nothing of the response.</summary>
    public static HandshakeResult Check(HttpContext context, OriginPolicy policy)
    {
        var request = context.Request;
        var headers = request.Headers;

        if (!HttpMethods.IsGet(request.Method))
        {
            return new HandshakeRefusal(StatusCodes.Status405MethodNotAllowed,
                "This is a STOMP-over-WebSocket endpoint, and a WebSocket is opened with GET.\n" + HowToConnect);
        }

        if (HttpProtocol.IsHttp10(request.Protocol))
        {
            return new HandshakeRefusal(StatusCodes.Status400BadRequest,
                "A WebSocket needs HTTP/1.1, and this request came as HTTP/1.0. A proxy in between may do that: with nginx, set " +
                "proxy_http_version 1.1 and pass the Upgrade and Connection headers on.\n");
        }

        if (!AsksForUpgrade(context))
        {
            return new HandshakeRefusal(StatusCodes.Status400BadRequest,
                "This is a STOMP-over-WebSocket endpoint, and the request does not ask for a WebSocket (Connection: Upgrade and " +
                "Upgrade: websocket, over HTTP/1.1).\n" + HowToConnect + "A proxy in between must pass both headers on.\n");
        }

        if (headers.SecWebSocketVersion is not [Version])
        {
            return new HandshakeRefusal(StatusCodes.Status426UpgradeRequired,
                "Only version 13 of the WebSocket protocol (RFC 6455) is spoken here: send Sec-WebSocket-Version: 13, once.\n");
        }

        if (headers.SecWebSocketKey is not [{ } key] || !IsKey(key))
        {
            return new HandshakeRefusal(StatusCodes.Status400BadRequest,
                "Sec-WebSocket-Key must be sent once and be 16 bytes in base64 (RFC 6455, section 4.1): 24 characters.\n");
        }

        if (!policy.IsHostAllowed(request))
            return RefuseHost(request);
        if (!policy.IsOriginAllowed(request, headers.Origin))
            return RefuseOrigin(headers.Origin);

        if (!TryChooseSubprotocol(headers.SecWebSocketProtocol, out var subprotocol))
        {
            return new HandshakeRefusal(StatusCodes.Status400BadRequest,
                "None of the subprotocols in Sec-WebSocket-Protocol is spoken here. Offer v12.stomp, v11.stomp or v10.stomp, or none.\n");
        }

        return HandshakeResult.Accepted(AcceptOf(key), subprotocol);
    }

    /// <summary>Answers with the refusal and has the connection closed.</summary>
    public static Task WriteRefusalAsync(HttpContext context, HandshakeRefusal refusal)
    {
        var body = Encoding.ASCII.GetBytes(refusal.Text);
        var response = context.Response;
        var headers = response.Headers;
        response.StatusCode = refusal.Status;
        response.ContentType = "text/plain; charset=utf-8";
        response.ContentLength = body.Length;
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";

        var close = "close";
        switch (refusal.Status)
        {
            case StatusCodes.Status405MethodNotAllowed:
                headers.Allow = HttpMethods.Get;
                break;
            case StatusCodes.Status426UpgradeRequired:
                // RFC 6455, section 4.4, names the version; RFC 9110, section 7.8, has Upgrade named in Connection.
                headers.SecWebSocketVersion = Version;
                headers.Upgrade = "websocket";
                close = "close, Upgrade";
                break;
        }

        // HTTP/2 has no such header, and its connection carries other requests.
        if (HttpProtocol.IsHttp11(context.Request.Protocol) || HttpProtocol.IsHttp10(context.Request.Protocol))
            headers.Connection = close;
        return response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }

    private static bool AsksForUpgrade(HttpContext context) =>
        HasToken(context.Request.Headers.Connection, "upgrade")
        && HasToken(context.Request.Headers.Upgrade, "websocket")
        && context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true };

    /// <summary>Whether a comma-separated list, on one line or several, has a token, in any case.</summary>
    private static bool HasToken(StringValues lines, string token)
    {
        foreach (var line in lines)
        {
            foreach (var range in line.AsSpan().Split(','))
            {
                if (line.AsSpan()[range].Trim(" \t").Equals(token, StringComparison.OrdinalIgnoreCase))
                    return true;
            }
        }

        return false;
    }

    private static bool TryChooseSubprotocol(StringValues lines, out string? chosen)
    {
        chosen = null;
        var rank = Subprotocols.Length;
        var isOffered = false;
        foreach (var line in lines)
        {
            foreach (var range in line.AsSpan().Split(','))
            {
                var offered = line.AsSpan()[range].Trim(" \t");
                isOffered |= !offered.IsEmpty;
                for (var i = 0; i < rank; i++)
                {
                    if (offered.SequenceEqual(Subprotocols[i]))
                        rank = i;
                }
            }
        }

        if (rank < Subprotocols.Length)
            chosen = Subprotocols[rank];
        return chosen is not null || !isOffered;
    }

    private static bool IsKey(string key) => key.Length == 24 && Base64.IsValid(key, out var bytes) && bytes == 16;

    private static string AcceptOf(string key)
    {
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
#pragma warning disable CA5350 // RFC 6455, section 4.2.2, prescribes SHA-1; it proves that the key was read, and secures nothing.
        SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"), hash);
#pragma warning restore CA5350
        return Convert.ToBase64String(hash);
    }

    private static HandshakeRefusal RefuseHost(HttpRequest request) =>
        new(StatusCodes.Status403Forbidden,
            "This broker listens on loopback only, and so answers to no Host header but localhost, 127.0.0.1 and [::1]. " +
            "Connect to localhost; have a proxy in front send Host: localhost; or let the broker listen on another address (--urls).\n")
        {
            Setting = "urls",
            Refused = Printable(request.Headers.Host.ToString()),
        };

    private static HandshakeRefusal RefuseOrigin(StringValues header)
    {
        var origin = Printable(header.ToString());
        return new HandshakeRefusal(StatusCodes.Status403Forbidden,
            header.Count == 1 && Origin.TryParse(header.ToString(), out _)
                ? $"Pages of the origin '{origin}' may not connect. Whoever runs the broker can let them: add it to Broker:AllowedOrigins.\n"
                : $"'{origin}' is no origin that could be let in. Serve the page over http or https, and send one Origin header or none.\n")
        {
            Setting = "Broker:AllowedOrigins",
            Refused = origin,
        };
    }

    /// <summary>Input that is safe to show: one line of ASCII, cut, without what could end a quotation or a tag.</summary>
    private static string Printable(string input)
    {
        var length = Math.Min(input.Length, MaxEcho);
        var text = string.Create(length, input, static (to, from) =>
        {
            for (var i = 0; i < to.Length; i++)
                to[i] = from[i] is > ' ' and <= '~' and not ('\'' or '"' or '<' or '>' or '&' or '\\') ? from[i] : '?';
        });
        return length < input.Length ? text + "..." : text;
    }
}
