using Broker.Configuration;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 12: "x-recovered:true|false: never true when anything is missing" and "Conflated-away offsets count as delivered", together: who is
/// conflated and cut resumes behind the last offset that it saw.
/// </summary>
public class ConflatedStreamTests
{
    [Theory]
    [InlineData("0", 1)]
    [InlineData("0", 2)]
    [InlineData("20", 3)]
    [InlineData("20", 4)]
    public async Task Whoever_is_cut_anywhere_has_the_last_value_of_each_key_after_resuming(string interval, int seed)
    {
        const int Keys = 20;
        await using MemoryBroker broker = StreamSteps.Create(configure: options => options.Limits.OutboxBytes = 8192);
        using StompTestClient publisher = await broker.ConnectAsync();
        var random = new Random(seed);
        var published = new Dictionary<string, string>();
        var seen = new Dictionary<string, string>();
        string? epoch = null;
        long next = 0;
        for (int round = 0; round < 30; round++)
        {
            using StompTestClient client = await broker.ConnectAsync(unread: 600);
            TestFrame receipt = await client.ResumeAsync($"offset={next}", epoch, headers: ("x-conflate-ms", interval));
            receipt["x-recovered"].Should().Be(epoch is null ? null : "true");
            epoch = receipt["x-stream-epoch"];
            for (int i = 0; i < 300; i++)
            {
                string destination = $"/topic/s.{random.Next(Keys)}", text = $"{round}-{i} {new string('x', 40)}";
                await publisher.SendAsync(destination, text);
                published[destination] = text;
                if (i % 50 == 0)
                    broker.Time.Advance(TimeSpan.FromMilliseconds(20));
            }

            await publisher.ShouldHaveNothingToReadAsync();
            int wanted = random.Next(0, 25); // and is cut
            for (int i = 0; i < wanted; i++)
            {
                TestFrame message = await client.ReadWhileTurningAsync(broker, TimeSpan.FromMilliseconds(20));
                message.Offset().Should().BeGreaterThanOrEqualTo(next, "offsets rise");
                next = message.Offset()!.Value + 1;
                seen[message["destination"]!] = message.Text;
            }
        }

        using StompTestClient last = await broker.ConnectAsync();
        (await last.ResumeAsync($"offset={next}", epoch))["x-recovered"].Should().Be("true");
        while (next < 30 * 300)
        {
            TestFrame message = await last.ReadFrameAsync("MESSAGE");
            next = message.Offset()!.Value + 1;
            seen[message["destination"]!] = message.Text;
        }

        seen.Should().BeEquivalentTo(published);
    }

    [Fact]
    public async Task More_keys_than_find_room_end_the_connection_and_not_the_truth()
    {
        await using MemoryBroker broker = StreamSteps.Create(configure: options => options.Limits.OutboxBytes = 8192);
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await client.ResumeAsync("next", headers: ("x-conflate-ms", "1000"));
        for (int i = 0; i < 200; i++)
            await publisher.PublishAsync($"/topic/s.{i}", new string('x', 100));

        (await client.ReadFrameAsync("MESSAGE")).Offset().Should().Be(0, "the first leaves at once");
        (await client.ReadErrorAndEndAsync(1013))["message"].Should().Be("slow consumer");
    }

    [Fact]
    public async Task Where_some_topics_conflate_those_that_do_not_lose_nothing_to_it_in_an_ack_mode()
    {
        await using var broker = new MemoryBroker(options =>
        {
            options.Limits.OutboxBytes = 16 * 1024;
            options.Topics.Add(new TopicOptions { Pattern = "/topic/quotes", SlowSubscriber = SlowSubscriberPolicy.Conflate });
        });
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/#", ("ack", "client-individual"), ("prefetch-count", "1"));
        for (int i = 0; i < 10; i++)
            await publisher.PublishAsync("/topic/trades", $"trade {i}");
        for (int i = 0; i < 300; i++)
            await publisher.PublishAsync("/topic/quotes", $"{i} {new string('x', 100)}");

        var trades = new List<string>();
        string quote = "";
        while (!quote.StartsWith("299 ", StringComparison.Ordinal))
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            if (message["destination"] == "/topic/trades")
                trades.Add(message.Text);
            else
                quote = message.Text;
            await client.SendFrameAsync("ACK", [("id", message["ack"]!)]);
        }

        trades.Should().Equal(Enumerable.Range(0, 10).Select(i => $"trade {i}"));
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    public async Task The_end_of_a_snapshot_is_told_though_values_of_it_expire_before_they_are_sent(string ack)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 40; i++)
            await publisher.RetainAsync($"/topic/s.{i}", new string('x', 10_000), ("expiration", i % 2 == 0 ? "1000" : "0"));
        using StompTestClient client = await broker.ConnectAsync(unread: 100);
        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/s.*"), ("x-snapshot", "true"), ("ack", ack), ("prefetch-count", "2")]);
        await ClientSteps.UntilAsync(() => broker.SessionOf(client).Outbox.Bytes > 1000, "the snapshot waits");
        broker.Time.Advance(TimeSpan.FromSeconds(2));

        var messages = new List<TestFrame>();
        do
        {
            messages.Add(await client.ReadFrameAsync("MESSAGE"));
            if (ack != "auto")
                await client.SendFrameAsync("ACK", [("id", messages[^1]["ack"]!)]);
        }
        while (messages[^1]["x-snapshot"] is null);

        messages.Should().HaveCountGreaterThanOrEqualTo(20).And.HaveCountLessThan(40);
    }

    [Fact]
    public async Task A_DISCONNECT_in_the_middle_of_a_round_is_answered()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 100);
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "100"));
        for (int i = 0; i < 500; i++)
            await publisher.PublishAsync($"/topic/{i}", new string('x', 1000));
        broker.Time.Advance(TimeSpan.FromMilliseconds(100)); // the round begins, and the socket is full

        await client.SendFrameAsync("DISCONNECT", [("receipt", "bye")]);
        TestFrame frame;
        do
            frame = await client.ReadFrameAsync();
        while (frame.Command == "MESSAGE");

        frame["receipt-id"].Should().Be("bye");
    }
}
