using Broker.Configuration;
using Broker.Messaging;
using Broker.Sessions;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 12: "<c>x-conflate-ms:0</c> conflates only while the subscriber lags: a fast one gets every message, a slow one the newest of each key, and
/// nobody is cut. Pending state is per subscription and key."
/// </summary>
public class ConflationLagTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(250);

    [Theory]
    [InlineData("auto", 20, 10_000)]
    [InlineData("auto", 1, 2_000)]
    [InlineData("client", 20, 2_000)]
    public async Task A_fast_one_gets_every_message(string ack, int together, int count)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "0"), ("ack", ack), ("prefetch-count", "0"));
        for (int i = 0; i < count; i += together)
        {
            int first = i;
            await publisher.SendTogetherAsync(Enumerable.Range(first, together).Select(n => (n % 7 == 0 ? "/topic/b" : "/topic/a", $"{n}")));
            foreach (TestFrame message in await client.ReadMessagesAsync(together))
            {
                (message.Number(), message.Count()).Should().Be((first++, 1));
            }
        }

        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task A_fast_one_over_a_real_socket_gets_every_message()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        using StompTestClient publisher = await StompTestClient.ConnectAsync(broker.Port);
        using StompTestClient client = await StompTestClient.ConnectAsync(broker.Port);
        await client.SubscribeAsync("0", "/topic/a", ("x-conflate-ms", "0"));
        for (int i = 0; i < 3_000; i += 10)
        {
            int first = i;
            await publisher.SendTogetherAsync(Enumerable.Range(first, 10).Select(n => ("/topic/a", $"{n}")));
            foreach (TestFrame message in await client.ReadMessagesAsync(10))
                (message.Number(), message.Count()).Should().Be((first++, 1));
        }
    }

    [Theory]
    [InlineData("auto", "1.2")]
    [InlineData("auto", "1.0")]
    [InlineData("client-individual", "1.1")]
    public async Task A_slow_one_gets_the_newest_of_each_key_and_is_not_cut_and_holds_little(string ack, string version)
    {
        const int Keys = 50, Count = 50_000;
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(version, unread: 1);
        await client.SubscribeAsync("0", "/topic/quotes.*", ("x-conflate-ms", "0"), ("ack", ack), ("prefetch-count", "0"));
        Session session = broker.SessionOf(client);

        // The clock stands still: a publisher that were held would be held for ever.
        for (int i = 0; i < Count; i += 100)
        {
            await publisher.SendTogetherAsync(Enumerable.Range(i, 100).Select(n => ($"/topic/quotes.{n % Keys}", $"{n / Keys} ".PadRight(100, 'x'))));
            await publisher.ShouldHaveNothingToReadAsync();
            session.Outbox.Bytes.Should().BeLessThan(256 * 1024);
        }

        session.CloseReason.Should().Be(CloseReason.None);
        var last = new Dictionary<string, int>();
        int read = 0;
        for (int sum = 0; sum < Count; read++)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            (message.Number() - last.GetValueOrDefault(message["destination"]!, -1)).Should().Be(message.Count(), "it stands for those since the one before, itself included");
            last[message["destination"]!] = message.Number();
            sum += message.Count();
        }

        last.Should().HaveCount(Keys).And.OnlyContain(pair => pair.Value == (Count / Keys) - 1, "the newest of each key came");
        read.Should().BeLessThan(Count / 10);
        await client.ShouldHaveNothingToReadAsync();
        await ClientSteps.UntilAsync(() => session.Outbox.Bytes == 0, "nothing waits");
        broker.ReadMetric("stompbroker.messages.dropped").Should().Be(0, "what is conflated is delivered by what stands for it");
    }

    [Fact]
    public async Task A_slow_one_over_a_real_socket_is_behind_by_little_more_than_what_its_own_machine_has_buffered()
    {
        const int Keys = 50, Count = 50_000;
        await using RunningBroker broker = await RunningBroker.StartAsync();
        using StompTestClient publisher = await StompTestClient.ConnectAsync(broker.Port);
        using var client = new StompTestClient(await RawWebSocket.ConnectAsync(broker.Port, "/ws", receiveBufferBytes: 4096));
        await client.ConnectAsync("1.2");
        await client.SubscribeAsync("0", "/topic/quotes.*", ("x-conflate-ms", "0"));
        Session session = broker.Sessions.All.Single(one => one.Id == client.Connected!["session"]);
        for (int i = 0; i < Count; i += 100)
        {
            await publisher.SendTogetherAsync(Enumerable.Range(i, 100).Select(n => ($"/topic/quotes.{n % Keys}", $"{n / Keys} ".PadRight(100, 'x'))));
            await publisher.ShouldHaveNothingToReadAsync();
            session.Outbox.Bytes.Should().BeLessThan(256 * 1024);
        }

        var last = new Dictionary<string, int>();
        int read = 0;
        for (int sum = 0; sum < Count; read++)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            (message.Number() - last.GetValueOrDefault(message["destination"]!, -1)).Should().Be(message.Count());
            last[message["destination"]!] = message.Number();
            sum += message.Count();
        }

        last.Should().HaveCount(Keys).And.OnlyContain(pair => pair.Value == (Count / Keys) - 1);
        read.Should().BeLessThan(Count / 10, "of 10 MB less than 1 MB was on its way");
    }

    [Fact]
    public async Task Who_has_caught_up_gets_every_message_again()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 64 * 1024);
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 4096);
        await client.SubscribeAsync("0", "/topic/a", ("x-conflate-ms", "0"));
        int number = 0;
        for (int round = 0; round < 20; round++)
        {
            int before = number;
            for (int i = 0; i < 100; i++)
                await publisher.PublishAsync("/topic/a", $"{++number} ".PadRight(500, 'x'));
            int read = 0;
            for (int sum = 0; sum < 100; read++)
            {
                TestFrame message = await client.ReadFrameAsync("MESSAGE");
                sum += message.Count();
                message.Number().Should().Be(before + sum);
            }

            read.Should().BeLessThan(100, "it had lagged");
            for (int i = 0; i < 20; i++)
            {
                await publisher.PublishAsync("/topic/a", $"{++number}");
                TestFrame message = await client.ReadFrameAsync("MESSAGE");
                (message.Number(), message.Count()).Should().Be((number, 1));
            }
        }
    }

    [Fact]
    public async Task What_waits_is_given_in_the_order_of_what_came_first()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 256 * 1024);
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "0"));
        await publisher.PublishAsync("/topic/z", new string('x', 100_000)); // on its way, and nothing passes it
        foreach (string name in (string[])["c", "a", "b", "a", "a", "c", "d"])
            await publisher.PublishAsync($"/topic/{name}", name);

        await client.ReadFrameAsync("MESSAGE");

        (await client.ReadMessagesAsync(4)).Select(message => $"{message.Text}{message.Count()}").Should().Equal("c2", "a3", "b1", "d1");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task Concurrent_publishers_and_a_reader_at_its_own_pace_lose_and_double_nothing()
    {
        const int Publishers = 3, Each = 4000, Keys = 4;
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 64 * 1024);
        StompTestClient[] clients = [await broker.ConnectAsync(unread: 1), await broker.ConnectAsync(unread: 2000), await broker.ConnectAsync("1.1")];
        foreach (StompTestClient client in clients)
            await client.SubscribeAsync("0", "/topic/*.*", ("x-conflate-ms", "0"));
        Task[] publishing = [.. Enumerable.Range(0, Publishers).Select(number => ClientSteps.RunAsync(async () =>
        {
            var random = new Random(number);
            using StompTestClient publisher = await broker.ConnectAsync();
            for (int i = 0; i < Each;)
            {
                int burst = Math.Min(random.Next(1, 30), Each - i);
                await publisher.SendTogetherAsync(Enumerable.Range(i, burst).Select(n => ($"/topic/{number}.{n % Keys}", $"{n / Keys} ".PadRight(random.Next(200), 'x'))));
                i += burst;
            }

            await publisher.ShouldHaveNothingToReadAsync();
        }))];
        Task[] reading = [.. clients.Select(client => ClientSteps.RunAsync(async () =>
        {
            var last = new Dictionary<string, int>();
            for (int sum = 0; sum < Publishers * Each;)
            {
                TestFrame message = await client.ReadFrameAsync("MESSAGE");
                string key = message["destination"]!;
                (message.Number() - last.GetValueOrDefault(key, -1)).Should().Be(message.Count());
                last[key] = message.Number();
                sum += message.Count();
            }

            last.Should().HaveCount(Publishers * Keys).And.OnlyContain(pair => pair.Value == (Each / Keys) - 1);
            await client.ShouldHaveNothingToReadAsync();
        }))];

        await Task.WhenAll(publishing);
        await Task.WhenAll(reading);

        Array.ForEach(clients, client => client.Dispose());
    }

    [Fact]
    public async Task RECEIPTs_and_other_subscriptions_lose_nothing_beside_it()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SubscribeAsync("conflated", "/topic/a", ("x-conflate-ms", "0"));
        await client.SubscribeAsync("every", "/topic/b");
        for (int i = 0; i < 50; i++)
        {
            await client.SendFrameAsync("SEND", [("destination", "/topic/nobody"), ("receipt", $"r{i}")]);
            await publisher.PublishAsync("/topic/b", $"{i}");
            for (int j = 0; j < 20; j++)
                await publisher.PublishAsync("/topic/a", $"{j}".PadRight(1000));
        }

        var receipts = new List<string>();
        var every = new List<string>();
        for (int sum = 0; sum < 1000 || receipts.Count < 50 || every.Count < 50;)
        {
            TestFrame frame = await client.ReadFrameAsync();
            if (frame.Command == "RECEIPT")
                receipts.Add(frame["receipt-id"]!);
            else if (frame["subscription"] == "every")
                every.Add(frame.Text);
            else
                sum += frame.Count();
        }

        receipts.Should().Equal(Enumerable.Range(0, 50).Select(i => $"r{i}"));
        every.Should().Equal(Enumerable.Range(0, 50).Select(i => $"{i}"));
    }

    [Fact]
    public async Task A_subscription_beside_it_is_cut_by_its_own_topics_policy_only()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 8192);
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SubscribeAsync("conflated", "/topic/a", ("x-conflate-ms", "0"));
        await client.SubscribeAsync("every", "/topic/b");
        Session session = broker.SessionOf(client);
        for (int i = 0; i < 500; i++)
            await publisher.PublishAsync("/topic/a", new string('x', 1000));
        session.CloseReason.Should().Be(CloseReason.None);
        broker.Time.Advance(Grace);

        for (int i = 0; i < 20; i++)
            await publisher.PublishAsync("/topic/b", new string('x', 1000));

        session.CloseReason.Should().Be(CloseReason.SlowConsumer);
    }

    [Fact]
    public async Task A_large_newest_message_in_the_place_of_a_small_one_stays_within_the_outbox_or_is_alone_in_it()
    {
        const int Limit = 16 * 1024;
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = Limit);
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "0"));
        Session session = broker.SessionOf(client);
        var random = new Random(1);
        for (int i = 0; i < 3000; i++)
        {
            await publisher.PublishAsync($"/topic/{random.Next(30)}", $"{i} ".PadRight(random.Next(random.Next(6000) + 10), 'x'));
            session.Outbox.Bytes.Should().BeLessThanOrEqualTo(Limit + 6200, "an empty one takes any single message");
        }

        session.CloseReason.Should().Be(CloseReason.None);
        await publisher.PublishAsync("/topic/end", "9999");
        long sum = 0;
        var last = new Dictionary<string, int>();
        while (last.GetValueOrDefault("/topic/end") == 0)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            message.Number().Should().BeGreaterThan(last.GetValueOrDefault(message["destination"]!, -1));
            last[message["destination"]!] = message.Number();
            sum += message.Count();
        }

        await client.ShouldHaveNothingToReadAsync();
        (sum + broker.ReadMetric("stompbroker.messages.dropped")).Should().Be(3001, "each message was given, stood for, or dropped and counted");
    }

    [Fact]
    public async Task Millions_of_keys_are_bounded_by_the_outbox_and_nobody_is_cut_or_held()
    {
        const int Limit = 64 * 1024, Count = 50_000;
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = Limit);
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SubscribeAsync("0", "/topic/a", ("x-conflate-ms", "0"), ("x-conflate-key", "id"));
        Session session = broker.SessionOf(client);
        for (int i = 0; i < Count; i++)
        {
            await publisher.SendAsync("/topic/a", $"{i}", ("id", $"{i}"));
            session.Outbox.Bytes.Should().BeLessThanOrEqualTo(Limit * 3 / 2, "the newest have as much room as the outbox, which itself lags by an eighth and a batch");
        }

        await publisher.ShouldHaveNothingToReadAsync();
        session.Outbox.Bytes.Should().BeLessThanOrEqualTo(Limit * 3 / 2);
        session.CloseReason.Should().Be(CloseReason.None);
        long dropped = broker.ReadMetric("stompbroker.messages.dropped");
        dropped.Should().BeInRange(Count * 9 / 10, Count - 1, "drops are metered");

        TestFrame[] messages = await client.ReadMessagesAsync(Count - (int)dropped);
        messages.Select(message => message.Number()).Should().OnlyHaveUniqueItems();
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("0", "auto")]
    [InlineData("0", "client")]
    [InlineData("100", "auto")]
    public async Task The_newest_are_not_lost_behind_one_message_on_its_way_that_fills_the_outbox(string interval, string ack)
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 64 * 1024);
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", interval), ("ack", ack), ("prefetch-count", "0"));
        await publisher.PublishAsync("/topic/large", new string('x', 100_000)); // an empty one takes any single message
        foreach (string text in (string[])["a1", "b1", "a2"])
            await publisher.PublishAsync($"/topic/{text[0]}", text);

        (await client.ReadFrameAsync("MESSAGE")).Body.Should().HaveCount(100_000);

        TestFrame[] messages = [await client.ReadWhileTurningAsync(broker, TimeSpan.FromMilliseconds(10)), await client.ReadFrameAsync("MESSAGE")];
        messages.Select(message => $"{message.Text}*{message.Count()}").Should().BeEquivalentTo("a2*2", "b1*1");
    }

    [Theory]
    [InlineData("UNSUBSCRIBE")]
    [InlineData("DISCONNECT")]
    public async Task It_ends_with_something_waiting(string how)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "0"));
        Session session = broker.SessionOf(client);
        for (int i = 0; i < 200; i++)
            await publisher.PublishAsync($"/topic/{i % 50}", $"{i} ".PadRight(1000, 'x'));
        long waiting = session.Outbox.Bytes;
        waiting.Should().BeGreaterThan(10_000);

        await client.SendFrameAsync(how, [("id", "0"), ("receipt", "over")]);

        if (how == "UNSUBSCRIBE")
            await ClientSteps.UntilAsync(() => session.Outbox.Bytes < 5000, "what waited is let go");
        List<TestFrame> messages = await client.ReadToReceiptAsync("over");
        messages.Count.Should().BeLessThanOrEqualTo(how == "UNSUBSCRIBE" ? 5 : 51);
        if (how == "UNSUBSCRIBE")
        {
            await publisher.PublishAsync("/topic/1", "no more");
            await client.ShouldHaveNothingToReadAsync();
            await ClientSteps.UntilAsync(() => session.Outbox.Bytes == 0, "nothing waits");
        }
        else
        {
            (await client.Socket.ReadCloseAsync()).Code.Should().Be(1000);
        }
    }

    [Fact]
    public async Task A_lagging_streams_MESSAGE_has_the_offset_of_the_newest()
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.ResumeAsync("next", headers: ("x-conflate-ms", "0"));
        for (int i = 0; i < 3000; i += 10)
            await publisher.FillAsync(i, 10, bodyBytes: 100);

        var last = new Dictionary<string, int>();
        for (int sum = 0; sum < 3000;)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            message.Offset().Should().Be(message.Number());
            message.Number().Should().BeGreaterThan(last.GetValueOrDefault(message["destination"]!, -1));
            last[message["destination"]!] = message.Number();
            sum += message.Count();
        }

        last.Values.Should().BeEquivalentTo([2997, 2998, 2999]);
    }

    [Fact]
    public async Task With_acknowledgement_the_newest_of_each_key_comes_and_nobody_is_cut()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 16 * 1024);
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "0"), ("ack", "client-individual"), ("prefetch-count", "2"));
        for (int i = 0; i < 1000; i++)
            await publisher.PublishAsync($"/topic/{i % 4}", $"{i / 4} ".PadRight(500, 'x'));
        broker.SessionOf(client).CloseReason.Should().Be(CloseReason.None, "who acknowledges slowly lags");

        var last = new Dictionary<string, int>();
        var unacknowledged = new Queue<TestFrame>();
        for (int sum = 0; sum < 1000;)
        {
            if (unacknowledged.Count == 2)
            {
                await client.ShouldHaveNothingToReadAsync();
                await client.SendFrameAsync("ACK", [("id", unacknowledged.Dequeue()["ack"]!)]);
            }

            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            unacknowledged.Enqueue(message);
            (message.Number() - last.GetValueOrDefault(message["destination"]!, -1)).Should().Be(message.Count());
            last[message["destination"]!] = message.Number();
            sum += message.Count();
        }

        last.Should().HaveCount(4).And.OnlyContain(pair => pair.Value == 249);
        await client.ShouldHaveNothingToReadAsync();
    }
}

/// <summary>
/// SEMANTICS 8: "After that the topic's policy falls on the subscriber at once: [...] or <c>conflate</c> (section 12)." And decision 0008: "<c>x-conflate-ms:0</c>
/// and the policy <c>conflate</c> take part only while the socket lags; then what waits is pulled, round by round, as the socket takes bytes."
/// </summary>
public class ConflatePolicyTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(250);

    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    public async Task An_ordinary_subscriber_that_keeps_up_gets_every_message(string ack)
    {
        await using MemoryBroker broker = Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/*", ("ack", ack), ("prefetch-count", "0"));
        for (int i = 0; i < 2000; i += 10)
        {
            int first = i;
            await publisher.SendTogetherAsync(Enumerable.Range(first, 10).Select(n => ("/topic/a", $"{n}")));
            foreach (TestFrame message in await client.ReadMessagesAsync(10))
                (message.Number(), message.Count()).Should().Be((first++, 1));
        }
    }

    [Theory]
    [InlineData("auto", "1.2")]
    [InlineData("auto", "1.0")]
    [InlineData("client", "1.1")]
    public async Task From_a_full_outbox_on_it_gets_the_newest_of_each_destination_and_is_not_cut(string ack, string version)
    {
        const int Keys = 3, Count = 600;
        await using MemoryBroker broker = Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(version, unread: 1);
        await client.SubscribeAsync("0", "/topic/*", ("ack", ack), ("prefetch-count", "0"));
        Session session = broker.SessionOf(client);
        await publisher.PublishAsync("/topic/0", "0 is on its way");
        broker.Time.Advance(Grace);
        for (int i = 1; i < Count; i++)
        {
            await publisher.PublishAsync($"/topic/{i % Keys}", $"{i / Keys} ".PadRight(1000, 'x'));
            session.Outbox.Bytes.Should().BeLessThanOrEqualTo(8192 + (Keys * 1300));
        }

        session.CloseReason.Should().Be(CloseReason.None);
        var last = new Dictionary<string, int>();
        int read = 0;
        for (int sum = 0; sum < Count; read++)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            (message.Number() - last.GetValueOrDefault(message["destination"]!, -1)).Should().Be(message.Count());
            last[message["destination"]!] = message.Number();
            sum += message.Count();
        }

        last.Should().HaveCount(Keys).And.OnlyContain(pair => pair.Value == (Count / Keys) - 1);
        read.Should().BeLessThan(15);
        await client.ShouldHaveNothingToReadAsync();
        await ClientSteps.UntilAsync(() => session.Outbox.Bytes == 0, "nothing waits");
        for (int i = Count; i < Count + 9; i++)
        {
            await publisher.PublishAsync($"/topic/{i % Keys}", $"{i / Keys}");
            (await client.ReadFrameAsync("MESSAGE")).Count().Should().Be(1, "it has caught up");
        }
    }

    [Fact]
    public async Task Other_topics_of_the_same_subscription_keep_their_own_policy()
    {
        await using var broker = new MemoryBroker(options =>
        {
            options.Limits.OutboxBytes = 8192;
            options.Topics.Add(new TopicOptions { Pattern = "/topic/state.*", SlowSubscriber = SlowSubscriberPolicy.Conflate });
        });
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SubscribeAsync("0", "/topic/#");
        Session session = broker.SessionOf(client);
        await publisher.PublishAsync("/topic/state.a", "on its way");
        broker.Time.Advance(Grace);
        for (int i = 0; i < 100; i++)
            await publisher.PublishAsync("/topic/state.a", new string('x', 1000));
        session.CloseReason.Should().Be(CloseReason.None);

        for (int i = 0; i < 20; i++)
            await publisher.PublishAsync("/topic/event", new string('x', 1000));

        session.CloseReason.Should().Be(CloseReason.SlowConsumer);
    }

    [Fact]
    public async Task RECEIPTs_are_never_lost_to_it()
    {
        await using MemoryBroker broker = Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SubscribeAsync("0", "/topic/a");
        await publisher.PublishAsync("/topic/a", "0 is on its way");
        broker.Time.Advance(Grace);
        for (int i = 0; i < 20; i++)
        {
            await client.SendFrameAsync("SEND", [("destination", "/topic/nobody/listens"), ("receipt", $"r{i}")]);
            for (int j = 0; j < 30; j++)
                await publisher.PublishAsync("/topic/a", $"{(i * 30) + j + 1} ".PadRight(1000, 'x'));
        }

        var receipts = new List<string>();
        int last = -1;
        while (last < 600 || receipts.Count < 20)
        {
            TestFrame frame = await client.ReadFrameAsync();
            if (frame.Command == "RECEIPT")
            {
                receipts.Add(frame["receipt-id"]!);
                continue;
            }

            (frame.Number() - last).Should().Be(frame.Count());
            last = frame.Number();
        }

        receipts.Should().Equal(Enumerable.Range(0, 20).Select(i => $"r{i}"));
    }

    [Fact]
    public async Task More_destinations_than_the_outbox_holds_lose_some_which_is_metered_and_cut_nobody()
    {
        const int Count = 3000;
        await using MemoryBroker broker = Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SubscribeAsync("0", "/topic/*");
        Session session = broker.SessionOf(client);
        await publisher.PublishAsync("/topic/0", "0 is on its way");
        broker.Time.Advance(Grace);
        for (int i = 1; i < Count; i++)
        {
            await publisher.PublishAsync($"/topic/{i}", $"{i} ".PadRight(100, 'x'));
            session.Outbox.Bytes.Should().BeLessThanOrEqualTo(8192 + 300);
        }

        session.CloseReason.Should().Be(CloseReason.None);
        int dropped = (int)broker.ReadMetric("stompbroker.messages.dropped");
        dropped.Should().BeInRange(Count - 100, Count - 2);
        TestFrame[] messages = await client.ReadMessagesAsync(Count - dropped);
        messages.Select(message => message.Number()).Should().OnlyHaveUniqueItems();
        await client.ShouldHaveNothingToReadAsync();
    }

    private static MemoryBroker Create() => new(options =>
    {
        options.Limits.OutboxBytes = 8192;
        options.Topics.Add(new TopicOptions { Pattern = "/topic/#", SlowSubscriber = SlowSubscriberPolicy.Conflate });
    });
}

/// <summary>
/// What conflation is for: "a subscriber that reads 20 messages per second on a wildcard of 5,000 updates per second over 50 keys holds under 256 KiB in the
/// broker and is never more than one interval behind".
/// </summary>
public class ConflationPaceTests
{
    [Theory]
    [InlineData(2500)]
    [InlineData(4000)]
    [InlineData(0)]
    public async Task Who_reads_twenty_messages_a_second_of_five_thousand_updates_over_fifty_keys_is_served(int rest)
    {
        const int Keys = 50, UpdatesPerStep = 250, Steps = 400; // of 50 ms each: 20 s
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 16 * 1024); // what the kernel holds back, as with a limit on what is unsent
        await client.SubscribeLiveAsync("0", "/topic/quotes.*", ("x-conflate-ms", $"{rest}"));
        Session session = broker.SessionOf(client);
        var seen = new int[Keys];
        long mostBytes = 0;
        int messages = 0, mostBehind = 0;
        for (int step = 1; step <= Steps; step++)
        {
            await publisher.SendTogetherAsync(Enumerable.Range(0, UpdatesPerStep).Select(i => ($"/topic/quotes.{i % Keys}", $"{step} {new string('x', 100)}")));
            await publisher.ShouldHaveNothingToReadAsync();
            mostBytes = Math.Max(mostBytes, session.Outbox.Bytes);
            broker.Time.Advance(TimeSpan.FromMilliseconds(50));

            // A round of all keys at once, then one per interval; who lags finds something at any time.
            int available = rest == 0 ? int.MaxValue : Keys * (1 + (step * 50 / rest));
            if (messages == available)
                continue;
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            messages++;
            int number = message.Number(), key = int.Parse(message["destination"]!["/topic/quotes.".Length..]);
            number.Should().BeGreaterThanOrEqualTo(seen[key], "none is older than the one before");
            seen[key] = number;
            mostBehind = Math.Max(mostBehind, (step - number) * 50);
        }

        mostBytes.Should().BeLessThan(256 * 1024);
        session.CloseReason.Should().Be(CloseReason.None);
        if (rest > 0)
            mostBehind.Should().BeLessThanOrEqualTo(rest, "in milliseconds");
    }
}
