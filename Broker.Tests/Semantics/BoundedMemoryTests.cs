using Broker.Configuration;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>SEMANTICS 8: "Each connection's outbox is bounded in bytes. [...] Broker memory is bounded by configuration, whatever clients do."</summary>
public class BoundedMemoryTests
{
    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    [InlineData("client-individual")]
    public async Task An_outbox_holds_no_more_than_its_limit_whatever_is_published(string ack)
    {
        await using var broker = new MemoryBroker(options =>
        {
            options.Limits.OutboxBytes = 8192;
            options.Topics.Add(new TopicOptions { Pattern = "/topic/#", SlowSubscriber = SlowSubscriberPolicy.DropOldest });
        });
        using StompTestClient slow = await broker.ConnectAsync(unread: 1);
        await slow.SubscribeAsync("exact", "/topic/a", ("ack", ack), ("prefetch-count", "3"));
        await slow.SubscribeAsync("pattern", "/topic/*", ("ack", ack));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/topic/a", "on its way");
        broker.Time.Advance(TimeSpan.FromMilliseconds(250));
        var random = new Random(3);
        for (int i = 0; i < 300; i++)
        {
            await publisher.PublishAsync(random.Next(2) == 0 ? "/topic/a" : "/topic/b", new string('x', random.Next(3000)));
            broker.SessionOf(slow).Outbox.Bytes.Should().BeLessThanOrEqualTo(8192);
        }

        slow.Dispose();
    }

    [Fact]
    public async Task A_flood_of_RECEIPTs_that_nobody_reads_stops_the_reading_and_then_the_connection()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 64 * 1024);
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        var session = broker.SessionOf(client);
        string id = new('r', 1000);
        byte[] many = [.. Enumerable.Range(0, 100).SelectMany(_ => client.Encode("SEND", [("destination", "/topic/a"), ("receipt", id)]))];
        bool stop = false;
        Task flood = ClientSteps.RunAsync(async () =>
        {
            try
            {
                while (!Volatile.Read(ref stop))
                    await client.Socket.SendBinaryAsync(many);
            }
            catch (Exception e) when (e is IOException or InvalidOperationException or TimeoutException)
            {
                // It was cut.
            }
        });
        await ClientSteps.UntilAsync(() => broker.Time.Timers > 1, "the connection is not read any more");
        for (int i = 0; i < 35; i++)
        {
            session.CloseReason.Should().Be(Messaging.CloseReason.None);
            session.Outbox.Bytes.Should().BeLessThan(256 * 1024, "its limit and the answers to one read of 64 KiB");
            broker.Time.Advance(TimeSpan.FromMilliseconds(250));
            await ClientSteps.UntilAsync(() => broker.Time.Timers > 1, "it is not read still");
        }

        await ClientSteps.UntilAsync(() =>
        {
            broker.Time.Advance(TimeSpan.FromMilliseconds(250));
            return session.Outbox.Bytes == 0;
        }, "who takes nothing for 10 s is cut, and all that it held is released");
        session.CloseReason.Should().Be(Messaging.CloseReason.SlowConsumer);
        Volatile.Write(ref stop, true);
        await flood;
    }

    [Fact]
    public async Task A_flood_of_RECEIPTs_that_fills_the_outbox_to_the_byte_is_a_wait_and_no_spin()
    {
        // "RECEIPT\nreceipt-id:ID\n\n\0" and two bytes of WebSocket header are 25 for an ID of one letter.
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 25 * 40);
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SendAsync("/topic/a", "", ("receipt", "0"));
        await ClientSteps.UntilAsync(() => broker.SessionOf(client).Outbox.Bytes == 25, "one is on its way");

        await client.Socket.SendBinaryAsync(
            Enumerable.Range(0, 39).SelectMany(_ => client.Encode("SEND", [("destination", "/topic/a"), ("receipt", "1")])).ToArray());

        await ClientSteps.UntilAsync(() => broker.SessionOf(client).Outbox.Bytes == 25 * 40, "it is full to the byte");
        for (int i = 0; i < 40; i++)
            (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be(i == 0 ? "0" : "1");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task A_publisher_to_ever_new_topics_is_served_on_and_fills_nothing()
    {
        await using var broker = new MemoryBroker(options => options.Limits.Destinations = 100);
        using StompTestClient subscriber = await broker.ConnectAsync();
        await subscriber.SubscribeAsync("0", "/topic/kept");
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 1000; i++)
        {
            await publisher.SendAsync($"/topic/new.{i}", "");
            broker.Environment.Topics.Count.Should().BeLessThanOrEqualTo(100);
        }

        await publisher.PublishAsync("/topic/kept", "here");

        (await subscriber.ReadTextAsync()).Should().Be("here");
    }

    [Fact]
    public async Task Topics_that_are_subscribed_to_are_limited_in_number()
    {
        await using var broker = new MemoryBroker(options => options.Limits.Destinations = 10);
        using StompTestClient subscriber = await broker.ConnectAsync();
        for (int i = 0; i < 10; i++)
            await subscriber.SubscribeAsync($"{i}", $"/topic/{i}");
        foreach (string command in (string[])["SEND", "SUBSCRIBE"])
        {
            using StompTestClient other = await broker.ConnectAsync();
            await other.PublishAsync("/topic/3", "one that is there may be used");
            await subscriber.ReadTextAsync();
            await other.SendFrameAsync(command, [("id", "0"), ("destination", "/topic/more")]);
            (await other.ReadErrorAndEndAsync(1008))["message"].Should().Be("too many destinations");
        }

        await subscriber.DoAsync("UNSUBSCRIBE", [("id", "3")]);
        await subscriber.SubscribeAsync("another", "/topic/more");
    }
}
