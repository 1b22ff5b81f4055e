using System.Globalization;
using System.Text;

namespace Broker.Tests.TestHost;

/// <summary>A response as it came over the wire; <see cref="End"/> is null while the connection is still open.</summary>
internal sealed record RawHttpResponse(int Status, IReadOnlyList<KeyValuePair<string, string>> Headers, string Body, StreamEnd? End)
{
    /// <summary>The value of a header, null where it is missing; several lines fail the test.</summary>
    public string? Header(string name) =>
        Headers.Where(h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(h => h.Value).SingleOrDefault();
}

/// <summary>HTTP/1.x byte for byte: a request may be as wrong as a test wants.</summary>
internal static class RawHttp
{
    /// <summary>Sends the request on a connection of its own and reads until the server closes it.</summary>
    public static async Task<RawHttpResponse> ExchangeAsync(int port, string request)
    {
        using var socket = await RawSocket.ConnectAsync(port);
        await socket.SendAsync(request);
        var head = await ReadHeadAsync(socket);
        var (rest, end) = await socket.ReadToEndAsync();
        return head with { Body = Encoding.UTF8.GetString(rest), End = end };
    }

    /// <summary>The status line and the headers; what follows them stays in the socket.</summary>
    public static async Task<RawHttpResponse> ReadHeadAsync(RawSocket socket)
    {
        const string What = "the head of an HTTP response";
        var status = (await socket.ReadLineAsync(What)).Split(' ', 3);
        status[0].Should().Be("HTTP/1.1");
        var headers = new List<KeyValuePair<string, string>>();
        while (await socket.ReadLineAsync(What) is { Length: > 0 } line)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            headers.Add(new(line[..colon], line[(colon + 1)..].Trim()));
        }

        return new RawHttpResponse(int.Parse(status[1], CultureInfo.InvariantCulture), headers, "", null);
    }
}
