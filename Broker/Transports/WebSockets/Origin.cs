using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Broker.Transports.WebSockets;

/// <summary>
/// A web origin as browsers serialise it (RFC 6454, section 6.2), in one normal form: lower case, and the port always there
/// where the scheme has a default. Parsed by hand, since <see cref="Uri"/> takes far more for a host (<c>http://127.1</c>,
/// <c>http://a@b</c>) than a browser ever sends.
/// </summary>
internal readonly record struct Origin(string Scheme, string Host, int? Port)
{
    private const string SchemeEnd = "://";

    public bool IsHttp => Scheme is "http" or "https";

    public static bool TryParse(string text, out Origin origin)
    {
        origin = default;
        var schemeLength = text.IndexOf(SchemeEnd, StringComparison.Ordinal);
        if (schemeLength <= 0 || !text.AsSpan(0, schemeLength).ContainsOnlyHostCharacters())
            return false;

        var scheme = text[..schemeLength].ToLowerInvariant();
        var authority = text[(schemeLength + SchemeEnd.Length)..];
        if (!TrySplit(authority, out var host, out var port))
            return false;
        origin = Of(scheme, host, port);
        return true;
    }

    /// <summary>The origin of what is served under that scheme, host and port.</summary>
    public static Origin Of(string scheme, string host, int? port) =>
        new(scheme.ToLowerInvariant(), host.ToLowerInvariant(), port ?? DefaultPort(scheme));

    private static int? DefaultPort(string scheme) => scheme.ToLowerInvariant() switch
    {
        "http" => 80,
        "https" => 443,
        _ => null,
    };

    private static bool TrySplit(string authority, [NotNullWhen(true)] out string? host, out int? port)
    {
        (host, port) = (null, null);
        var isLiteral = authority.StartsWith('[');
        var hostLength = isLiteral ? authority.IndexOf(']', StringComparison.Ordinal) + 1 : authority.IndexOf(':', StringComparison.Ordinal);
        if (hostLength < 0)
            hostLength = authority.Length;

        host = authority[..hostLength];
        var isHost = isLiteral
            ? hostLength > 2 && host.AsSpan(1, hostLength - 2).ContainsOnly(":.0123456789abcdefABCDEF")
            : hostLength > 0 && host.AsSpan().ContainsOnlyHostCharacters();
        if (!isHost || hostLength == authority.Length)
            return isHost;

        if (authority[hostLength] != ':'
            || !ushort.TryParse(authority.AsSpan(hostLength + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        port = number;
        return true;
    }
}

file static class Characters
{
    /// <summary>Those of a host name, of a scheme but for its <c>+</c>, and of an extension's id; no wildcard, no blank, no user info.</summary>
    public static bool ContainsOnlyHostCharacters(this ReadOnlySpan<char> text) =>
        text.ContainsOnly("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._+");

    public static bool ContainsOnly(this ReadOnlySpan<char> text, string allowed) => !text.ContainsAnyExcept(allowed);
}
