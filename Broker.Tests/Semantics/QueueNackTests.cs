using Broker.Configuration;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 6: "Queues: NACK puts the message back in its place, marked <c>redelivered:true</c>, preferring another consumer; [...] so does the 10th NACK
/// (configurable), to <c>/queue/DLQ.NAME</c> with <c>x-death-reason</c> (<c>rejected</c>, <c>delivery-limit</c>, <c>expired</c>). [...] <c>redelivered</c> and
/// <c>x-delivery-count</c> (1 the first time) are on every queue MESSAGE." And: "NACK works in 1.0 too."
/// </summary>
public class QueueNackTests
{
    public static TheoryData<string, string> VersionsAndModes => new()
    {
        { "1.0", "client" }, { "1.1", "client" }, { "1.2", "client" }, { "1.0", "client-individual" }, { "1.1", "client-individual" }, { "1.2", "client-individual" },
    };

    [Theory]
    [MemberData(nameof(VersionsAndModes))]
    public async Task It_comes_again_marked_and_counted_before_what_waits(string version, string ack)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", ack, version, ("prefetch-count", "1"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2");
        TestFrame first = await consumer.TakeAsync("1");
        (first["redelivered"], first["x-delivery-count"]).Should().Be(("false", "1"));

        await consumer.NackAsync(first);
        TestFrame second = await consumer.TakeAsync("1", delivery: 2);
        second["redelivered"].Should().Be("true");
        await consumer.NackAsync(second, ("requeue", "true"));

        await consumer.AckAsync(await consumer.TakeAsync("1", delivery: 3));
        await consumer.AckAsync(await consumer.TakeAsync("2", delivery: 1));
        await consumer.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task It_is_the_same_message_still()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        using StompTestClient publisher = await broker.ConnectAsync(headers: ("login", "ann"));
        await publisher.PublishAsync("/queue/a", "body", ("k", "v"), ("content-type", "x/y"));
        TestFrame first = await consumer.TakeAsync("body");
        await consumer.NackAsync(first);

        TestFrame second = await consumer.TakeAsync("body", delivery: 2);

        string[] ofDelivery = ["ack", "redelivered", "x-delivery-count"];
        second.Headers.Where(header => !ofDelivery.Contains(header.Key)).Should().Equal(first.Headers.Where(header => !ofDelivery.Contains(header.Key)));
    }

    [Fact]
    public async Task It_returns_to_its_place_among_what_waits()
    {
        await using var broker = new MemoryBroker();
        Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "4"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3", "4", "5", "6");
        TestFrame[] given = await consumer.TakeAsync(4);

        await consumer.NackAsync(given[2]);
        await consumer.TakeAsync("3", delivery: 2);
        await consumer.NackAsync(given[0]);
        await consumer.TakeAsync("1", delivery: 2);
        await consumer.ShouldHaveNothingAsync();

        await broker.EndAsync(consumer, Ending.Lost);
        using Consumer next = await broker.ConsumeAsync("/queue/a");
        (await next.TakeAllAsync()).Select(message => (message.Text, message["x-delivery-count"]!))
            .Should().Equal(("1", "3"), ("2", "2"), ("3", "3"), ("4", "2"), ("5", "1"), ("6", "1"));
        consumer.Dispose();
    }

    [Theory]
    [InlineData("client")]
    [InlineData("client-individual")]
    [InlineData("auto")]
    public async Task It_prefers_another_consumer(string others)
    {
        await using var broker = new MemoryBroker();
        using Consumer rejects = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "10"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3");
        TestFrame[] given = await rejects.TakeAsync(3);
        using Consumer other = await broker.ConsumeAsync("/queue/a", others);

        foreach (TestFrame message in given)
            await rejects.NackAsync(message);

        foreach (string body in (string[])["1", "2", "3"])
            await other.TakeAsync(body, delivery: 2);
        await rejects.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task Another_subscription_of_the_same_connection_is_another_consumer()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.OpenConsumerAsync();
        await consumer.SubscribeAsync("one", "/queue/a");
        await consumer.SubscribeAsync("two", "/queue/a");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "1");
        string? subscription = null;
        for (int delivery = 1; delivery < 5; delivery++)
        {
            TestFrame message = await consumer.TakeAsync("1", delivery);
            message["subscription"].Should().NotBe(subscription);
            subscription = message["subscription"];
            await consumer.NackAsync(message);
        }
    }

    [Fact]
    public async Task Two_who_reject_pass_it_to_each_other()
    {
        await using var broker = new MemoryBroker();
        using Consumer one = await broker.ConsumeAsync("/queue/a"), two = await broker.ConsumeAsync("/queue/a");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "1");
        (Consumer holder, Consumer other, TestFrame message) =
            await one.TakeAllAsync() is [TestFrame first] ? (one, two, first) : (two, one, await two.TakeAsync("1"));
        for (int delivery = 2; delivery <= 10; delivery++)
        {
            await holder.NackAsync(message);
            (holder, other) = (other, holder);
            message = await holder.TakeAsync("1", delivery);
        }
    }

    [Fact]
    public async Task Where_all_others_are_full_the_same_consumer_gets_it_again_and_nothing_stands_still()
    {
        await using var broker = new MemoryBroker();
        using Consumer full = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "0");
        await full.TakeAsync("0");
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        await publisher.PublishAllAsync("/queue/a", "1", "2");

        await consumer.NackAsync(await consumer.TakeAsync("1"));

        await consumer.AckAsync(await consumer.TakeAsync("1", delivery: 2));
        await consumer.TakeAsync("2");
        await full.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task A_consumer_that_only_rejects_does_not_keep_others_from_what_waits()
    {
        await using var broker = new MemoryBroker(options => options.Limits.NacksPerMessage = 1000);
        using Consumer rejects = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        using Consumer works = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 10; i++)
            await publisher.PublishAsync("/queue/a", $"{i}");
        var done = new HashSet<string>();
        for (int round = 0; done.Count < 10; round++)
        {
            round.Should().BeLessThan(100, "every message gets to the one who works, but it has {0}", string.Join(' ', done));
            foreach (TestFrame message in await rejects.TakeAllAsync())
                await rejects.NackAsync(message);
            foreach (TestFrame message in await works.TakeAllAsync())
            {
                done.Add(message.Text).Should().BeTrue();
                await works.AckAsync(message);
            }
        }
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task In_client_mode_all_up_to_its_message_go_back(string version)
    {
        await using var broker = new MemoryBroker();
        using Consumer rejects = await broker.ConsumeAsync("/queue/a", "client", version);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3", "4");
        TestFrame[] given = await rejects.TakeAsync(4);
        using Consumer other = await broker.ConsumeAsync("/queue/a");

        await rejects.NackAsync(given[2]);

        (await other.TakeAllAsync()).Select(message => (message.Text, message["x-delivery-count"]!)).Should().Equal(("1", "2"), ("2", "2"), ("3", "2"));
        await rejects.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task What_goes_back_together_is_back_before_anybody_gets_any_of_it()
    {
        await using var broker = new MemoryBroker();
        using Consumer rejects = await broker.ConsumeAsync("/queue/a", "client", headers: ("prefetch-count", "3"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3");
        TestFrame[] given = await rejects.TakeAsync(3);
        using Consumer other = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));

        await rejects.NackAsync(given[2]);

        (await other.TakeAllTextsAsync()).Should().Equal("1");
        (await rejects.TakeAllTextsAsync()).Should().Equal("2", "3");
    }

    [Fact]
    public void The_default_limit_is_the_10th() => new LimitOptions().NacksPerMessage.Should().Be(10);

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task The_10th_NACK_dead_letters(string version)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "client-individual", version);
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a", "auto", version);
        await consumer.PublishAsync("/queue/a", "poison");
        for (int delivery = 1; delivery <= 10; delivery++)
        {
            await dead.ShouldHaveNothingAsync();
            await consumer.NackAsync(await consumer.TakeAsync("poison", delivery));
        }

        TestFrame letter = await dead.TakeAsync("poison");
        (letter["x-death-reason"], letter["x-death-queue"]).Should().Be(("delivery-limit", "/queue/a"));
        await consumer.ShouldHaveNothingAsync();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task The_limit_is_the_one_that_is_configured_and_counts_the_NACKs_of_all(int limit)
    {
        await using var broker = new MemoryBroker(options => options.Limits.NacksPerMessage = limit);
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "poison");
        for (int nack = 1; nack <= limit; nack++)
        {
            await dead.ShouldHaveNothingAsync();
            using Consumer consumer = await broker.ConsumeAsync("/queue/a", nack % 2 == 0 ? "client" : "client-individual");
            await consumer.NackAsync(await consumer.TakeAsync("poison", (2 * nack) - 1));
            if (nack < limit)
                await consumer.TakeAsync("poison", 2 * nack);
            await broker.EndAsync(consumer, Ending.Disconnect);
        }

        (await dead.TakeAsync("poison"))["x-death-reason"].Should().Be("delivery-limit");
    }

    [Fact]
    public async Task Each_message_has_a_count_of_its_own()
    {
        await using var broker = new MemoryBroker(options => options.Limits.NacksPerMessage = 2);
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a", "auto");
        await consumer.PublishAsync("/queue/a", "1");
        await consumer.PublishAsync("/queue/a", "2");
        TestFrame[] given = await consumer.TakeAsync(2);
        await consumer.NackAsync(given[0]);
        await consumer.NackAsync(given[1]);
        TestFrame[] again = await consumer.TakeAsync(2);
        await dead.ShouldHaveNothingAsync();

        await consumer.NackAsync(again[1]);

        (await dead.TakeAllTextsAsync()).Should().Equal(again[1].Text);
        await consumer.ShouldHaveNothingAsync();
    }
}
