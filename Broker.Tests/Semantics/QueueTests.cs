using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>SEMANTICS 5: "<c>/queue/NAME</c>: each message to one consumer; kept in order until acknowledged."</summary>
public class QueueTests
{
    public static TheoryData<string> AckModes => ["auto", "client", "client-individual"];

    [Theory]
    [MemberData(nameof(AckModes))]
    public async Task A_consumer_gets_messages_in_the_order_of_their_SENDs(string ack)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", ack);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 500; i++)
            await publisher.SendAsync("/queue/a", $"{i}");

        (await consumer.TakeTextsAsync(500)).Should().Equal(Enumerable.Range(0, 500).Select(i => $"{i}"));
    }

    [Theory]
    [MemberData(nameof(AckModes))]
    public async Task Each_message_goes_to_one_consumer(string ack)
    {
        await using var broker = new MemoryBroker();
        using Consumer first = await broker.ConsumeAsync("/queue/a", ack), second = await broker.ConsumeAsync("/queue/a", ack), third = await broker.ConsumeAsync("/queue/a", ack);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 300; i++)
            await publisher.SendAsync("/queue/a", $"{i:000}");
        await publisher.ShouldHaveNothingToReadAsync();

        string[][] seen = [await first.TakeAllTextsAsync(), await second.TakeAllTextsAsync(), await third.TakeAllTextsAsync()];

        seen.SelectMany(texts => texts).Order(StringComparer.Ordinal).Should().Equal(Enumerable.Range(0, 300).Select(i => $"{i:000}"));
        seen.Should().AllSatisfy(texts => texts.Should().BeInAscendingOrder(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(AckModes))]
    public async Task What_is_sent_before_there_is_a_consumer_is_kept_in_order(string ack)
    {
        await using var broker = new MemoryBroker();
        using (StompTestClient publisher = await broker.ConnectAsync())
        {
            await publisher.PublishAllAsync("/queue/a", "1", "2", "3");
            await publisher.DoAsync("DISCONNECT", []);
        }

        using Consumer consumer = await broker.ConsumeAsync("/queue/a", ack);

        (await consumer.TakeTextsAsync(3)).Should().Equal("1", "2", "3");
        await consumer.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task It_is_kept_when_all_consumers_leave()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        Consumer first = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3");
        await first.AckAsync(await first.TakeAsync("1"));
        await first.TakeAsync("2");
        await broker.EndAsync(first, Ending.Disconnect);
        await publisher.PublishAllAsync("/queue/a", "4");
        Consumer second = await broker.ConsumeAsync("/queue/a", "auto");
        (await second.TakeTextsAsync(3)).Should().Equal("2", "3", "4");
        await broker.EndAsync(second, Ending.Lost);
        await publisher.PublishAllAsync("/queue/a", "5", "6");

        using Consumer third = await broker.ConsumeAsync("/queue/a", "client");

        (await third.TakeTextsAsync(2)).Should().Equal("5", "6");
        await third.ShouldHaveNothingAsync();
        first.Dispose();
        second.Dispose();
    }

    [Fact]
    public async Task It_carries_what_was_sent()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a/b.c");
        using StompTestClient publisher = await broker.ConnectAsync(headers: ("login", "ann"));
        byte[] body = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];

        await publisher.SendFrameAsync("SEND", [("k", "a:b\nc"), ("destination", "/queue/a/b.c"), ("content-length", "256"), ("content-type", "x/y")], body);
        await publisher.SendAsync("/queue/a/b.c", "");

        TestFrame message = await consumer.TakeAsync();
        message.Body.Should().Equal(body);
        message.Headers.Where(header => header.Key is "k" or "destination" or "content-length" or "content-type")
            .Select(header => header.Value).Should().Equal("a:b\nc", "/queue/a/b.c", "256", "x/y");
        message["subscription"].Should().Be("s");
        message["user-id"].Should().Be("ann");
        TestFrame empty = await consumer.TakeAsync("");
        empty["content-length"].Should().Be("0");
        empty["message-id"].Should().NotBeNullOrEmpty().And.NotBe(message["message-id"]);
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task Clients_of_all_versions_share_a_queue(string version)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "client-individual", version);
        foreach (string of in (string[])["1.0", "1.1", "1.2"])
        {
            using StompTestClient publisher = await broker.ConnectAsync(of);
            await publisher.PublishAsync("/queue/a", of, ("note", "x"));
            (await consumer.TakeAsync(of))["note"].Should().Be("x");
        }
    }

    [Fact]
    public async Task In_1_0_the_destination_stands_in_for_the_id()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.OpenConsumerAsync("1.0");
        await consumer.DoAsync("SUBSCRIBE", [("destination", "/queue/a"), ("ack", "client-individual"), ("prefetch-count", "1")]);
        await consumer.PublishAsync("/queue/a", "1");
        await consumer.PublishAsync("/queue/a", "2");
        TestFrame first = await consumer.TakeAsync("1");
        await consumer.AckAsync(first);
        await consumer.TakeAsync("2");

        await consumer.DoAsync("UNSUBSCRIBE", [("destination", "/queue/a")]);

        using Consumer next = await broker.ConsumeAsync("/queue/a");
        await next.TakeAsync("2", delivery: 2);
        await next.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task Names_are_compared_as_bytes_and_a_topic_of_the_name_is_something_else()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.OpenConsumerAsync();
        string[] destinations = ["/queue/a.b", "/queue/a/b", "/queue/A.b", "/topic/a.b", "/queue/\u00e9", "/queue/e\u0301", "/queue/a*", "/queue/a.b.c#", "/queue/***"];
        foreach (string destination in destinations)
            await consumer.SubscribeAsync(destination, destination, "auto");

        foreach (string destination in destinations)
            await consumer.PublishAsync(destination, destination);

        TestFrame[] all = await consumer.TakeAllAsync();
        all.Should().HaveCount(destinations.Length).And.AllSatisfy(message => (message["subscription"], message["destination"]).Should().Be((message.Text, message.Text)));
        all.Select(message => message.Text).Should().BeEquivalentTo(destinations);
    }

    [Theory]
    [InlineData("*")]
    [InlineData("a.*")]
    [InlineData("a/#")]
    [InlineData("**.a")]
    [InlineData(">")]
    [InlineData("a.>")]
    public async Task A_pattern_is_refused_in_SUBSCRIBE_and_in_SEND(string name)
    {
        await using var broker = new MemoryBroker();
        foreach (string prefix in (string[])["/queue/", "/temp-queue/"])
        {
            using StompTestClient subscriber = await broker.ConnectAsync();
            await subscriber.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", prefix + name), ("receipt", "r")]);
            TestFrame error = await subscriber.ReadErrorAndEndAsync();
            (error["message"], error["receipt-id"]).Should().Be(("bad pattern", "r"));

            using StompTestClient publisher = await broker.ConnectAsync();
            await publisher.SendAsync(prefix + name, "", ("receipt", "r"));
            error = await publisher.ReadErrorAndEndAsync();
            (error["message"], error["receipt-id"]).Should().Be(("send to a pattern", "r"));
        }
    }

    [Theory]
    [InlineData("/queue/")]
    [InlineData("/queue")]
    [InlineData("/queue//a")]
    [InlineData("/queue/a.")]
    [InlineData("/queue/.a")]
    [InlineData("/queue/a..b")]
    [InlineData("/Queue/a")]
    [InlineData("/queues/a")]
    [InlineData("/temp-queue/")]
    [InlineData("/temp-queue/a/")]
    public async Task An_empty_name_or_segment_is_refused_and_the_text_lists_the_prefixes(string destination)
    {
        await using var broker = new MemoryBroker();
        foreach (string command in (string[])["SEND", "SUBSCRIBE"])
        {
            using StompTestClient client = await broker.ConnectAsync();
            await client.SendFrameAsync(command, [("id", "0"), ("destination", destination)]);
            TestFrame error = await client.ReadErrorAndEndAsync();
            error["message"].Should().Be("bad destination");
            error.Text.Should().ContainAll("/topic/NAME", "/queue/NAME", "/temp-queue/NAME").And.NotContain("not available");
        }
    }

    [Fact]
    public async Task A_name_of_1_KiB_and_64_segments_is_a_name_and_more_is_none()
    {
        string longest = string.Join('.', Enumerable.Repeat(new string('n', 15), 63)) + "." + new string('n', 16);
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/" + longest);
        await consumer.PublishAsync("/queue/" + longest, "here");
        await consumer.TakeAsync("here");

        await consumer.Client.SendAsync("/queue/" + longest + "n", "");

        (await consumer.ReadErrorAndEndAsync(1008))["message"].Should().Be("destination too long");
    }

    [Fact]
    public async Task Each_publishers_messages_stay_in_its_order_beside_others()
    {
        const int Publishers = 4, Each = 300;
        await using var broker = new MemoryBroker();
        using Consumer early = await broker.ConsumeAsync("/queue/a", "auto");
        Task[] publishing = [.. Enumerable.Range(0, Publishers).Select(number => ClientSteps.RunAsync(async () =>
        {
            using StompTestClient publisher = await broker.ConnectAsync();
            for (int i = 0; i < Each; i++)
                await publisher.SendAsync(i % 2 == 0 ? "/queue/a" : "/queue/b", $"{number} {i}");
            await publisher.ShouldHaveNothingToReadAsync();
        }))];
        string[] seen = await early.TakeTextsAsync(Publishers * Each / 2);
        await Task.WhenAll(publishing);
        using Consumer late = await broker.ConsumeAsync("/queue/b", "auto");
        string[] kept = await late.TakeTextsAsync(Publishers * Each / 2);

        foreach ((string[] texts, int from) in ((string[], int)[])[(seen, 0), (kept, 1)])
        {
            for (int number = 0; number < Publishers; number++)
            {
                texts.Where(text => text.StartsWith($"{number} ", StringComparison.Ordinal))
                    .Should().Equal(Enumerable.Range(0, Each / 2).Select(i => $"{number} {from + (2 * i)}"));
            }
        }
    }

    [Fact]
    public async Task Messages_larger_than_an_outbox_pass_one_after_the_other()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 8192);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 5; i++)
            await publisher.PublishAsync("/queue/a", $"{i}".PadRight(50_000 + (i % 2 * 100_000)));

        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "auto");

        (await consumer.TakeTextsAsync(5)).Select(text => text.Trim()).Should().Equal("0", "1", "2", "3", "4");
    }

    [Fact]
    public async Task What_conflates_topics_loses_nothing_of_a_queue()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.OpenConsumerAsync();
        await consumer.Client.SendFrameAsync("SUBSCRIBE", [("id", "s"), ("destination", "/queue/a"), ("x-conflate-ms", "1000"), ("receipt", "r")]);
        TestFrame answer = await consumer.Client.ReadFrameAsync();
        if (answer.Command == "ERROR")
            return;

        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3");
        broker.Time.Advance(TimeSpan.FromSeconds(5));

        (await consumer.TakeTextsAsync(3)).Should().Equal("1", "2", "3");
    }

    [Fact]
    public async Task A_queue_is_in_no_stream()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendFrameAsync("SUBSCRIBE", [("id", "s"), ("destination", "/queue/a"), ("x-stream-offset", "first")]);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("not one stream");
    }
}
