using Broker.Messaging;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>Section 4: "While the broker itself does not read from a client, that clock stands still."</summary>
public class HeldClientTests
{
    [Fact]
    public async Task A_publisher_that_is_held_for_a_slow_subscriber_is_not_lost_meanwhile()
    {
        await using var broker = new MemoryBroker(options =>
        {
            // Three of them pass while it is held: even a subscriber that takes nothing is waited for that long.
            options.HeartBeat.Incoming = options.HeartBeat.Outgoing = TimeSpan.FromMilliseconds(50);
            options.Limits.OutboxBytes = 4096;
        });
        using StompTestClient slow = await broker.ConnectAsync(unread: 1000);
        await slow.ListenAsync("/topic/a");
        using StompTestClient publisher = await broker.ConnectAsync(headers: ("heart-beat", "50,0"));
        string body = new('x', 1000);
        await publisher.SendWireAsync(string.Concat(Enumerable.Repeat($"SEND\ndestination:/topic/a\nreceipt:r\n\n{body}^@", 30)));
        await BrokerReadings.UntilAsync(() => broker.Time.Timers == 2); // it waits for room
        for (int passed = 0; passed < 200; passed += 10)
        {
            broker.Time.Advance(TimeSpan.FromMilliseconds(10));
            broker.Environment.Sessions.All.Should().OnlyContain(session => session.CloseReason == CloseReason.None, "{0} ms passed", passed);
        }

        for (int i = 0; i < 30; i++)
            await slow.ReadFrameAsync("MESSAGE");
        for (int i = 0; i < 30; i++)
            await publisher.ReadFrameAsync("RECEIPT");
        await BrokerReadings.UntilAsync(() => broker.Time.Timers == 1);
        broker.Time.Advance(TimeSpan.FromMilliseconds(200));
        (await publisher.ReadErrorAndEndAsync())["message"].Should().Be("heart-beat timeout", "it is read again, and silent");
    }

    [Fact]
    public async Task A_client_that_is_not_read_for_its_rate_is_not_lost_meanwhile()
    {
        await using var broker = new MemoryBroker(options => options.Limits.SendsPerSecond = 1);
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", "1000,0"));
        await client.SendWireAsync(string.Concat(Enumerable.Repeat("SEND\ndestination:/topic/a\nreceipt:r\n\n^@", 9)));
        for (int i = 0; i < 9; i++)
            await client.ReadFrameAsync("RECEIPT");
        await BrokerReadings.UntilAsync(() => broker.Time.Timers == 2); // from here on it is not read for 8 s
        for (int i = 0; i < 31; i++)
        {
            broker.Time.Advance(TimeSpan.FromMilliseconds(250));
            broker.Environment.Sessions.All.Should().ContainSingle(session => session.CloseReason == CloseReason.None);
        }

        broker.Time.Advance(TimeSpan.FromMilliseconds(250));
        await client.SendWireAsync("\n");
        await client.ReadUpToNowAsync();
        broker.Time.Advance(TimeSpan.FromMilliseconds(2900));
        broker.Environment.Sessions.All.Should().ContainSingle(session => session.CloseReason == CloseReason.None);
        broker.Time.Advance(TimeSpan.FromMilliseconds(600));
        (await client.ReadErrorAndEndAsync())["message"].Should().Be("heart-beat timeout");
    }

    [Fact]
    public async Task A_client_whose_messages_wait_for_its_acknowledgement_is_read()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 4096);
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", "0,1000"));
        await client.ListenAsync("/topic/a", "s", ("ack", "client"), ("prefetch-count", "1"));
        string body = new('x', 10_000); // larger than the outbox, which takes any one message when it is empty
        await client.SendFrameAsync("SEND", [("destination", "/topic/a")], body);
        TestFrame first = await client.ReadFrameAsync("MESSAGE");
        await client.SendFrameAsync("SEND", [("destination", "/topic/a"), ("receipt", "waits")], body);
        await client.ReadFrameAsync("RECEIPT");
        await client.SendFrameAsync("ACK", [("id", first["ack"]!)]);
        (await client.ReadFrameAsync("MESSAGE")).Body.Should().HaveCount(10_000);
    }
}
