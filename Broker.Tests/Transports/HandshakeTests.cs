using Broker.Tests.TestHost;

namespace Broker.Tests.Transports;

/// <summary>
/// RFC 6455, section 4.2.1: "If the server, while reading the handshake, finds that the client did not send a handshake that
/// matches the description below [...] the server MUST stop processing the client's handshake and return an HTTP response
/// with an appropriate error code".
/// </summary>
public sealed class HandshakeTests(HandshakeHost host) : IClassFixture<HandshakeHost>
{
    private const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    [Fact]
    public async Task The_sample_of_the_RFC_is_accepted()
    {
        var response = await SendAsync();
        response.Status.Should().Be(101);
        response.Header("Sec-WebSocket-Accept").Should().Be("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        response.Header("Connection").Should().Be("Upgrade");
        response.Header("Upgrade").Should().Be("websocket");
        response.Header("Sec-WebSocket-Protocol").Should().BeNull();
        response.End.Should().Be(StreamEnd.Fin);
    }

    [Theory]
    [InlineData("keep-alive, Upgrade", "websocket")]
    [InlineData("keep-alive , UPGRADE", "WebSocket")]
    [InlineData("upgrade", "h2c, websocket")]
    [InlineData("keep-alive\r\nConnection: upgrade", "h2c\r\nUpgrade: WEBSOCKET")]
    public async Task Connection_and_Upgrade_are_lists_over_one_line_or_several(string connection, string upgrade) =>
        (await SendAsync(("Connection", connection), ("Upgrade", upgrade))).Status.Should().Be(101);

    [Theory]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("OPTIONS")]
    [InlineData("DELETE")]
    public async Task Another_method_than_GET_is_405(string method)
    {
        var response = await ExchangeAsync(Request().Replace("GET ", method + " ", StringComparison.Ordinal));
        ShouldBeRefused(response, 405, "GET");
        response.Header("Allow").Should().Be("GET");
    }

    [Fact]
    public async Task HEAD_is_405_without_a_body()
    {
        var response = await ExchangeAsync(Request().Replace("GET ", "HEAD ", StringComparison.Ordinal));
        response.Status.Should().Be(405);
        response.Header("Allow").Should().Be("GET");
        response.Body.Should().BeEmpty();
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    [InlineData("OPTIONS")]
    public async Task An_unknown_path_is_404_whatever_the_method(string method)
    {
        var request = Request(("Connection", "Upgrade, close")).Replace("GET /ws ", method + " /wsx ", StringComparison.Ordinal);
        (await ExchangeAsync(request)).Status.Should().Be(404);
    }

    [Fact]
    public async Task HTTP_1_0_is_400() =>
        ShouldBeRefused(await ExchangeAsync(Request().Replace("HTTP/1.1", "HTTP/1.0", StringComparison.Ordinal)), 400, "HTTP/1.0");

    [Theory]
    [InlineData(null, null)]
    [InlineData("Upgrade", null)]
    [InlineData("keep-alive", "websocket")]
    [InlineData("Upgrade", "h2c")]
    [InlineData("Upgrade", "websockets")]
    [InlineData("Upgrade", "websocket/13")]
    public async Task A_request_that_asks_for_no_WebSocket_is_400_and_told_how_to(string? connection, string? upgrade) =>
        ShouldBeRefused(await SendAsync(("Connection", connection), ("Upgrade", upgrade)), 400, "STOMP-over-WebSocket");

    [Theory]
    [InlineData(null)]
    [InlineData("8")]
    [InlineData("14")]
    [InlineData("13, 8")]
    [InlineData("013")]
    [InlineData("13\r\nSec-WebSocket-Version: 13")]
    public async Task Another_version_than_13_is_426(string? version)
    {
        var response = await SendAsync(("Sec-WebSocket-Version", version));
        ShouldBeRefused(response, 426, "13");
        response.Header("Sec-WebSocket-Version").Should().Be("13");
        response.Header("Upgrade").Should().Be("websocket");
        response.Header("Connection").Should().Be("close, Upgrade");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("dGhlIHNhbXBsZSBub25jZQ")]
    [InlineData("dGhlIHNhbXBsZSBub25jZQ=!")]
    [InlineData("dGhlIHNhbXBsZSBub25j")]
    [InlineData("dGhlIHNhbXBsZSBub25jZTE=")]
    [InlineData("dGhlIHNhbXBs ZSBub25jZQ==")]
    [InlineData("dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")]
    public async Task A_bad_key_is_400(string? key) =>
        ShouldBeRefused(await SendAsync(("Sec-WebSocket-Key", key)), 400, "Sec-WebSocket-Key");

    [Theory]
    [InlineData("v12.stomp", "v12.stomp")]
    [InlineData("v11.stomp", "v11.stomp")]
    [InlineData("v10.stomp", "v10.stomp")]
    [InlineData("v10.stomp, v11.stomp, v12.stomp", "v12.stomp")]
    [InlineData("v12.stomp,v11.stomp,v10.stomp", "v12.stomp")]
    [InlineData("mqtt ,\t v10.stomp , v11.stomp", "v11.stomp")]
    [InlineData("v10.stomp\r\nSec-WebSocket-Protocol: v11.stomp, x", "v11.stomp")]
    [InlineData("", null)]
    [InlineData(" , ", null)]
    public async Task The_highest_subprotocol_that_was_offered_is_echoed(string offered, string? echoed)
    {
        var response = await SendAsync(("Sec-WebSocket-Protocol", offered));
        response.Status.Should().Be(101);
        response.Header("Sec-WebSocket-Protocol").Should().Be(echoed);
    }

    [Theory]
    [InlineData("mqtt")]
    [InlineData("v13.stomp, stomp")]
    [InlineData("V12.STOMP")]
    public async Task Only_unknown_subprotocols_are_400(string offered) =>
        ShouldBeRefused(await SendAsync(("Sec-WebSocket-Protocol", offered)), 400, "v12.stomp");

    [Theory]
    [InlineData("broker.example:8080", "http://broker.example:8080")]
    [InlineData("broker.example", "http://broker.example")]
    [InlineData("broker.example:80", "http://broker.example")]
    [InlineData("Broker.Example", "http://broker.example:80")]
    [InlineData("[2001:db8::2]:81", "http://[2001:DB8::2]:81")]
    [InlineData("any.example", "https://app.example.com")]
    [InlineData("any.example", "https://APP.example.com:443")]
    [InlineData("any.example", "http://[2001:db8::1]:8080")]
    [InlineData("any.example", "capacitor://localhost")]
    [InlineData("any.example", null)]
    public async Task The_broker_s_own_origin_a_listed_one_and_none_pass(string hostHeader, string? origin)
    {
        host.IsLoopbackOnly = false;
        (await SendAsync(("Host", hostHeader), ("Origin", origin))).Status.Should().Be(101);
    }

    [Theory]
    [InlineData("broker.example:8080", "https://broker.example:8080")]
    [InlineData("broker.example:8080", "http://broker.example")]
    [InlineData("broker.example:8080", "http://broker.example:8081")]
    [InlineData("broker.example:8080", "http://broker.example.:8080")]
    [InlineData("broker.example", "http://broker.example.evil.example")]
    [InlineData("any.example", "http://app.example.com")]
    [InlineData("any.example", "https://app.example.com:444")]
    [InlineData("any.example", "https://app.example.com/")]
    [InlineData("any.example", "https://evil@app.example.com")]
    [InlineData("any.example", "https://app.example.com, https://app.example.com")]
    [InlineData("any.example", "https://app.example.com\r\nOrigin: https://app.example.com")]
    [InlineData("any.example", "http://localhost")]
    [InlineData("any.example", "null")]
    [InlineData("any.example", "")]
    [InlineData("any.example", "file://")]
    [InlineData("any.example", "https://[::1")]
    [InlineData("any.example", "https://app.example.com:x")]
    public async Task Another_origin_is_403(string hostHeader, string origin)
    {
        host.IsLoopbackOnly = false;
        ShouldBeRefused(await SendAsync(("Host", hostHeader), ("Origin", origin)), 403, "rigin");
    }

    [Theory]
    [InlineData("localhost:15674", null)]
    [InlineData("127.0.0.1", null)]
    [InlineData("[::1]:9", null)]
    [InlineData("LOCALHOST", "http://localhost:3000")]
    [InlineData("localhost", "https://127.0.0.1:8443")]
    [InlineData("localhost", "http://[::1]")]
    [InlineData("127.0.0.1", "https://app.example.com")]
    public async Task On_loopback_only_pages_of_this_machine_pass(string hostHeader, string? origin)
    {
        host.IsLoopbackOnly = true;
        (await SendAsync(("Host", hostHeader), ("Origin", origin))).Status.Should().Be(101);
    }

    [Theory]
    [InlineData("rebound.example", null)]
    [InlineData("rebound.example:15674", "http://rebound.example:15674")]
    [InlineData("rebound.example", "http://localhost")]
    [InlineData("rebound.example", "https://app.example.com")]
    [InlineData("localhost.evil.example", null)]
    [InlineData("127.0.0.2", null)]
    [InlineData("", null)]
    public async Task On_loopback_only_another_Host_is_403(string hostHeader, string? origin)
    {
        host.IsLoopbackOnly = true;
        ShouldBeRefused(await SendAsync(("Host", hostHeader), ("Origin", origin)), 403, "loopback");
    }

    [Theory]
    [InlineData("http://evil.example")]
    [InlineData("http://localhost.evil.example")]
    [InlineData("ftp://localhost")]
    [InlineData("http://127.1")]
    [InlineData("null")]
    public async Task On_loopback_only_other_pages_are_403(string origin)
    {
        host.IsLoopbackOnly = true;
        ShouldBeRefused(await SendAsync(("Host", "localhost"), ("Origin", origin)), 403, "rigin");
    }

    [Fact]
    public async Task A_request_with_every_fault_is_told_of_the_first_and_so_on()
    {
        host.IsLoopbackOnly = false;
        var method = "DELETE";
        var version = "HTTP/1.0";
        (string Name, string? Value)[] headers =
        [
            ("Connection", "close"), ("Upgrade", "h2c"), ("Sec-WebSocket-Version", "8"), ("Sec-WebSocket-Key", "short"),
            ("Origin", "http://evil.example"), ("Sec-WebSocket-Protocol", "mqtt"),
        ];
        Task<RawHttpResponse> Send() => ExchangeAsync(Request(headers)
            .Replace("GET ", method + " ", StringComparison.Ordinal).Replace("HTTP/1.1", version, StringComparison.Ordinal));

        ShouldBeRefused(await Send(), 405, "GET");
        method = "GET";
        ShouldBeRefused(await Send(), 400, "HTTP/1.0");
        version = "HTTP/1.1";
        ShouldBeRefused(await Send(), 400, "does not ask");
        headers[0].Value = "Upgrade";
        headers[1].Value = "websocket";
        ShouldBeRefused(await Send(), 426, "version 13");
        headers[2].Value = "13";
        ShouldBeRefused(await Send(), 400, "Sec-WebSocket-Key");
        headers[3].Value = Key;
        ShouldBeRefused(await Send(), 403, "http://evil.example");
        headers[4].Value = null;
        ShouldBeRefused(await Send(), 400, "v12.stomp");
        headers[5].Value = "v12.stomp";
        (await Send()).Status.Should().Be(101);
    }

    [Theory]
    [InlineData("http://<script>alert('1')</script>&\"\\", "http://?script?alert(?1?)?/script????")]
    [InlineData("http://a\tb c", "http://a?b?c")]
    [InlineData("http://é", "http://?")]
    public async Task A_refused_origin_is_shown_cleaned(string origin, string shown)
    {
        host.IsLoopbackOnly = false;
        ShouldBeRefused(await SendAsync(("Origin", origin)), 403, $"'{shown}'");
    }

    [Fact]
    public async Task A_long_refused_origin_is_shown_cut()
    {
        host.IsLoopbackOnly = false;
        var response = await SendAsync(("Origin", "http://" + new string('a', 5000)));
        ShouldBeRefused(response, 403, "aaa...'");
        response.Body.Length.Should().BeLessThan(400);
    }

    private static void ShouldBeRefused(RawHttpResponse response, int status, string says)
    {
        response.Status.Should().Be(status);
        response.Body.Should().Contain(says).And.EndWith("\n");
        response.Body.Should().MatchRegex("^[\n -~]*$");
        response.Header("Content-Length").Should().Be(response.Body.Length.ToString(System.Globalization.CultureInfo.InvariantCulture));
        response.Header("Content-Type").Should().Be("text/plain; charset=utf-8");
        response.Header("Connection").Should().StartWith("close");
        response.Header("Cache-Control").Should().Be("no-store");
        response.Header("X-Content-Type-Options").Should().Be("nosniff");
        response.End.Should().Be(StreamEnd.Fin);
    }

    private Task<RawHttpResponse> SendAsync(params (string Name, string? Value)[] headers) => ExchangeAsync(Request(headers));

    private string Request(params (string Name, string? Value)[] headers) =>
        RawWebSocket.Request(host.Port, "/ws", Key, headers.Any(h => h.Name == "Sec-WebSocket-Key") ? headers : [.. headers, ("Sec-WebSocket-Key", Key)]);

    private Task<RawHttpResponse> ExchangeAsync(string request) => RawHttp.ExchangeAsync(host.Port, request);
}
