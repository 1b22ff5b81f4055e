using Broker.Messaging;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 8: "A queue's consumer that is full simply gets no more; the message waits in the queue. [...] RECEIPT, ERROR and a queue's MESSAGE [are] never
/// [dropped]." And of 6: "Consumers take turns; one that is full or slow holds up no other."
/// </summary>
public class QueueSlowConsumerTests
{
    private const int Count = 400;

    // Of messages of a kilobyte: what is set aside for a socket that takes nothing, and the most that is on its way to it.
    private const int Aside = 140;

    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    [InlineData("client-individual")]
    public async Task One_that_stops_reading_holds_up_neither_a_publisher_nor_another_and_loses_nothing(string ack)
    {
        await using MemoryBroker broker = Create();
        using Consumer slow = await broker.OpenConsumerAsync(unread: 1);
        await slow.SubscribeAsync("s", "/queue/a", ack, ("prefetch-count", "0"));
        using Consumer other = await broker.ConsumeAsync("/queue/a", "auto");
        using StompTestClient publisher = await broker.ConnectAsync();
        var seen = new List<int>();
        for (int i = 0; i < Count; i++)
        {
            // The clock stands still: a publisher that were held would be held for ever.
            await publisher.PublishAsync("/queue/a", $"{i}".PadRight(1000));
            seen.AddRange((await other.TakeAllTextsAsync()).Select(int.Parse));
        }

        broker.Time.Timers.Should().Be(1, "nobody is held");
        broker.SessionOf(slow.Client).CloseReason.Should().Be(CloseReason.None);
        broker.SessionOf(slow.Client).Outbox.Bytes.Should().BeLessThan(8192 + 1200);
        seen.Should().HaveCountGreaterThan(Count - Aside).And.BeInAscendingOrder();

        int[] late = await TakeNumbersAsync(slow);
        late.Should().BeInAscendingOrder();
        seen.Concat(late).Order().Should().Equal(Enumerable.Range(0, Count));
        broker.ReadMetric(QueueMetrics.Dropped).Should().Be(0);
    }

    [Fact]
    public async Task What_waits_for_it_alone_waits_in_the_queue_and_comes_as_it_reads()
    {
        await using MemoryBroker broker = Create();
        using Consumer slow = await broker.OpenConsumerAsync(unread: 1);
        await slow.SubscribeAsync("s", "/queue/a", "auto");
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < Count; i++)
            await publisher.PublishAsync("/queue/a", $"{i}".PadRight(1000));
        broker.SessionOf(slow.Client).Outbox.Bytes.Should().BeLessThan(8192 + 1200);
        broker.ReadMetric(QueueMetrics.Waiting).Should().BeInRange(Count - Aside, Count);

        (await slow.TakeTextsAsync(Count)).Select(int.Parse).Should().Equal(Enumerable.Range(0, Count));
        await slow.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task What_waits_is_there_for_who_comes_while_it_does_not_read()
    {
        await using MemoryBroker broker = Create();
        using Consumer slow = await broker.OpenConsumerAsync(unread: 1);
        await slow.SubscribeAsync("s", "/queue/a", "client", ("prefetch-count", "0"));
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < Count; i++)
            await publisher.PublishAsync("/queue/a", $"{i}".PadRight(1000));

        using Consumer other = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "0"));

        int[] seen = await TakeNumbersAsync(other);
        seen.Should().Equal(Enumerable.Range(Count - seen.Length, seen.Length)).And.HaveCountGreaterThan(Count - Aside);
        await broker.EndAsync(slow, Ending.Lost);
        (await TakeNumbersAsync(other)).Should().Equal(Enumerable.Range(0, Count - seen.Length));
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    [InlineData("client-individual")]
    public async Task One_whose_socket_takes_nothing_has_no_more_turns_and_what_it_was_not_sent_comes_to_another(string ack)
    {
        const int Messages = 20;
        await using MemoryBroker broker = Create();
        broker.Time.Advance(TimeSpan.FromSeconds(0.5)); // whoever looks after queues now and then has just done it
        using Consumer slow = await broker.OpenConsumerAsync(unread: 1);
        await slow.SubscribeAsync("s", "/queue/a", ack);
        using Consumer other = await broker.ConsumeAsync("/queue/a", "auto");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "0", "1", "2", "3");
        (await other.TakeAllTextsAsync()).Should().Equal("1", "3");
        broker.Time.Advance(Broker.Delivery.Outbox.StallGrace);
        for (int i = 4; i < Messages; i++)
            await publisher.PublishAsync("/queue/a", $"{i}");

        string[] others = await other.TakeAllTextsAsync();
        others.Should().HaveCountGreaterThanOrEqualTo(Messages - 5, "but for a turn that it may have had before anybody looked, it has none");
        broker.Environment.Queues.Tidy();
        TestFrame[] late = await other.TakeAllAsync();
        late.Select(message => message.Text).Should().Equal(Enumerable.Range(2, Messages - 2).Select(i => $"{i}").Except(["3", .. others]));
        late.Should().OnlyContain(message => message["x-delivery-count"] == "1" && message["redelivered"] == "false");

        // It is as good as any when it reads again, and its numbers are those of what it was given.
        TestFrame first = await slow.TakeAsync("0");
        await other.UnsubscribeAsync("s");
        await publisher.PublishAllAsync("/queue/a", "20", "21");
        TestFrame second = await slow.TakeAsync("20"), third = await slow.TakeAsync("21");
        if (ack != "auto")
        {
            broker.ReadMetric(QueueMetrics.Unacknowledged).Should().Be(3);
            await slow.AckAsync(second);
            broker.ReadMetric(QueueMetrics.Unacknowledged).Should().Be(ack == "client" ? 1 : 2);
            await slow.NackAsync(third);
            await slow.AckAsync(await slow.TakeAsync("21", delivery: 2));
            await slow.AckAsync(first);
        }

        broker.ReadMetric(QueueMetrics.Unacknowledged).Should().Be(0);
        broker.ReadMetric(QueueMetrics.Bytes).Should().Be(0);
    }


    [Fact]
    public async Task The_topics_policy_is_no_business_of_a_queue()
    {
        await using MemoryBroker broker = Create();
        using Consumer slow = await broker.OpenConsumerAsync(unread: 1);
        await slow.SubscribeAsync("s", "/queue/a", "auto");
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 20; i++)
            await publisher.PublishAsync("/queue/a", new string('x', 20_000));
        broker.Time.Advance(TimeSpan.FromSeconds(20));
        broker.SessionOf(slow.Client).CloseReason.Should().Be(CloseReason.None, "only a connection that takes nothing for long is given up, by its pings");

        (await slow.TakeAsync(20)).Should().HaveCount(20);
    }

    [Fact]
    public async Task One_that_does_not_acknowledge_leaves_the_rest_to_others()
    {
        await using var broker = new MemoryBroker();
        using Consumer never = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "3"));
        using Consumer works = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 50; i++)
            await publisher.PublishAsync("/queue/a", $"{i}");
        var done = new List<string>();
        while (done.Count < 47)
        {
            TestFrame message = await works.TakeAsync();
            done.Add(message.Text);
            await works.AckAsync(message);
        }

        await works.ShouldHaveNothingAsync();
        (await never.TakeAllTextsAsync()).Concat(done).Should().BeEquivalentTo(Enumerable.Range(0, 50).Select(i => $"{i}"));
    }

    [Fact]
    public async Task One_whose_socket_is_full_holds_up_nobody_and_gets_its_own_when_it_reads_again()
    {
        const int Size = 50_000;
        await using RunningBroker broker = await RunningBroker.StartAsync("Broker:Limits:OutboxBytes=65536");
        using var slow = new Consumer(new StompTestClient(await RawWebSocket.ConnectAsync(broker.Port, "/ws", receiveBufferBytes: 4096)));
        await slow.Client.ConnectAsync("1.2");
        await slow.SubscribeAsync("s", "/queue/a", "auto");
        using var other = new Consumer(await StompTestClient.ConnectAsync(broker.Port));
        await other.SubscribeAsync("s", "/queue/a", headers: ("prefetch-count", "10"));
        using StompTestClient publisher = await StompTestClient.ConnectAsync(broker.Port);
        for (int i = 0; i < Count; i++)
            await publisher.PublishAsync("/queue/a", $"{i}".PadRight(Size));

        var seen = new List<int>();
        TestFrame[] batch;
        while ((batch = await other.TakeAllAsync()).Length > 0)
        {
            foreach (TestFrame message in batch)
            {
                seen.Add(int.Parse(message.Text));
                await other.AckAsync(message);
            }
        }

        seen.Should().BeInAscendingOrder().And.HaveCountGreaterThan(Count / 3);
        while (seen.Count < Count)
            seen.Add(int.Parse((await slow.TakeAsync()).Text));
        seen.Order().Should().Equal(Enumerable.Range(0, Count));
        await slow.ShouldHaveNothingAsync();
    }

    // A receipt says nothing of messages that had no room yet: as long as some come, more may.
    private static async Task<int[]> TakeNumbersAsync(Consumer consumer)
    {
        var numbers = new List<int>();
        string[] batch;
        while ((batch = await consumer.TakeAllTextsAsync()).Length > 0)
            numbers.AddRange(batch.Select(int.Parse));
        return [.. numbers];
    }

    private static MemoryBroker Create() => new(options => options.Limits.OutboxBytes = 8192);
}
