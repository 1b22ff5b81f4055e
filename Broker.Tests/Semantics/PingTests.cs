using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>Section 1: "Ping is answered", also behind much that waits: a client that pings while it is busy reading counts on the pong.</summary>
public class PingTests
{
    [Fact]
    public async Task A_ping_is_answered_behind_all_that_waits_for_the_client()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(unread: 1024);
        await client.ListenAsync("/topic/a");
        await client.SendFrameAsync("SEND", [("destination", "/topic/a")], new string('x', 200_000));
        await FramesAsync(broker, 3); // the MESSAGE waits, and nobody reads it
        await client.Socket.SendFrameAsync(ClientFrame.Ping, "there?"u8.ToArray());
        await client.SendWireAsync("BEGIN\ntransaction:t\n\n^@");
        await FramesAsync(broker, 4); // so the ping before the last was met

        (await client.Socket.ReadFrameAsync()).Payload.Length.Should().BeGreaterThan(200_000);
        RawFrame pong = await client.Socket.ReadFrameAsync();
        (pong.Opcode, pong.Text).Should().Be((ClientFrame.Pong, "there?"));
    }

    [Fact]
    public async Task Who_pings_and_does_not_read_gets_a_bounded_number_of_pongs()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(unread: 1024);
        await client.ListenAsync("/topic/a");
        await client.SendFrameAsync("SEND", [("destination", "/topic/a")], new string('x', 200_000));
        await FramesAsync(broker, 3); // the MESSAGE waits, and nobody reads it
        byte[] pings = [.. Enumerable.Range(0, 10_000).SelectMany(_ => ClientFrame.Encode(ClientFrame.Ping, new byte[125]))];
        await client.Socket.SendRawAsync(pings);
        await client.SendWireAsync("BEGIN\ntransaction:t\n\n^@");
        await FramesAsync(broker, 4);
        broker.Environment.Sessions.OutboxBytes.Should().BeLessThan(200_000 + (40 * 1024));
    }

    private static Task FramesAsync(MemoryBroker broker, int count) =>
        BrokerReadings.UntilAsync(() => broker.ReadMetric("stompbroker.frames.received") == count);
}
