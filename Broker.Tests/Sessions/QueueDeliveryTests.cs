using System.Globalization;
using Broker.Tests.TestHost;

namespace Broker.Tests.Sessions;

/// <summary>
/// SEMANTICS 5 and 6: "each message to one consumer; kept in order until acknowledged"; "Consumers take turns; one that is full or slow holds up no other";
/// "`redelivered` and `x-delivery-count` (1 the first time) are on every queue MESSAGE".
/// </summary>
public class QueueDeliveryTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Messages_wait_in_order_for_a_consumer()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 100; i++)
            await client.SendAsync("/queue/a", Text(i));

        await client.SubscribeAsync("s", "/queue/a");

        for (int i = 0; i < 100; i++)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            message.Headers.Select(header => header.Key).Should().Equal(
                "subscription", "redelivered", "x-delivery-count", "message-id", "destination", "content-length");
            (message.Text, message["subscription"], message["destination"], message["redelivered"], message["x-delivery-count"])
                .Should().Be((Text(i), "s", "/queue/a", "false", "1"));
        }

        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task What_has_the_headers_of_the_one_before_goes_where_that_went_whatever_stands_between()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("q", "/queue/a", QueueSteps.Individual);
        await client.SubscribeAsync("t", "/topic/a");
        await client.SubscribeAsync("r", "/temp-queue/r");
        (string, string)[][] kinds =
        [
            [("destination", "/queue/a"), ("reply-to", "/temp-queue/x")],
            [("destination", "/topic/a")],
            [("destination", "/temp-queue/r")],
            [("destination", "/queue/b")],
        ];
        var random = new Random(3);
        var sent = new List<(int Kind, string Body)>();
        var bytes = new List<byte>();
        for (int i = 0; i < 300; i++)
        {
            int kind = random.Next(kinds.Length);
            for (int n = random.Next(1, 5); n > 0; n--)
            {
                sent.Add((kind, $"{i}-{n}"));
                bytes.AddRange(client.Encode("SEND", kinds[kind], System.Text.Encoding.ASCII.GetBytes($"{i}-{n}")));
            }
        }

        await client.Socket.SendBinaryAsync(bytes.ToArray());

        var seen = new Dictionary<string, List<string>> { ["q"] = [], ["t"] = [], ["r"] = [] };
        var replyTo = new HashSet<string?>();
        for (int i = sent.Count(message => message.Kind < 3); i > 0; i--)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            seen[message["subscription"]!].Add(message.Text);
            if (message["subscription"] == "q")
                replyTo.Add(message["reply-to"]);
        }

        foreach ((string subscription, int kind) in (ReadOnlySpan<(string, int)>)[("q", 0), ("t", 1), ("r", 2)])
            seen[subscription].Should().Equal(sent.Where(message => message.Kind == kind).Select(message => message.Body));
        replyTo.Should().ContainSingle().Which.Should().StartWith("/temp-queue/r-");
        (await broker.DrainAsync("/queue/b")).Should().Equal(sent.Where(message => message.Kind == 3).Select(message => message.Body));
    }

    [Fact]
    public async Task Consumers_take_turns_message_by_message()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("x", "/queue/a");
        await client.SubscribeAsync("y", "/queue/a");
        await client.SubscribeAsync("z", "/queue/a");
        using StompTestClient sender = await broker.ConnectAsync();
        byte[] many = [.. Enumerable.Range(0, 9).SelectMany(i => sender.Encode("SEND", [("destination", "/queue/a")], System.Text.Encoding.ASCII.GetBytes(Text(i))))];

        await sender.Socket.SendBinaryAsync(many);

        var seen = new Dictionary<string, List<string>>();
        for (int i = 0; i < 9; i++)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            (seen.TryGetValue(message["subscription"]!, out List<string>? bodies) ? bodies : seen[message["subscription"]!] = []).Add(message.Text);
        }

        seen["x"].Should().Equal("0", "3", "6");
        seen["y"].Should().Equal("1", "4", "7");
        seen["z"].Should().Equal("2", "5", "8");
    }

    [Fact]
    public async Task No_more_is_given_than_the_prefetch_count()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual, ("prefetch-count", "2"));
        for (int i = 0; i < 5; i++)
            await client.SendAsync("/queue/a", Text(i));

        TestFrame first = await client.ReadFrameAsync("MESSAGE");
        TestFrame second = await client.ReadFrameAsync("MESSAGE");
        await client.ShouldHaveNothingToReadAsync();

        await client.SendFrameAsync("ACK", [("id", second["ack"]!)]);
        (await client.ReadTextAsync()).Should().Be("2");
        await client.SendFrameAsync("ACK", [("id", first["ack"]!)]);
        (await client.ReadTextAsync()).Should().Be("3");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("client-individual")]
    public async Task A_consumer_that_reads_nothing_is_given_little_and_holds_up_no_other(string mode)
    {
        const int Messages = 400;
        string body = new('x', 1000);
        await using var broker = new MemoryBroker();
        using StompTestClient stopped = await broker.ConnectAsync(unread: 1);
        await stopped.SubscribeAsync("s", "/queue/a", ("ack", mode), ("prefetch-count", "0"));
        using StompTestClient reader = await broker.ConnectAsync();
        await reader.SubscribeAsync("r", "/queue/a");
        using StompTestClient sender = await broker.ConnectAsync();

        for (int i = 0; i < Messages; i++)
            await sender.PublishAsync("/queue/a", body);
        int read = await ReadAllAsync(reader);
        (Messages - read).Should().BeInRange(1, 150, "64 KiB and a write is all that is stuck");

        await broker.CutAsync(stopped);
        read += await ReadAllAsync(reader);
        (Messages - read).Should().BeInRange(0, mode == "auto" ? 70 : 0, "in auto mode what was written is settled");
        broker.Environment.Queues.Totals().Waiting.Should().Be(0);
    }

    // All that comes until nothing comes between two answers.
    private static async Task<int> ReadAllAsync(StompTestClient client)
    {
        for (int total = 0, before = -1; ;)
        {
            await client.SendAsync("/topic/nobody", "", ("receipt", "so far"));
            while ((await client.ReadFrameAsync()).Command == "MESSAGE")
                total++;
            if (total == before)
                return total;
            before = total;
        }
    }

    [Fact]
    public async Task A_backlog_leaves_at_the_pace_of_its_consumer_and_leaves_topics_their_room()
    {
        const int Messages = 2000;
        string body = new('x', 4000);
        await using var broker = new MemoryBroker();
        using StompTestClient sender = await broker.ConnectAsync();
        for (int i = 0; i < Messages; i++)
            await sender.SendAsync("/queue/a", body, ("n", Text(i)));
        await sender.ShouldHaveNothingToReadAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SubscribeAsync("t", "/topic/a");
        await client.SendFrameAsync("SUBSCRIBE", [("id", "q"), ("destination", "/queue/a")]);
        await ClientSteps.UntilAsync(() => broker.Environment.Queues.Totals().Consumers == 1, "it consumes");

        await sender.PublishAsync("/topic/a", "not held, not cut");
        broker.SessionOf(client).Outbox.Bytes.Should().BeLessThan(1000, "what waits waits in the queue");

        int next = 0;
        for (int i = 0; i <= Messages; i++)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            if (message["subscription"] == "q")
                message["n"].Should().Be(Text(next++));
        }

        next.Should().Be(Messages);
    }

    [Fact]
    public async Task Large_and_binary_messages_go_through_whole()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        byte[] large = new byte[300_000];
        new Random(1).NextBytes(large);
        await client.SendAsync("/queue/a", "before");
        await client.SendFrameAsync("SEND", [("destination", "/queue/a"), ("content-length", "300000")], large);
        await client.SendAsync("/queue/a", "after");

        (await client.ReadTextAsync()).Should().Be("before");
        (await client.ReadFrameAsync("MESSAGE")).Body.Should().Equal(large);
        (await client.ReadTextAsync()).Should().Be("after");
    }

    [Fact]
    public async Task The_receipt_of_SUBSCRIBE_comes_before_what_waits()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SendAsync("/queue/a", "waits");

        await client.SendFrameAsync("SUBSCRIBE", [("id", "s"), ("destination", "/queue/a"), ("receipt", "r")]);

        (await client.ReadFrameAsync()).Command.Should().Be("RECEIPT");
        (await client.ReadTextAsync()).Should().Be("waits");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_consumer_with_no_local_leaves_its_own_messages_to_others(int others)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", ("no-local", "true"));
        using StompTestClient other = await broker.ConnectAsync();
        await client.PublishAsync("/queue/a", "own 1");
        await other.PublishAsync("/queue/a", "other 1");
        (await client.ReadTextAsync()).Should().Be("other 1");
        await client.PublishAsync("/queue/a", "own 2");
        await other.PublishAsync("/queue/a", "other 2");
        (await client.ReadTextAsync()).Should().Be("other 2");
        await client.ShouldHaveNothingToReadAsync();

        for (int i = 0; i < others; i++)
            await other.SendFrameAsync("SUBSCRIBE", [("id", Text(i)), ("destination", "/queue/a")]);
        (await other.ReadTextsAsync(2)).Should().Equal("own 1", "own 2");
    }

    [Fact]
    public async Task What_comes_back_is_found_by_a_consumer_with_no_local_that_had_looked_further()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient choosy = await broker.ConnectAsync();
        using StompTestClient other = await broker.ConnectAsync();
        await other.SubscribeAsync("o", "/queue/a", QueueSteps.Individual, ("prefetch-count", "1"));
        await other.SendAsync("/queue/a", "of the other");
        TestFrame held = await other.ReadFrameAsync("MESSAGE");
        for (int i = 0; i < 5; i++)
            await choosy.PublishAsync("/queue/a", "own");
        await choosy.SubscribeAsync("s", "/queue/a", ("no-local", "true"));
        await choosy.ShouldHaveNothingToReadAsync();

        await other.SendFrameAsync("NACK", [("id", held["ack"]!)]);

        (await choosy.ReadDeliveryAsync()).Should().Be(("of the other", "2", "true"));
        (await other.ReadTextAsync()).Should().Be("own");
    }

    [Theory]
    [InlineData(100)]
    [InlineData(1200)] // more than a consumer keeps account of
    public async Task All_that_comes_back_while_a_consumer_with_no_local_has_no_room_comes_to_it_in_order(int count)
    {
        const int Each = 25;
        await using var broker = new MemoryBroker();
        using StompTestClient other = await broker.ConnectAsync();
        int[] holders = [.. Enumerable.Range(0, count / Each)];
        foreach (int holder in holders)
            await other.SubscribeAsync(Text(holder), "/queue/a", QueueSteps.Individual, ("prefetch-count", Text(Each)));
        for (int i = 0; i < count; i++)
            await other.SendAsync("/queue/a", Text(i));
        await other.ReadTextsAsync(count);
        using StompTestClient choosy = await broker.ConnectAsync();
        await choosy.PublishAsync("/queue/a", "own");
        await choosy.SubscribeAsync("s", "/queue/a", QueueSteps.Individual, ("prefetch-count", "1"), ("no-local", "true"));
        await other.PublishAsync("/queue/a", "last");
        TestFrame held = await choosy.ReadFrameAsync("MESSAGE");
        held.Text.Should().Be("last", "it has passed all places");

        new Random(5).Shuffle(holders);
        foreach (int holder in holders)
            await other.DoAsync("UNSUBSCRIBE", [("id", Text(holder))]);

        for (int i = 0; i < count; i++)
        {
            await choosy.SendFrameAsync("ACK", [("id", held["ack"]!)]);
            held = await choosy.ReadFrameAsync("MESSAGE");
            (held.Text, held["x-delivery-count"]).Should().Be((Text(i), "2"));
        }

        await choosy.AckAsync(held);
        (await broker.DrainAsync("/queue/a")).Should().Equal("own");
    }

    [Fact]
    public async Task A_consumer_with_no_local_works_off_what_stands_behind_its_own_message()
    {
        const int Messages = 50_000, Together = 1000;
        await using var broker = new MemoryBroker();
        using StompTestClient choosy = await broker.ConnectAsync();
        await choosy.PublishAsync("/queue/a", "own");
        using StompTestClient other = await broker.ConnectAsync();
        for (int i = 0; i < Messages; i += Together)
        {
            if (i == Messages / 2)
                await choosy.SubscribeAsync("s", "/queue/a", ("no-local", "true"));
            await other.Socket.SendBinaryAsync((byte[])
            [
                .. Enumerable.Range(i, Together).SelectMany(n => other.Encode("SEND", [("destination", "/queue/a")], System.Text.Encoding.ASCII.GetBytes(Text(n)))),
            ]);
        }

        for (int i = 0; i < Messages; i++)
        {
            string text = await choosy.ReadTextAsync();
            if (text != Text(i))
                text.Should().Be(Text(i));
        }

        await choosy.ShouldHaveNothingToReadAsync();
        (await broker.DrainAsync("/queue/a")).Should().Equal("own");
    }


    [Fact]
    public async Task An_empty_queue_without_consumers_is_forgotten_after_a_while()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a");
        await client.SendAsync("/queue/a", "x");
        await client.ReadTextAsync();
        await client.PublishAsync("/queue/kept", "waits");
        broker.Environment.Queues.Count.Should().Be(2);

        await client.DoAsync("UNSUBSCRIBE", [("id", "s")]);
        broker.Tidy();
        broker.Environment.Queues.Count.Should().Be(2, "it was used a moment ago");
        broker.Tidy();
        broker.Environment.Queues.Count.Should().Be(1);

        // The session still has the old one at hand.
        await client.PublishAsync("/queue/a", "again");
        (await broker.DrainAsync("/queue/a")).Should().Equal("again");
        (await broker.DrainAsync("/queue/kept")).Should().Equal("waits");
    }

    [Fact]
    public async Task Many_producers_and_consumers_that_come_and_go_lose_nothing_and_double_nothing()
    {
        const int Producers = 4, Consumers = 4, Each = 1500;
        await using var broker = new MemoryBroker();
        var settled = new System.Collections.Concurrent.ConcurrentDictionary<string, int>();
        int left = Producers * Each;
        Task[] consuming = [.. Enumerable.Range(0, Consumers).Select(consumer => ClientSteps.RunAsync(() => ConsumeAsync(consumer)))];
        Task[] producing = [.. Enumerable.Range(0, Producers).Select(producer => ClientSteps.RunAsync(() => ProduceAsync(producer)))];

        await Task.WhenAll(producing);
        await Task.WhenAll(consuming).WaitAsync(TimeSpan.FromSeconds(60), Cancel);

        settled.Should().HaveCount(Producers * Each).And.OnlyContain(entry => entry.Value == 1);
        await ClientSteps.UntilAsync(() => broker.Environment.Queues.Totals() is { Waiting: 0, Unacknowledged: 0, Bytes: 0 }, "nothing is left");

        async Task ProduceAsync(int producer)
        {
            using StompTestClient client = await broker.ConnectAsync();
            for (int i = 0; i < Each; i += 50)
            {
                byte[] many = [.. Enumerable.Range(i, 50).SelectMany(n => client.Encode("SEND", [("destination", "/queue/a")], System.Text.Encoding.ASCII.GetBytes($"{producer}-{n}")))];
                await client.Socket.SendBinaryAsync(many);
            }

            await client.ShouldHaveNothingToReadAsync();
        }

        // Reads some, acknowledges a part of them, refuses another, and goes with the rest; until all were settled.
        async Task ConsumeAsync(int consumer)
        {
            var random = new Random(consumer);
            while (Volatile.Read(ref left) > 0)
            {
                using StompTestClient client = await broker.ConnectAsync();
                await client.SendFrameAsync("SUBSCRIBE", [("id", "s"), ("destination", "/queue/a"), QueueSteps.Individual, ("prefetch-count", "50")]);
                for (int i = random.Next(20, 400); i > 0 && Volatile.Read(ref left) > 0; i--)
                {
                    await client.SendAsync("/topic/nobody", "", ("receipt", "so far"));
                    TestFrame frame = await client.ReadFrameAsync();
                    for (; frame.Command == "MESSAGE"; frame = await client.ReadFrameAsync())
                    {
                        switch (random.Next(20))
                        {
                            case 0:
                                break;
                            case 1:
                                await client.SendFrameAsync("NACK", [("id", frame["ack"]!)]);
                                break;
                            default:
                                settled.AddOrUpdate(frame.Text, 1, static (_, count) => count + 1);
                                Interlocked.Decrement(ref left);
                                await client.SendFrameAsync("ACK", [("id", frame["ack"]!)]);
                                break;
                        }
                    }
                }

                await client.SendFrameAsync("DISCONNECT", [("receipt", "bye")]);
                while ((await client.ReadFrameAsync())["receipt-id"] != "bye")
                {
                }
            }
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
