using System.Globalization;
using Broker.Configuration;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 12: "<c>retain:set</c> on a SEND to a topic keeps it as the topic's last value; <c>retain:remove</c> forgets it (an empty body removes too; another
/// word is err+close); it goes when its <c>expires</c> has passed. A new subscription gets the retained value of every topic that it matches,
/// marked <c>retained:true</c>, before live messages."
/// </summary>
public class RetainedTests
{
    public static TheoryData<string> Versions => SessionSteps.Versions;

    [Theory]
    [InlineData("/topic/a", "auto")]
    [InlineData("/topic/*", "auto")]
    [InlineData("/topic/#", "client")]
    [InlineData("/topic/a", "client-individual")]
    public async Task A_new_subscription_gets_the_last_value_behind_its_RECEIPT_and_before_what_is_live(string destination, string ack)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.RetainAsync("/topic/a", "old");
        await publisher.RetainAsync("/topic/a", "current");
        using StompTestClient client = await broker.ConnectAsync();

        await client.SubscribeAsync("0", destination, ("ack", ack));
        await publisher.PublishAsync("/topic/a", "live");

        TestFrame[] messages = await client.ReadMessagesAsync(2);
        messages.Select(message => message.Text).Should().Equal("current", "live");
        messages.Select(message => message["retained"]).Should().Equal("true", null);
        messages.Select(message => message["destination"]).Should().Equal("/topic/a", "/topic/a");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task Who_is_subscribed_gets_each_value_once_and_as_a_live_message()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a");
        using StompTestClient publisher = await broker.ConnectAsync();

        await publisher.RetainAsync("/topic/a", "one");
        await publisher.PublishAsync("/topic/a", "gone", ("retain", "remove"));
        await publisher.PublishAsync("/topic/a", "", ("retain", "set"));

        TestFrame[] messages = await client.ReadMessagesAsync(3);
        messages.Select(message => message.Text).Should().Equal("one", "gone", "");
        messages.Should().OnlyContain(message => message["retained"] == null && message["x-snapshot"] == null);
        messages.Select(message => message["retain"]).Should().Equal("set", "remove", "set");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task A_value_outlives_its_publisher_and_is_the_same_message_that_was_live()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient before = await broker.ConnectAsync();
        await before.SubscribeAsync("0", "/topic/a");
        using (StompTestClient publisher = await broker.ConnectAsync(headers: ("login", "ann")))
        {
            await publisher.RetainAsync("/topic/a", "value", ("x-own", "a:b"), ("content-type", "text/plain"));
            await publisher.DoAsync("DISCONNECT", []);
        }

        using StompTestClient after = await broker.ConnectAsync();
        await after.SubscribeAsync("0", "/topic/a");

        TestFrame live = await before.ReadFrameAsync("MESSAGE"), retained = await after.ReadFrameAsync("MESSAGE");
        retained.Text.Should().Be("value");
        retained["user-id"].Should().Be("ann");
        retained.Headers.Where(header => header.Key != "retained").Should().BeEquivalentTo(live.Headers);
        live["retain"].Should().Be("set", "it is no header that the broker alone sets");
    }

    [Theory]
    [InlineData("remove", "")]
    [InlineData("remove", "a body changes nothing")]
    [InlineData("set", "")]
    public async Task A_value_is_removed_by_that_word_and_by_an_empty_body(string word, string body)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.RetainAsync("/topic/a", "value");
        await publisher.RetainAsync("/topic/b", "other");

        await publisher.PublishAsync("/topic/a", body, ("retain", word));

        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/*");
        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        message.Text.Should().Be("other");
        await client.ShouldHaveNothingToReadAsync();
        await publisher.RetainAsync("/topic/a", "again");
        (await client.ReadTextAsync()).Should().Be("again");
        (await publisher.SnapshotAsync("/topic/a")).Select(value => value.Text).Should().Equal("again");
    }

    [Fact]
    public async Task To_remove_what_is_not_there_is_no_error()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();

        await client.PublishAsync("/topic/a", "", ("retain", "remove"));
        await client.PublishAsync("/topic/a", "", ("retain", "set"));

        (await client.SnapshotAsync("/topic/a")).Should().BeEmpty();
    }

    [Fact]
    public async Task A_SEND_without_the_header_leaves_the_value_as_it_is()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.RetainAsync("/topic/a", "value");

        await client.PublishAsync("/topic/a", "an event");
        await client.PublishAsync("/topic/a", "");

        (await client.SnapshotAsync("/topic/a")).Select(value => value.Text).Should().Equal("value");
    }

    [Theory]
    [InlineData("")]
    [InlineData("Set")]
    [InlineData("SET")]
    [InlineData("set ")]
    [InlineData(" remove")]
    [InlineData("true")]
    [InlineData("1")]
    [InlineData("set\n")]
    [InlineData("removed")]
    public async Task Another_word_is_refused_and_publishes_nothing(string word)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient other = await broker.ConnectAsync();
        await other.SubscribeAsync("0", "/topic/a");
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendAsync("/topic/a", "value", ("retain", word), ("receipt", "r"));

        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("bad retain");
        error["receipt-id"].Should().Be("r");
        await other.ShouldHaveNothingToReadAsync();
        (await other.SnapshotAsync("/topic/#")).Should().BeEmpty();
    }

    [Fact]
    public async Task Another_word_is_refused_in_a_transaction_too()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.DoAsync("BEGIN", [("transaction", "t")]);

        await client.SendAsync("/topic/a", "value", ("retain", "keep"), ("transaction", "t"), ("receipt", "r"));

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("bad retain");
    }

    [Fact]
    public async Task Of_repeated_headers_the_first_counts()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.RetainAsync("/topic/a", "value");

        await client.PublishAsync("/topic/a", "", ("retain", "remove"), ("retain", "nonsense"));
        await client.PublishAsync("/topic/b", "kept", ("retain", "set"), ("retain", "remove"));

        (await client.SnapshotAsync("/topic/#")).Select(value => value.Text).Should().Equal("kept");
    }

    [Theory]
    [InlineData("/topic/a.*")]
    [InlineData("/topic/#")]
    [InlineData("/topic/a.>")]
    [InlineData("/topic/**")]
    public async Task Retaining_for_a_pattern_is_a_SEND_to_a_pattern(string pattern)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendAsync(pattern, "value", ("retain", "set"), ("receipt", "r"));

        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("send to a pattern");
        error["receipt-id"].Should().Be("r");
    }

    [Fact]
    public async Task Two_names_that_the_same_patterns_match_have_two_values()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.RetainAsync("/topic/a.b", "dot");
        await client.RetainAsync("/topic/a/b", "slash");

        (await client.SnapshotAsync("/topic/a.b")).Select(value => value.Text).Should().Equal("dot");
        (await client.SnapshotAsync("/topic/a/b")).Select(value => value.Text).Should().Equal("slash");
        (await client.SnapshotAsync("/topic/a/*")).Select(value => value.Text).Should().BeEquivalentTo("dot", "slash");
        await client.PublishAsync("/topic/a.b", "", ("retain", "remove"));
        (await client.SnapshotAsync("/topic/a.*")).Select(value => value.Text).Should().Equal("slash");
    }

    [Fact]
    public async Task What_a_client_says_of_its_own_message_is_not_what_the_broker_says()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("live", "/topic/*");
        await client.SendAsync("/topic/a", "value", ("retain", "set"), ("retained", "forged"), ("x-snapshot", "end"), ("x-conflated", "99"),
            ("x-stream-offset", "7"), ("x-stream-epoch", "forged"), ("x-recovered", "1"));
        await client.SendAsync("/topic/b", "value", ("retain", "set"), ("x-snapshot", "end"));

        TestFrame live = (await client.ReadMessagesAsync(2))[0];
        live.Headers.Select(header => header.Key).Should().NotContain(["retained", "x-snapshot", "x-conflated", "x-stream-offset", "x-stream-epoch"]);
        await client.SubscribeAsync("late", "/topic/*", ("x-snapshot", "true"));

        TestFrame[] snapshot = await client.ReadMessagesAsync(2);
        snapshot.Select(value => value["x-snapshot"]).Should().Equal(null, "end");
        snapshot.Should().OnlyContain(value => value["retained"] == "true" && value["x-conflated"] == null && value["x-stream-offset"] == null);
        snapshot.Should().OnlyContain(value => value.Headers.Count(header => header.Key == "retained" || header.Key == "x-snapshot") <= 2);
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("1.0", "a:b\\c  d")]
    [InlineData("1.1", "a:b\\c \nd")]
    [InlineData("1.2", "a:b\\c\r\nd")]
    public async Task A_client_of_each_version_gets_the_snapshot_in_its_own_escaping(string version, string expected)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync(headers: ("login", "ann"));
        byte[] body = [.. Enumerable.Range(0, 256).Select(value => (byte)value)];
        await publisher.SendFrameAsync("SEND", [("destination", "/topic/a.b:c"), ("retain", "set"), ("note", "a:b\\c\r\nd"), ("content-length", "256"), ("receipt", "r")], body);
        (await publisher.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("r");
        using StompTestClient client = await broker.ConnectAsync(version);

        await client.SubscribeAsync("0", "/topic/a.*", ("x-snapshot", "true"));

        TestFrame value = await client.ReadFrameAsync("MESSAGE");
        value["note"].Should().Be(expected);
        value["destination"].Should().Be("/topic/a.b:c");
        value["user-id"].Should().Be("ann");
        (value["retained"], value["x-snapshot"], value["subscription"]).Should().Be(("true", "end", "0"));
        value.Body.Should().Equal(body);
        await client.SubscribeAsync("1", "/topic/a.b:c");
        value = await client.ReadFrameAsync("MESSAGE");
        (value["note"], value["retained"], value["x-snapshot"], value["subscription"]).Should().Be((expected, "true", null, "1"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_client_of_each_version_may_set_and_remove(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.RetainAsync("/topic/a", "value");
        using StompTestClient other = await broker.ConnectAsync();
        (await other.SnapshotAsync("/topic/a")).Select(value => value.Text).Should().Equal("value");
        await client.PublishAsync("/topic/a", "", ("retain", "remove"));
        (await other.SnapshotAsync("/topic/a")).Should().BeEmpty();
    }
}

/// <summary>SEMANTICS 12: "[a retained value] goes when its <c>expires</c> has passed."</summary>
public class RetainedExpiryTests
{
    [Theory]
    [InlineData("expiration")]
    [InlineData("expires")]
    public async Task A_value_is_there_until_its_time_and_gone_from_then_on(string header)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        long until = header == "expires" ? broker.Time.GetUtcNow().ToUnixTimeMilliseconds() + 1000 : 1000;
        await client.RetainAsync("/topic/a", "for a second", (header, until.ToString(CultureInfo.InvariantCulture)));
        await client.RetainAsync("/topic/b", "for ever", (header, "0"));

        broker.Time.Advance(TimeSpan.FromMilliseconds(999));
        (await client.SnapshotAsync("/topic/*")).Select(value => value.Text).Should().BeEquivalentTo("for a second", "for ever");
        (await client.SnapshotAsync("/topic/a")).Select(value => value.Text).Should().Equal("for a second");
        broker.Time.Advance(TimeSpan.FromMilliseconds(1));

        (await client.SnapshotAsync("/topic/*")).Select(value => value.Text).Should().Equal("for ever");
        (await client.SnapshotAsync("/topic/a")).Should().BeEmpty();
    }

    [Fact]
    public async Task The_end_is_marked_on_the_last_that_is_still_there()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 10; i++)
            await client.RetainAsync($"/topic/{i}", $"{i}", ("expiration", i % 3 == 1 ? "0" : "500"));
        broker.Time.Advance(TimeSpan.FromMilliseconds(500));

        await client.SubscribeAsync("0", "/topic/*", ("x-snapshot", "true"));

        TestFrame[] values = await client.ReadMessagesAsync(3);
        values.Select(value => value.Text).Should().BeEquivalentTo("1", "4", "7");
        values.Select(value => value["x-snapshot"]).Should().Equal(null, null, "end");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task A_value_that_takes_the_place_of_another_has_its_own_time()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.RetainAsync("/topic/a", "short", ("expiration", "100"));
        await client.RetainAsync("/topic/b", "long", ("expiration", "1000"));
        await client.RetainAsync("/topic/a", "long", ("expiration", "1000"));
        await client.RetainAsync("/topic/b", "short", ("expiration", "100"));
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));

        (await client.SnapshotAsync("/topic/#")).Select(value => (value["destination"], value.Text)).Should().Equal(("/topic/a", "long"));
    }

    [Fact]
    public async Task A_value_that_expires_while_a_slow_socket_has_the_snapshot_before_it_is_not_sent()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 30; i++)
            await publisher.RetainAsync($"/topic/{i}", $"{i} ".PadRight(20_000, 'x'), ("expiration", "500"));
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/*")]);
        (await client.ReadFrameAsync("MESSAGE"))["retained"].Should().Be("true");
        broker.Time.Advance(TimeSpan.FromMilliseconds(500));

        await publisher.PublishAsync("/topic/0", "live");

        int values = 1;
        while ((await client.ReadFrameAsync("MESSAGE")).Text != "live")
            values++;
        values.Should().BeLessThan(30, "what has not been sent when its time comes is not delivered");
    }
}

/// <summary>
/// SEMANTICS 7 and 12: "BEGIN/COMMIT/ABORT per connection, for SEND [...]; COMMIT is atomic per destination and its RECEIPT comes when all
/// effects are visible."
/// </summary>
public class RetainedTransactionTests
{
    [Fact]
    public async Task A_value_is_retained_at_COMMIT_and_not_before()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await publisher.RetainAsync("/topic/a", "before");
        await publisher.RetainAsync("/topic/gone", "before");
        await publisher.DoAsync("BEGIN", [("transaction", "t")]);
        await publisher.RetainAsync("/topic/a", "first", ("transaction", "t"));
        await publisher.RetainAsync("/topic/b", "first", ("transaction", "t"));
        await publisher.PublishAsync("/topic/gone", "", ("retain", "remove"), ("transaction", "t"));
        await publisher.RetainAsync("/topic/a", "last", ("transaction", "t"));
        (await client.SnapshotAsync("/topic/#")).Select(Line).Should().BeEquivalentTo("/topic/a before", "/topic/gone before");

        await publisher.DoAsync("COMMIT", [("transaction", "t")]);

        TestFrame[] values = await client.SnapshotAsync("/topic/#");
        values.Select(Line).Should().BeEquivalentTo("/topic/a last", "/topic/b first");
        values.Should().OnlyContain(value => value["transaction"] == null);
    }

    [Theory]
    [InlineData("ABORT")]
    [InlineData("DISCONNECT")]
    [InlineData("lost")]
    public async Task What_is_aborted_is_not_retained(string how)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await publisher.RetainAsync("/topic/a", "before");
        await publisher.DoAsync("BEGIN", [("transaction", "t")]);
        await publisher.RetainAsync("/topic/a", "never", ("transaction", "t"));
        await publisher.RetainAsync("/topic/b", "never", ("transaction", "t"));

        if (how == "lost")
        {
            broker.SessionOf(publisher).ConnectionLost();
            await ClientSteps.UntilAsync(() => broker.Environment.Sessions.All.Count() == 1, "the session is over");
        }
        else
        {
            await publisher.DoAsync(how, [("transaction", "t")]);
        }

        (await client.SnapshotAsync("/topic/#")).Select(Line).Should().Equal("/topic/a before");
    }

    [Fact]
    public async Task A_snapshot_has_all_or_nothing_that_one_COMMIT_publishes_to_a_topic()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        bool stop = false;
        Task flood = ClientSteps.RunAsync(async () =>
        {
            for (int commit = 0; !Volatile.Read(ref stop); commit++)
            {
                await publisher.SendFrameAsync("BEGIN", [("transaction", "t")]);
                for (int i = 0; i < 5; i++)
                    await publisher.SendAsync("/topic/a", $"{(commit * 5) + i}", ("retain", "set"), ("transaction", "t"));
                await publisher.DoAsync("COMMIT", [("transaction", "t")]);
            }
        });

        for (int round = 0; round < 100; round++)
        {
            foreach (TestFrame value in await client.SnapshotAsync(round % 2 == 0 ? "/topic/a" : "/topic/*"))
                (value.Number() % 5).Should().Be(4, "the last of a COMMIT's values is the topic's");
        }

        Volatile.Write(ref stop, true);
        await flood;
    }

    private static string Line(TestFrame value) => $"{value["destination"]} {value.Text}";
}

/// <summary>SEMANTICS 12: "Limits on count and bytes"; section 10: limits on counts and lengths close with 1008.</summary>
public class RetainedLimitTests
{
    [Fact]
    public async Task One_value_more_than_may_be_is_refused_and_neither_kept_nor_published()
    {
        await using MemoryBroker broker = Create(limits => limits.RetainedMessages = 3);
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/4");
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 1; i <= 3; i++)
            await publisher.RetainAsync($"/topic/{i}", "value");
        await publisher.RetainAsync("/topic/2", "another value of the same topic");

        await publisher.SendAsync("/topic/4", "value", ("retain", "set"), ("receipt", "r"));

        await ShouldBeRefusedAsync(publisher, "r");
        await client.ShouldHaveNothingToReadAsync();
        (await client.SnapshotAsync("/topic/#")).Select(value => value["destination"]).Should().BeEquivalentTo("/topic/1", "/topic/2", "/topic/3");
    }

    [Fact]
    public async Task Removal_gives_room_back()
    {
        await using MemoryBroker broker = Create(limits => limits.RetainedMessages = 2);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 50; i++)
        {
            await publisher.RetainAsync($"/topic/{i}", "value");
            if (i > 0)
                await publisher.PublishAsync($"/topic/{i - 1}", "", ("retain", i % 2 == 0 ? "set" : "remove"));
        }

        (await publisher.SnapshotAsync("/topic/#")).Select(value => value["destination"]).Should().Equal("/topic/49");
        await publisher.PublishAsync("/topic/0", "", ("retain", "remove"));
        await publisher.RetainAsync("/topic/more", "value");
        await publisher.SendAsync("/topic/too-many", "value", ("retain", "set"), ("receipt", "r"));
        await ShouldBeRefusedAsync(publisher, "r");
    }

    [Theory]
    [InlineData("expiration", "100")]
    [InlineData("expires", "1893456000100")] // the test's clock begins at 2030-01-01
    public async Task Values_that_have_expired_give_room_though_nobody_asked_for_them(string header, string value)
    {
        await using MemoryBroker broker = Create(limits => limits.RetainedMessages = 5);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 5; i++)
            await publisher.RetainAsync($"/topic/old.{i}", "value", (header, value));
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));

        for (int i = 0; i < 5; i++)
            await publisher.RetainAsync($"/topic/new.{i}", "value");

        (await publisher.SnapshotAsync("/topic/#")).Should().HaveCount(5).And.OnlyContain(kept => kept["destination"]!.StartsWith("/topic/new."));
        await publisher.SendAsync("/topic/new.5", "value", ("retain", "set"), ("receipt", "r"));
        await ShouldBeRefusedAsync(publisher, "r");
    }

    [Fact]
    public async Task Bytes_are_limited_and_a_larger_value_in_the_place_of_one_counts_by_what_it_adds()
    {
        await using MemoryBroker broker = Create(limits => limits.RetainedBytes = 12_000);
        using StompTestClient client = await broker.ConnectAsync();
        using (StompTestClient publisher = await broker.ConnectAsync())
        {
            for (int i = 0; i < 3; i++)
                await publisher.RetainAsync($"/topic/{i}", new string('x', 3000));
            for (int i = 0; i < 10; i++)
                await publisher.RetainAsync("/topic/1", new string('y', 3000));
            await publisher.SendAsync("/topic/3", new string('x', 3000), ("retain", "set"), ("receipt", "r"));
            await ShouldBeRefusedAsync(publisher, "r");
        }

        using (StompTestClient publisher = await broker.ConnectAsync())
        {
            await publisher.SendAsync("/topic/1", new string('z', 6000), ("retain", "set"), ("receipt", "r"));
            await ShouldBeRefusedAsync(publisher, "r");
        }

        (await client.SnapshotAsync("/topic/1")).Select(value => value.Text).Should().Equal(new string('y', 3000));
        await client.PublishAsync("/topic/0", "", ("retain", "remove"));
        await client.RetainAsync("/topic/1", new string('z', 6000));
        await client.RetainAsync("/topic/1", "small");
        await client.RetainAsync("/topic/2", new string('z', 9000));
        (await client.SnapshotAsync("/topic/#")).Select(value => value.Text.Length).Should().BeEquivalentTo([5, 9000]);
    }

    [Fact]
    public async Task One_value_larger_than_all_may_be_is_refused()
    {
        await using MemoryBroker broker = Create(limits => limits.RetainedBytes = 12_000);
        using StompTestClient publisher = await broker.ConnectAsync();

        await publisher.SendAsync("/topic/a", new string('x', 12_001), ("retain", "set"), ("receipt", "r"));

        await ShouldBeRefusedAsync(publisher, "r");
    }

    [Fact]
    public async Task Headers_count_to_the_bytes_as_bodies_do()
    {
        await using MemoryBroker broker = Create(limits => limits.RetainedBytes = 12_000);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 3; i++)
            await publisher.RetainAsync($"/topic/{i}", "x", ("filling", new string('x', 3000)));

        await publisher.SendAsync("/topic/3", "x", ("filling", new string('x', 3000)), ("retain", "set"), ("receipt", "r"));

        await ShouldBeRefusedAsync(publisher, "r");
    }

    [Fact]
    public async Task A_transaction_goes_over_them_no_more_than_a_SEND_does()
    {
        await using MemoryBroker broker = Create(limits => limits.RetainedMessages = 3);
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.SendFrameAsync("BEGIN", [("transaction", "t")]);
        for (int i = 0; i < 4; i++)
            await publisher.SendAsync($"/topic/{i}", "value", ("retain", "set"), ("transaction", "t"));
        await publisher.SendFrameAsync("COMMIT", [("transaction", "t")]);

        await ShouldBeRefusedAsync(publisher, receipt: null);

        (await client.SnapshotAsync("/topic/#")).Length.Should().BeLessThanOrEqualTo(3);
        for (int i = 0; i < 4; i++)
            await client.PublishAsync($"/topic/{i}", "", ("retain", "remove"));
        for (int i = 0; i < 3; i++)
            await client.RetainAsync($"/topic/new.{i}", "all the room is there");
        (await client.SnapshotAsync("/topic/new.*")).Should().HaveCount(3);
    }

    [Fact]
    public async Task Concurrent_publishers_leave_no_more_than_may_be_and_lose_no_room()
    {
        const int Limit = 50;
        await using MemoryBroker broker = Create(limits => limits.RetainedMessages = Limit);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(number => ClientSteps.RunAsync(async () =>
        {
            using StompTestClient publisher = await broker.ConnectAsync();
            var random = new Random(number);
            for (int i = 0; i < 500; i++)
                await publisher.PublishAsync($"/topic/{random.Next(40)}", random.Next(4) == 0 ? "" : $"{i}", ("retain", random.Next(3) == 0 ? "remove" : "set"));
        })));
        using StompTestClient client = await broker.ConnectAsync();
        int kept = (await client.SnapshotAsync("/topic/#")).Length;

        for (int i = kept; i < Limit; i++)
            await client.RetainAsync($"/topic/more.{i}", "value");
        await client.SendAsync("/topic/more", "value", ("retain", "set"), ("receipt", "r"));

        await ShouldBeRefusedAsync(client, "r");
    }

    [Fact]
    public async Task Publishers_that_meet_at_the_limit_do_not_go_over_it_together()
    {
        const int Limit = 10;
        for (int round = 0; round < 50; round++)
        {
            await using MemoryBroker broker = Create(limits => limits.RetainedMessages = Limit);
            int[] accepted = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => ClientSteps.RunAsync(async () =>
            {
                using StompTestClient publisher = await broker.ConnectAsync();
                for (int i = 0; ; i++)
                {
                    await publisher.SendAsync($"/topic/{number}.{i}", "value", ("retain", "set"), ("receipt", "r"));
                    if ((await publisher.ReadFrameAsync()).Command == "ERROR")
                        return i;
                }
            })));

            accepted.Sum().Should().Be(Limit);
        }
    }

    [Fact]
    public async Task A_value_whose_publisher_is_held_takes_its_room_already()
    {
        await using var broker = new MemoryBroker(options =>
        {
            options.Limits.RetainedMessages = 1;
            options.Limits.OutboxBytes = 8192;
        });
        using StompTestClient slow = await broker.ConnectAsync(unread: 1);
        await slow.SubscribeAsync("0", "/topic/slow");
        using StompTestClient held = await broker.ConnectAsync();
        for (int i = 0; i < 3; i++)
            await held.PublishAsync("/topic/slow", new string('x', i == 0 ? 10 : 3500));
        await held.SendAsync("/topic/slow", new string('x', 3500), ("retain", "set"), ("receipt", "held"));
        await ClientSteps.UntilAsync(() => broker.Time.Timers > 1, "the publisher is held");

        using StompTestClient other = await broker.ConnectAsync();
        await other.SendAsync("/topic/other", "value", ("retain", "set"), ("receipt", "r"));
        TestFrame answer = await other.ReadFrameAsync();
        await slow.ReadMessagesAsync(3);
        TestFrame answerToHeld = await held.ReadFrameAsync();

        string[] answers = [answer.Command, answerToHeld.Command];
        answers.Should().BeEquivalentTo("RECEIPT", "ERROR");
        (answer["receipt-id"], answerToHeld["receipt-id"]).Should().Be(("r", "held"));
        using StompTestClient client = await broker.ConnectAsync();
        (await client.SnapshotAsync("/topic/#")).Should().ContainSingle();
    }

    [Fact]
    public async Task A_topic_with_a_value_is_not_forgotten_for_new_ones()
    {
        await using MemoryBroker broker = Create(limits => limits.Destinations = 10);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.RetainAsync("/topic/kept", "value");
        for (int i = 0; i < 200; i++)
            await publisher.PublishAsync($"/topic/new.{i}", "");

        (await publisher.SnapshotAsync("/topic/#")).Select(value => value.Text).Should().Equal("value");
        (await publisher.SnapshotAsync("/topic/kept")).Select(value => value.Text).Should().Equal("value");
    }

    [Fact]
    public async Task Topics_with_values_are_limited_in_number_as_all_are()
    {
        await using MemoryBroker broker = Create(limits => limits.Destinations = 10);
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 10; i++)
            await client.RetainAsync($"/topic/{i}", "value");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.SendAsync("/topic/more", "");
        (await publisher.ReadErrorAndEndAsync(1008))["message"].Should().Be("too many destinations");
        (await client.SnapshotAsync("/topic/*")).Should().HaveCount(10);
    }

    [Fact]
    public async Task A_topic_whose_value_has_gone_makes_room_for_another()
    {
        await using MemoryBroker broker = Create(limits => limits.Destinations = 10);
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 10; i++)
            await client.RetainAsync($"/topic/{i}", "value", ("expiration", i == 7 ? "100" : "0"));
        await client.PublishAsync("/topic/3", "", ("retain", "remove"));
        broker.Time.Advance(TimeSpan.FromSeconds(2));

        await client.RetainAsync("/topic/more", "value");
        await client.RetainAsync("/topic/still.more", "value");

        (await client.SnapshotAsync("/topic/#")).Should().HaveCount(10);
    }

    private static MemoryBroker Create(Action<LimitOptions> configure) => new(options => configure(options.Limits));

    private static async Task ShouldBeRefusedAsync(StompTestClient publisher, string? receipt)
    {
        TestFrame error = await publisher.ReadErrorAndEndAsync(1008);
        error["message"].Should().Be("too many retained values");
        error["receipt-id"].Should().Be(receipt);
    }
}
