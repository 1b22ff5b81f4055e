using System.Globalization;
using Broker.Configuration;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 12: "one configured topic pattern is one stream: one offset sequence over all its topics, one epoch, the last N messages, B bytes or
/// T seconds kept. Its MESSAGEs carry <c>x-stream-offset</c>."
/// </summary>
public class StreamOffsetTests
{
    [Fact]
    public async Task All_topics_of_the_pattern_share_one_sequence_from_0_and_no_other_topic_has_any()
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/#");
        string[] topics = ["/topic/s", "/topic/other", "/topic/s.a", "/topic/s/a", "/topic/S.a", "/topic/s.a.b.c", "/topic/a.s", "/topic/s"];

        foreach (string topic in topics)
            await client.SendAsync(topic, "");

        TestFrame[] messages = await client.ReadMessagesAsync(topics.Length);
        messages.Select(message => message["destination"]).Should().Equal(topics);
        messages.Select(message => message.Offset()).Should().Equal(0, null, 1, 2, null, 3, null, 4);
    }

    [Fact]
    public async Task Each_stream_counts_by_itself()
    {
        await using var broker = new MemoryBroker(options =>
        {
            options.Streams.Add(new StreamOptions { Pattern = "/topic/a.*" });
            options.Streams.Add(new StreamOptions { Pattern = "/topic/b" });
        });
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/#");
        string[] topics = ["/topic/a.1", "/topic/b", "/topic/a.2", "/topic/b", "/topic/b", "/topic/a", "/topic/a.1"];

        foreach (string topic in topics)
            await client.SendAsync(topic, "");

        (await client.ReadMessagesAsync(topics.Length)).Select(message => message.Offset()).Should().Equal(0, 0, 1, 1, 2, null, 2);
        TestFrame a = await client.ResumeAsync("first", destination: "/topic/a.*", id: "a");
        a.Offset().Should().Be(3);
        (await client.ReadMessagesAsync(3)).Select(message => $"{message["destination"]} {message.Offset()}").Should().Equal("/topic/a.1 0", "/topic/a.2 1", "/topic/a.1 2");
        TestFrame b = await client.ResumeAsync("offset=1", destination: "/topic/b", id: "b");
        b.Offset().Should().Be(3);
        (await client.ReadMessagesAsync(2)).Select(message => $"{message["destination"]} {message.Offset()}").Should().Equal("/topic/b 1", "/topic/b 2");
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task An_ordinary_subscription_is_live_only_and_its_messages_have_offsets_all_the_same(string version)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 5);
        using StompTestClient client = await broker.ConnectAsync(version);

        await client.SubscribeAsync("0", "/topic/s.1");
        await client.ShouldHaveNothingToReadAsync();
        await publisher.FillAsync(5, 3);

        await client.ReadOffsetsAsync([7]);
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task All_subscribers_see_the_same_message_at_the_same_offset_under_many_publishers()
    {
        const int Publishers = 4, Each = 300;
        await using MemoryBroker broker = StreamSteps.Create();
        StompTestClient[] clients = [await broker.ConnectAsync(), await broker.ConnectAsync(), await broker.ConnectAsync("1.0")];
        await clients[0].ResumeAsync("next");
        await clients[1].SubscribeAsync("0", "/topic/#", ("ack", "client"), ("prefetch-count", "0"));
        await clients[2].ResumeAsync("first");
        Task[] publishing = [.. Enumerable.Range(0, Publishers).Select(number => ClientSteps.RunAsync(async () =>
        {
            using StompTestClient publisher = await broker.ConnectAsync();
            var random = new Random(number);
            for (int i = 0; i < Each;)
            {
                int burst = Math.Min(random.Next(1, 10), Each - i);
                await publisher.SendTogetherAsync(Enumerable.Range(i, burst).Select(n => ($"/topic/s.{random.Next(4)}", $"{number}:{n}")));
                i += burst;
            }

            await publisher.ShouldHaveNothingToReadAsync();
        }))];

        TestFrame[][] seen = await Task.WhenAll(clients.Select(client => ClientSteps.RunAsync(() => client.ReadMessagesAsync(Publishers * Each))));
        await Task.WhenAll(publishing);

        string[] first = [.. seen[0].Select(Line)];
        seen[0].Select(message => message.Offset()).Should().Equal(Enumerable.Range(0, Publishers * Each).Select(i => (long?)i));
        seen[1].Select(Line).Should().Equal(first, "all topics of a stream have one order");
        seen[2].Select(Line).Should().Equal(first);
        for (int number = 0; number < Publishers; number++)
        {
            seen[0].Where(message => message.Text.StartsWith($"{number}:", StringComparison.Ordinal)).Select(message => message.Text)
                .Should().Equal(Enumerable.Range(0, Each).Select(i => $"{number}:{i}"));
        }

        Array.ForEach(clients, client => client.Dispose());

        static string Line(TestFrame message) => $"{message.Offset()} {message["destination"]} {message.Text} {message["message-id"]}";
    }

    [Fact]
    public async Task A_COMMIT_takes_offsets_in_a_row_for_each_destination_and_an_ABORT_none()
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient client = await broker.ConnectAsync();
        await client.ResumeAsync("next");
        foreach (string end in (string[])["ABORT", "COMMIT"])
        {
            await client.DoAsync("BEGIN", [("transaction", "t")]);
            for (int i = 0; i < 6; i++)
                await client.PublishAsync($"/topic/s.{i % 2}", $"{i}", ("transaction", "t"));
            await client.ShouldHaveNothingToReadAsync();
            await client.SendFrameAsync(end, [("transaction", "t")]);
        }

        TestFrame[] messages = await client.ReadMessagesAsync(6);
        messages.Select(message => message.Offset()).Should().Equal(0, 1, 2, 3, 4, 5);
        messages.Where(message => message["destination"] == "/topic/s.0").Select(message => message.Text).Should().Equal("0", "2", "4");
        messages.Where(message => message["destination"] == "/topic/s.1").Select(message => message.Text).Should().Equal("1", "3", "5");
        await client.ShouldHaveNothingToReadAsync();
    }
}

/// <summary>
/// SEMANTICS 12: "SUBSCRIBE with <c>x-stream-offset:first|last|next|offset=N</c> (RabbitMQ's words; N inclusive, so resume with the last seen + 1) replays from
/// there and goes on live; such a subscription lies within one stream, else err+close. Its RECEIPT carries <c>x-stream-epoch</c>, <c>x-stream-offset</c> (next
/// live)."
/// </summary>
public class StreamSubscribeTests
{
    public static TheoryData<string> Versions => SessionSteps.Versions;

    [Theory]
    [InlineData("first", 0)]
    [InlineData("last", 9)]
    [InlineData("next", 10)]
    [InlineData("offset=0", 0)]
    [InlineData("offset=4", 4)]
    [InlineData("offset=9", 9)]
    [InlineData("offset=10", 10)]
    [InlineData("offset=007", 7)]
    public async Task Each_word_replays_from_its_place_and_goes_on_live(string from, int first)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 10);
        foreach (string version in SessionSteps.Versions.Select(row => row.Data))
        {
            using StompTestClient client = await broker.ConnectAsync(version);
            TestFrame receipt = await client.ResumeAsync(from);

            receipt["x-stream-epoch"].Should().NotBeNullOrEmpty();
            receipt.Offset().Should().Be(10, "that is the next live one's");
            receipt["x-recovered"].Should().BeNull("there was no x-stream-epoch");
            foreach (TestFrame message in await client.ReadOffsetsAsync(Enumerable.Range(first, 10 - first)))
            {
                message["destination"].Should().Be($"/topic/s.{message.Number() % 3}");
                message["retained"].Should().BeNull();
            }

            await client.ShouldHaveNothingToReadAsync();
        }

        using StompTestClient last = await broker.ConnectAsync();
        await last.ResumeAsync(from);
        await publisher.FillAsync(10, 3);
        await last.ReadOffsetsAsync(Enumerable.Range(first, 13 - first));
        await last.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("first")]
    [InlineData("last")]
    [InlineData("next")]
    [InlineData("offset=0")]
    public async Task Each_word_is_fine_for_a_stream_in_which_nothing_was_published(string from)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient client = await broker.ConnectAsync();

        TestFrame receipt = await client.ResumeAsync(from);

        receipt.Offset().Should().Be(0);
        receipt["x-stream-epoch"].Should().NotBeNullOrEmpty();
        await client.ShouldHaveNothingToReadAsync();
        await client.FillWithOwnAsync(3);
    }

    [Fact]
    public async Task A_narrower_pattern_gets_its_topics_only_and_the_streams_offsets()
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 10);
        using StompTestClient client = await broker.ConnectAsync();

        (await client.ResumeAsync("first", destination: "/topic/s.1")).Offset().Should().Be(10);

        await client.ReadOffsetsAsync([1, 4, 7]);
        await client.ShouldHaveNothingToReadAsync();
        await publisher.FillAsync(10, 5);
        await client.ReadOffsetsAsync([10, 13]);
        await client.ResumeAsync("offset=5", destination: "/topic/s.*.#", id: "1");
        await client.ReadOffsetsAsync(Enumerable.Range(5, 10));
    }

    [Theory]
    [InlineData("/topic/s.#", 14)]
    [InlineData("/topic/s.*", 14)]
    [InlineData("/topic/s.0", 12)]
    [InlineData("/topic/s.1", 13)]
    [InlineData("/topic/s.*.deep", null)]
    [InlineData("/topic/s.deep.*", 3)]
    public async Task Last_is_the_last_message_that_the_subscription_matches(string destination, int? last)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 3);
        await publisher.PublishAsync("/topic/s.deep.er", "3");
        await publisher.FillAsync(4, 11);
        using StompTestClient client = await broker.ConnectAsync();

        (await client.ResumeAsync("last", destination: destination)).Offset().Should().Be(15);

        if (last is { } offset)
            await client.ReadOffsetsAsync([offset]);
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("/topic/s")]
    [InlineData("/topic/s.>")]
    [InlineData("/topic/s/**")]
    [InlineData("/topic/s.*")]
    [InlineData("/topic/s.*.#")]
    [InlineData("/topic/s/a/b")]
    [InlineData("/topic/s.#.b")]
    public async Task A_subscription_within_the_stream_is_accepted(string destination)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient client = await broker.ConnectAsync();
        (await client.ResumeAsync("first", destination: destination))["x-stream-epoch"].Should().NotBeNullOrEmpty();
    }

    [Theory]
    [InlineData("/topic/#")]
    [InlineData("/topic/>")]
    [InlineData("/topic/*")]
    [InlineData("/topic/*.a")]
    [InlineData("/topic/#.a")]
    [InlineData("/topic/#.s")]
    [InlineData("/topic/other")]
    [InlineData("/topic/S")]
    [InlineData("/topic/ss")]
    [InlineData("/topic/other.s")]
    public async Task A_subscription_that_reaches_outside_of_the_stream_is_refused(string destination)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", destination), ("x-stream-offset", "next"), ("receipt", "r")]);

        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("not one stream");
        error["receipt-id"].Should().Be("r");
    }

    [Theory]
    [InlineData("/topic/a.*", "/topic/a.1", true)]
    [InlineData("/topic/a.*", "/topic/a.*", true)]
    [InlineData("/topic/a.*", "/topic/a.#", false)]
    [InlineData("/topic/a.*", "/topic/a.>", false)]
    [InlineData("/topic/a.*", "/topic/a.b.c", false)]
    [InlineData("/topic/a.*", "/topic/a", false)]
    [InlineData("/topic/a.*", "/topic/*.b", false)]
    [InlineData("/topic/a.b", "/topic/a.b", true)]
    [InlineData("/topic/a.b", "/topic/a/b", false)] // two topics; a stream without a wildcard is of one
    [InlineData("/topic/a.b", "/topic/a.*", false)]
    [InlineData("/topic/*.b", "/topic/*.b", true)]
    [InlineData("/topic/*.b", "/topic/a.b", true)]
    [InlineData("/topic/*.b", "/topic/#.b", false)]
    [InlineData("/topic/#", "/topic/#.b.#", true)]
    [InlineData("/topic/#.b", "/topic/a.*.b", true)]
    [InlineData("/topic/#.b", "/topic/a.b.*", false)]
    [InlineData("/topic/a.#.b", "/topic/a.b", true)]
    [InlineData("/topic/a.#.b", "/topic/a.*.#.b", true)]
    [InlineData("/topic/a.#.b", "/topic/a.#", false)]
    [InlineData("/topic/*.#", "/topic/#", true)] // every name has a segment
    [InlineData("/topic/a.**", "/topic/a.>", true)]
    public async Task Within_a_stream_is_what_can_match_nothing_else(string stream, string destination, bool isWithin)
    {
        await using var broker = new MemoryBroker(options => options.Streams.Add(new StreamOptions { Pattern = stream }));
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", destination), ("x-stream-offset", "first"), ("receipt", "r")]);

        TestFrame frame = await client.ReadFrameAsync();
        (frame["message"] ?? frame["receipt-id"]).Should().Be(isWithin ? "r" : "not one stream");
    }

    [Fact]
    public async Task Two_streams_together_are_not_one()
    {
        await using var broker = new MemoryBroker(options =>
        {
            options.Streams.Add(new StreamOptions { Pattern = "/topic/a.1" });
            options.Streams.Add(new StreamOptions { Pattern = "/topic/a.2" });
        });
        using StompTestClient client = await broker.ConnectAsync();
        await client.ResumeAsync("first", destination: "/topic/a.1", id: "1");
        await client.ResumeAsync("first", destination: "/topic/a.2", id: "2");

        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/a.*"), ("x-stream-offset", "first")]);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("not one stream");
    }

    [Fact]
    public async Task Where_no_stream_is_configured_there_is_none()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/s.a"), ("x-stream-offset", "first")]);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("not one stream");
    }

    [Theory]
    [InlineData("")]
    [InlineData("First")]
    [InlineData("NEXT")]
    [InlineData(" first")]
    [InlineData("first ")]
    [InlineData("0")]
    [InlineData("7")]
    [InlineData("offset")]
    [InlineData("offset=")]
    [InlineData("offset=-1")]
    [InlineData("offset=+1")]
    [InlineData("offset= 1")]
    [InlineData("offset=1 ")]
    [InlineData("offset=1x")]
    [InlineData("offset=0x1")]
    [InlineData("offset=1.0")]
    [InlineData("offset=99999999999999999999")]
    [InlineData("offset=9223372036854775808")]
    [InlineData("Offset=1")]
    [InlineData("offset:1")]
    [InlineData("timestamp=1700000000")]
    public async Task A_malformed_value_is_refused(string from)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/s.a"), ("x-stream-offset", from), ("receipt", "r")]);

        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("bad stream offset");
        error["receipt-id"].Should().Be("r");
    }

    [Theory]
    [InlineData("offset=9223372036854775807")]
    [InlineData("offset=9223372036854775806")]
    [InlineData("offset=4294967296")]
    [InlineData("offset=2147483648")]
    public async Task An_offset_far_beyond_the_end_is_live_from_now_on(string from)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.FillAsync(0, 3);
        using StompTestClient client = await broker.ConnectAsync();

        (await client.ResumeAsync(from, await broker.EpochAsync()))["x-recovered"].Should().Be("false");

        await client.ShouldHaveNothingToReadAsync();
        await publisher.FillAsync(3, 2);
        await client.ReadOffsetsAsync([3, 4]);
    }

    [Fact]
    public async Task Without_a_receipt_header_there_is_no_RECEIPT_and_the_replay_all_the_same()
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient client = await broker.ConnectAsync();
        await client.FillAsync(0, 5);

        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/s.#"), ("x-stream-offset", "offset=3")]);

        await client.ReadOffsetsAsync([3, 4]);
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_replayed_message_is_the_one_that_was_live(string version)
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient publisher = await broker.ConnectAsync(headers: ("login", "ann"));
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.ResumeAsync("next", id: "live");
        byte[] body = [.. Enumerable.Range(0, 256).Select(value => (byte)value)];
        await publisher.SendFrameAsync("SEND",
            [("destination", "/topic/s.a:b"), ("note", "a:b\\c\r\nd"), ("x-stream-offset", "99"), ("x-stream-epoch", "forged"), ("x-recovered", "true"),
                ("content-length", "256")], body);
        TestFrame live = await client.ReadFrameAsync("MESSAGE");

        await client.ResumeAsync("first", id: "replay");

        TestFrame replayed = await client.ReadFrameAsync("MESSAGE");
        live.Offset().Should().Be(0);
        live["x-stream-epoch"].Should().NotBe("forged");
        live["user-id"].Should().Be("ann");
        live.Body.Should().Equal(body);
        replayed.Body.Should().Equal(body);
        replayed["subscription"].Should().Be("replay");
        replayed.Headers.Where(header => header.Key != "subscription").Should().BeEquivalentTo(live.Headers.Where(header => header.Key != "subscription"));
    }

    [Fact]
    public async Task Several_subscriptions_of_one_connection_replay_each_by_itself()
    {
        await using MemoryBroker broker = StreamSteps.Create();
        using StompTestClient client = await broker.ConnectAsync();
        await client.FillAsync(0, 6);
        await client.ResumeAsync("first", id: "a");
        await client.ReadOffsetsAsync(Enumerable.Range(0, 6));
        await client.ResumeAsync("offset=4", id: "b");
        await client.ReadOffsetsAsync([4, 5]);
        await client.ResumeAsync("last", id: "c", destination: "/topic/s.0");
        await client.ReadOffsetsAsync([3]);

        await client.SendAsync("/topic/s.0", "6");

        (await client.ReadMessagesAsync(3)).Select(message => $"{message["subscription"]} {message.Offset()}").Should().BeEquivalentTo("a 6", "b 6", "c 6");
        await client.ShouldHaveNothingToReadAsync();
    }
}

file static class Own
{
    /// <summary>A client that is subscribed to the empty stream publishes to it and sees that.</summary>
    public static async Task FillWithOwnAsync(this StompTestClient client, int count)
    {
        for (int i = 0; i < count; i++)
            await client.SendAsync("/topic/s.a", i.ToString(CultureInfo.InvariantCulture));
        await client.ReadOffsetsAsync(Enumerable.Range(0, count));
        await client.ShouldHaveNothingToReadAsync();
    }
}
