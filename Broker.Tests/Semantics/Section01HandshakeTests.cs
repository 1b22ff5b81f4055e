using Broker.Tests.TestHost;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 1: "Out of the box the server listens on `http://localhost:15674` and speaks STOMP over WebSocket at `/ws` [...]. `--urls` and
/// `Broker:Path` change that. Refusals, in this order, as text a person can read, and the connection is closed". The handshake's details
/// have tests of their own; here is the broker as it ships.
/// </summary>
public sealed class Section01HandshakeTests(SharedBroker shared) : IClassFixture<SharedBroker>
{
    private const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    [Fact]
    public async Task Out_of_the_box_it_is_localhost_15674_and_ws()
    {
        await using var app = Program.Build([]);
        app.Configuration["urls"].Should().Be("http://localhost:15674");
        new Broker.Configuration.BrokerOptions().Path.Should().Be("/ws");
    }

    [Fact]
    public async Task Broker_Path_moves_the_endpoint()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Path=/stomp/here");
        using var client = await StompTestClient.ConnectAsync(broker.Port, path: "/stomp/here");
        (await Text.GetAsync(broker.Port, "/ws")).Status.Should().Be(404);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("OPTIONS")]
    [InlineData("PATCH")]
    [InlineData("HEAD")]
    [InlineData("STOMP")]
    public async Task An_unknown_path_is_404_whatever_the_method(string method) =>
        (await Text.GetAsync(shared.Port, "/no/such/path", method)).Status.Should().Be(404);

    [Fact]
    public async Task The_refusals_come_in_their_order_each_with_its_status()
    {
        await using var broker = await RunningBroker.StartAsync();
        string request = RawWebSocket.Request(broker.Port, "/ws", "short",
            ("Host", "evil.example"), ("Connection", "close"), ("Sec-WebSocket-Version", "8"), ("Origin", "http://evil.example"), ("Sec-WebSocket-Protocol", "mqtt"))
            .Replace("GET ", "DELETE ", StringComparison.Ordinal).Replace("HTTP/1.1", "HTTP/1.0", StringComparison.Ordinal);
        (string From, string To, int Status)[] mended =
        [
            ("", "", 405), ("DELETE ", "GET ", 400), ("HTTP/1.0", "HTTP/1.1", 400), ("Connection: close", "Connection: Upgrade", 426),
            ("Version: 8", "Version: 13", 400), ("Key: short", "Key: " + Key, 403), ("Host: evil.example", "Host: localhost", 403),
            ("Origin: http://evil.example", "Origin: http://localhost:3000", 400),
        ];
        foreach (var (from, to, status) in mended)
        {
            if (from.Length > 0)
                request = request.Replace(from, to, StringComparison.Ordinal);
            var response = await RawHttp.ExchangeAsync(broker.Port, request);
            response.Status.Should().Be(status, "of {0}", request);
            response.Body.Should().MatchRegex("^[A-Z][ -~\n]{20,}\n$");
            response.End.Should().Be(StreamEnd.Fin);
        }

        // All of it is counted and logged, and what a setting decides names the setting and whom it concerned.
        var warnings = broker.Log.Lines.Where(l => l.StartsWith("Warning: Handshake", StringComparison.Ordinal)).ToList();
        warnings.Should().HaveCount(mended.Length);
        warnings.Should().ContainSingle(l => l.Contains("evil.example (setting: urls)", StringComparison.Ordinal));
        warnings.Should().ContainSingle(l => l.Contains("http://evil.example (setting: Broker:AllowedOrigins)", StringComparison.Ordinal));
        Text.OfMetrics(broker).Should().Contain("stompbroker_handshakes_refused_total{status=\"400\"} 4\n")
            .And.Contain("status=\"403\"} 2\n").And.Contain("status=\"405\"} 1\n").And.Contain("status=\"426\"} 1\n");
    }

    [Theory]
    [InlineData("Origin", "null", 403)]
    [InlineData("Origin", "http://evil.example", 403)]
    [InlineData("Origin", "https://localhost.evil.example", 403)]
    [InlineData("Origin", "file://", 403)]
    [InlineData("Host", "rebound.example", 403)]
    [InlineData("Origin", "http://localhost:3000", 101)]
    [InlineData("Origin", "https://127.0.0.1", 101)]
    [InlineData("Origin", "http://[::1]:1", 101)]
    [InlineData("Host", "[::1]:7", 101)]
    public async Task On_loopback_only_pages_and_names_of_this_machine_pass(string name, string value, int status) =>
        (await StatusAsync(shared.Port, (name, value))).Should().Be(status);

    [Fact]
    public async Task Listed_origins_pass_and_beyond_loopback_only_they_and_the_broker_s_own()
    {
        await using var broker = await RunningBroker.StartAsync(
            "urls=http://0.0.0.0:0", "Broker:AllowAnonymous=true", "Broker:AllowedOrigins:0=https://app.example.com");
        (await StatusAsync(broker.Port, ("Host", "broker.example"), ("Origin", "https://app.example.com"))).Should().Be(101);
        (await StatusAsync(broker.Port, ("Host", "broker.example"), ("Origin", "http://broker.example"))).Should().Be(101);
        (await StatusAsync(broker.Port, ("Host", "broker.example"))).Should().Be(101, "no Origin is a native client");
        (await StatusAsync(broker.Port, ("Host", "broker.example"), ("Origin", "http://localhost:3000"))).Should().Be(403);
    }

    [Theory]
    [InlineData("v10.stomp, v12.stomp, v11.stomp", "v12.stomp")]
    [InlineData("v10.stomp\r\nSec-WebSocket-Protocol: v11.stomp", "v11.stomp")]
    public async Task The_highest_subprotocol_is_echoed_and_CONNECT_settles_the_version(string offered, string echoed)
    {
        using var client = await StompTestClient.OpenAsync(shared.Port, "/ws", ("Sec-WebSocket-Protocol", offered));
        client.Socket.Handshake.Header("Sec-WebSocket-Protocol").Should().Be(echoed);
        await client.ConnectAsync("1.0");
        client.Connected!["version"].Should().Be("1.0");
    }

    [Fact]
    public async Task Frames_in_the_same_packet_as_the_handshake_are_not_lost()
    {
        using var socket = await RawSocket.ConnectAsync(shared.Port);
        byte[] connect = ClientFrame.Encode(ClientFrame.Text, "CONNECT\naccept-version:1.2\n\n\0"u8);
        await socket.SendAsync((byte[])[.. System.Text.Encoding.ASCII.GetBytes(RawWebSocket.Request(shared.Port, "/ws", Key)), .. connect]);
        (await RawHttp.ReadHeadAsync(socket)).Status.Should().Be(101);
        var frame = await socket.ReadExactlyAsync(30, "CONNECTED");
        System.Text.Encoding.ASCII.GetString(frame).Should().Contain("CONNECTED\nversion:1.2\n");
    }

    [Fact]
    public async Task A_handshake_may_come_byte_by_byte()
    {
        using var socket = await RawSocket.ConnectAsync(shared.Port);
        foreach (var octet in RawWebSocket.Request(shared.Port, "/ws?x=1", Key))
            await socket.SendAsync(octet.ToString());
        (await RawHttp.ReadHeadAsync(socket)).Status.Should().Be(101);
    }

    [Fact]
    public void A_connection_without_a_whole_request_head_has_10_s_a_silent_one_too()
    {
        var limits = shared.Broker.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;
        limits.RequestHeadersTimeout.Should().Be(TimeSpan.FromSeconds(10));
        limits.KeepAliveTimeout.Should().Be(TimeSpan.FromSeconds(10), "it governs the time before the first byte");
    }

    [Theory]
    [InlineData("garbage\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\u0002\n")]
    [InlineData("CONNECT\naccept-version:1.2\n\n\0")]
    public async Task Garbage_instead_of_HTTP_is_400_and_the_end(string garbage)
    {
        using var socket = await RawSocket.ConnectAsync(shared.Port);
        await socket.SendAsync(garbage);
        var (bytes, end) = await socket.ReadToEndAsync();
        System.Text.Encoding.ASCII.GetString(bytes).Should().StartWith("HTTP/1.1 400 ");
        end.Should().Be(StreamEnd.Fin);
    }

    private static async Task<int> StatusAsync(int port, params (string Name, string? Value)[] headers)
    {
        using var socket = await RawSocket.ConnectAsync(port);
        await socket.SendAsync(RawWebSocket.Request(port, "/ws", Key, headers));
        return (await RawHttp.ReadHeadAsync(socket)).Status;
    }
}
