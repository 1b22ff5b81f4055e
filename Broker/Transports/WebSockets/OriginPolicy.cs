using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Broker.Transports.WebSockets;

/// <summary>
/// Which web pages may connect. A browser lets any page open a WebSocket to any host and only says, in Origin, whose page it
/// is (RFC 6455, section 10.2); so the server must refuse. Thread-safe.
/// </summary>
internal sealed class OriginPolicy
{
    private readonly HashSet<Origin> _allowed = [];
    private readonly Func<bool> _isLoopbackOnly;

    /// <param name="allowedOrigins">Origins beside the broker's own; a trailing slash, case and default ports do not matter.</param>
    /// <param name="isLoopbackOnly">Whether the broker listens on loopback only, asked at each handshake: known once it listens.</param>
    /// <exception cref="ArgumentException">An entry is no origin.</exception>
    public OriginPolicy(IEnumerable<string> allowedOrigins, Func<bool> isLoopbackOnly)
    {
        _isLoopbackOnly = isLoopbackOnly;
        foreach (var entry in allowedOrigins)
        {
            var text = entry.Trim();
            if (text.EndsWith('/'))
                text = text[..^1];
            if (!Origin.TryParse(text, out var origin))
            {
                throw new ArgumentException(
                    $"Broker:AllowedOrigins has '{entry}', which is not an origin: write a scheme and a host, and the port if it is " +
                    "not the default one, such as https://app.example.com. There are no wildcards.",
                    nameof(allowedOrigins));
            }

            _allowed.Add(origin);
        }
    }

    /// <summary>
    /// Whether the Host header may be asked for. A page of the attacker's whose name was made to resolve to 127.0.0.1 (DNS
    /// rebinding) is of the same origin as the broker; but it still sends its own name as Host.
    /// </summary>
    public bool IsHostAllowed(HttpRequest request) => !_isLoopbackOnly() || IsLoopback(request.Host.Host.ToLowerInvariant());

    /// <summary>Whether a page of that Origin header may connect; none at all is a client other than a browser.</summary>
    public bool IsOriginAllowed(HttpRequest request, StringValues header)
    {
        if (header.Count == 0)
            return true;
        // "null" (a sandboxed frame, a file) has no scheme and fails here, for anybody can make one.
        if (header.Count > 1 || !Origin.TryParse(header.ToString(), out var origin))
            return false;
        if (_allowed.Contains(origin))
            return true;
        if (!origin.IsHttp)
            return false;
        return origin == Origin.Of(request.Scheme, request.Host.Host, request.Host.Port)
            || (_isLoopbackOnly() && IsLoopback(origin.Host));
    }

    private static bool IsLoopback(string host) => host is "localhost" or "127.0.0.1" or "[::1]";
}
