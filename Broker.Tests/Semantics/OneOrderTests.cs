using System.Globalization;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 6: "RECEIPT for SUBSCRIBE is sent once the subscription is live, before its first MESSAGE: what anybody publishes after it is seen. All
/// subscribers of a topic see one and the same order of its messages, and a SUBSCRIBE takes its place in that order."
/// </summary>
public class OneOrderTests
{
    [Theory]
    [InlineData("/topic/race.1", "auto")]
    [InlineData("/topic/race.1", "client")]
    [InlineData("/topic/race.*", "auto")]
    [InlineData("/topic/#", "client-individual")]
    public async Task The_RECEIPT_comes_first_and_then_all_that_is_published_with_no_gap(string destination, string ack)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient subscriber = await broker.ConnectAsync();
        using StompTestClient publisher = await broker.ConnectAsync();
        int published = 0;
        bool stop = false;
        Task flood = ClientSteps.RunAsync(async () =>
        {
            while (!Volatile.Read(ref stop))
            {
                await publisher.PublishAsync("/topic/race.1", (published + 1).ToString(CultureInfo.InvariantCulture));
                Interlocked.Increment(ref published);
            }
        });

        for (int round = 0; round < 150; round++)
        {
            await subscriber.SendFrameAsync("SUBSCRIBE", [("id", $"{round}"), ("destination", destination), ("ack", ack), ("receipt", "live")]);
            (await subscriber.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("live");
            int before = Volatile.Read(ref published);

            int first = int.Parse(await subscriber.ReadTextAsync(), CultureInfo.InvariantCulture);
            int second = int.Parse(await subscriber.ReadTextAsync(), CultureInfo.InvariantCulture);

            first.Should().BeLessThanOrEqualTo(before + 2, "what was published after the RECEIPT is seen, and one may have been under way");
            second.Should().Be(first + 1);
            await subscriber.SendFrameAsync("UNSUBSCRIBE", [("id", $"{round}"), ("receipt", "over")]);
            int last = second;
            TestFrame frame;
            while ((frame = await subscriber.ReadFrameAsync()).Command == "MESSAGE")
                frame.Text.Should().Be($"{++last}");
            frame["receipt-id"].Should().Be("over");
        }

        Volatile.Write(ref stop, true);
        await flood;
    }

    [Fact]
    public async Task What_is_published_after_the_RECEIPT_is_seen_by_a_pattern_that_a_known_topic_has_never_met()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient subscriber = await broker.ConnectAsync();
        for (int round = 0; round < 100; round++)
        {
            await publisher.PublishAsync("/topic/known.topic", "early");
            await subscriber.SubscribeAsync("0", round % 2 == 0 ? "/topic/known.*" : "/topic/**.topic");
            await publisher.PublishAsync("/topic/known.topic", $"{round}");
            (await subscriber.ReadTextAsync()).Should().Be($"{round}");
            await subscriber.DoAsync("UNSUBSCRIBE", [("id", "0")]);
        }
    }

    [Fact]
    public async Task All_subscribers_see_one_order_under_many_publishers()
    {
        const int Publishers = 4, Each = 500;
        await using var broker = new MemoryBroker();
        string[] destinations = ["/topic/one.order", "/topic/one.order", "/topic/one.*", "/topic/#", "/topic/#.order"];
        string[] acks = ["auto", "client", "client-individual", "auto", "auto"];
        StompTestClient[] subscribers = await Task.WhenAll(destinations.Select(_ => broker.ConnectAsync()));
        for (int i = 0; i < destinations.Length; i++)
            await subscribers[i].SubscribeAsync("0", destinations[i], ("ack", acks[i]), ("prefetch-count", "0"));

        Task[] publishing = [.. Enumerable.Range(0, Publishers).Select(number => ClientSteps.RunAsync(async () =>
        {
            using StompTestClient publisher = await broker.ConnectAsync();
            for (int i = 0; i < Each; i++)
                await publisher.SendAsync("/topic/one.order", $"{number}:{i}");
            await publisher.ShouldHaveNothingToReadAsync();
        }))];
        string[][] seen = await Task.WhenAll(subscribers.Select(subscriber => ClientSteps.RunAsync(() => subscriber.ReadTextsAsync(Publishers * Each))));
        await Task.WhenAll(publishing);

        foreach (string[] other in seen[1..])
            other.Should().Equal(seen[0]);
        for (int number = 0; number < Publishers; number++)
        {
            seen[0].Where(text => text.StartsWith($"{number}:", StringComparison.Ordinal))
                .Should().Equal(Enumerable.Range(0, Each).Select(i => $"{number}:{i}"));
        }

        Array.ForEach(subscribers, subscriber => subscriber.Dispose());
    }

    [Fact]
    public async Task Several_topics_through_one_pattern_keep_each_topics_order_and_each_publishers()
    {
        const int Publishers = 3, Topics = 4, Each = 400;
        await using var broker = new MemoryBroker();
        StompTestClient[] all = [await broker.ConnectAsync(), await broker.ConnectAsync()];
        await all[0].SubscribeAsync("0", "/topic/many.*");
        await all[1].SubscribeAsync("0", "/topic/many.#", ("ack", "client"), ("prefetch-count", "0"));

        Task[] publishing = [.. Enumerable.Range(0, Publishers).Select(number => ClientSteps.RunAsync(async () =>
        {
            using StompTestClient publisher = await broker.ConnectAsync();
            for (int i = 0; i < Each; i++)
                await publisher.SendAsync($"/topic/many.{i % Topics}", $"{number}:{i}");
            await publisher.ShouldHaveNothingToReadAsync();
        }))];
        (string Topic, string Text)[][] seen = await Task.WhenAll(all.Select(subscriber => ClientSteps.RunAsync(async () =>
        {
            var messages = new (string, string)[Publishers * Each];
            for (int i = 0; i < messages.Length; i++)
            {
                TestFrame message = await subscriber.ReadFrameAsync("MESSAGE");
                messages[i] = (message["destination"]!, message.Text);
            }

            return messages;
        })));
        await Task.WhenAll(publishing);

        foreach ((string, string Text)[] messages in seen)
        {
            for (int number = 0; number < Publishers; number++)
            {
                messages.Select(m => m.Text).Where(text => text.StartsWith($"{number}:", StringComparison.Ordinal))
                    .Should().Equal(Enumerable.Range(0, Each).Select(i => $"{number}:{i}"));
            }
        }

        for (int topic = 0; topic < Topics; topic++)
            seen[0].Where(m => m.Topic == $"/topic/many.{topic}").Should().Equal(seen[1].Where(m => m.Topic == $"/topic/many.{topic}"));
        Array.ForEach(all, subscriber => subscriber.Dispose());
    }

    [Fact]
    public async Task A_SUBSCRIBE_takes_its_place_between_the_SENDs_around_it()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        byte[] together =
        [
            .. client.Encode("SEND", [("destination", "/topic/a")], "before"u8),
            .. client.Encode("SUBSCRIBE", [("id", "1"), ("destination", "/topic/a")]),
            .. client.Encode("SEND", [("destination", "/topic/a")], "between"u8),
            .. client.Encode("SUBSCRIBE", [("id", "2"), ("destination", "/topic/*"), ("receipt", "r")]),
            .. client.Encode("SEND", [("destination", "/topic/a")], "after"u8),
            .. client.Encode("UNSUBSCRIBE", [("id", "1"), ("receipt", "u")]),
            .. client.Encode("SEND", [("destination", "/topic/a")], "last"u8),
        ];

        await client.Socket.SendBinaryAsync(together);

        var seen = new List<string>();
        while (!seen.Contains("2 last"))
        {
            TestFrame frame = await client.ReadFrameAsync();
            seen.Add(frame.Command == "MESSAGE" ? $"{frame["subscription"]} {frame.Text}" : frame["receipt-id"]!);
        }

        seen.Where(line => line[0] == '2' || line == "r").Should().Equal("r", "2 after", "2 last");
        seen.Should().NotContain(line => line.Contains("before") || line == "1 last");
        seen.Should().NotContain(line => line.StartsWith("1 ") && seen.IndexOf(line) > seen.IndexOf("u"));
    }
}
