using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 12: "A new subscription gets the retained value of every topic that it matches, marked <c>retained:true</c>, before live messages: with a
/// wildcard, a snapshot. With <c>x-snapshot:true</c> on SUBSCRIBE the snapshot's last message carries <c>x-snapshot:end</c> (an empty MESSAGE with that header
/// and the subscribed pattern as destination when nothing is retained)."
/// </summary>
public class SnapshotTests
{
    private static readonly string[] Names = ["a", "a.b", "a/b", "a.b.c", "a/b.c", "a.c", "b", "b/a", "A", "\u00e9.b", "a*", "x.y.z.b"];

    [Theory]
    [InlineData("/topic/a", "a")]
    [InlineData("/topic/a/b", "a/b")]
    [InlineData("/topic/*", "a", "b", "A", "a*")]
    [InlineData("/topic/a.*", "a.b", "a/b", "a.c")]
    [InlineData("/topic/a/#", "a", "a.b", "a/b", "a.b.c", "a/b.c", "a.c")]
    [InlineData("/topic/a.>", "a", "a.b", "a/b", "a.b.c", "a/b.c", "a.c")]
    [InlineData("/topic/*.b", "a.b", "a/b", "\u00e9.b")]
    [InlineData("/topic/#.b", "a.b", "a/b", "b", "\u00e9.b", "x.y.z.b")]
    [InlineData("/topic/**/b/**", "a.b", "a/b", "a.b.c", "a/b.c", "b", "b/a", "\u00e9.b", "x.y.z.b")]
    [InlineData("/topic/a*", "a*")]
    [InlineData("/topic/nothing.*")]
    [InlineData("/topic/#", "a", "a.b", "a/b", "a.b.c", "a/b.c", "a.c", "b", "b/a", "A", "\u00e9.b", "a*", "x.y.z.b")]
    public async Task A_snapshot_has_every_matching_topic_once_then_its_end_then_what_is_live(string destination, params string[] expected)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        foreach (string name in Names)
        {
            await publisher.PublishAsync($"/topic/{name}", "an event");
            await publisher.RetainAsync($"/topic/{name}", $"value of {name}");
        }

        await publisher.PublishAsync("/topic/c", "never retained");
        await publisher.PublishAsync("/topic/a.d", "never retained");
        using StompTestClient client = await broker.ConnectAsync();

        await client.SubscribeLiveAsync("0", destination, ("x-snapshot", "true"));
        List<TestFrame> snapshot = await client.ReadSnapshotAsync();
        foreach (string name in Names)
            await publisher.PublishAsync($"/topic/{name}", $"live {name}");
        TestFrame[] live = await client.ReadMessagesAsync(expected.Length);

        if (expected.Length == 0)
            ShouldBeEmptyEnd(snapshot.Should().ContainSingle().Subject, destination);
        else
        {
            snapshot.Select(value => value["destination"]).Should().BeEquivalentTo(expected.Select(name => $"/topic/{name}"));
            snapshot.Should().OnlyContain(value => value["retained"] == "true" && value.Text == $"value of {value["destination"]!.Substring(7)}");
            snapshot.SkipLast(1).ShouldAll(value => value["x-snapshot"] == null);
        }

        live.Select(message => message.Text).Should().Equal(Names.Where(expected.Contains).Select(name => $"live {name}"));
        live.ShouldAll(message => message["retained"] == null && message["x-snapshot"] == null);
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("1.0", "/topic/none")]
    [InlineData("1.1", "/topic/none.*")]
    [InlineData("1.2", "/topic/#")]
    [InlineData("1.2", "/topic/a:b.>")]
    public async Task With_nothing_retained_an_empty_MESSAGE_is_the_end(string version, string destination)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);

        await client.SubscribeLiveAsync("0", destination, ("x-snapshot", "true"));

        TestFrame end = await client.ReadFrameAsync("MESSAGE");
        ShouldBeEmptyEnd(end, destination);
        end["subscription"].Should().Be("0");
        end["content-length"].Should().Be("0");
        end["message-id"].Should().NotBeNullOrEmpty("every MESSAGE has one");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task The_message_ids_of_empty_ends_are_unique()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient other = await broker.ConnectAsync();
        var ids = new List<string?>();
        for (int i = 0; i < 3; i++)
        {
            foreach (StompTestClient each in (StompTestClient[])[client, other])
            {
                await each.SubscribeLiveAsync($"{i}", "/topic/none", ("x-snapshot", "true"));
                ids.Add((await each.ReadFrameAsync("MESSAGE"))["message-id"]);
            }
        }

        ids.Should().OnlyHaveUniqueItems();
    }

    [Theory]
    [InlineData("false")]
    [InlineData("")]
    [InlineData(null)]
    public async Task Who_does_not_ask_for_the_end_is_not_told(string? word)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.RetainAsync("/topic/a", "value");
        (string, string)[] headers = word is null ? [] : [("x-snapshot", word)];

        await client.SubscribeLiveAsync("some", "/topic/*", headers);
        (await client.ReadFrameAsync("MESSAGE"))["x-snapshot"].Should().BeNull();
        await client.SubscribeLiveAsync("none", "/topic/none", headers);

        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task Overlapping_subscriptions_each_get_their_own_snapshot()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.RetainAsync("/topic/a.b", "1");
        await client.RetainAsync("/topic/a.c", "2");
        foreach (string id in (string[])["exact", "pattern", "again"])
        {
            await client.SubscribeLiveAsync(id, id == "exact" ? "/topic/a.b" : "/topic/a.*", ("x-snapshot", "true"));
            List<TestFrame> values = await client.ReadSnapshotAsync();
            values.Select(value => value.Text).Should().BeEquivalentTo(id == "exact" ? ["1"] : ["1", "2"]);
            values.Should().OnlyContain(value => value["subscription"] == id);
        }

        await client.SendAsync("/topic/a.b", "live");
        (await client.ReadMessagesAsync(3)).Select(message => message["subscription"]).Should().BeEquivalentTo("exact", "pattern", "again");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task Who_subscribes_again_after_UNSUBSCRIBE_gets_the_snapshot_again()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 20; i++)
        {
            await client.RetainAsync("/topic/a", $"{i}");
            await client.SubscribeLiveAsync("0", i % 2 == 0 ? "/topic/a" : "/topic/#");
            (await client.ReadTextAsync()).Should().Be($"{i}");
            await client.DoAsync("UNSUBSCRIBE", [("id", "0")]);
        }

        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task After_an_UNSUBSCRIBE_in_the_middle_of_a_snapshot_nothing_more_of_it_comes()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 100; i++)
            await publisher.RetainAsync($"/topic/{i}", $"{i} ".PadRight(20_000, 'x'));
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        byte[] together =
        [
            .. client.Encode("SUBSCRIBE", [("id", "0"), ("destination", "/topic/*"), ("x-snapshot", "true")]),
            .. client.Encode("UNSUBSCRIBE", [("id", "0"), ("receipt", "over")]),
        ];
        await client.Socket.SendBinaryAsync(together);

        List<TestFrame> messages = await client.ReadToReceiptAsync("over");

        messages.ShouldAll(message => message["retained"] == "true");
        await publisher.PublishAsync("/topic/1", "live");
        await client.ShouldHaveNothingToReadAsync();
        await ClientSteps.UntilAsync(() => broker.SessionOf(client).Outbox.Bytes == 0, "nothing waits");
    }

    [Theory]
    [InlineData("client-individual")]
    [InlineData("client")]
    public async Task The_values_of_a_snapshot_are_acknowledged_and_count_to_the_prefetch(string ack)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 5; i++)
            await publisher.RetainAsync($"/topic/{i}", "value");
        using StompTestClient client = await broker.ConnectAsync();

        await client.SubscribeLiveAsync("0", "/topic/*", ("ack", ack), ("prefetch-count", "2"), ("x-snapshot", "true"));
        await publisher.PublishAsync("/topic/0", "live");

        var seen = new List<string>();
        var unacknowledged = new Queue<TestFrame>();
        for (int i = 0; i < 6; i++)
        {
            if (unacknowledged.Count == 2)
            {
                await client.ShouldHaveNothingToReadAsync();
                await client.SendFrameAsync(i == 3 ? "NACK" : "ACK", [("id", unacknowledged.Dequeue()["ack"]!)]);
            }

            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            unacknowledged.Enqueue(message);
            seen.Add($"{message.Text} {message["retained"]} {message["x-snapshot"]}".Trim());
        }

        seen.Should().Equal("value true", "value true", "value true", "value true", "value true end", "live");
        await ClientSteps.UntilAsync(() => broker.SessionOf(client).Outbox.Bytes == 0, "nothing waits");
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task The_empty_end_can_be_acknowledged_like_every_other_MESSAGE(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SubscribeLiveAsync("0", "/topic/*", ("ack", "client-individual"), ("prefetch-count", "1"), ("x-snapshot", "true"));
        TestFrame end = await client.ReadFrameAsync("MESSAGE");
        end["x-snapshot"].Should().Be("end");
        await client.SendAsync("/topic/a", "live");
        if (end["ack"] is { } id)
            await client.SendFrameAsync("ACK", [("id", id)]);
        else if (version != "1.2")
            await client.SendFrameAsync("ACK", [("message-id", end["message-id"]!), ("subscription", "0")]);
        else
            Assert.Fail("STOMP 1.2: if the subscription's mode is not auto, MESSAGE has an ack header.");

        (await client.ReadTextAsync()).Should().Be("live");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("client-individual")]
    public async Task A_snapshot_larger_than_the_outbox_comes_whole_to_who_reads(string ack)
    {
        const int Values = 400;
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < Values; i++)
            await publisher.RetainAsync($"/topic/{i}", $"{i} ".PadRight(15_000, 'x'));
        using StompTestClient client = await broker.ConnectAsync(unread: 4096);

        await client.SubscribeLiveAsync("0", "/topic/*", ("x-snapshot", "true"), ("ack", ack), ("prefetch-count", "0"));
        for (int i = 0; i < 3; i++)
            await publisher.PublishAsync("/topic/0", $"live {i}");

        List<TestFrame> values = await client.ReadSnapshotAsync();
        values.Select(value => value.Number()).Should().BeEquivalentTo(Enumerable.Range(0, Values));
        values.Should().OnlyContain(value => value["retained"] == "true" && value.Body.Length == 15_000);
        (await client.ReadTextsAsync(3)).Should().Equal("live 0", "live 1", "live 2");
    }

    [Fact]
    public async Task A_snapshot_with_few_places_for_unacknowledged_ones_comes_whole_though_it_is_larger_than_the_outbox()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 8192);
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 50; i++)
            await client.RetainAsync($"/topic/{i}", $"{i} ".PadRight(1000, 'x'));

        await client.SubscribeLiveAsync("0", "/topic/*", ("x-snapshot", "true"), ("ack", "client-individual"), ("prefetch-count", "3"));

        var seen = new List<int>();
        TestFrame value;
        do
        {
            value = await client.ReadFrameAsync("MESSAGE");
            seen.Add(value.Number());
            await client.SendFrameAsync("ACK", [("id", value["ack"]!)]);
        }
        while (value["x-snapshot"] is null);
        seen.Should().BeEquivalentTo(Enumerable.Range(0, 50));
    }

    [Fact]
    public async Task Who_asks_for_snapshots_and_does_not_read_them_is_not_served_on()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 200; i++)
            await publisher.RetainAsync($"/topic/{i}", $"{i} ".PadRight(20_000, 'x'));
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        for (int i = 0; i < 50; i++)
            await client.SendFrameAsync("SUBSCRIBE", [("id", $"{i}"), ("destination", "/topic/*"), ("x-snapshot", "true")]);
        await ClientSteps.UntilAsync(() => broker.ReadMetric("stompbroker.subscriptions") > 0, "the first is live");
        for (int i = 0; i < 50; i++)
            await publisher.ShouldHaveNothingToReadAsync();

        broker.ReadMetric("stompbroker.subscriptions").Should().Be(1, "it owes more than the limit, and so its client is not read");

        for (int i = 0; i < 50; i++)
        {
            List<TestFrame> values = await client.ReadSnapshotAsync();
            values.Should().HaveCount(200).And.OnlyContain(value => value["subscription"] == $"{i}");
        }
    }

    private static void ShouldBeEmptyEnd(TestFrame end, string destination)
    {
        end["x-snapshot"].Should().Be("end");
        end["destination"].Should().Be(destination);
        end["retained"].Should().BeNull("it is no retained value");
        end.Body.Should().BeEmpty();
    }
}

/// <summary>SEMANTICS 12: "No gap and no duplicate between snapshot and live."</summary>
public class SnapshotRaceTests
{
    private const int Topics = 6;

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(3, 7)]
    [InlineData(4, 3)]
    public async Task Each_topics_snapshot_and_live_messages_are_one_row_under_concurrent_publishers(int seed, int removeEach)
    {
        await using var broker = new MemoryBroker();
        bool stop = false;
        Task[] publishing = [.. Enumerable.Range(0, 3).Select(number => ClientSteps.RunAsync(() => PublishAsync(number)))];
        Task[] subscribing = [.. Enumerable.Range(0, 3).Select(number => ClientSteps.RunAsync(() => SubscribeAsync(number)))];
        await Task.WhenAll(subscribing);
        Volatile.Write(ref stop, true);
        await Task.WhenAll(publishing);

        // Each topic has one publisher, which counts; a burst is one WebSocket message.
        async Task PublishAsync(int publisherNumber)
        {
            var random = new Random((seed * 10) + publisherNumber);
            using StompTestClient publisher = await broker.ConnectAsync();
            int[] last = new int[Topics];
            while (!Volatile.Read(ref stop))
            {
                byte[] together = [.. Enumerable.Range(0, random.Next(1, 8)).SelectMany(_ =>
                {
                    int topic = publisherNumber + (3 * random.Next(Topics / 3));
                    int number = ++last[topic];
                    string word = IsRemoval(number) ? "remove" : "set";
                    return publisher.Encode("SEND", [("destination", $"/topic/race{(topic % 2 == 0 ? '.' : '/')}{topic}"), ("retain", word)],
                        System.Text.Encoding.UTF8.GetBytes($"{number}"));
                })];
                await publisher.Socket.SendBinaryAsync(together);
                await publisher.ShouldHaveNothingToReadAsync();
            }
        }

        async Task SubscribeAsync(int number)
        {
            var random = new Random((seed * 10) + 5 + number);
            using StompTestClient client = await broker.ConnectAsync(random.Next(2) == 0 ? "1.1" : "1.2");
            for (int round = 0; round < 70; round++)
            {
                int exact = random.Next(Topics);
                string destination = random.Next(4) switch
                {
                    0 => $"/topic/race{(exact % 2 == 0 ? '.' : '/')}{exact}",
                    1 => "/topic/#",
                    _ => "/topic/race.*",
                };
                bool hasEnd = random.Next(2) == 0;
                string ack = random.Next(3) switch { 0 => "client-individual", _ => "auto" };
                await client.SubscribeLiveAsync("s", destination,
                    [("ack", ack), ("prefetch-count", "0"), .. hasEnd ? [("x-snapshot", "true")] : Array.Empty<(string, string)>()]);
                var messages = new List<TestFrame>();
                int wanted = random.Next(1, 40);
                do
                    messages.Add(await client.ReadFrameAsync("MESSAGE"));
                while (messages.Count(message => message["retained"] is null) < wanted);
                await client.SendFrameAsync("UNSUBSCRIBE", [("id", "s"), ("receipt", "over")]);
                messages.AddRange(await client.ReadToReceiptAsync("over"));
                Check(messages, hasEnd);
            }
        }

        void Check(List<TestFrame> messages, bool hasEnd)
        {
            int end = messages.FindIndex(message => message["x-snapshot"] is not null);
            (end >= 0).Should().Be(hasEnd);
            messages.Count(message => message["x-snapshot"] is not null).Should().Be(hasEnd ? 1 : 0);
            int lastRetained = messages.FindLastIndex(message => message["retained"] is not null);
            messages.Take(lastRetained + 1).ShouldAll(message => message["retained"] == "true", "the snapshot comes first");
            if (hasEnd)
                end.Should().Be(Math.Max(lastRetained, 0));
            foreach (IGrouping<string?, TestFrame> topic in messages.Where(message => message.Body.Length > 0).GroupBy(message => message["destination"]))
            {
                int[] numbers = [.. topic.Select(message => message.Number())];
                numbers.Should().Equal(Enumerable.Range(numbers[0], numbers.Length), "{0} has no gap and no duplicate", topic.Key);
                topic.Skip(1).ShouldAll(message => message["retained"] == null);
                if (topic.First()["retained"] is null)
                    (numbers[0] == 1 || IsRemoval(numbers[0] - 1)).Should().BeTrue("{0} had a value before {1}", topic.Key, numbers[0]);
                else
                    IsRemoval(numbers[0]).Should().BeFalse();
            }
        }

        bool IsRemoval(int number) => removeEach > 0 && number % removeEach == 0;
    }

    [Fact]
    public async Task A_retained_value_that_is_published_after_the_RECEIPT_is_live_for_a_pattern_that_its_topic_has_never_met()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        for (int round = 0; round < 100; round++)
        {
            await publisher.RetainAsync("/topic/known.topic", $"{round} early");
            await client.SubscribeLiveAsync("0", round % 2 == 0 ? "/topic/known.*" : "/topic/**.topic");
            await publisher.RetainAsync("/topic/known.topic", $"{round} late");
            TestFrame[] messages = await client.ReadMessagesAsync(2);
            messages.Select(message => $"{message.Text} {message["retained"]}").Should().Equal($"{round} early true", $"{round} late ");
            await client.DoAsync("UNSUBSCRIBE", [("id", "0")]);
        }
    }

    [Fact]
    public async Task Topics_that_come_to_be_while_a_pattern_is_subscribed_are_in_its_snapshot_or_live()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        for (int round = 0; round < 40; round++)
        {
            int current = round;
            Task publishing = ClientSteps.RunAsync(async () =>
            {
                using StompTestClient publisher = await broker.ConnectAsync();
                await publisher.SendTogetherAsync(Enumerable.Range(0, 40).Select(i => ($"/topic/{current}.{i}", $"{i}")), ("retain", "set"));
                await publisher.ShouldHaveNothingToReadAsync();
            });

            await client.SubscribeLiveAsync("0", $"/topic/{round}.*", ("x-snapshot", "true"));
            await publishing;
            await client.SendFrameAsync("SEND", [("destination", $"/topic/{round}.last")], "40");

            var seen = new List<int>();
            while (seen is not [.., 40])
            {
                TestFrame message = await client.ReadFrameAsync("MESSAGE");
                if (message.Body.Length > 0)
                    seen.Add(message.Number());
            }

            seen.Should().BeEquivalentTo(Enumerable.Range(0, 41), "each topic's value is seen once");
            await client.DoAsync("UNSUBSCRIBE", [("id", "0")]);
        }
    }
}
