using Broker.Configuration;
using Broker.Diagnostics;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 8: "Each connection's outbox is bounded in bytes (default 1 MiB; an empty one takes any single message). [...] Only whole, unsent
/// topic MESSAGEs are ever dropped, of the subscription concerned; RECEIPT, ERROR and a queue's MESSAGE never. Drops are metered. A
/// disconnected one gets ERROR <c>message:slow consumer</c> when it can still be written."
/// </summary>
public class SlowSubscriberTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(250);

    [Fact]
    public void The_default_is_1_MiB() => new LimitOptions().OutboxBytes.Should().Be(1024 * 1024);

    [Theory]
    [InlineData("auto", SlowSubscriberPolicy.Disconnect)]
    [InlineData("client", SlowSubscriberPolicy.Disconnect)]
    [InlineData("client-individual", SlowSubscriberPolicy.DropOldest)]
    public async Task An_empty_outbox_takes_any_single_message_even_right_behind_another(string ack, SlowSubscriberPolicy policy)
    {
        await using MemoryBroker broker = Create(policy);
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient publisher = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("ack", ack));
        byte[] together =
        [
            .. publisher.Encode("SEND", [("destination", "/topic/a")], "small"u8),
            .. publisher.Encode("SEND", [("destination", "/topic/a")], new byte[200_000]),
            .. publisher.Encode("SEND", [("destination", "/topic/a")], new byte[100_000]),
            .. publisher.Encode("SEND", [("destination", "/topic/a")], "small too"u8),
        ];

        await publisher.Socket.SendBinaryAsync(together);

        (await client.ReadTextAsync()).Should().Be("small");
        (await client.ReadFrameAsync("MESSAGE")).Body.Should().HaveCount(200_000);
        (await client.ReadFrameAsync("MESSAGE")).Body.Should().HaveCount(100_000);
        (await client.ReadTextAsync()).Should().Be("small too");
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    public async Task An_empty_outbox_takes_what_one_COMMIT_publishes(string ack)
    {
        await using MemoryBroker broker = Create(SlowSubscriberPolicy.Disconnect);
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient publisher = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("ack", ack));
        await publisher.SendFrameAsync("BEGIN", [("transaction", "t")]);
        for (int i = 0; i < 20; i++)
            await publisher.SendAsync("/topic/a", $"{i}".PadRight(1000), ("transaction", "t"));

        await publisher.DoAsync("COMMIT", [("transaction", "t")]);

        (await client.ReadTextsAsync(20)).Select(text => text.Trim()).Should().Equal(Enumerable.Range(0, 20).Select(i => $"{i}"));
    }

    [Fact]
    public async Task A_slow_one_is_told_so_and_closed_with_1013_after_an_unbroken_row_of_messages()
    {
        await using MemoryBroker broker = Create(SlowSubscriberPolicy.Disconnect);
        using StompTestClient slow = await broker.ConnectAsync(unread: 1);
        await slow.SubscribeAsync("0", "/topic/a");
        using StompTestClient reader = await broker.ConnectAsync();
        await reader.SubscribeAsync("0", "/topic/*");
        using StompTestClient publisher = await broker.ConnectAsync();
        var pressure = new Pressure(broker, publisher, "/topic/a");
        Task<(List<int> Numbers, TestFrame?)> reading = Pressure.ReadNumbersAsync(reader, 30);
        await pressure.PublishUntilHeldAsync();
        broker.Time.Advance(Grace);
        await pressure.ReleasedAsync();
        int last = pressure.Count;
        while (pressure.Count < 30)
            (await pressure.TryPublishAsync() || broker.Time.Timers > 1).Should().BeTrue();

        (List<int> numbers, TestFrame? error) = await Pressure.ReadNumbersAsync(slow);
        error!.Command.Should().Be("ERROR");
        error["message"].Should().Be("slow consumer");
        (await slow.Socket.ReadCloseAsync()).Code.Should().Be(1013);
        numbers.Should().Equal(Enumerable.Range(1, numbers.Count)).And.HaveCountLessThan(last);
        (await reading).Numbers.Should().Equal(Enumerable.Range(1, 30), "another subscriber notices nothing");
    }

    [Fact]
    public async Task One_that_does_not_read_at_all_is_cut_and_holds_nothing()
    {
        await using MemoryBroker broker = Create(SlowSubscriberPolicy.Disconnect);
        using StompTestClient slow = await broker.ConnectAsync(unread: 1);
        await slow.SubscribeAsync("0", "/topic/a");
        using StompTestClient publisher = await broker.ConnectAsync();
        var session = broker.SessionOf(slow);
        await publisher.PublishAsync("/topic/a", "on its way");
        broker.Time.Advance(Grace);
        for (int i = 0; i < 20; i++)
            await publisher.PublishAsync("/topic/a", new string('x', 1000));
        session.CloseReason.Should().Be(Messaging.CloseReason.SlowConsumer);
        await ClientSteps.UntilAsync(() => broker.Time.Timers > 1, "its end is waited for");

        broker.Time.Advance(new LimitOptions().LingerTimeout);

        await ClientSteps.UntilAsync(() => session.Outbox.Bytes == 0, "all that it held is released");
        broker.Log.Lines.Should().ContainSingle(line => line.StartsWith("Warning", StringComparison.Ordinal) && line.Contains("slow consumer"));
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    public async Task Drop_oldest_drops_the_oldest_that_are_unsent_and_no_more_than_needed(string ack)
    {
        await using MemoryBroker broker = Create(SlowSubscriberPolicy.DropOldest);
        using StompTestClient slow = await broker.ConnectAsync(unread: 1);
        await slow.SubscribeAsync("0", "/topic/a", ("ack", ack), ("prefetch-count", "0"));
        using StompTestClient publisher = await broker.ConnectAsync();
        var pressure = new Pressure(broker, publisher, "/topic/a");
        await pressure.PublishUntilHeldAsync();
        broker.Time.Advance(Grace);
        await pressure.ReleasedAsync();
        int kept = pressure.Count - 1;
        while (pressure.Count < 50)
            (await pressure.TryPublishAsync()).Should().BeTrue();
        broker.SessionOf(slow).Outbox.Bytes.Should().BeInRange(8192 - 1200, 8192);

        (List<int> numbers, TestFrame? other) = await Pressure.ReadNumbersAsync(slow, kept);

        other.Should().BeNull();
        numbers.Should().Equal([1, .. Enumerable.Range(50 - kept + 2, kept - 1)], "the first is on its way, of the others the newest are kept");
        await slow.ShouldHaveNothingToReadAsync();
        Dropped(broker).Should().Be(50 - kept, "drops are metered");
    }

    [Fact]
    public async Task Drop_oldest_takes_no_more_out_of_what_was_published_together_than_needed()
    {
        await using MemoryBroker broker = Create(SlowSubscriberPolicy.DropOldest);
        using StompTestClient slow = await broker.ConnectAsync(unread: 1);
        await slow.SubscribeAsync("0", "/topic/a");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/topic/a", "0 is on its way");
        broker.Time.Advance(Grace);
        await publisher.SendFrameAsync("BEGIN", [("transaction", "t")]);
        for (int i = 1; i <= 60; i++)
            await publisher.SendAsync("/topic/a", $"{i} ".PadRight(20), ("transaction", "t"));
        await publisher.DoAsync("COMMIT", [("transaction", "t")]);
        long full = broker.SessionOf(slow).Outbox.Bytes;
        full.Should().BeLessThan(8192 + 1);

        for (int i = 61; i <= 120; i++)
            await publisher.PublishAsync("/topic/a", $"{i} ".PadRight(20));

        long bytes = broker.SessionOf(slow).Outbox.Bytes;
        bytes.Should().BeInRange(8192 - 300, 8192);
        int count = 0;
        (List<int> numbers, _) = await Pressure.ReadNumbersAsync(slow, 1);
        numbers.Should().Equal(0);
        await publisher.PublishAsync("/topic/a", "999 is the last");
        var rest = new List<int>();
        while (rest is not [.., 999])
            rest.AddRange((await Pressure.ReadNumbersAsync(slow, 1)).Numbers);
        count = rest.Count - 1;
        rest[..count].Should().Equal(Enumerable.Range(121 - count, count));
        Dropped(broker).Should().BeInRange(120 - count, 121 - count);
    }

    [Fact]
    public async Task Drop_oldest_touches_neither_RECEIPTs_nor_other_subscriptions()
    {
        await using MemoryBroker broker = Create(SlowSubscriberPolicy.DropOldest);
        using StompTestClient slow = await broker.ConnectAsync(unread: 1);
        await slow.SubscribeAsync("loses", "/topic/a");
        await slow.SubscribeAsync("keeps", "/topic/b");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/topic/a", "0 is on its way");
        broker.Time.Advance(Grace);
        for (int i = 0; i < 2; i++)
        {
            await slow.SendFrameAsync("SEND", [("destination", "/topic/c"), ("receipt", $"receipt {i}")]);
            await ClientSteps.UntilAsync(() => broker.Environment.Topics.Count > 2, "the SEND is processed");
            await publisher.PublishAsync("/topic/b", $"{i}");
            for (int j = 0; j < 30; j++)
                await publisher.PublishAsync("/topic/a", $"{j}".PadRight(1000));
        }

        var seen = new List<string>();
        while (seen.Count(line => line.StartsWith("receipt", StringComparison.Ordinal)) < 2 || seen.Count(line => line.StartsWith("keeps", StringComparison.Ordinal)) < 2)
        {
            TestFrame frame = await slow.ReadFrameAsync();
            seen.Add(frame["receipt-id"] ?? $"{frame["subscription"]} {frame.Text.Trim()}");
        }

        seen.Where(line => !line.StartsWith("loses", StringComparison.Ordinal)).Should().BeEquivalentTo("receipt 0", "keeps 0", "receipt 1", "keeps 1");
    }

    [Fact]
    public async Task Drop_oldest_drops_nothing_for_a_message_that_finds_no_room_even_so()
    {
        await using MemoryBroker broker = Create(SlowSubscriberPolicy.DropOldest);
        using StompTestClient slow = await broker.ConnectAsync(unread: 1);
        await slow.SubscribeAsync("0", "/topic/a");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/topic/a", "on its way");
        broker.Time.Advance(Grace);
        await publisher.PublishAsync("/topic/a", "waits");

        await publisher.PublishAsync("/topic/a", new string('x', 10_000));

        (await slow.ReadTextsAsync(2)).Should().Equal("on its way", "waits");
        await slow.ShouldHaveNothingToReadAsync();
        Dropped(broker).Should().Be(1);
    }

    [Fact]
    public async Task The_policy_is_that_of_the_first_pattern_that_matches_the_topic_whatever_the_subscription()
    {
        await using var broker = new MemoryBroker(options =>
        {
            options.Limits.OutboxBytes = 8192;
            options.Topics.Add(new TopicOptions { Pattern = "/topic/a.keep", SlowSubscriber = SlowSubscriberPolicy.Disconnect });
            options.Topics.Add(new TopicOptions { Pattern = "/topic/a.*", SlowSubscriber = SlowSubscriberPolicy.DropOldest });
        });
        using StompTestClient slow = await broker.ConnectAsync(unread: 1);
        await slow.SubscribeAsync("0", "/topic/#");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/topic/a/drop", "on its way");
        broker.Time.Advance(Grace);
        for (int i = 0; i < 20; i++)
            await publisher.PublishAsync("/topic/a/drop", new string('x', 1000));
        broker.SessionOf(slow).CloseReason.Should().Be(Messaging.CloseReason.None);

        await publisher.PublishAsync("/topic/a/keep", new string('x', 1000));

        broker.SessionOf(slow).CloseReason.Should().Be(Messaging.CloseReason.SlowConsumer);
    }

    private static MemoryBroker Create(SlowSubscriberPolicy policy) => new(options =>
    {
        options.Limits.OutboxBytes = 8192;
        options.Topics.Add(new TopicOptions { Pattern = "/topic/#", SlowSubscriber = policy });
    });

    private static long Dropped(MemoryBroker broker)
    {
        long dropped = 0;
        using var listener = new System.Diagnostics.Metrics.MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter == broker.Metrics.Meter && instrument.Name == "stompbroker.messages.dropped")
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            foreach (KeyValuePair<string, object?> tag in tags)
            {
                if ((string?)tag.Value == DropReasons.SlowSubscriber)
                    dropped += value;
            }
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return dropped;
    }
}
