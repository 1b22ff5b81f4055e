using Broker.Configuration;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 6: "<c>prefetch-count:N</c> (alias <c>activemq.prefetchSize</c>): at most N unacknowledged; default 1000 in client modes. On a topic what is beyond
/// waits with the subscription, counts to the outbox's bytes (full: the topic's policy at once), and holds up neither the connection nor a
/// publisher. 0 means no limit. A malformed number [...] in <c>prefetch-count</c> is err+close."
/// </summary>
public class PrefetchTests
{
    [Theory]
    [InlineData("prefetch-count", "client")]
    [InlineData("prefetch-count", "client-individual")]
    [InlineData("activemq.prefetchSize", "client")]
    [InlineData("activemq.prefetchSize", "client-individual")]
    public async Task At_most_so_many_are_unacknowledged_and_the_rest_follows_in_order(string header, string ack)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("ack", ack), (header, "2"));
        for (int i = 0; i < 10; i++)
            await client.SendAsync("/topic/a", $"{i}");

        var unacknowledged = new Queue<TestFrame>();
        for (int i = 0; i < 10; i++)
        {
            if (unacknowledged.Count == 2)
            {
                await client.ShouldHaveNothingToReadAsync();
                await client.SendFrameAsync("ACK", [("id", unacknowledged.Dequeue()["ack"]!)]);
            }

            unacknowledged.Enqueue(await client.ReadFrameAsync("MESSAGE"));
            unacknowledged.Last().Text.Should().Be($"{i}");
        }

        await ClientSteps.UntilAsync(() => broker.SessionOf(client).Outbox.Bytes == 0, "nothing waits");
    }

    [Fact]
    public async Task The_STOMP_header_goes_before_ActiveMQs()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("activemq.prefetchSize", "5"), ("ack", "client"), ("prefetch-count", "1"));
        await client.SendAsync("/topic/a", "0");
        await client.SendAsync("/topic/a", "1");

        (await client.ReadTextAsync()).Should().Be("0");

        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("client", 1000)]
    [InlineData("client-individual", 1000)]
    [InlineData("auto", 1500)]
    public async Task The_default_is_1000_in_the_client_modes(string ack, int given)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient publisher = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("ack", ack));
        for (int i = 0; i < 1500; i++)
            await publisher.SendAsync("/topic/a", $"{i}");

        (await client.ReadTextsAsync(given))[^1].Should().Be($"{given - 1}");

        await publisher.ShouldHaveNothingToReadAsync();
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task Zero_means_no_limit()
    {
        await using var broker = new MemoryBroker(options => options.Limits.PrefetchCount = 1);
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("ack", "client-individual"), ("prefetch-count", "0"));
        for (int i = 0; i < 3000; i++)
            await client.SendAsync("/topic/a", $"{i}");

        TestFrame last = (await client.ReadFrameAsync("MESSAGE"))!;
        (await client.ReadTextsAsync(2999))[^1].Should().Be("2999");
        await client.DoAsync("ACK", [("id", last["ack"]!)]);
    }

    [Theory]
    [InlineData("prefetch-count", "")]
    [InlineData("prefetch-count", "-1")]
    [InlineData("prefetch-count", "+1")]
    [InlineData("prefetch-count", "1.0")]
    [InlineData("prefetch-count", " 1")]
    [InlineData("prefetch-count", "0x1")]
    [InlineData("prefetch-count", "many")]
    [InlineData("prefetch-count", "99999999999999999999")]
    [InlineData("activemq.prefetchSize", "-1")]
    [InlineData("activemq.prefetchSize", "1 ")]
    public async Task A_malformed_number_is_refused_in_every_ack_mode(string header, string value)
    {
        await using var broker = new MemoryBroker();
        foreach (string ack in (string[])["auto", "client", "client-individual"])
        {
            using StompTestClient client = await broker.ConnectAsync();
            await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/a"), ("ack", ack), (header, value)]);
            (await client.ReadErrorAndEndAsync())["message"].Should().Be("bad number");
        }
    }

    [Fact]
    public async Task What_waits_counts_to_the_outboxs_bytes()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("ack", "client"), ("prefetch-count", "1"));
        for (int i = 0; i < 10; i++)
            await client.SendAsync("/topic/a", new string('x', 1000));
        await client.ReadTextAsync();
        await client.ShouldHaveNothingToReadAsync();

        broker.SessionOf(client).Outbox.Bytes.Should().BeInRange(9 * 1000, 9 * 1300);
        await client.DoAsync("UNSUBSCRIBE", [("id", "0")]);
        await ClientSteps.UntilAsync(() => broker.SessionOf(client).Outbox.Bytes == 0, "an ended subscription gives the room back");
    }

    [Fact]
    public async Task When_full_of_what_waits_the_client_is_disconnected_at_once_and_the_publisher_is_not_held()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 4096);
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient publisher = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("ack", "client"), ("prefetch-count", "1"));
        await publisher.PublishAsync("/topic/a", "given");
        (await client.ReadTextAsync()).Should().Be("given");

        // The clock stands still: a publisher that were held would be held for ever.
        for (int i = 0; i < 10; i++)
            await publisher.PublishAsync("/topic/a", new string('x', 1000));

        TestFrame error = await client.ReadErrorAndEndAsync(1013);
        error["message"].Should().Be("slow consumer");
    }

    [Fact]
    public async Task When_full_of_what_waits_the_oldest_that_wait_are_dropped_at_once()
    {
        await using var broker = new MemoryBroker(options =>
        {
            options.Limits.OutboxBytes = 4096;
            options.Topics.Add(new TopicOptions { Pattern = "/topic/a", SlowSubscriber = SlowSubscriberPolicy.DropOldest });
        });
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient publisher = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("ack", "client"), ("prefetch-count", "1"));
        for (int i = 0; i < 10; i++)
            await publisher.PublishAsync("/topic/a", $"{i}" + new string('x', 1000));

        var seen = new List<char>();
        for (int i = 0; i < 4; i++)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            seen.Add(message.Text[0]);
            await client.SendFrameAsync("ACK", [("id", message["ack"]!)]);
        }

        seen.Should().Equal('0', '7', '8', '9');
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task What_waits_in_one_subscription_holds_up_no_publisher_to_another_of_the_same_connection()
    {
        await using var broker = new MemoryBroker(options =>
        {
            options.Limits.OutboxBytes = 4096;
            options.Topics.Add(new TopicOptions { Pattern = "/topic/live", SlowSubscriber = SlowSubscriberPolicy.DropOldest });
        });
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient publisher = await broker.ConnectAsync();
        await client.SubscribeAsync("waits", "/topic/a", ("ack", "client"), ("prefetch-count", "1"));
        await client.SubscribeAsync("live", "/topic/live");
        for (int i = 0; i < 4; i++)
            await publisher.PublishAsync("/topic/a", new string('x', 1000));

        // No acknowledgement is worth waiting for: the topic's policy falls at once, and the clock stands still.
        await publisher.PublishAsync("/topic/live", new string('y', 1000));

        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        await client.DoAsync("ACK", [("id", message["ack"]!)]);
    }

    [Fact]
    public async Task What_waits_does_not_hold_up_the_connection_that_is_to_acknowledge()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 4096);
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient publisher = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("ack", "client"), ("prefetch-count", "1"));
        await publisher.PublishAsync("/topic/a", "given");
        TestFrame given = await client.ReadFrameAsync("MESSAGE");
        await publisher.PublishAsync("/topic/a", new string('x', 10_000));

        // More than may wait, in an empty outbox: a single message is taken whatever its size.
        broker.SessionOf(client).Outbox.Bytes.Should().BeGreaterThan(10_000);
        await client.Socket.SendTextAsync("\n");
        await client.ShouldHaveNothingToReadAsync();
        await client.Socket.SendTextAsync("\n");
        await client.SendFrameAsync("ACK", [("id", given["ack"]!)]);

        (await client.ReadTextAsync()).Should().HaveLength(10_000);
    }
}
