using Broker.Diagnostics;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>What a broker has to say about itself.</summary>
internal static class Text
{
    public static string OfMetrics(RunningBroker broker)
    {
        using var text = new StringWriter();
        PrometheusText.Write(broker.Metrics, text);
        return text.ToString();
    }

    /// <summary>By an ordinary HTTP client: status, media type, body.</summary>
    public static async Task<(int Status, string? Type, string Body)> ReadAsync(int port, string path)
    {
        var test = TestContext.Current.CancellationToken;
        using var client = new HttpClient();
        using var response = await client.GetAsync(new Uri($"http://127.0.0.1:{port}{path}"), test);
        return ((int)response.StatusCode, response.Content.Headers.ContentType?.ToString(), await response.Content.ReadAsStringAsync(test));
    }

    /// <summary>Byte for byte, until the server ends the connection.</summary>
    public static Task<RawHttpResponse> GetAsync(int port, string path, string method = "GET") =>
        RawHttp.ExchangeAsync(port, $"{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
}
