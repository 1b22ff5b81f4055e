using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 5: "<c>reply-to:/temp-queue/x</c> on SEND makes the reply come to the sender's connection as a MESSAGE with <c>subscription:/temp-queue/x</c>, no
/// SUBSCRIBE needed; the receiver sees <c>reply-to:/temp-queue/TOKEN</c>, to which it can SEND and which nobody can guess. Two connections with the same
/// <c>/temp-queue/x</c> never see each other's replies. After an explicit SUBSCRIBE to it, MESSAGEs carry that subscription's id instead. A reply to a
/// vanished one is dropped and counted."
/// </summary>
public class RequestReplyTests
{
    private const string ReplyTo = "/temp-queue/x";

    [Theory]
    [InlineData("1.0", "1.2")]
    [InlineData("1.1", "1.0")]
    [InlineData("1.2", "1.1")]
    [InlineData("1.2", "1.2")]
    public async Task A_reply_comes_to_the_connection_that_asked_without_SUBSCRIBE(string from, string to)
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.OpenConsumerAsync(from);
        using Consumer worker = await broker.ConsumeAsync("/queue/service", version: to);
        await client.PublishAsync("/queue/service", "question", ("correlation-id", "7"), ("reply-to", ReplyTo), ("k", "v"));
        TestFrame request = await worker.TakeAsync("question");
        request.Headers.Where(header => header.Key is "correlation-id" or "reply-to" or "k").Select(header => header.Key)
            .Should().Equal("correlation-id", "reply-to", "k");
        request["reply-to"].Should().StartWith("/temp-queue/").And.NotBe(ReplyTo);

        await worker.PublishAsync(request["reply-to"]!, "answer", ("correlation-id", request["correlation-id"]!));

        TestFrame reply = await client.TakeAsync("answer");
        (reply["subscription"], reply["correlation-id"], reply["ack"]).Should().Be((ReplyTo, "7", null));
        await worker.ShouldHaveNothingAsync();
        await client.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task All_who_get_a_request_over_a_topic_can_reply()
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.OpenConsumerAsync();
        using Consumer one = await broker.ConsumeAsync("/topic/who", "auto"), two = await broker.ConsumeAsync("/topic/#", "client");
        await client.PublishAsync("/topic/who", "is there?", ("reply-to", ReplyTo));

        await one.PublishAsync((await one.TakeAsync())["reply-to"]!, "one");
        await two.PublishAsync((await two.TakeAsync())["reply-to"]!, "two");

        TestFrame[] replies = await client.TakeAsync(2);
        replies.Select(reply => reply.Text).Should().Equal("one", "two");
        replies.Should().OnlyContain(reply => reply["subscription"] == ReplyTo);
    }

    [Fact]
    public async Task Many_requests_at_once_are_all_answered_to_those_who_asked()
    {
        const int Clients = 5, Requests = 60;
        await using var broker = new MemoryBroker();
        bool stop = false;
        Task[] working = [.. Enumerable.Range(0, 2).Select(_ => ClientSteps.RunAsync(async () =>
        {
            using Consumer worker = await broker.ConsumeAsync("/queue/service", headers: ("prefetch-count", "5"));
            while (true)
            {
                TestFrame request = await worker.TakeAsync();
                if (Volatile.Read(ref stop))
                    return;
                await worker.PublishAsync(request["reply-to"]!, "re " + request.Text);
                await worker.AckAsync(request);
            }
        }))];

        await Task.WhenAll(Enumerable.Range(0, Clients).Select(number => ClientSteps.RunAsync(async () =>
        {
            using Consumer client = await broker.OpenConsumerAsync();
            for (int i = 0; i < Requests; i++)
                await client.Client.SendAsync("/queue/service", $"{number} {i}", ("reply-to", $"/temp-queue/{i % 3}"));
            TestFrame[] replies = await client.TakeAsync(Requests);
            replies.Select(reply => (reply.Text, reply["subscription"]!)).Should()
                .BeEquivalentTo(Enumerable.Range(0, Requests).Select(i => ($"re {number} {i}", $"/temp-queue/{i % 3}")));
            await client.ShouldHaveNothingAsync();
        })));

        Volatile.Write(ref stop, true);
        using Consumer last = await broker.OpenConsumerAsync();
        for (int i = 0; i < 2; i++)
            await last.PublishAsync("/queue/service", "stop");
        await Task.WhenAll(working);
    }

    [Fact]
    public async Task Two_connections_with_the_same_name_never_see_each_others_replies()
    {
        await using var broker = new MemoryBroker();
        using var one = new Consumer(await broker.ConnectAsync(headers: ("login", "ann")));
        using var two = new Consumer(await broker.ConnectAsync(headers: ("login", "ann")));
        using Consumer worker = await broker.ConsumeAsync("/queue/service", "auto");
        await one.PublishAsync("/queue/service", "of one", ("reply-to", ReplyTo));
        await two.PublishAsync("/queue/service", "of two", ("reply-to", ReplyTo));
        await two.SubscribeAsync("mine", ReplyTo, "auto");
        TestFrame[] requests = await worker.TakeAsync(2);
        requests[0]["reply-to"].Should().NotBe(requests[1]["reply-to"]);

        foreach (TestFrame request in requests)
            await worker.PublishAsync(request["reply-to"]!, "re " + request.Text);

        (await one.TakeAllTextsAsync()).Should().Equal("re of one");
        (await two.TakeAllTextsAsync()).Should().Equal("re of two");
    }

    [Fact]
    public async Task Nobody_can_guess_a_token()
    {
        const int Count = 256;
        await using var broker = new MemoryBroker();
        using Consumer worker = await broker.ConsumeAsync("/queue/service", "auto");
        for (int i = 0; i < Count; i++)
        {
            using Consumer client = await broker.OpenConsumerAsync();
            await client.PublishAsync("/queue/service", "", ("reply-to", ReplyTo));
        }

        string[] tokens = [.. (await worker.TakeAsync(Count)).Select(request => request["reply-to"]!["/temp-queue/".Length..])];

        tokens.Should().OnlyHaveUniqueItems();
        double bits = Enumerable.Range(0, tokens.Min(token => token.Length)).Sum(place => BitsAt(tokens, place));
        bits.Should().BeGreaterThan(110, "128 random bits look like that, a counter or a clock does not: {0}", tokens[0]);

        // What one place of the tokens tells on its own: its entropy over all of them.
        static double BitsAt(string[] tokens, int place) => tokens.GroupBy(token => token[place])
            .Sum(letters => -(double)letters.Count() / tokens.Length * Math.Log2((double)letters.Count() / tokens.Length));
    }

    [Fact]
    public async Task Two_tokens_of_one_connection_tell_nothing_of_each_other()
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.OpenConsumerAsync();
        using Consumer worker = await broker.ConsumeAsync("/queue/service", "auto");
        await client.PublishAsync("/queue/service", "", ("reply-to", "/temp-queue/public"));
        await client.PublishAsync("/queue/service", "", ("reply-to", "/temp-queue/secret"));

        string[] tokens = [.. (await worker.TakeAsync(2)).Select(request => request["reply-to"]!)];

        int same = tokens[0].Zip(tokens[1]).Skip("/temp-queue/".Length).Count(letters => letters.First == letters.Second);
        same.Should().BeLessThan(tokens[0].Length / 2);
        tokens.Should().NotContain(token => token.Contains("public") || token.Contains("secret"));
    }

    [Fact]
    public async Task A_token_lets_nobody_listen()
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.OpenConsumerAsync();
        using Consumer worker = await broker.ConsumeAsync("/queue/service", "auto");
        await client.PublishAsync("/queue/service", "", ("reply-to", ReplyTo));
        string token = (await worker.TakeAsync())["reply-to"]!;
        foreach (string destination in (string[])[token, ReplyTo])
        {
            using Consumer thief = await broker.OpenConsumerAsync();
            await thief.Client.SendFrameAsync("SUBSCRIBE", [("id", "s"), ("destination", destination), ("receipt", "r")]);
            TestFrame answer = await thief.Client.ReadFrameAsync();
            answer.Command.Should().BeOneOf("RECEIPT", "ERROR");

            await worker.PublishAsync(token, "for the client alone");

            await client.TakeAsync("for the client alone");
            if (answer.Command == "RECEIPT")
                await thief.ShouldHaveNothingAsync();
        }
    }

    [Fact]
    public async Task A_name_leads_to_nobody_elses()
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.OpenConsumerAsync();
        using Consumer worker = await broker.ConsumeAsync("/queue/service", "auto");
        await client.PublishAsync("/queue/service", "", ("reply-to", ReplyTo));
        await worker.TakeAsync();

        await worker.Client.SendAsync(ReplyTo, "to whom?");

        await worker.RoundTripAsync();
        await client.ShouldHaveNothingAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task With_an_explicit_SUBSCRIBE_replies_carry_its_id(bool isFirst)
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.OpenConsumerAsync();
        using Consumer worker = await broker.ConsumeAsync("/queue/service", "auto");
        if (isFirst)
            await client.SubscribeAsync("replies", ReplyTo, "auto");
        await client.PublishAsync("/queue/service", "1", ("reply-to", ReplyTo));
        TestFrame request = await worker.TakeAsync("1");
        if (!isFirst)
        {
            await worker.PublishAsync(request["reply-to"]!, "before");
            (await client.TakeAsync("before"))["subscription"].Should().Be(ReplyTo);
            await client.SubscribeAsync("replies", ReplyTo, "auto");
        }

        await worker.PublishAsync(request["reply-to"]!, "after");

        (await client.TakeAllAsync()).Select(reply => (reply.Text, reply["subscription"])).Should().Equal(("after", "replies"));
        await client.PublishAsync("/queue/service", "2", ("reply-to", ReplyTo));
        await worker.PublishAsync((await worker.TakeAsync("2"))["reply-to"]!, "of 2");
        (await client.TakeAllAsync()).Select(reply => (reply.Text, reply["subscription"])).Should().Equal(("of 2", "replies"));
    }

    [Fact]
    public async Task An_explicit_subscription_can_acknowledge()
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.OpenConsumerAsync();
        using Consumer worker = await broker.ConsumeAsync("/queue/service", "auto");
        await client.SubscribeAsync("replies", ReplyTo, headers: ("prefetch-count", "1"));
        await client.PublishAsync("/queue/service", "", ("reply-to", ReplyTo));
        string token = (await worker.TakeAsync())["reply-to"]!;
        await worker.PublishAsync(token, "1");
        await worker.PublishAsync(token, "2");
        await client.NackAsync(await client.TakeAsync("1"));
        TestFrame again = await client.TakeAsync("1", delivery: 2);
        await client.ShouldHaveNothingAsync();

        await client.AckAsync(again);

        await client.TakeAsync("2");
    }

    [Fact]
    public async Task Names_of_one_connection_are_apart()
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.OpenConsumerAsync();
        using Consumer worker = await broker.ConsumeAsync("/queue/service", "auto");
        await client.PublishAsync("/queue/service", "1", ("reply-to", "/temp-queue/one"));
        await client.PublishAsync("/queue/service", "2", ("reply-to", "/temp-queue/two"));
        TestFrame first = await worker.TakeAsync("1"), second = await worker.TakeAsync("2");
        first["reply-to"].Should().NotBe(second["reply-to"]);

        await worker.PublishAsync(second["reply-to"]!, "re 2");
        await worker.PublishAsync(first["reply-to"]!, "re 1");

        (await client.TakeAllAsync()).Select(reply => (reply.Text, reply["subscription"])).Should().Equal(("re 2", "/temp-queue/two"), ("re 1", "/temp-queue/one"));
    }

    [Theory]
    [InlineData(Ending.Lost)]
    [InlineData(Ending.Disconnect)]
    public async Task A_reply_to_a_vanished_one_is_dropped_and_counted(Ending how)
    {
        await using var broker = new MemoryBroker();
        Consumer client = await broker.OpenConsumerAsync();
        using Consumer worker = await broker.ConsumeAsync("/queue/service", "auto");
        await client.PublishAsync("/queue/service", "", ("reply-to", ReplyTo));
        string token = (await worker.TakeAsync())["reply-to"]!;
        await broker.EndAsync(client, how);
        broker.ReadMetric(QueueMetrics.Dropped).Should().Be(0);

        await worker.PublishAsync(token, "too late");
        await worker.BeginAsync("t");
        await worker.PublishAsync(token, "too late too", ("transaction", "t"));
        await worker.CommitAsync("t");

        await worker.ShouldHaveNothingAsync();
        broker.ReadMetric(QueueMetrics.Dropped).Should().Be(2);
        using Consumer again = await broker.OpenConsumerAsync();
        await again.SubscribeAsync("s", ReplyTo, "auto");
        await again.ShouldHaveNothingAsync();
        client.Dispose();
    }

    [Theory]
    [InlineData("/temp-queue/")]
    [InlineData("/temp-queue/a..b")]
    [InlineData("/temp-queue/*")]
    [InlineData("/temp-queue/a.>")]
    public async Task A_bad_one_is_refused(string replyTo)
    {
        await using var broker = new MemoryBroker();
        foreach (string destination in (string[])["/queue/a", "/topic/a"])
        {
            using StompTestClient client = await broker.ConnectAsync();
            await client.SendAsync(destination, "", ("reply-to", replyTo), ("receipt", "r"));
            TestFrame error = await client.ReadErrorAndEndAsync();
            (error["message"], error["receipt-id"]).Should().Be(("bad reply-to", "r"));
        }
    }

    [Theory]
    [InlineData("/queue/replies")]
    [InlineData("/topic/replies")]
    [InlineData("anything: at all")]
    [InlineData("/temp-queue")]
    public async Task Another_reply_to_is_the_applications_own_and_forwarded(string replyTo)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");

        await consumer.PublishAsync("/queue/a", "", ("reply-to", replyTo));

        (await consumer.TakeAsync())["reply-to"].Should().Be(replyTo);
    }

    [Fact]
    public async Task A_request_in_a_transaction_can_be_replied_to_after_COMMIT()
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.OpenConsumerAsync();
        using Consumer worker = await broker.ConsumeAsync("/queue/service", "auto");
        await client.BeginAsync("t");
        await client.PublishAsync("/queue/service", "1", ("reply-to", ReplyTo), ("transaction", "t"));
        await worker.ShouldHaveNothingAsync();
        await client.CommitAsync("t");
        TestFrame request = await worker.TakeAsync("1");
        await worker.BeginAsync("t");
        await worker.PublishAsync(request["reply-to"]!, "re 1", ("transaction", "t"));
        await client.ShouldHaveNothingAsync();

        await worker.CommitAsync("t");

        (await client.TakeAsync("re 1"))["subscription"].Should().Be(ReplyTo);
    }

    [Fact]
    public async Task A_request_that_comes_again_or_dies_can_be_replied_to_still()
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.OpenConsumerAsync();
        using Consumer worker = await broker.ConsumeAsync("/queue/service"), dead = await broker.ConsumeAsync("/queue/DLQ.service");
        await client.PublishAsync("/queue/service", "1", ("reply-to", ReplyTo));
        TestFrame first = await worker.TakeAsync("1");
        await worker.NackAsync(first);
        TestFrame second = await worker.TakeAsync("1", delivery: 2);
        second["reply-to"].Should().Be(first["reply-to"]);
        await worker.NackAsync(second, ("requeue", "false"));
        TestFrame letter = await dead.TakeAsync("1");
        letter["reply-to"].Should().Be(first["reply-to"]);

        await dead.PublishAsync(letter["reply-to"]!, "sorry");

        await client.TakeAsync("sorry");
    }

    [Fact]
    public async Task Replies_to_one_who_does_not_read_are_kept()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 8192);
        using Consumer client = await broker.OpenConsumerAsync(unread: 1);
        using Consumer worker = await broker.ConsumeAsync("/queue/service", "auto");
        await client.PublishAsync("/queue/service", "", ("reply-to", ReplyTo));
        string token = (await worker.TakeAsync())["reply-to"]!;
        for (int i = 0; i < 100; i++)
            await worker.PublishAsync(token, $"{i}".PadRight(1000));
        broker.Time.Timers.Should().Be(1, "nobody is held");

        (await client.TakeTextsAsync(100)).Select(int.Parse).Should().Equal(Enumerable.Range(0, 100));
    }

    [Fact]
    public async Task One_can_ask_oneself()
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.ConsumeAsync("/queue/service", "auto");
        await client.PublishAsync("/queue/service", "1", ("reply-to", ReplyTo));
        TestFrame request = await client.TakeAsync("1");

        await client.PublishAsync(request["reply-to"]!, "re 1");

        (await client.TakeAsync("re 1"))["subscription"].Should().Be(ReplyTo);
    }

    [Fact]
    public async Task Over_sockets_too()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        using var client = new Consumer(await StompTestClient.ConnectAsync(broker.Port));
        using var worker = new Consumer(await StompTestClient.ConnectAsync(broker.Port));
        await worker.SubscribeAsync("s", "/queue/service");
        for (int i = 0; i < 20; i++)
        {
            await client.PublishAsync("/queue/service", $"{i}", ("reply-to", ReplyTo));
            TestFrame request = await worker.TakeAsync($"{i}");
            await worker.PublishAsync(request["reply-to"]!, $"re {i}");
            await worker.AckAsync(request);
            (await client.TakeAsync($"re {i}"))["subscription"].Should().Be(ReplyTo);
        }
    }
}
