using Broker.Messaging;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 12: "SUBSCRIBE with <c>x-conflate-ms:250</c> gets at most one message per 250 ms and key, always the newest; the key is the destination, or
/// the value of the header named by <c>x-conflate-key</c>. <c>x-conflated:N</c> says how many it stands for, itself included; absent for one." And decision 0008:
/// "all keys that wait leave together, then the subscription rests for the interval. The first message after a rest leaves at once."
/// </summary>
public class ConflationTests
{
    public static TheoryData<string> Versions => SessionSteps.Versions;

    [Theory]
    [InlineData("/topic/a", "auto")]
    [InlineData("/topic/*", "auto")]
    [InlineData("/topic/a", "client-individual")]
    [InlineData("/topic/#", "client")]
    public async Task The_first_after_a_rest_leaves_at_once_and_then_the_newest_of_each_interval(string destination, string ack)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", destination, ("x-conflate-ms", "250"), ("ack", ack));

        await publisher.PublishAsync("/topic/a", "1");
        await ShouldReadAsync(client, ("1", null));
        for (int i = 2; i <= 5; i++)
            await publisher.PublishAsync("/topic/a", $"{i}");
        broker.Time.Advance(TimeSpan.FromMilliseconds(249));
        await client.ShouldHaveNothingToReadAsync();
        await publisher.PublishAsync("/topic/a", "6");
        broker.Time.Advance(TimeSpan.FromMilliseconds(1));
        await ShouldReadAsync(client, ("6", "5"));

        await publisher.PublishAsync("/topic/a", "7");
        broker.Time.Advance(TimeSpan.FromMilliseconds(249));
        await client.ShouldHaveNothingToReadAsync();
        broker.Time.Advance(TimeSpan.FromMilliseconds(1));
        await ShouldReadAsync(client, ("7", null));
        broker.Time.Advance(TimeSpan.FromMilliseconds(250));
        await client.ShouldHaveNothingToReadAsync();
        await publisher.PublishAsync("/topic/a", "8");
        await ShouldReadAsync(client, ("8", null));
    }

    [Fact]
    public async Task A_long_rest_is_no_credit_for_more_than_one()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("x-conflate-ms", "100"));
        for (int round = 0; round < 5; round++)
        {
            broker.Time.Advance(TimeSpan.FromSeconds(10));
            await client.SendAsync("/topic/a", "first");
            await ShouldReadAsync(client, ("first", null));
            await client.SendAsync("/topic/a", "second");
            await client.ShouldHaveNothingToReadAsync();
            broker.Time.Advance(TimeSpan.FromMilliseconds(100));
            await ShouldReadAsync(client, ("second", null));
        }
    }

    [Fact]
    public async Task All_keys_leave_in_one_round_per_interval()
    {
        const int Keys = 50;
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "200"));
        await publisher.PublishAsync("/topic/0", "first");
        await ShouldReadAsync(client, ("first", null));
        for (int round = 1; round <= 3; round++)
        {
            int versions = round;
            await publisher.SendTogetherAsync(
                Enumerable.Range(0, Keys * versions).Select(i => ($"/topic/{i % Keys}", $"{i / Keys}")));
            await publisher.ShouldHaveNothingToReadAsync();
            broker.Time.Advance(TimeSpan.FromMilliseconds(199));
            await client.ShouldHaveNothingToReadAsync();
            broker.Time.Advance(TimeSpan.FromMilliseconds(1));

            TestFrame[] messages = await client.ReadMessagesAsync(Keys);
            messages.Select(message => message["destination"]).Should().BeEquivalentTo(Enumerable.Range(0, Keys).Select(i => $"/topic/{i}"));
            messages.Should().OnlyContain(message => message.Text == $"{versions - 1}" && message.Count() == versions);
            await client.ShouldHaveNothingToReadAsync();
        }
    }

    [Fact]
    public async Task Another_key_waits_for_the_round_as_the_same_one_does()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "100"));
        await client.SendAsync("/topic/a", "a1");
        await ShouldReadAsync(client, ("a1", null));
        broker.Time.Advance(TimeSpan.FromMilliseconds(50));
        await client.SendAsync("/topic/b", "b1");
        await client.ShouldHaveNothingToReadAsync();
        broker.Time.Advance(TimeSpan.FromMilliseconds(50));
        await ShouldReadAsync(client, ("b1", null));
        await client.SendAsync("/topic/a", "a2");
        await client.ShouldHaveNothingToReadAsync();
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));
        await ShouldReadAsync(client, ("a2", null));
    }

    [Fact]
    public async Task The_key_may_be_a_headers_value_and_without_that_header_it_is_the_destination()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "100"), ("x-conflate-key", "symbol"));
        await client.SendAsync("/topic/z", "first");
        await ShouldReadAsync(client, ("first", null));

        await client.SendAsync("/topic/a", "N 1", ("symbol", "NVDA"));
        await client.SendAsync("/topic/b", "N 2", ("symbol", "NVDA"));
        await client.SendAsync("/topic/a", "M 1", ("symbol", "MSFT"), ("symbol", "NVDA"));
        await client.SendAsync("/topic/a", "a 1");
        await client.SendAsync("/topic/b", "b 1");
        await client.SendAsync("/topic/a", "a 2", ("Symbol", "NVDA"));
        await client.SendAsync("/topic/a", "empty 1", ("symbol", ""));
        await client.SendAsync("/topic/b", "empty 2", ("symbol", ""));
        await client.SendAsync("/topic/c", "N 3", ("symbol", "NVDA"));
        await client.SendAsync("/topic/c", "lower", ("symbol", "nvda"));
        await client.ShouldHaveNothingToReadAsync();
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));

        (await client.ReadMessagesAsync(6)).Select(message => $"{message.Text} {message.Count()}")
            .Should().BeEquivalentTo("N 3 3", "M 1 1", "a 2 2", "b 1 1", "empty 2 2", "lower 1");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task A_key_is_the_headers_value_as_it_is_meant_whatever_the_versions_escape()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient old = await broker.ConnectAsync("1.0");
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "100"), ("x-conflate-key", "a:key"));
        await client.SendAsync("/topic/z", "first");
        await ShouldReadAsync(client, ("first", null));

        await client.SendAsync("/topic/a", "1", ("a:key", "x:y\\z"));
        await client.SendAsync("/topic/b", "2", ("a:key", "x:y\\z"));
        await client.SendAsync("/topic/c", "3", ("a:key", "x:y"));
        await client.ShouldHaveNothingToReadAsync();
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));
        (await client.ReadMessagesAsync(2)).Select(message => $"{message.Text} {message.Count()}").Should().BeEquivalentTo("2 2", "3 1");

        // The same value, once of 1.2 and once of 1.0, which has no escapes.
        await client.SubscribeAsync("2", "/topic/k.*", ("x-conflate-ms", "100"), ("x-conflate-key", "key"));
        await client.SendAsync("/topic/k.z", "first");
        await ShouldReadAsync(client, ("first", null));
        await client.PublishAsync("/topic/k.a", "new", ("key", "x:y\\z"));
        await old.PublishAsync("/topic/k.b", "old", ("key", "x:y\\z"));
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));
        await ShouldReadAsync(client, ("old", "2"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Each_version_gets_rising_versions_of_each_key_and_counts_that_sum_up(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "10"));
        var random = new Random(1);
        int[] published = new int[5], last = new int[5], counted = new int[5];
        for (int i = 0; i < 2000; i++)
        {
            int key = random.Next(5);
            await publisher.PublishAsync($"/topic/{key}", $"{++published[key]}");
            if (random.Next(4) == 0)
                broker.Time.Advance(TimeSpan.FromMilliseconds(random.Next(15)));
        }

        broker.Time.Advance(TimeSpan.FromMilliseconds(10));
        while (!last.SequenceEqual(published))
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            int key = message["destination"]![^1] - '0';
            message.Number().Should().BeGreaterThan(last[key]);
            (message.Number() - last[key]).Should().Be(message.Count(), "it stands for those since the one before, itself included");
            last[key] = message.Number();
            counted[key] += message.Count();
        }

        counted.Should().Equal(published);
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 7)]
    [InlineData(3, 1000)]
    public async Task Rounds_are_exactly_as_designed(int seed, int interval)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", $"{interval}"));
        var random = new Random(seed);
        var waiting = new Dictionary<string, (int Number, int Count)>();
        long now = 0, restUntil = 0;
        for (int i = 1; i <= 1500; i++)
        {
            string key = $"/topic/{random.Next(6)}";
            if (now >= restUntil)
            {
                waiting.Should().BeEmpty();
                restUntil = now + interval;
                await publisher.PublishAsync(key, $"{i}");
                TestFrame message = await client.ReadFrameAsync("MESSAGE");
                (message["destination"], message.Number(), message.Count()).Should().Be((key, i, 1));
            }
            else
            {
                await publisher.PublishAsync(key, $"{i}");
                waiting[key] = (i, waiting.TryGetValue(key, out var before) ? before.Count + 1 : 1);
            }

            long until = now + (random.Next(3) == 0 ? random.Next((interval * 3 / 2) + 1) : 0);
            while (restUntil <= until && waiting.Count > 0)
            {
                broker.Time.Advance(TimeSpan.FromMilliseconds(restUntil - now));
                now = restUntil;
                restUntil = now + interval;
                TestFrame[] round = await client.ReadMessagesAsync(waiting.Count);
                round.Select(message => (message["destination"]!, message.Number(), message.Count()))
                    .Should().BeEquivalentTo(waiting.Select(pair => (pair.Key, pair.Value.Number, pair.Value.Count)));
                waiting.Clear();
            }

            broker.Time.Advance(TimeSpan.FromMilliseconds(until - now));
            now = until;
            if (random.Next(10) == 0)
                await client.ShouldHaveNothingToReadAsync();
        }
    }

    [Fact]
    public async Task After_UNSUBSCRIBE_nothing_of_what_waited_comes_and_its_room_is_given_back()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "100"));
        await client.SendAsync("/topic/a", "first");
        await client.ReadTextAsync();
        for (int i = 0; i < 50; i++)
            await client.SendAsync($"/topic/{i}", new string('x', 1000));

        await client.DoAsync("UNSUBSCRIBE", [("id", "0")]);

        await ClientSteps.UntilAsync(() => broker.SessionOf(client).Outbox.Bytes == 0, "its room is given back");
        broker.Time.Advance(TimeSpan.FromMilliseconds(500));
        await client.ShouldHaveNothingToReadAsync();
        await client.SubscribeAsync("0", "/topic/a", ("x-conflate-ms", "100"));
        await client.SendAsync("/topic/a", "a new one begins anew");
        await ShouldReadAsync(client, ("a new one begins anew", null));
    }

    [Fact]
    public async Task DISCONNECT_is_answered_and_closed_while_something_waits()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "100"));
        await client.SendAsync("/topic/a", "first");
        await client.ReadTextAsync();
        for (int i = 0; i < 50; i++)
            await client.SendAsync($"/topic/{i}", "waits");

        await client.SendFrameAsync("DISCONNECT", [("receipt", "bye")]);

        (await client.ReadToReceiptAsync("bye")).ShouldAll(message => message.Text == "waits");
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1000);
        await client.Socket.SendCloseAsync(1000);
        await ClientSteps.UntilAsync(() => !broker.Environment.Sessions.All.Any(), "the session is over");
        broker.Time.Advance(TimeSpan.FromSeconds(1));
        using StompTestClient other = await broker.ConnectAsync();
        await other.PublishAsync("/topic/a", "nobody is there");
    }

    [Fact]
    public async Task A_lost_connection_with_something_waiting_disturbs_nobody()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient other = await broker.ConnectAsync();
        await other.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "100"));
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int round = 0; round < 20; round++)
        {
            using StompTestClient client = await broker.ConnectAsync();
            await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "100"));
            for (int i = 0; i < 3; i++)
                await publisher.PublishAsync("/topic/a", $"{round} {i}");
            broker.SessionOf(client).ConnectionLost();
            broker.Time.Advance(TimeSpan.FromMilliseconds(100));
            await ShouldReadAsync(other, round == 0 ? [($"{round} 0", null), ($"{round} 2", "2")] : [($"{round} 2", "3")]);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("2.5")]
    [InlineData("1e3")]
    [InlineData("0x10")]
    [InlineData("250ms")]
    [InlineData("true")]
    [InlineData("99999999999999999999")]
    public async Task A_malformed_number_is_refused(string value)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/a"), ("x-conflate-ms", value), ("receipt", "r")]);

        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("bad number");
        error["receipt-id"].Should().Be("r");
    }

    [Theory]
    [InlineData("2147483647")]
    [InlineData("2147483648")]
    [InlineData("4294967294")]
    [InlineData("4294967295")]
    [InlineData("922337203685477580")]
    [InlineData("9223372036854775807")]
    public async Task An_interval_longer_than_any_timer_is_no_harm(string interval)
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        using StompTestClient client = await StompTestClient.ConnectAsync(broker.Port);
        await client.SubscribeAsync("0", "/topic/a", ("x-conflate-ms", interval));
        await client.SendAsync("/topic/a", "first");
        (await client.ReadTextAsync()).Should().Be("first");
        for (int i = 0; i < 5; i++)
            await client.PublishAsync("/topic/a", "waits for ages");
        await client.ShouldHaveNothingToReadAsync();
        await client.DoAsync("UNSUBSCRIBE", [("id", "0")]);
        broker.Log.Lines.Should().NotContain(line => line.Contains("Exception"));
    }

    [Fact]
    public async Task Several_subscriptions_of_one_connection_have_their_own_intervals_keys_and_counts()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("fast", "/topic/*", ("x-conflate-ms", "100"));
        await client.SubscribeAsync("slow", "/topic/*", ("x-conflate-ms", "300"));
        await client.SubscribeAsync("one", "/topic/#", ("x-conflate-ms", "300"), ("x-conflate-key", "all"));
        await client.SubscribeAsync("every", "/topic/a");
        var seen = new Dictionary<string, List<string>> { ["fast"] = [], ["slow"] = [], ["one"] = [], ["every"] = [] };
        for (int i = 1; i <= 6; i++)
        {
            await publisher.PublishAsync(i % 2 == 0 ? "/topic/a" : "/topic/b", $"{i}", ("all", ""));
            await ReadAsync(i switch { 1 => 3, _ => i % 2 == 0 ? 1 : 0 });
            broker.Time.Advance(TimeSpan.FromMilliseconds(50));
            await ReadAsync(i switch { 2 => 1, 4 => 2, 6 => 5, _ => 0 });
        }

        await client.ShouldHaveNothingToReadAsync();
        seen["every"].Should().Equal("2", "4", "6");
        seen["fast"].Should().BeEquivalentTo("1", "2", "3", "4", "5", "6");
        seen["slow"].Should().BeEquivalentTo("1", "6*3", "5*2");
        seen["one"].Should().Equal("1", "6*5");

        async Task ReadAsync(int count)
        {
            for (; count > 0; count--)
            {
                TestFrame message = await client.ReadFrameAsync("MESSAGE");
                seen[message["subscription"]!].Add(message.Count() == 1 ? message.Text : $"{message.Text}*{message.Count()}");
            }
        }
    }

    [Fact]
    public async Task What_expires_while_it_waits_is_not_delivered()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "1000"));
        await client.SendAsync("/topic/a", "first");
        await client.ReadTextAsync();
        await client.SendAsync("/topic/a", "expires", ("expiration", "500"));
        await client.SendAsync("/topic/b", "stays", ("expiration", "1500"));
        await client.ShouldHaveNothingToReadAsync();
        broker.Time.Advance(TimeSpan.FromMilliseconds(1000));

        (await client.ReadTextAsync()).Should().Be("stays");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task With_no_local_ones_own_neither_come_nor_count()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient other = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("x-conflate-ms", "100"), ("no-local", "true"));
        await client.PublishAsync("/topic/a", "mine");
        await other.PublishAsync("/topic/a", "first");
        await ShouldReadAsync(client, ("first", null));
        for (int i = 0; i < 4; i++)
            await (i % 2 == 0 ? other : client).PublishAsync("/topic/a", $"{i}");
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));

        await ShouldReadAsync(client, ("2", "2"));
    }

    [Fact]
    public async Task A_snapshot_comes_whole_before_what_is_conflated()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 20; i++)
            await publisher.RetainAsync($"/topic/{i}", "value");
        using StompTestClient client = await broker.ConnectAsync();

        await client.SubscribeLiveAsync("0", "/topic/*", ("x-conflate-ms", "100"), ("x-snapshot", "true"));

        (await client.ReadSnapshotAsync()).Should().HaveCount(20).And.OnlyContain(value => value["retained"] == "true" && value.Count() == 1);
        for (int i = 1; i <= 5; i++)
            await publisher.RetainAsync("/topic/7", $"{i}");
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));
        int sum = 0;
        TestFrame message;
        do
        {
            message = await client.ReadFrameAsync("MESSAGE");
            message["retained"].Should().BeNull();
            sum += message.Count();
        }
        while (message.Text != "5");
        sum.Should().Be(5);
    }

    [Fact]
    public async Task A_streams_MESSAGE_has_the_offset_of_the_newest_and_those_conflated_away_count_as_delivered()
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        TestFrame receipt = await client.ResumeAsync("next", headers: ("x-conflate-ms", "100"));
        await publisher.FillAsync(0, 1);
        await client.ReadOffsetsAsync([0]);
        await publisher.FillAsync(1, 8);
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));

        TestFrame[] messages = await client.ReadMessagesAsync(3);
        messages.Select(message => $"{message["destination"]} {message.Number()} {message.Offset()} {message.Count()}")
            .Should().BeEquivalentTo("/topic/s.0 6 6 2", "/topic/s.1 7 7 3", "/topic/s.2 8 8 3");
        await publisher.FillAsync(9, 2);
        using StompTestClient again = await broker.ConnectAsync();
        (await again.ResumeAsync("offset=9", receipt["x-stream-epoch"]))["x-recovered"].Should().Be("true");
        await again.ReadOffsetsAsync([9, 10]);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("100")]
    public async Task A_replay_with_conflation_ends_with_the_newest_of_each_key_and_stands_for_all(string interval)
    {
        const int Count = 300;
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, Count);
        using StompTestClient client = await broker.ConnectAsync();

        await client.ResumeAsync("first", headers: ("x-conflate-ms", interval));

        var last = new Dictionary<string, int>();
        int sum = 0;
        while (sum < Count)
        {
            TestFrame message = await client.ReadWhileTurningAsync(broker, TimeSpan.FromMilliseconds(10));
            message.Offset().Should().Be(message.Number());
            message.Number().Should().BeGreaterThan(last.GetValueOrDefault(message["destination"]!, -1));
            last[message["destination"]!] = message.Number();
            sum += message.Count();
        }

        sum.Should().Be(Count);
        last.Values.Should().BeEquivalentTo([Count - 3, Count - 2, Count - 1]);
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));
        await publisher.FillAsync(Count, 1);
        await client.ReadOffsetsAsync([Count]);
    }

    [Fact]
    public async Task With_acknowledgement_at_most_the_prefetch_is_given_and_what_waits_is_conflated()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/*", ("x-conflate-ms", "100"), ("ack", "client-individual"), ("prefetch-count", "1"));
        await publisher.PublishAsync("/topic/a", "0");
        TestFrame given = await client.ReadFrameAsync("MESSAGE");
        for (int round = 0; round < 10; round++)
        {
            for (int i = 1; i <= 5; i++)
                await publisher.PublishAsync("/topic/a", $"{(round * 5) + i}");
            broker.Time.Advance(TimeSpan.FromMilliseconds(100));
            await client.ShouldHaveNothingToReadAsync();
        }

        int sum = given.Count();
        int last = 0;
        while (last < 50)
        {
            await client.SendFrameAsync("ACK", [("id", given["ack"]!)]);
            given = await client.ReadWhileTurningAsync(broker, TimeSpan.FromMilliseconds(10));
            await client.ShouldHaveNothingToReadAsync();
            given.Number().Should().BeGreaterThan(last);
            (given.Number() - last).Should().Be(given.Count());
            last = given.Number();
            sum += given.Count();
        }

        sum.Should().Be(51);
    }

    [Fact]
    public async Task Millions_of_keys_are_bounded_by_the_outbox_and_nobody_is_cut_or_held()
    {
        const int Limit = 64 * 1024, Count = 20_000;
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = Limit);
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("x-conflate-ms", "100"), ("x-conflate-key", "id"));
        Broker.Sessions.Session session = broker.SessionOf(client);
        await publisher.PublishAsync("/topic/a", "first");
        await client.ReadTextAsync();
        for (int i = 0; i < Count; i++)
        {
            await publisher.SendAsync("/topic/a", $"{i}", ("id", $"{i}"));
            session.Outbox.Bytes.Should().BeLessThanOrEqualTo(Limit);
        }

        await publisher.ShouldHaveNothingToReadAsync();
        session.Outbox.Bytes.Should().BeLessThanOrEqualTo(Limit);
        session.CloseReason.Should().Be(CloseReason.None);
        long dropped = broker.ReadMetric("stompbroker.messages.dropped");
        dropped.Should().BeInRange(Count * 9 / 10, Count - 1, "drops are metered");
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));

        TestFrame[] messages = await client.ReadMessagesAsync(Count - (int)dropped);
        messages.Select(message => message.Number()).Should().OnlyHaveUniqueItems();
        messages.Should().OnlyContain(message => message.Count() == 1);
        await client.ShouldHaveNothingToReadAsync();
    }

    private static async Task ShouldReadAsync(StompTestClient client, params (string Text, string? Conflated)[] expected)
    {
        (await client.ReadMessagesAsync(expected.Length)).Select(message => (message.Text, message["x-conflated"])).Should().Equal(expected);
        await client.ShouldHaveNothingToReadAsync();
    }
}
