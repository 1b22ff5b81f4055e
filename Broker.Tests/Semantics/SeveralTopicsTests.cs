using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// "All subscribers of a topic see one and the same order of its messages" (section 6): also where a publisher sends to several topics in a row, which goes
/// out together to those who follow all of them.
/// </summary>
public class SeveralTopicsTests
{
    [Fact]
    public async Task What_is_sent_to_several_topics_in_a_row_comes_whole_and_in_that_order_to_each_kind_of_subscriber()
    {
        await using var broker = await RunningBroker.StartAsync();
        using var plain = await StompTestClient.ConnectAsync(broker.Port);
        await plain.SubscribeAsync("0", "/topic/t.*");
        using var same = await StompTestClient.ConnectAsync(broker.Port);
        await same.SubscribeAsync("other", "/topic/t.*");
        using var windowed = await StompTestClient.ConnectAsync(broker.Port);
        await windowed.SubscribeAsync("0", "/topic/t.*", ("ack", "client"), ("prefetch-count", "500"));
        using var conflating = await StompTestClient.ConnectAsync(broker.Port);
        await conflating.SubscribeAsync("0", "/topic/t.*", ("x-conflate-ms", "0"));
        using var publisher = await StompTestClient.ConnectAsync(broker.Port);
        await publisher.SubscribeAsync("0", "/topic/t.*", ("no-local", "true"));

        await publisher.Socket.SendTextAsync(string.Concat(Enumerable.Range(0, 300).Select(i => $"SEND\ndestination:/topic/t.{i % 7}\n\n{i}\0"))
            + "SEND\ndestination:/topic/t.0\nreceipt:done\n\n300\0");

        (await publisher.ReadFrameAsync())["receipt-id"].Should().Be("done", "its own messages are not for it");
        foreach (StompTestClient client in new[] { plain, same, windowed, conflating })
        {
            for (int i = 0; i <= 300; i++)
            {
                TestFrame message = await client.ReadFrameAsync("MESSAGE");
                message.Text.Should().Be($"{i}");
                message["destination"].Should().Be($"/topic/t.{(i == 300 ? 0 : i % 7)}");
            }
        }
    }

    [Fact]
    public async Task Two_publishers_to_the_same_topics_are_seen_in_one_order_of_each_by_all()
    {
        await using var broker = await RunningBroker.StartAsync();
        StompTestClient[] subscribers = [await StompTestClient.ConnectAsync(broker.Port), await StompTestClient.ConnectAsync(broker.Port), await StompTestClient.ConnectAsync(broker.Port)];
        await subscribers[0].SubscribeAsync("0", "/topic/t.#");
        await subscribers[1].SubscribeAsync("1", "/topic/t.#");
        await subscribers[2].SubscribeAsync("2", "/topic/t.#", ("ack", "client-individual"), ("prefetch-count", "0"));
        StompTestClient[] publishers = [await StompTestClient.ConnectAsync(broker.Port), await StompTestClient.ConnectAsync(broker.Port)];

        await Task.WhenAll(publishers.Select((publisher, who) => ClientSteps.RunAsync(async () =>
        {
            var random = new Random(who);
            for (int batch = 0; batch < 40; batch++)
                await publisher.Socket.SendTextAsync(string.Concat(Enumerable.Range(0, 25).Select(i => $"SEND\ndestination:/topic/t.{random.Next(5)}\n\n{who}:{batch}:{i}\0")));
        })));

        var orders = new List<Dictionary<string, List<string>>>();
        foreach (StompTestClient subscriber in subscribers)
        {
            var order = new Dictionary<string, List<string>>();
            for (int i = 0; i < 2000; i++)
            {
                TestFrame message = await subscriber.ReadFrameAsync("MESSAGE");
                if (!order.TryGetValue(message["destination"]!, out List<string>? texts))
                    order[message["destination"]!] = texts = [];
                texts.Add(message.Text);
            }

            orders.Add(order);
        }

        orders[1].Should().BeEquivalentTo(orders[0], options => options.WithStrictOrdering());
        orders[2].Should().BeEquivalentTo(orders[0], options => options.WithStrictOrdering());
        foreach (StompTestClient client in subscribers.Concat(publishers))
            client.Dispose();
    }

    [Fact]
    public async Task A_slow_subscriber_of_one_topic_keeps_nothing_of_the_others()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Topics:0:Pattern=/topic/slow", "Broker:Topics:0:SlowSubscriber=drop-oldest");
        using var slow = await StompTestClient.ConnectAsync(broker.Port);
        await slow.SubscribeAsync("0", "/topic/slow", ("ack", "client"), ("prefetch-count", "1"));
        using var publisher = await StompTestClient.ConnectAsync(broker.Port);
        long before = GC.GetTotalMemory(forceFullCollection: true);

        for (int i = 0; i < 1000; i++)
            await publisher.Socket.SendTextAsync("SEND\ndestination:/topic/slow\n\n1\0" + string.Concat(Enumerable.Repeat($"SEND\ndestination:/topic/other\n\n{new string('x', 300)}\0", 200)));
        await publisher.DoAsync("SEND", [("destination", "/topic/other")]);

        // A thousand messages of some hundred bytes wait; the others would be 80 MB.
        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(30_000_000);
    }

    [Fact]
    public async Task A_retained_value_that_is_refused_is_one_frames_and_those_before_have_their_receipts()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Limits:RetainedMessages=1100");
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        await client.DoAsync("BEGIN", [("transaction", "t")]);
        await client.DoAsync("COMMIT", [("transaction", "t")]);

        await client.Socket.SendTextAsync(string.Concat(Enumerable.Range(0, 1350).Select(i => $"SEND\ndestination:/topic/r.{i}\nretain:set\nreceipt:{i}\n\nv\0")));

        for (int i = 0; i < 1100; i++)
            (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be($"{i}");
        (await client.ReadErrorAndEndAsync(1008))["receipt-id"].Should().Be("1100");
    }
}
