using System.Diagnostics;
using System.Text;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 9: "Frame 64 KiB before CONNECTED and 4 MiB after; WebSocket message 16 MiB (one announced larger is refused at once, without
/// allocating); command 32 bytes; headers 100; header line 10 KiB; subscriptions per connection 1000; [...] connections in total 50,000,
/// per address unlimited by default; SEND rate per connection off by default." Each at its boundary, over a socket.
/// </summary>
public sealed class Section09LimitTests(SharedBroker shared) : IClassFixture<SharedBroker>
{
    private const int KiB = 1024, MiB = 1024 * 1024;

    [Fact]
    public async Task A_CONNECT_of_64_KiB_is_accepted()
    {
        using var client = await StompTestClient.OpenAsync(shared.Port);
        await client.Socket.SendTextAsync(Connect(64 * KiB));
        await client.ReadFrameAsync("CONNECTED");
    }

    [Fact]
    public async Task A_byte_more_before_CONNECTED_is_too_large()
    {
        using var client = await StompTestClient.OpenAsync(shared.Port);
        await client.Socket.SendTextAsync(Connect((64 * KiB) + 1));
        (await client.ReadErrorAndEndAsync(1009))["message"].Should().Be("frame too large");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_SEND_of_4_MiB_is_accepted(bool hasLength)
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.Socket.SendTextAsync(Send(4 * MiB, hasLength));
        await client.ReadFrameAsync("RECEIPT");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_byte_more_is_too_large(bool hasLength)
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.Socket.SendTextAsync(Send((4 * MiB) + 1, hasLength));
        (await client.ReadErrorAndEndAsync(1009))["receipt-id"].Should().Be("r");
    }

    [Fact]
    public async Task A_frame_without_end_is_refused_as_soon_as_it_is_too_large()
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.Socket.SendTextAsync("SEND\ndestination:/topic/a\n\n");
        for (var sent = 0; sent <= 4 * MiB; sent += MiB / 2)
            await client.Socket.SendTextAsync(new string('x', MiB / 2));
        (await client.ReadErrorAndEndAsync(1009))["message"].Should().Be("frame too large");
    }

    [Fact]
    public async Task An_announced_body_is_refused_before_any_of_it_came()
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.Socket.SendTextAsync($"SEND\ndestination:/topic/a\ncontent-length:{4 * MiB}\n\n");
        (await client.ReadErrorAndEndAsync(1009))["message"].Should().Be("frame too large");
    }

    [Fact]
    public async Task A_WebSocket_message_of_16_MiB_is_accepted()
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        var frames = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(Send(4 * MiB, hasLength: true), 4)));
        await client.Socket.SendBinaryAsync(frames);
        for (var i = 0; i < 4; i++)
            await client.ReadFrameAsync("RECEIPT");
    }

    [Theory]
    [InlineData((16L * MiB) + 1)]
    [InlineData(1L << 40)]
    [InlineData(long.MaxValue)]
    public async Task A_message_announced_larger_is_refused_at_once_without_an_ERROR(long announced)
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.Socket.SendFrameAsync(ClientFrame.Binary, default, announcedLength: announced);
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1009);
    }

    [Fact]
    public async Task Fragments_that_are_larger_together_are_refused_when_the_last_is_announced()
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.Socket.SendFrameAsync(ClientFrame.Binary, Enumerable.Repeat((byte)'\n', 16 * MiB).ToArray(), fin: false);
        await client.Socket.SendFrameAsync(ClientFrame.Continuation, default, announcedLength: 1);
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1009);
    }

    [Theory]
    [InlineData(32, "unknown command", 1002)]
    [InlineData(33, "command too long", 1008)]
    public async Task A_command_has_at_most_32_bytes(int length, string message, int code)
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.Socket.SendTextAsync(new string('A', length) + "\n\n\0");
        (await client.ReadErrorAndEndAsync(code))["message"].Should().Be(message);
    }

    [Fact]
    public async Task A_frame_has_at_most_100_headers_and_a_header_line_10_KiB()
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        var filler = string.Concat(Enumerable.Range(0, 97).Select(i => $"h{i}:v\n"));
        var longest = "a:" + new string('x', (10 * KiB) - 2) + "\n";
        await client.Socket.SendTextAsync($"SEND\ndestination:/topic/a\nreceipt:r\n{longest}{filler}\n\0");
        await client.ReadFrameAsync("RECEIPT");
        await client.Socket.SendTextAsync($"SEND\ndestination:/topic/a\nreceipt:r\n{longest}{filler}more:x\n\n\0");
        (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("too many headers");
    }

    [Fact]
    public async Task Of_10_000_subscriptions_1000_are_made_and_all_are_released()
    {
        await using var broker = await RunningBroker.StartAsync();
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        await client.Socket.SendTextAsync(string.Concat(Enumerable.Range(0, 10_000).Select(i => $"SUBSCRIBE\nid:{i}\ndestination:/topic/t{i}\nreceipt:{i}\n\n\0")));
        for (var i = 0; i < 1000; i++)
            (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be($"{i}");
        (await client.ReadErrorAndEndAsync(1008))["receipt-id"].Should().Be("1000");
        await broker.StopAsync();
        Text.OfMetrics(broker).Should().Contain("stompbroker_subscriptions 0\n");
    }

    [Fact]
    public async Task Connections_in_total_are_limited_and_the_next_is_told_so_by_503()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Limits:Connections=2");
        using var first = await StompTestClient.ConnectAsync(broker.Port);
        var second = await StompTestClient.ConnectAsync(broker.Port);
        var response = await RawHttp.ExchangeAsync(broker.Port, RawWebSocket.Request(broker.Port, "/ws", "dGhlIHNhbXBsZSBub25jZQ=="));
        response.Status.Should().Be(503);
        response.Body.Should().Contain("as many connections as it allows");
        response.End.Should().Be(StreamEnd.Fin);
        broker.Log.Lines.Should().ContainSingle(l => l.StartsWith("Warning:", StringComparison.Ordinal)).Which.Should().Contain("Broker:Limits:Connections");

        // Its place is free once it is gone.
        await second.SendFrameAsync("DISCONNECT", [("receipt", "bye")]);
        await second.ReadFrameAsync("RECEIPT");
        await second.Socket.ReadCloseAsync();
        await second.Socket.SendCloseAsync(1000);
        await second.Socket.ReadToEndAsync();
        using var third = await StompTestClient.ConnectAsync(broker.Port);
    }

    [Fact]
    public async Task Connections_of_one_address_are_limited_where_that_is_configured()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Limits:ConnectionsPerAddress=1");
        using var first = await StompTestClient.ConnectAsync(broker.Port);
        var second = () => StompTestClient.ConnectAsync(broker.Port);
        (await second.Should().ThrowAsync<InvalidOperationException>()).WithMessage("*503*");
    }

    [Fact]
    public async Task A_SEND_rate_is_kept_by_not_reading_on()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Limits:SendsPerSecond=20");
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        await client.Socket.SendTextAsync(string.Concat(Enumerable.Repeat("SEND\ndestination:/topic/a\nreceipt:burst\n\n\0", 30)));
        for (var i = 0; i < 30; i++)
            await client.ReadFrameAsync("RECEIPT");
        var since = Stopwatch.GetTimestamp();
        await client.SendFrameAsync("SEND", [("destination", "/topic/a"), ("receipt", "r")]);
        await client.ReadFrameAsync("RECEIPT");
        Stopwatch.GetElapsedTime(since).Should().BeGreaterThan(TimeSpan.FromSeconds(0.4), "ten SENDs beyond the burst are half a second's worth");
    }

    [Fact]
    public async Task What_would_take_longer_than_10_s_at_the_rate_allowed_is_refused()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Limits:SendsPerSecond=1");
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        await client.Socket.SendTextAsync(string.Concat(Enumerable.Repeat("SEND\ndestination:/topic/a\n\n\0", 13)));
        (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("rate exceeded");
    }

    [Fact]
    public void The_defaults_are_those_of_the_contract()
    {
        var limits = new Broker.Configuration.LimitOptions();
        (limits.FrameBytesBeforeConnected, limits.FrameBytes, limits.WebSocketMessageBytes).Should().Be((64 * KiB, 4 * MiB, 16 * MiB));
        (limits.CommandBytes, limits.Headers, limits.HeaderLineBytes, limits.Subscriptions).Should().Be((32, 100, 10 * KiB, 1000));
        (limits.LoginTimeout, limits.FrameTimeout).Should().Be((TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(60)));
        (limits.Connections, limits.ConnectionsPerAddress, limits.SendsPerSecond).Should().Be((50_000, 0, 0));
    }

    private static string Connect(int bytes)
    {
        var head = "CONNECT\naccept-version:1.2\nhost:x\n";
        var filler = new StringBuilder();
        while (bytes - head.Length - filler.Length - 2 is > 0 and var left)
        {
            // Never leave less than the shortest header line for the last one.
            var line = left > 9000 ? 8000 : left;
            filler.Append("a:").Append('x', line - 3).Append('\n');
        }

        return head + filler + "\n\0";
    }

    private static string Send(int bytes, bool hasLength)
    {
        var head = "SEND\ndestination:/topic/a\nreceipt:r\n";
        if (!hasLength)
            return head + "\n" + new string('x', bytes - head.Length - 2) + '\0';
        var body = bytes - head.Length - "content-length:4000000\n".Length - 2;
        return $"{head}content-length:{body}\n\n" + new string('x', body) + '\0';
    }
}
