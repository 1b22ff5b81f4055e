using System.Text.RegularExpressions;
using Broker.Messaging;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// "structured logs (connections at Information, refusals at Warning naming the setting, slow consumers at Warning [...]),
/// `/health/live`, `/health/ready`, and a `Meter` [...] shown as text at `/metrics`".
/// </summary>
public sealed partial class DiagnosticsTests(SharedBroker shared) : IClassFixture<SharedBroker>
{
    [Theory]
    [InlineData("/health/live", "live\n")]
    [InlineData("/health/ready", "ready\n")]
    public async Task Health_is_told_while_it_serves(string path, string body)
    {
        (await Text.ReadAsync(shared.Port, path)).Should().Be((200, "text/plain; charset=utf-8", body));
        (await Text.GetAsync(shared.Port, path)).Header("Cache-Control").Should().Be("no-store");
    }

    [Fact]
    public async Task Metrics_are_lines_that_Prometheus_reads_and_count_what_happens()
    {
        await using var broker = await RunningBroker.StartAsync();
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/m")]);
        await client.SendFrameAsync("SEND", [("destination", "/topic/m")], "x");
        await client.ReadFrameAsync("MESSAGE");
        await client.SendFrameAsync("BEGIN", [("transaction", "t"), ("receipt", "r")]); // its RECEIPT is behind the counting of what came before
        await client.ReadFrameAsync("RECEIPT");

        var (_, type, body) = await Text.ReadAsync(broker.Port, "/metrics");
        type.Should().StartWith("text/plain; version=0.0.4");
        string[] lines = body.TrimEnd('\n').Split('\n');
        lines.Should().OnlyContain(l => Line().IsMatch(l));
        lines.Should().Contain([
            "stompbroker_connections 1", "stompbroker_connections_accepted_total 1", "stompbroker_subscriptions 1", "stompbroker_topics 1",
            "stompbroker_messages_received_total 1", "stompbroker_messages_sent_total 1", "stompbroker_frames_sent_total 3",
        ]);
        lines.Should().ContainSingle(l => l.StartsWith("stompbroker_network_received_bytes_total ", StringComparison.Ordinal))
            .And.ContainSingle(l => l.StartsWith("stompbroker_network_sent_bytes_total ", StringComparison.Ordinal));
        string[] names = [.. lines.Where(l => l[0] != '#').Select(l => l.Split('{', ' ')[0])];
        foreach (var name in names.Distinct())
            lines.Should().ContainSingle(l => l.StartsWith($"# TYPE {name} ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_topics_keep_and_conflate_is_among_the_metrics()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Streams:0:Pattern=/topic/s.#");
        using var publisher = await StompTestClient.ConnectAsync(broker.Port);
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        await client.SubscribeAsync("0", "/topic/s.*", ("x-conflate-ms", "3600000"));
        await publisher.PublishAsync("/topic/s.a", "1", ("retain", "set"));
        await client.ReadFrameAsync("MESSAGE");
        for (int i = 2; i <= 4; i++)
            await publisher.PublishAsync("/topic/s.a", $"{i}", ("retain", "set"));

        string[] lines = (await Text.ReadAsync(broker.Port, "/metrics")).Body.Split('\n');

        lines.Should().Contain(["stompbroker_retained_count 1", "stompbroker_streams_count 4", "stompbroker_messages_conflated_total 2"]);
        lines.Should().ContainSingle(line => line.StartsWith("stompbroker_retained_size_bytes ", StringComparison.Ordinal) && !line.EndsWith(" 0", StringComparison.Ordinal))
            .And.ContainSingle(line => line.StartsWith("stompbroker_streams_size_bytes ", StringComparison.Ordinal) && !line.EndsWith(" 0", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("FOO\n\n\0", "unknown command", null)]
    [InlineData("SEND\ndestination:/topic/a\ncontent-length:99999999\n\n", "frame too large", "Broker:Limits:FrameBytes")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "command too long", "Broker:Limits:CommandBytes")]
    public async Task A_refusal_is_one_Warning_that_names_the_setting(string sent, string what, string? setting)
    {
        await using var broker = await RunningBroker.StartAsync();
        using (var client = await StompTestClient.ConnectAsync(broker.Port, headers: ("login", "ann")))
        {
            await client.Socket.SendTextAsync(sent);
            await client.ReadFrameAsync("ERROR");
            await client.Socket.ReadCloseAsync();
        }

        await broker.StopAsync();
        broker.Log.Lines.Should().ContainSingle(l => l.StartsWith("Warning:", StringComparison.Ordinal)).Which.Should()
            .Contain("'ann'").And.EndWith(setting is null ? $"refused: {what}" : $"refused: {what} (setting: {setting})");
    }

    [Fact]
    public async Task A_WebSocket_message_that_is_too_large_is_a_Warning_too()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Limits:WebSocketMessageBytes=2048");
        using (var client = await StompTestClient.ConnectAsync(broker.Port))
        {
            await client.Socket.SendFrameAsync(ClientFrame.Binary, default, announcedLength: 2049);
            await client.Socket.ReadCloseAsync();
        }

        await broker.StopAsync();
        broker.Log.Lines.Should().ContainSingle(l => l.StartsWith("Warning:", StringComparison.Ordinal)).Which.Should()
            .Contain("websocket message too large (setting: Broker:Limits:WebSocketMessageBytes)");
    }

    [Fact]
    public async Task A_slow_consumer_is_one_Warning_and_its_close_is_1013_when_it_can_still_be_told()
    {
        await using var broker = await RunningBroker.StartAsync();
        using var slow = new StompTestClient(await RawWebSocket.ConnectAsync(broker.Port, "/ws", receiveBufferBytes: 4096));
        await slow.ConnectAsync("1.2", ("login", "sam"));
        await slow.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/a"), ("receipt", "r")]);
        await slow.ReadFrameAsync("RECEIPT");
        using var publisher = await StompTestClient.ConnectAsync(broker.Port);
        for (var i = 0; i < 24; i++)
        {
            await publisher.SendFrameAsync("SEND", [("destination", "/topic/a"), ("receipt", "r")], new string('x', 1024 * 1024));
            await publisher.ReadFrameAsync("RECEIPT");
        }

        TestFrame frame;
        do
            frame = await slow.ReadFrameAsync();
        while (frame.Command == "MESSAGE");
        (frame.Command, frame["message"]).Should().Be(("ERROR", "slow consumer"));
        (await slow.Socket.ReadCloseAsync()).Code.Should().Be(1013);
        await slow.Socket.SendCloseAsync(1013);
        await broker.StopAsync();
        broker.Log.Lines.Should().ContainSingle(l => l.StartsWith("Warning:", StringComparison.Ordinal)).Which.Should().ContainAll("slow consumer", "'sam'", "Broker:Limits:OutboxBytes");
    }

    [Fact]
    public void Every_reason_has_a_text_of_its_own_and_its_code()
    {
        var reasons = Enum.GetValues<CloseReason>();
        reasons.Select(r => r.Text()).Should().OnlyHaveUniqueItems();
        reasons.Where(r => r is not (CloseReason.None or CloseReason.ConnectionLost)).Should().OnlyContain(r => r.Code() >= 1000 && r.Code() <= 1013 && r.Text().Length > 4);
    }

    [GeneratedRegex("""^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"\\]*"\})? (-?[0-9]+(\.[0-9]+)?(E[-+]?[0-9]+)?))$""")]
    private static partial Regex Line();
}
