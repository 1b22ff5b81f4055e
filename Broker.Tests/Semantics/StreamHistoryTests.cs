using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>SEMANTICS 12: "[...] the last N messages, B bytes or T seconds kept."</summary>
public class StreamHistoryTests
{
    [Fact]
    public async Task The_last_N_messages_are_kept()
    {
        await using MemoryBroker broker = StreamSteps.Create(messages: 5);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int count = 1; count <= 12; count++)
        {
            await publisher.FillAsync(count - 1, 1);
            await ShouldBeKeptAsync(broker, Math.Max(0, count - 5), count);
        }

        await publisher.FillAsync(12, 100);
        await ShouldBeKeptAsync(broker, 107, 112);
    }

    [Fact]
    public async Task Of_many_topics_the_last_N_of_all_together_are_kept()
    {
        await using MemoryBroker broker = StreamSteps.Create(messages: 5);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/topic/s.rare", "0");
        await publisher.FillAsync(1, 6);
        using StompTestClient client = await broker.ConnectAsync();

        await client.ResumeAsync("first", destination: "/topic/s.rare", id: "rare");
        await client.ResumeAsync("last", destination: "/topic/s.rare", id: "last");

        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task B_bytes_are_kept()
    {
        await using MemoryBroker broker = StreamSteps.Create(bytes: 10_000);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int count = 1; count <= 8; count++)
        {
            await publisher.FillAsync(count - 1, 1, bodyBytes: 2800);
            await ShouldBeKeptAsync(broker, Math.Max(0, count - 3), count);
        }

        await publisher.FillAsync(8, 30);
        int kept = await CountKeptAsync(broker, 38);
        kept.Should().BeInRange(11, 60, "small ones take little room");
    }

    [Fact]
    public async Task The_newest_stays_whatever_its_size()
    {
        await using MemoryBroker broker = StreamSteps.Create(bytes: 10_000);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 3, bodyBytes: 1000);
        await publisher.FillAsync(3, 1, bodyBytes: 50_000);
        await ShouldBeKeptAsync(broker, 3, 4);
        await publisher.FillAsync(4, 2, bodyBytes: 1000);
        await ShouldBeKeptAsync(broker, 4, 6);
    }

    [Fact]
    public async Task T_seconds_are_kept()
    {
        await using MemoryBroker broker = StreamSteps.Create(age: TimeSpan.FromSeconds(10));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 3);
        broker.Time.Advance(TimeSpan.FromSeconds(5));
        await publisher.FillAsync(3, 2);
        broker.Time.Advance(TimeSpan.FromSeconds(4.9));
        await ShouldBeKeptAsync(broker, 0, 5);
        broker.Time.Advance(TimeSpan.FromSeconds(0.2));
        await ShouldBeKeptAsync(broker, 3, 5);
        broker.Time.Advance(TimeSpan.FromSeconds(5));
        await ShouldBeKeptAsync(broker, 5, 5);
        await publisher.FillAsync(5, 1);
        await ShouldBeKeptAsync(broker, 5, 6);
    }

    [Fact]
    public async Task Whichever_bound_is_met_first_counts()
    {
        await using MemoryBroker broker = StreamSteps.Create(messages: 4, bytes: 10_000, age: TimeSpan.FromSeconds(10));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 6);
        await ShouldBeKeptAsync(broker, 2, 6);
        await publisher.FillAsync(6, 1, bodyBytes: 9900);
        await ShouldBeKeptAsync(broker, 6, 7);
        await publisher.FillAsync(7, 1);
        await ShouldBeKeptAsync(broker, 7, 8);
        broker.Time.Advance(TimeSpan.FromSeconds(11));
        await ShouldBeKeptAsync(broker, 8, 8);
    }

    [Fact]
    public async Task Offsets_go_on_when_the_whole_history_has_gone()
    {
        await using MemoryBroker broker = StreamSteps.Create(age: TimeSpan.FromSeconds(1));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 5);
        broker.Time.Advance(TimeSpan.FromMinutes(1));
        using StompTestClient client = await broker.ConnectAsync();

        (await client.ResumeAsync("first")).Offset().Should().Be(5);
        await publisher.FillAsync(5, 2);

        await client.ReadOffsetsAsync([5, 6]);
    }

    /// <summary>What <c>first</c> replays, and what every place that it may begin at does.</summary>
    private static async Task ShouldBeKeptAsync(MemoryBroker broker, int first, int next)
    {
        using StompTestClient client = await broker.ConnectAsync();
        (await client.ResumeAsync("first")).Offset().Should().Be(next);
        await client.ReadOffsetsAsync(Enumerable.Range(first, next - first));
        await client.ShouldHaveNothingToReadAsync();
        await client.ResumeAsync("last", id: "1");
        await client.ReadOffsetsAsync(next > first ? [next - 1] : []);
        await client.ShouldHaveNothingToReadAsync();
    }

    private static async Task<int> CountKeptAsync(MemoryBroker broker, int next)
    {
        using StompTestClient client = await broker.ConnectAsync();
        await client.ResumeAsync("first");
        int count = 1;
        while ((await client.ReadFrameAsync("MESSAGE")).Offset() < next - 1)
            count++;
        return count;
    }
}

/// <summary>
/// SEMANTICS 12: "[the RECEIPT carries] when the SUBSCRIBE had an <c>x-stream-epoch</c>, <c>x-recovered:true|false</c>: never true when anything is missing." And decision
/// 0008: "An offset that is not in the history, or of another epoch, is not recovered and gets all that is kept from the nearest there is."
/// </summary>
public class StreamRecoveryTests
{
    [Theory]
    [InlineData("in the history", 7, "true", 7)]
    [InlineData("the first that is kept", 5, "true", 5)]
    [InlineData("the last", 9, "true", 9)]
    [InlineData("the next", 10, "true", 10)]
    [InlineData("one too old", 4, "false", 5)]
    [InlineData("the very first", 0, "false", 5)]
    [InlineData("one beyond the next", 11, "false", 10)]
    [InlineData("far beyond", 1_000_000, "false", 10)]
    public async Task With_the_right_epoch_the_verdict_is_true_exactly_when_nothing_is_missing(string what, int offset, string recovered, int first)
    {
        await using MemoryBroker broker = StreamSteps.Create(messages: 5);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 10);
        string epoch = await broker.EpochAsync();
        using StompTestClient client = await broker.ConnectAsync();

        TestFrame receipt = await client.ResumeAsync($"offset={offset}", epoch);

        receipt["x-recovered"].Should().Be(recovered, what);
        receipt["x-stream-epoch"].Should().Be(epoch);
        receipt.Offset().Should().Be(10);
        await client.ReadOffsetsAsync(Enumerable.Range(first, 10 - first));
        await client.ShouldHaveNothingToReadAsync();
        await publisher.FillAsync(10, 3);
        await client.ReadOffsetsAsync([10, 11, 12]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(11)]
    [InlineData(1000)]
    public async Task With_another_epoch_it_is_false_and_all_that_is_kept_is_replayed(int offset)
    {
        await using MemoryBroker broker = StreamSteps.Create(messages: 5);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 10);
        string epoch = await broker.EpochAsync();
        foreach (string wrong in (string[])["", "0", epoch + "0", epoch[1..], epoch.ToUpperInvariant() + "x", "a:b\\c\n"])
        {
            using StompTestClient client = await broker.ConnectAsync();
            TestFrame receipt = await client.ResumeAsync($"offset={offset}", wrong);
            (receipt["x-recovered"], receipt["x-stream-epoch"]).Should().Be(("false", epoch));
            await client.ReadOffsetsAsync(Enumerable.Range(5, 5));
            await client.ShouldHaveNothingToReadAsync();
        }
    }

    [Theory]
    [InlineData("first")]
    [InlineData("last")]
    [InlineData("next")]
    public async Task A_word_with_another_epoch_is_not_recovered(string from)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient client = await broker.ConnectAsync();
        await client.FillAsync(0, 3);

        (await client.ResumeAsync(from, "another"))["x-recovered"].Should().Be("false");
    }

    [Theory]
    [InlineData("offset=0")]
    [InlineData("offset=9")]
    [InlineData("offset=99")]
    [InlineData("first")]
    public async Task Without_an_epoch_there_is_no_verdict(string from)
    {
        await using MemoryBroker broker = StreamSteps.Create(messages: 5);
        using StompTestClient client = await broker.ConnectAsync();
        await client.FillAsync(0, 10);

        (await client.ResumeAsync(from))["x-recovered"].Should().BeNull();
    }

    [Fact]
    public async Task Without_an_epoch_an_offset_that_is_too_old_gets_all_that_is_kept()
    {
        await using MemoryBroker broker = StreamSteps.Create(messages: 5);
        using StompTestClient client = await broker.ConnectAsync();
        await client.FillAsync(0, 10);

        await client.ResumeAsync("offset=1");

        await client.ReadOffsetsAsync(Enumerable.Range(5, 5));
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task The_next_is_recovered_when_the_whole_history_has_gone_and_the_one_before_is_not()
    {
        await using MemoryBroker broker = StreamSteps.Create(age: TimeSpan.FromSeconds(1));
        using StompTestClient client = await broker.ConnectAsync();
        await client.FillAsync(0, 10);
        string epoch = await broker.EpochAsync();
        broker.Time.Advance(TimeSpan.FromSeconds(2));

        (await client.ResumeAsync("offset=10", epoch, id: "a"))["x-recovered"].Should().Be("true");
        (await client.ResumeAsync("offset=9", epoch, id: "b"))["x-recovered"].Should().Be("false");

        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task An_empty_streams_offset_0_is_recovered()
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient client = await broker.ConnectAsync();

        (await client.ResumeAsync("offset=0", await broker.EpochAsync(), id: "a"))["x-recovered"].Should().Be("true");
        (await client.ResumeAsync("offset=1", await broker.EpochAsync(), id: "b"))["x-recovered"].Should().Be("false");
    }

    [Fact]
    public async Task What_is_missing_of_other_topics_of_the_stream_makes_it_no_more_true()
    {
        await using MemoryBroker broker = StreamSteps.Create(messages: 5);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 10);
        string epoch = await broker.EpochAsync();
        using StompTestClient client = await broker.ConnectAsync();

        TestFrame receipt = await client.ResumeAsync("offset=2", epoch, "/topic/s.2");

        receipt["x-recovered"].Should().Be("false", "offset 2 was of this topic");
        await client.ReadOffsetsAsync([5, 8]);
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task Every_broker_has_an_epoch_of_its_own_and_it_stays_while_the_broker_runs()
    {
        var epochs = new List<string>();
        for (int run = 0; run < 3; run++)
        {
            await using MemoryBroker broker = StreamSteps.Create();
            string epoch = await broker.EpochAsync();
            using StompTestClient client = await broker.ConnectAsync();
            await client.FillAsync(0, 3);
            broker.Time.Advance(TimeSpan.FromDays(1));
            (await broker.EpochAsync()).Should().Be(epoch);
            epochs.Add(epoch);
        }

        epochs.Should().OnlyHaveUniqueItems("a restarted broker's offsets begin anew");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task The_verdict_is_true_exactly_when_the_replay_begins_at_the_offset_asked_for(int seed)
    {
        var random = new Random(seed);
        await using MemoryBroker broker = StreamSteps.Create(messages: 20, bytes: 12_000, age: TimeSpan.FromSeconds(10));
        using StompTestClient publisher = await broker.ConnectAsync();
        string epoch = await broker.EpochAsync();
        int next = 0, verdicts = 0;
        for (int round = 0; round < 120; round++)
        {
            int count = random.Next(0, 6);
            await publisher.FillAsync(next, count, bodyBytes: random.Next(4) == 0 ? random.Next(5000) : 10);
            next += count;
            broker.Time.Advance(TimeSpan.FromMilliseconds(random.Next(3000)));
            int asked = Math.Max(0, next - random.Next(-2, 25));
            using StompTestClient client = await broker.ConnectAsync();

            TestFrame receipt = await client.ResumeAsync($"offset={asked}", epoch);
            await publisher.FillAsync(next++, 1);

            int first = (await client.ReadFrameAsync("MESSAGE")).Number();
            await client.ReadOffsetsAsync(Enumerable.Range(first + 1, next - first - 1));
            receipt["x-recovered"].Should().Be(first == asked ? "true" : "false", "{0} was asked for and {1} came first, of {2}", asked, first, next - 1);
            verdicts += first == asked ? 1 : 0;
        }

        verdicts.Should().BeInRange(20, 110, "both verdicts were given");
    }
}

/// <summary>SEMANTICS 12: "[...] replays from there and goes on live": no gap, no duplicate, in order, while others publish.</summary>
public class StreamRaceTests
{
    [Theory]
    [InlineData(1, "auto", 100_000)]
    [InlineData(2, "client-individual", 100_000)]
    [InlineData(3, "auto", 16_384)]
    public async Task Who_resumes_behind_the_last_seen_misses_nothing_and_sees_nothing_twice(int seed, string ack, int outboxBytes)
    {
        await using MemoryBroker broker = StreamSteps.Create(configure: options => options.Limits.OutboxBytes = outboxBytes);
        using StompTestClient witness = await broker.ConnectAsync();
        await witness.ResumeAsync("first");
        bool stop = false;
        int published = 0;
        var all = new List<TestFrame>();
        Task[] publishing = [.. Enumerable.Range(0, 3).Select(number => ClientSteps.RunAsync(async () =>
        {
            var random = new Random((seed * 10) + number);
            using StompTestClient publisher = await broker.ConnectAsync();
            for (int i = 0; !Volatile.Read(ref stop);)
            {
                await ClientSteps.UntilAsync(() => Volatile.Read(ref published) - all.Count < 500 || Volatile.Read(ref stop), "most was seen");
                int burst = random.Next(1, 8);
                await publisher.SendTogetherAsync(Enumerable.Range(i, burst).Select(n => ($"/topic/s.{random.Next(3)}", $"{number}:{n}")));
                await publisher.ShouldHaveNothingToReadAsync();
                i += burst;
                Interlocked.Add(ref published, burst);
            }
        }))];
        var witnessed = new Dictionary<long, string>();
        Task witnessing = ClientSteps.RunAsync(async () =>
        {
            while (true)
            {
                TestFrame message = await witness.ReadFrameAsync("MESSAGE");
                if (message["destination"] == "/topic/s.end")
                    return;
                witnessed.Add(message.Offset()!.Value, $"{message["destination"]} {message.Text}");
            }
        });

        long next = await ClientSteps.RunAsync(() => ResumeOverAndOverAsync(broker, ack, new Random(seed), all));
        Volatile.Write(ref stop, true);
        await Task.WhenAll(publishing);
        using StompTestClient last = await broker.ConnectAsync();
        await last.PublishAsync("/topic/s.end", "");
        await witnessing;

        next.Should().BeGreaterThan(300);
        all.Select(message => message.Offset()!.Value).Should().Equal(Enumerable.Range(0, (int)next).Select(i => (long)i));
        all.Should().OnlyContain(message => witnessed[message.Offset()!.Value] == $"{message["destination"]} {message.Text}");
        witnessed.Should().HaveCount(published);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public async Task A_narrow_subscription_misses_none_of_its_topic(int seed)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        bool stop = false;
        int seen = 0;
        Task[] publishing = [.. Enumerable.Range(0, 3).Select(number => ClientSteps.RunAsync(async () =>
        {
            using StompTestClient publisher = await broker.ConnectAsync();
            for (int i = 0; !Volatile.Read(ref stop); i++)
            {
                await publisher.PublishAsync($"/topic/s.{number}", $"{i}");
                await ClientSteps.UntilAsync(() => i - Volatile.Read(ref seen) < 200 || Volatile.Read(ref stop), "most was seen");
            }
        }))];
        var random = new Random(seed);
        string? epoch = null;
        long next = 0;

        for (int round = 0; round < 80; round++)
        {
            using StompTestClient client = await broker.ConnectAsync();
            TestFrame receipt = await client.ResumeAsync($"offset={next}", epoch, "/topic/s.1");
            receipt["x-recovered"].Should().Be(epoch is null ? null : "true");
            receipt.Offset().Should().BeGreaterThanOrEqualTo(next);
            epoch = receipt["x-stream-epoch"];
            for (int i = random.Next(1, 20); i > 0; i--)
            {
                TestFrame message = await client.ReadFrameAsync("MESSAGE");
                message.Number().Should().Be(seen++);
                message.Offset().Should().BeGreaterThanOrEqualTo(next);
                next = message.Offset()!.Value + 1;
            }
        }

        Volatile.Write(ref stop, true);
        await Task.WhenAll(publishing);
        seen.Should().BeGreaterThan(200);
    }

    private static async Task<long> ResumeOverAndOverAsync(MemoryBroker broker, string ack, Random random, List<TestFrame> all)
    {
        string? epoch = null;
        long next = 0;
        for (int round = 0; round < 80; round++)
        {
            using StompTestClient client = await broker.ConnectAsync(unread: random.Next(3) == 0 ? 1 : 64 * 1024);
            TestFrame receipt = await client.ResumeAsync($"offset={next}", epoch, headers: [("ack", ack), ("prefetch-count", ack == "auto" ? "0" : "5")]);
            receipt["x-recovered"].Should().Be(epoch is null ? null : "true");
            epoch = receipt["x-stream-epoch"];
            receipt.Offset().Should().BeGreaterThanOrEqualTo(next);
            int wanted = random.Next(0, 200);
            for (int i = 0; i < wanted; i++)
            {
                TestFrame message = await client.ReadFrameAsync("MESSAGE");
                all.Add(message);
                if (message["ack"] is { } id)
                    await client.SendFrameAsync("ACK", [("id", id)]);
            }

            if (random.Next(2) == 0)
            {
                await client.SendFrameAsync("UNSUBSCRIBE", [("id", "0"), ("receipt", "over")]);
                all.AddRange(await client.ReadToReceiptAsync("over"));
            }
            else
            {
                client.Socket.Abort();
            }

            next = all.Count == 0 ? 0 : all[^1].Offset()!.Value + 1;
        }

        return next;
    }
}
