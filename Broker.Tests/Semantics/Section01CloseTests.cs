using System.Text;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 1: "Close codes: 1000 after DISCONNECT, 1001 server going away, 1002, 1007 bad UTF-8 in a text message, 1008, 1009, 1013 (section
/// 10). Every close has one reason out of one catalogue, is counted and logged. Ping is answered". Of RFC 6455: "Violations of RFC 6455
/// itself get a close frame alone, without a STOMP ERROR."
/// </summary>
public sealed class Section01CloseTests(SharedBroker shared) : IClassFixture<SharedBroker>
{
    [Fact]
    public async Task DISCONNECT_is_answered_by_its_RECEIPT_then_1000_then_the_end()
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.SendFrameAsync("DISCONNECT", [("receipt", "bye")]);
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("bye");
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1000);
        await client.Socket.SendCloseAsync(1000);
        (await client.Socket.ReadToEndAsync()).Should().BeEquivalentTo((Array.Empty<byte>(), StreamEnd.Fin));
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(1001)]
    [InlineData(1013)]
    [InlineData(3000)]
    [InlineData(4999)]
    public async Task A_close_of_the_peer_is_echoed(int code)
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.Socket.SendCloseAsync(code, "going");
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(code);
        (await client.Socket.ReadToEndAsync()).Should().BeEquivalentTo((Array.Empty<byte>(), StreamEnd.Fin));
    }

    [Fact]
    public async Task A_close_without_a_code_is_echoed_without_one()
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.Socket.SendFrameAsync(ClientFrame.Close, default);
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1005);
        (await client.Socket.ReadToEndAsync()).End.Should().Be(StreamEnd.Fin);
    }

    [Fact]
    public async Task What_was_sent_before_the_close_is_processed_and_answered_first()
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.Socket.SendRawAsync((byte[])
        [
            .. ClientFrame.Encode(ClientFrame.Text, client.Encode("SEND", [("destination", "/topic/a"), ("receipt", "last")])),
            .. ClientFrame.Encode(ClientFrame.Close, ClientFrame.CloseBody(1000)),
        ]);
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("last");
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1000);
    }

    [Fact]
    public async Task A_ping_is_answered_before_CONNECT_and_within_a_fragmented_frame()
    {
        using var client = await StompTestClient.OpenAsync(shared.Port);
        await client.Socket.SendFrameAsync(ClientFrame.Ping, "one"u8.ToArray());
        (await client.Socket.ReadFrameAsync()).Should().BeEquivalentTo(new { Opcode = ClientFrame.Pong, Text = "one" });
        await client.Socket.SendFrameAsync(ClientFrame.Text, "CONNECT\nacc"u8.ToArray(), fin: false);
        await client.Socket.SendFrameAsync(ClientFrame.Ping, "two"u8.ToArray());
        (await client.Socket.ReadFrameAsync()).Should().BeEquivalentTo(new { Opcode = ClientFrame.Pong, Text = "two" });
        await client.Socket.SendFrameAsync(ClientFrame.Continuation, "ept-version:1.2\n\n\0"u8.ToArray());
        await client.ReadFrameAsync("CONNECTED");
    }

    public static TheoryData<string, byte[], int> Violations => new()
    {
        { "unmasked", ClientFrame.Encode(ClientFrame.Text, "\n"u8, masked: false), 1002 },
        { "reserved bit", ClientFrame.Encode(ClientFrame.Text, "\n"u8, rsv: 4), 1002 },
        { "reserved opcode", ClientFrame.Encode(3, "\n"u8), 1002 },
        { "continuation of nothing", ClientFrame.Encode(ClientFrame.Continuation, "\n"u8), 1002 },
        { "fragmented ping", ClientFrame.Encode(ClientFrame.Ping, "\n"u8, fin: false), 1002 },
        { "long ping", ClientFrame.Encode(ClientFrame.Ping, new byte[126]), 1002 },
        { "close of one byte", ClientFrame.Encode(ClientFrame.Close, [3]), 1002 },
        { "close 1006", ClientFrame.Encode(ClientFrame.Close, ClientFrame.CloseBody(1006)), 1002 },
        { "bad text", ClientFrame.Encode(ClientFrame.Text, Encoding.Latin1.GetBytes("SEND\ndestination:/topic/a\n\n\u00FF\0")), 1007 },
        { "text that ends within a character", ClientFrame.Encode(ClientFrame.Text, [(byte)'\n', 0xC3]), 1007 },
        { "bad close reason", ClientFrame.Encode(ClientFrame.Close, ClientFrame.CloseBody(1000, [0xFF])), 1007 },
        { "too large", ClientFrame.Encode(ClientFrame.Binary, [], announcedLength: (16 * 1024 * 1024) + 1), 1009 },
    };

    [Theory]
    [MemberData(nameof(Violations))]
    public async Task A_violation_of_RFC_6455_gets_its_close_code_without_an_ERROR(string what, byte[] bytes, int code)
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.Socket.SendRawAsync(bytes);
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(code, what);
        client.Socket.EndSending();
        (await client.Socket.ReadToEndAsync()).Should().BeEquivalentTo((Array.Empty<byte>(), StreamEnd.Fin));
    }

    [Fact]
    public async Task Each_close_is_counted_once_and_logged_once_under_its_reason()
    {
        await using var broker = await RunningBroker.StartAsync();
        await EndAsync(broker, c => c.SendFrameAsync("DISCONNECT", []));
        await EndAsync(broker, c => c.Socket.SendCloseAsync(1000));
        await EndAsync(broker, c => c.Socket.SendTextAsync("FOO\n\n\0"));
        await EndAsync(broker, c => c.Socket.SendTextAsync(new string('A', 40)));
        await EndAsync(broker, c => c.Socket.SendTextAsync("SEND\ndestination:/topic/a\ncontent-length:99999999\n\n"));
        await EndAsync(broker, c => c.Socket.SendFrameAsync(3, default));
        await EndAsync(broker, c => c.Socket.SendFrameAsync(ClientFrame.Text, new byte[] { 0xFF }));
        await EndAsync(broker, c => c.Socket.SendFrameAsync(ClientFrame.Text, default, announcedLength: 1L << 40));
        using (var lost = await StompTestClient.ConnectAsync(broker.Port))
            lost.Socket.Abort();
        using var last = await StompTestClient.ConnectAsync(broker.Port);
        Task stopped = broker.StopAsync();
        (await last.Socket.ReadCloseAsync()).Code.Should().Be(1001);
        await last.Socket.SendCloseAsync(1001);
        await stopped;

        var metrics = Text.OfMetrics(broker).Split('\n').Where(l => l.StartsWith("stompbroker_connections_closed_total{", StringComparison.Ordinal));
        string[] reasons =
        [
            "disconnected", "client closed", "protocol error", "policy violation", "too large", "websocket protocol error", "invalid UTF-8",
            "websocket message too large", "connection lost", "server going away",
        ];
        metrics.Should().BeEquivalentTo(reasons.Select(r => $"stompbroker_connections_closed_total{{reason=\"{r}\"}} 1"));
        Text.OfMetrics(broker).Should().Contain("stompbroker_connections 0\n").And.Contain("stompbroker_connections_accepted_total 10\n");
        var ends = broker.Log.Lines.Where(l => l.StartsWith("Information: Session", StringComparison.Ordinal) && l.Contains(" ended: ", StringComparison.Ordinal)).ToList();
        ends.Select(l => l[(l.IndexOf(" ended: ", StringComparison.Ordinal) + 8)..]).Should().BeEquivalentTo(reasons);
        broker.Log.Lines.Count(l => l.StartsWith("Information: Session", StringComparison.Ordinal) && l.Contains(" connected from ", StringComparison.Ordinal)).Should().Be(10);
    }

    private static async Task EndAsync(RunningBroker broker, Func<StompTestClient, Task> act)
    {
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        await act(client);
        while ((await client.Socket.ReadFrameAsync()).Opcode != ClientFrame.Close)
        {
            // an ERROR, where there is one
        }

        client.Socket.EndSending();
        await client.Socket.ReadToEndAsync();
    }
}
