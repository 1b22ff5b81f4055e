using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 6: "Consumers take turns; one that is full or slow holds up no other." And: "<c>prefetch-count:N</c> (alias <c>activemq.prefetchSize</c>): at most N
/// unacknowledged; default 1000 in client modes. [...] 0 means no limit."
/// </summary>
public class QueueTurnsTests
{
    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    [InlineData("client-individual")]
    public async Task Consumers_take_turns(string ack)
    {
        await using var broker = new MemoryBroker();
        using Consumer first = await broker.ConsumeAsync("/queue/a", ack), second = await broker.ConsumeAsync("/queue/a", ack), third = await broker.ConsumeAsync("/queue/a", ack);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 30; i++)
            await publisher.PublishAsync("/queue/a", $"{i}");

        foreach (Consumer consumer in (Consumer[])[first, second, third])
        {
            int[] seen = [.. (await consumer.TakeAllTextsAsync()).Select(int.Parse)];
            seen.Should().Equal(Enumerable.Range(0, 10).Select(round => seen[0] + (3 * round)));
        }
    }

    [Fact]
    public async Task In_a_burst_each_gets_its_share()
    {
        await using var broker = new MemoryBroker();
        using Consumer first = await broker.ConsumeAsync("/queue/a"), second = await broker.ConsumeAsync("/queue/a"), third = await broker.ConsumeAsync("/queue/a");
        using StompTestClient publisher = await broker.ConnectAsync();
        byte[] burst = [.. Enumerable.Range(0, 300).SelectMany(i => publisher.Encode("SEND", [("destination", "/queue/a")], System.Text.Encoding.ASCII.GetBytes($"{i}")))];

        await publisher.Socket.SendBinaryAsync(burst);
        await publisher.ShouldHaveNothingToReadAsync();

        int[] counts = [(await first.TakeAllAsync()).Length, (await second.TakeAllAsync()).Length, (await third.TakeAllAsync()).Length];
        counts.Sum().Should().Be(300);
        counts.Should().OnlyContain(count => count >= 60, "they take turns");
    }

    [Theory]
    [InlineData("prefetch-count", "client")]
    [InlineData("prefetch-count", "client-individual")]
    [InlineData("activemq.prefetchSize", "client")]
    [InlineData("activemq.prefetchSize", "client-individual")]
    public async Task At_most_so_many_are_unacknowledged_and_the_rest_waits_in_order(string header, string ack)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", ack, headers: (header, "2"));
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 10; i++)
            await publisher.PublishAsync("/queue/a", $"{i}");

        var unacknowledged = new Queue<TestFrame>();
        for (int i = 0; i < 10; i++)
        {
            if (unacknowledged.Count == 2)
            {
                await consumer.ShouldHaveNothingAsync();
                await consumer.AckAsync(unacknowledged.Dequeue());
            }

            unacknowledged.Enqueue(await consumer.TakeAsync($"{i}"));
        }

        await consumer.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task A_cumulative_ACK_gives_credit_for_all_that_it_settles()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "client", headers: ("prefetch-count", "4"));
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 20; i++)
            await publisher.PublishAsync("/queue/a", $"{i}");
        TestFrame[] given = await consumer.TakeAllAsync();
        given.Should().HaveCount(4);

        await consumer.AckAsync(given[2]);
        (await consumer.TakeAllTextsAsync()).Should().Equal("4", "5", "6");
        await consumer.AckAsync(given[1]);
        await consumer.ShouldHaveNothingAsync();
        await consumer.AckAsync(given[3]);

        (await consumer.TakeAllTextsAsync()).Should().Equal("7");
    }

    [Theory]
    [InlineData("client", 1000)]
    [InlineData("client-individual", 1000)]
    [InlineData("auto", 1500)]
    public async Task The_default_is_1000_in_the_client_modes(string ack, int given)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 1500; i++)
            await publisher.SendAsync("/queue/a", $"{i}");
        await publisher.ShouldHaveNothingToReadAsync();

        using Consumer consumer = await broker.ConsumeAsync("/queue/a", ack);

        (await consumer.TakeTextsAsync(given)).Should().Equal(Enumerable.Range(0, given).Select(i => $"{i}"));
        await consumer.ShouldHaveNothingAsync();
    }

    [Theory]
    [InlineData("client")]
    [InlineData("client-individual")]
    public async Task Zero_means_no_limit(string ack)
    {
        await using var broker = new MemoryBroker(options => options.Limits.PrefetchCount = 1);
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", ack, headers: ("prefetch-count", "0"));
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 300; i++)
            await publisher.SendAsync("/queue/a", $"{i}");

        TestFrame[] all = await consumer.TakeAsync(300);

        await consumer.AckAsync(all[1]);
        await broker.EndAsync(consumer, Ending.Lost);
        using Consumer next = await broker.ConsumeAsync("/queue/a", "auto");
        (await next.TakeAsync(ack == "client" ? 298 : 299))[0].Text.Should().Be(ack == "client" ? "2" : "0", "what is acknowledged is known without a limit too");
        await next.ShouldHaveNothingAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("many")]
    public async Task A_malformed_number_is_refused(string value)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/queue/a"), ("prefetch-count", value)]);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("bad number");
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("client-individual")]
    public async Task One_that_is_full_is_passed_over_until_it_acknowledges(string others)
    {
        await using var broker = new MemoryBroker();
        using Consumer full = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "held");
        TestFrame held = await full.TakeAsync("held");
        using Consumer other = await broker.ConsumeAsync("/queue/a", others);
        for (int i = 0; i < 10; i++)
            await publisher.PublishAsync("/queue/a", $"{i}");
        (await other.TakeAllTextsAsync()).Should().Equal(Enumerable.Range(0, 10).Select(i => $"{i}"));

        await full.AckAsync(held);
        await publisher.PublishAllAsync("/queue/a", "x", "y");

        (await full.TakeAllTextsAsync()).Should().ContainSingle().Which.Should().BeOneOf("x", "y");
        (await other.TakeAllTextsAsync()).Should().ContainSingle();
    }

    [Fact]
    public async Task One_that_comes_later_gets_what_waits_for_the_full_ones()
    {
        await using var broker = new MemoryBroker();
        using Consumer full = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "2"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3", "4", "5");
        (await full.TakeTextsAsync(2)).Should().Equal("1", "2");

        using Consumer late = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "2"));

        (await late.TakeAllTextsAsync()).Should().Equal("3", "4");
        await full.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task Overlapping_subscriptions_of_one_connection_are_two_consumers()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.OpenConsumerAsync();
        await consumer.SubscribeAsync("one", "/queue/a", headers: ("prefetch-count", "2"));
        await consumer.SubscribeAsync("two", "/queue/a", "client", ("prefetch-count", "2"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3", "4", "5", "6");

        TestFrame[] given = await consumer.TakeAllAsync();
        given.Select(message => message.Text).Should().BeEquivalentTo("1", "2", "3", "4");
        given.Where(message => message["subscription"] == "one").Should().HaveCount(2);
        given.Where(message => message["subscription"] == "two").Should().HaveCount(2);

        await consumer.AckAsync(given.Last(message => message["subscription"] == "two"));
        TestFrame[] more = await consumer.TakeAllAsync();
        more.Select(message => message.Text).Should().Equal("5", "6");
        more.Should().OnlyContain(message => message["subscription"] == "two");
        await consumer.UnsubscribeAsync("one");
        await consumer.ShouldHaveNothingAsync();
        await consumer.AckAsync(more[1]);

        (await consumer.TakeAllAsync()).Select(message => (message.Text, message["subscription"]!, message["x-delivery-count"]!))
            .Should().Equal(given.Where(message => message["subscription"] == "one").Select(message => (message.Text, "two", "2")));
    }

    [Fact]
    public async Task No_local_passes_over_ones_own_messages_and_leaves_them_to_others()
    {
        await using var broker = new MemoryBroker();
        using Consumer self = await broker.ConsumeAsync("/queue/a", headers: ("no-local", "true"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await self.PublishAsync("/queue/a", "own");
        await publisher.PublishAsync("/queue/a", "other's");

        (await self.TakeAllTextsAsync()).Should().Equal("other's");
        using Consumer other = await broker.ConsumeAsync("/queue/a");

        (await other.TakeAllTextsAsync()).Should().Equal("own");
    }
}
