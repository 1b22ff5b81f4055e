using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>SEMANTICS 6: "Connection lost, or UNSUBSCRIBE: what is unacknowledged goes back, and that is no failure of the message."</summary>
public class QueueReturnTests
{
    public static TheoryData<Ending, string> EndingsAndModes
    {
        get
        {
            var all = new TheoryData<Ending, string>();
            foreach (Ending how in Enum.GetValues<Ending>())
            {
                all.Add(how, "client");
                all.Add(how, "client-individual");
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(EndingsAndModes))]
    public async Task When_a_connection_ends_what_it_held_is_delivered_to_others_in_its_order(Ending how, string ack)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", ack, headers: ("prefetch-count", "3"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3", "4", "5");
        TestFrame[] given = await consumer.TakeAsync(3);
        await consumer.AckAsync(given[0]);
        await consumer.TakeAsync("4");

        await broker.EndAsync(consumer, how);

        using Consumer next = await broker.ConsumeAsync("/queue/a");
        (await next.TakeAllAsync()).Select(message => (message.Text, message["x-delivery-count"]!)).Should().Equal(("2", "2"), ("3", "2"), ("4", "2"), ("5", "1"));
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task With_UNSUBSCRIBE_what_the_subscription_held_goes_back_in_its_place(string version)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "client", version, ("prefetch-count", "3"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3", "4", "5");
        await consumer.TakeAsync(3);
        using Consumer other = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        TestFrame four = await other.TakeAsync("4");

        await consumer.UnsubscribeAsync("s");
        await consumer.ShouldHaveNothingAsync();
        await other.AckAsync(four);

        for (int i = 1; i <= 3; i++)
            await other.AckAsync(await other.TakeAsync($"{i}", delivery: 2));
        await other.TakeAsync("5");
    }

    [Fact]
    public async Task It_goes_to_who_waits_for_messages_and_the_oldest_goes_first()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "3"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3");
        await consumer.TakeAsync(3);
        using Consumer other = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        await other.ShouldHaveNothingAsync();

        await broker.EndAsync(consumer, Ending.Lost);

        for (int i = 1; i <= 3; i++)
            await other.AckAsync(await other.TakeAsync($"{i}", delivery: 2));
    }

    [Fact]
    public async Task What_several_subscriptions_of_a_lost_connection_held_is_in_one_order_again()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.OpenConsumerAsync();
        for (int i = 0; i < 3; i++)
            await consumer.SubscribeAsync($"{i}", "/queue/a", i % 2 == 0 ? "client" : "client-individual", ("prefetch-count", "3"));
        using Consumer keeps = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 12; i++)
            await publisher.PublishAsync("/queue/a", $"{i:00}");
        await consumer.TakeAsync(9);
        string kept = (await keeps.TakeAsync()).Text;
        using Consumer last = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "20"));
        (await last.TakeAllTextsAsync()).Should().Equal("10", "11");

        await broker.EndAsync(consumer, Ending.Lost);

        (await last.TakeAllTextsAsync()).Should().Equal(Enumerable.Range(0, 10).Select(i => $"{i:00}").Where(text => text != kept));
    }

    [Fact]
    public async Task It_is_no_failure_however_often()
    {
        await using var broker = new MemoryBroker(options => options.Limits.NacksPerMessage = 2);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "1");
        using Consumer rejects = await broker.ConsumeAsync("/queue/a");
        await rejects.NackAsync(await rejects.TakeAsync("1"));
        await rejects.TakeAsync("1", delivery: 2);
        await rejects.UnsubscribeAsync("s");
        for (int i = 0; i < 20; i++)
        {
            using Consumer consumer = await broker.ConsumeAsync("/queue/a", i % 2 == 0 ? "client" : "client-individual");
            await consumer.TakeAsync("1", delivery: i + 3);
            if (i % 5 == 0)
                await consumer.UnsubscribeAsync("s");
            await broker.EndAsync(consumer, (Ending)(i % 4));
        }

        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        await dead.ShouldHaveNothingAsync();
        using Consumer last = await broker.ConsumeAsync("/queue/a");
        await last.NackAsync(await last.TakeAsync("1", delivery: 23));
        (await dead.TakeAsync("1"))["x-death-reason"].Should().Be("delivery-limit", "the one NACK before is remembered");
    }

    [Fact]
    public async Task A_subscription_of_the_same_id_begins_anew()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "2"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3");
        for (int i = 1; i <= 5; i++)
        {
            (await consumer.TakeAllAsync()).Select(message => (message.Text, message["x-delivery-count"]!)).Should().Equal(("1", $"{i}"), ("2", $"{i}"));
            await consumer.UnsubscribeAsync("s");
            await consumer.SubscribeAsync("s", "/queue/a", headers: ("prefetch-count", "2"));
        }
    }

    [Fact]
    public async Task What_waits_unsent_for_a_lost_auto_consumer_is_not_lost()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 8192);
        using Consumer slow = await broker.OpenConsumerAsync(unread: 1);
        await slow.SubscribeAsync("s", "/queue/a", "auto");
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 300; i++)
            await publisher.PublishAsync("/queue/a", $"{i}".PadRight(1000));

        await broker.EndAsync(slow, Ending.Lost);

        int waiting = (int)broker.ReadMetric(QueueMetrics.Waiting);
        using Consumer next = await broker.ConsumeAsync("/queue/a", "auto");
        int[] left = [.. (await next.TakeTextsAsync(waiting)).Select(int.Parse)];
        await next.ShouldHaveNothingAsync();
        left.Should().Equal(Enumerable.Range(300 - left.Length, left.Length)).And.HaveCountGreaterThan(220, "what was not sent is not settled");
    }
}
