using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Decision 0008: "A resuming subscription takes its first messages with its place [...], pulls the others from the history as its socket takes
/// bytes, and goes live [...] when it has reached the end. If the history is cut before it got there it is a slow consumer: never a gap unseen."
/// </summary>
public class StreamReplayTests
{
    [Theory]
    [InlineData("auto", 64 * 1024)]
    [InlineData("auto", 1)]
    [InlineData("client", 4096)]
    public async Task A_replay_larger_than_the_outbox_comes_whole_to_who_reads(string ack, int unread)
    {
        const int Count = 600;
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < Count; i += 50)
            await publisher.FillAsync(i, 50, bodyBytes: 6000);
        using StompTestClient client = await broker.ConnectAsync(unread: unread);

        (await client.ResumeAsync("first", headers: [("ack", ack), ("prefetch-count", "0")])).Offset().Should().Be(Count);
        await publisher.FillAsync(Count, 5);

        await client.ReadOffsetsAsync(Enumerable.Range(0, Count + 5));
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task Who_replays_and_does_not_read_holds_next_to_nothing_and_holds_up_nobody()
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 1000; i += 50)
            await publisher.FillAsync(i, 50, bodyBytes: 5000);
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.ResumeAsync("first");

        // The clock stands still: a publisher that were held would be held for ever.
        for (int i = 1000; i < 2000; i += 50)
            await publisher.FillAsync(i, 50, bodyBytes: 5000);

        broker.SessionOf(client).Outbox.Bytes.Should().BeLessThan(512 * 1024);
        await client.ReadOffsetsAsync(Enumerable.Range(0, 2000));
        await publisher.FillAsync(2000, 2);
        await client.ReadOffsetsAsync([2000, 2001]);
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("client-individual")]
    public async Task A_slow_one_whose_history_is_cut_is_closed_as_a_slow_consumer_and_given_no_gap(string ack)
    {
        await using MemoryBroker broker = StreamSteps.Create(messages: 100, configure: options => options.Limits.OutboxBytes = 8192);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 100, bodyBytes: 1000);
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.ResumeAsync("first", headers: [("ack", ack), ("prefetch-count", "0")]);

        for (int i = 100; i < 400; i += 20)
            await publisher.FillAsync(i, 20, bodyBytes: 1000);

        await ShouldBeCutWithoutGapAsync(client);
    }

    [Fact]
    public async Task One_that_does_not_acknowledge_while_the_history_is_cut_is_a_slow_consumer_too()
    {
        await using MemoryBroker broker = StreamSteps.Create(messages: 10);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 10);
        using StompTestClient client = await broker.ConnectAsync();
        await client.ResumeAsync("first", headers: [("ack", "client"), ("prefetch-count", "2")]);
        TestFrame[] given = await client.ReadOffsetsAsync([0, 1]);
        await client.ShouldHaveNothingToReadAsync();
        await publisher.FillAsync(10, 20);

        // What was taken for it already may still come; then offset 10 is wanted, or an earlier one, and 20 is the first that is kept.
        int last = 1;
        await client.SendFrameAsync("ACK", [("id", given[1]["ack"]!)]);
        TestFrame frame;
        while ((frame = await client.ReadFrameAsync()).Command == "MESSAGE")
        {
            frame.Offset().Should().Be(++last);
            await client.SendFrameAsync("ACK", [("id", frame["ack"]!)]);
        }

        frame["message"].Should().Be("slow consumer");
        last.Should().BeLessThan(20);
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1013);
    }

    [Fact]
    public async Task One_that_acknowledges_before_the_history_is_cut_misses_nothing()
    {
        await using MemoryBroker broker = StreamSteps.Create(messages: 10);
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await publisher.FillAsync(0, 10);
        await client.ResumeAsync("first", headers: [("ack", "client"), ("prefetch-count", "2")]);
        for (int i = 0; i < 100; i += 2)
        {
            TestFrame[] given = await client.ReadOffsetsAsync([i, i + 1]);
            await client.ShouldHaveNothingToReadAsync();
            await publisher.FillAsync(10 + i, 2);
            await client.SendFrameAsync("ACK", [("id", given[1]["ack"]!)]);
        }
    }

    [Fact]
    public async Task History_that_goes_by_age_during_a_replay_cuts_as_well()
    {
        await using MemoryBroker broker = StreamSteps.Create(age: TimeSpan.FromSeconds(10), configure: options => options.Limits.OutboxBytes = 8192);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 300, bodyBytes: 1000);
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.ResumeAsync("first");
        broker.Time.Advance(TimeSpan.FromSeconds(11));
        await publisher.FillAsync(300, 1);

        await ShouldBeCutWithoutGapAsync(client);
    }

    [Theory]
    [InlineData("first", null, null)]
    [InlineData("offset=0", null, null)]
    [InlineData("offset=0", "right", "false")]
    [InlineData("offset=0", "wrong", "false")]
    public async Task Who_asks_for_all_that_is_kept_is_not_cut_for_what_goes_before_it_could_be_sent(string from, string? epoch, string? recovered)
    {
        await using MemoryBroker broker = StreamSteps.Create(messages: 1000);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 1001);
        if (epoch == "right")
            epoch = await broker.EpochAsync();
        bool stop = false;
        Task flood = ClientSteps.RunAsync(async () =>
        {
            for (int i = 1001; !Volatile.Read(ref stop); i++)
                await publisher.PublishAsync("/topic/s.a", $"{i}");
        });
        for (int round = 0; round < 200; round++)
        {
            using StompTestClient client = await broker.ConnectAsync();
            (await client.ResumeAsync(from, epoch))["x-recovered"].Should().Be(recovered);
            int first = (await client.ReadFrameAsync("MESSAGE")).Number();
            await client.ReadOffsetsAsync(Enumerable.Range(first + 1, 10));
        }

        Volatile.Write(ref stop, true);
        await flood;
    }

    [Theory]
    [InlineData("client")]
    [InlineData("client-individual")]
    public async Task The_prefetch_limits_a_replay_which_goes_on_with_each_ACK_and_then_live(string ack)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 10);
        using StompTestClient client = await broker.ConnectAsync();
        await client.ResumeAsync("offset=2", headers: [("ack", ack), ("prefetch-count", "3")]);
        await publisher.FillAsync(10, 5);

        var unacknowledged = new Queue<TestFrame>();
        for (int offset = 2; offset < 15; offset++)
        {
            if (unacknowledged.Count == 3)
            {
                await client.ShouldHaveNothingToReadAsync();
                await client.SendFrameAsync(offset % 4 == 0 ? "NACK" : "ACK", [("id", unacknowledged.Dequeue()["ack"]!)]);
            }

            unacknowledged.Enqueue((await client.ReadOffsetsAsync([offset]))[0]);
        }

        await client.ShouldHaveNothingToReadAsync();
        await client.SendFrameAsync("ACK", [("id", unacknowledged.Dequeue()["ack"]!)]);
        await publisher.FillAsync(15, 2);
        await client.ReadOffsetsAsync([15]);
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task A_cumulative_ACK_opens_the_whole_prefetch_again()
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient client = await broker.ConnectAsync();
        await client.FillAsync(0, 1000);
        await client.ResumeAsync("first", headers: [("ack", "client"), ("prefetch-count", "100")]);
        for (int i = 0; i < 10; i++)
        {
            TestFrame[] given = await client.ReadOffsetsAsync(Enumerable.Range(i * 100, 100));
            await client.ShouldHaveNothingToReadAsync();
            await client.SendFrameAsync("ACK", [("id", given[^1]["ack"]!)]);
        }

        await client.ShouldHaveNothingToReadAsync();
        await client.FillOneAsync(1000);
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    public async Task What_has_expired_is_skipped_in_a_replay_and_keeps_its_offset(string ack)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 10; i++)
            await publisher.PublishAsync("/topic/s.a", $"{i}", ("expiration", i % 3 == 0 ? "1000" : "0"));
        await publisher.PublishAsync("/topic/s.a", "10", ("expires", "1"));
        await publisher.PublishAsync("/topic/s.a", "11");
        broker.Time.Advance(TimeSpan.FromSeconds(1));
        using StompTestClient client = await broker.ConnectAsync();

        (await client.ResumeAsync("first", headers: ("ack", ack))).Offset().Should().BeInRange(11, 12);

        (await client.ReadTextsAsync(7)).Should().Equal("1", "2", "4", "5", "7", "8", "11");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task Ones_own_messages_are_left_out_of_a_replay_with_no_local()
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient other = await broker.ConnectAsync();
        for (int i = 0; i < 10; i++)
            await (i % 2 == 0 ? client : other).PublishAsync("/topic/s.a", $"{i}");

        await client.ResumeAsync("first", headers: ("no-local", "true"));

        await client.ReadOffsetsAsync([1, 3, 5, 7, 9]);
        await client.PublishAsync("/topic/s.a", "10");
        await other.PublishAsync("/topic/s.a", "11");
        await client.ReadOffsetsAsync([11]);
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task An_UNSUBSCRIBE_ends_a_replay()
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 1000; i += 50)
            await publisher.FillAsync(i, 50, bodyBytes: 5000);
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.ResumeAsync("first");
        await client.ReadOffsetsAsync(Enumerable.Range(0, 10));
        await client.SendFrameAsync("UNSUBSCRIBE", [("id", "0"), ("receipt", "over")]);
        List<TestFrame> messages = await client.ReadToReceiptAsync("over");
        messages.Select(message => message.Number()).Should().Equal(Enumerable.Range(10, messages.Count)).And.HaveCountLessThan(900);
        await publisher.FillAsync(1000, 3);

        await client.ShouldHaveNothingToReadAsync();
        await client.ResumeAsync("offset=1001");
        await client.ReadOffsetsAsync([1001, 1002]);
    }

    [Fact]
    public async Task RECEIPTs_and_other_subscriptions_get_through_while_a_replay_goes_on()
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 2000; i += 50)
            await publisher.FillAsync(i, 50, bodyBytes: 2000);
        using StompTestClient client = await broker.ConnectAsync(unread: 4096);
        await client.SubscribeAsync("other", "/topic/other");
        await client.ResumeAsync("first", id: "replay");
        await client.SendFrameAsync("SEND", [("destination", "/topic/nobody"), ("receipt", "mine")]);
        await publisher.PublishAsync("/topic/other", "live");

        var seen = new List<string>();
        int replayed = 0;
        while (replayed < 2000 || seen.Count < 2)
        {
            TestFrame frame = await client.ReadFrameAsync();
            if (frame["subscription"] == "replay")
                frame.Offset().Should().Be(replayed++);
            else
                seen.Add(frame["receipt-id"] ?? frame.Text);
        }

        seen.Should().BeEquivalentTo("mine", "live");
    }

    [Fact]
    public async Task A_subscription_that_has_gone_live_meets_the_topics_policy_as_any_other_does()
    {
        await using MemoryBroker broker = StreamSteps.Create(configure: options => options.Limits.OutboxBytes = 8192);
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.ResumeAsync("next");
        await publisher.FillAsync(0, 1, bodyBytes: 1000);
        broker.Time.Advance(TimeSpan.FromMilliseconds(250));

        for (int i = 1; i < 40; i++)
            await publisher.FillAsync(i, 1, bodyBytes: 1000);

        await ShouldBeCutWithoutGapAsync(client);
    }

    [Fact]
    public async Task A_publisher_waits_for_a_full_outbox_to_the_byte_though_offsets_make_messages_longer()
    {
        for (int bodyBytes = 700; bodyBytes < 820; bodyBytes++)
        {
            await using MemoryBroker broker = StreamSteps.Create(configure: options => options.Limits.OutboxBytes = 8192);
            using StompTestClient publisher = await broker.ConnectAsync();
            using StompTestClient client = await broker.ConnectAsync(unread: 1);
            await client.SubscribeAsync("0", "/topic/s.a");
            Broker.Sessions.Session session = broker.SessionOf(client);
            var pressure = new Pressure(broker, publisher, "/topic/s.a", bodyBytes);

            while (pressure.Count < 20 && await pressure.TryPublishAsync())
            {
            }

            // The clock stands still, so the socket counts as one that still takes bytes.
            session.CloseReason.Should().Be(Messaging.CloseReason.None, "bodies of {0} bytes make nobody slow", bodyBytes);
            pressure.IsHeld.Should().BeTrue();
            await client.ReadTextAsync();
            await pressure.ReleasedAsync();
        }
    }

    private static async Task ShouldBeCutWithoutGapAsync(StompTestClient client)
    {
        (List<int> numbers, TestFrame? error) = await Pressure.ReadNumbersAsync(client, 400);
        error.Should().NotBeNull();
        error!["message"].Should().Be("slow consumer");
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1013);
        numbers.Should().Equal(Enumerable.Range(0, numbers.Count));
    }
}

/// <summary>
/// Decision 0008: "A stream's subscription gets the retained values that its replay has not: those older than the first replayed offset, and none when
/// <c>x-recovered:true</c>."
/// </summary>
public class StreamRetainedTests
{
    [Theory]
    [InlineData("next", new[] { "a old", "b new" }, new string[0])]
    [InlineData("last", new[] { "a old", "b new" }, new[] { "c event" })]
    [InlineData("first", new[] { "a old" }, new[] { "b event", "b new", "c event" })]
    [InlineData("offset=0", new[] { "a old" }, new[] { "b event", "b new", "c event" })]
    [InlineData("offset=4", new[] { "a old" }, new[] { "b new", "c event" })]
    [InlineData("offset=5", new[] { "a old", "b new" }, new[] { "c event" })]
    [InlineData("offset=6", new[] { "a old", "b new" }, new string[0])]
    public async Task Values_older_than_the_replay_come_first_and_the_others_in_it(string from, string[] retained, string[] replayed)
    {
        await using MemoryBroker broker = await CreateAsync();
        using StompTestClient client = await broker.ConnectAsync();

        await client.ResumeAsync(from, headers: ("x-snapshot", "true"));

        TestFrame[] values = await client.ReadMessagesAsync(retained.Length);
        values.Select(value => value.Text).Should().BeEquivalentTo(retained);
        values.Should().OnlyContain(value => value["retained"] == "true");
        values.SkipLast(1).ShouldAll(value => value["x-snapshot"] == null);
        values[^1]["x-snapshot"].Should().Be("end");
        TestFrame[] messages = await client.ReadMessagesAsync(replayed.Length);
        messages.Select(message => message.Text).Should().Equal(replayed);
        messages.Select(message => message.Offset()).Should().Equal(Enumerable.Range(6 - replayed.Length, replayed.Length).Select(i => (long?)i));
        messages.ShouldAll(message => message["retained"] == null && message["x-snapshot"] == null);
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData(3, "b event", "b new", "c event")]
    [InlineData(5, "c event")]
    [InlineData(6)]
    public async Task Who_has_recovered_gets_none(int offset, params string[] replayed)
    {
        await using MemoryBroker broker = await CreateAsync();
        using StompTestClient client = await broker.ConnectAsync();

        TestFrame receipt = await client.ResumeAsync($"offset={offset}", await broker.EpochAsync());

        receipt["x-recovered"].Should().Be("true");
        (await client.ReadTextsAsync(replayed.Length)).Should().Equal(replayed);
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task Who_has_not_recovered_gets_those_that_the_history_has_not()
    {
        await using MemoryBroker broker = await CreateAsync();
        foreach ((string from, string epoch) in new[] { ("offset=2", await broker.EpochAsync()), ("offset=5", "another") })
        {
            using StompTestClient client = await broker.ConnectAsync();
            (await client.ResumeAsync(from, epoch))["x-recovered"].Should().Be("false");
            TestFrame[] messages = await client.ReadMessagesAsync(4);
            messages.Select(message => message.Text).Should().Equal("a old", "b event", "b new", "c event");
            messages.Select(message => message["retained"]).Should().Equal("true", null, null, null);
            await client.ShouldHaveNothingToReadAsync();
        }
    }

    [Fact]
    public async Task An_ordinary_subscription_to_a_streams_topic_gets_the_snapshot_as_everywhere()
    {
        await using MemoryBroker broker = await CreateAsync();
        using StompTestClient client = await broker.ConnectAsync();

        (await client.SnapshotAsync("/topic/s.*")).Select(value => value.Text).Should().BeEquivalentTo("a old", "b new");
        (await client.SnapshotAsync("/topic/s.b")).Select(value => value.Text).Should().Equal("b new");
    }

    [Theory]
    [InlineData("next")]
    [InlineData("first")]
    public async Task Without_any_value_to_give_the_end_is_an_empty_MESSAGE_before_the_replay(string from)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient client = await broker.ConnectAsync();
        await client.FillAsync(0, 3);

        await client.ResumeAsync(from, headers: ("x-snapshot", "true"));

        TestFrame end = await client.ReadFrameAsync("MESSAGE");
        (end["x-snapshot"], end["destination"], end["retained"]).Should().Be(("end", "/topic/s.#", null));
        end.Body.Should().BeEmpty();
        if (from == "first")
            await client.ReadOffsetsAsync([0, 1, 2]);
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task Who_recovers_and_asks_for_the_end_of_the_snapshot_is_told_it()
    {
        await using MemoryBroker broker = await CreateAsync();
        using StompTestClient client = await broker.ConnectAsync();

        (await client.ResumeAsync("offset=5", await broker.EpochAsync(), headers: ("x-snapshot", "true")))["x-recovered"].Should().Be("true");

        TestFrame[] messages = await client.ReadMessagesAsync(2);
        messages.Select(message => $"{message["x-snapshot"]}|{message.Text}").Should().Equal("end|", "|c event");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Each_topic_is_one_row_from_snapshot_over_replay_to_live_under_concurrent_publishers(int seed)
    {
        // Topic 0 floods the history, so that the values of the others fall out of it now and then.
        await using MemoryBroker broker = StreamSteps.Create(messages: 300);
        bool stop = false;
        int flooded = 0;
        Task[] publishing =
        [
            ClientSteps.RunAsync(async () =>
            {
                using StompTestClient publisher = await broker.ConnectAsync();
                while (!Volatile.Read(ref stop))
                {
                    await publisher.RetainAsync("/topic/s.0", $"{flooded + 1}");
                    Interlocked.Increment(ref flooded);
                }
            }),
            ClientSteps.RunAsync(async () =>
            {
                var random = new Random(seed + 10);
                using StompTestClient publisher = await broker.ConnectAsync();
                for (int i = 1; !Volatile.Read(ref stop); i++)
                {
                    for (int topic = 1; topic <= 3; topic++)
                        await publisher.RetainAsync($"/topic/s.{topic}", $"{i}");
                    int next = Volatile.Read(ref flooded) + random.Next(450);
                    await ClientSteps.UntilAsync(() => Volatile.Read(ref flooded) >= next || Volatile.Read(ref stop), "the flood goes on");
                }
            }),
        ];
        var random = new Random(seed);
        for (int round = 0; round < 150; round++)
        {
            using StompTestClient client = await broker.ConnectAsync();
            await client.ResumeAsync(random.Next(3) switch { 0 => "first", 1 => "last", _ => "next" });
            TestFrame[] messages = await client.ReadMessagesAsync(random.Next(1, 80));

            int live = messages.TakeWhile(message => message["retained"] is not null).Count();
            messages.Skip(live).ShouldAll(message => message["retained"] == null);
            long[] offsets = [.. messages.Skip(live).Select(message => message.Offset()!.Value)];
            if (offsets.Length > 0)
            {
                offsets.Should().Equal(Enumerable.Range((int)offsets[0], offsets.Length).Select(i => (long)i));
                messages.Take(live).ShouldAll(message => message.Offset() == null || message.Offset() < offsets[0]);
            }

            foreach (IGrouping<string?, TestFrame> topic in messages.GroupBy(message => message["destination"]))
            {
                int[] numbers = [.. topic.Select(message => message.Number())];
                numbers.Should().Equal(Enumerable.Range(numbers[0], numbers.Length), "{0} has no gap and no duplicate", topic.Key);
            }
        }

        Volatile.Write(ref stop, true);
        await Task.WhenAll(publishing);
    }

    /// <summary>Offsets 0 to 2 have fallen out of the history: 0 was retained of a, 1 and 2 were retained once. 4 is b's value.</summary>
    private static async Task<MemoryBroker> CreateAsync()
    {
        MemoryBroker broker = StreamSteps.Create(messages: 3);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.RetainAsync("/topic/s.a", "a old");
        await publisher.RetainAsync("/topic/s.b", "b old");
        await publisher.RetainAsync("/topic/s.c", "c removed");
        await publisher.PublishAsync("/topic/s.b", "b event");
        await publisher.RetainAsync("/topic/s.b", "b new");
        await publisher.PublishAsync("/topic/s.c", "c event", ("retain", "remove"));
        return broker;
    }
}

file static class One
{
    /// <summary>Publishes one more to the stream, of one's own, and sees it.</summary>
    public static async Task FillOneAsync(this StompTestClient client, int offset)
    {
        await client.SendAsync("/topic/s.a", $"{offset}");
        await client.ReadOffsetsAsync([offset]);
    }
}
