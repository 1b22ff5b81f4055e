using Broker.Configuration;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 6: "A queue has limits on messages and bytes (default 1,000,000 and 1 GiB), and all queues together have one; a SEND over them is err+close,
/// never a silent drop." Section 10: its close code is 1008. Section 8: "Broker memory is bounded by configuration, whatever clients do."
/// </summary>
public class QueueLimitTests
{
    [Fact]
    public void The_defaults_are_a_million_messages_and_1_GiB()
    {
        new LimitOptions().QueueMessages.Should().Be(1_000_000);
        new LimitOptions().QueueBytes.Should().Be(1024 * 1024 * 1024);
    }

    [Fact]
    public async Task A_SEND_beyond_the_most_messages_is_refused_and_what_is_there_stays()
    {
        await using MemoryBroker broker = Create(limits => limits.QueueMessages = 3);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3");

        await publisher.SendAsync("/queue/a", "4", ("receipt", "r"));

        await ShouldBeFullAsync(publisher, "r");
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "auto");
        (await consumer.TakeAllTextsAsync()).Should().Equal("1", "2", "3");
        await consumer.PublishAsync("/queue/a", "5");
        await consumer.TakeAsync("5");
    }

    [Fact]
    public async Task In_a_burst_all_that_find_room_are_kept_and_told_so_before_the_ERROR()
    {
        await using MemoryBroker broker = Create(limits => limits.QueueMessages = 3);
        using StompTestClient publisher = await broker.ConnectAsync();

        await publisher.Socket.SendBinaryAsync(
            (byte[])[.. Enumerable.Range(0, 6).SelectMany(i => publisher.Encode("SEND", [("destination", "/queue/a"), ("receipt", $"{i}")], [(byte)('0' + i)]))]);

        for (int i = 0; i < 3; i++)
            (await publisher.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be($"{i}");
        await ShouldBeFullAsync(publisher, "3");
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        (await consumer.TakeAllTextsAsync()).Should().Equal("0", "1", "2");
    }

    [Fact]
    public async Task A_large_limit_is_as_exact()
    {
        const int Limit = 4500, Together = 250;
        await using MemoryBroker broker = Create(limits => limits.QueueMessages = Limit);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < Limit + 500; i += Together)
        {
            await publisher.Socket.SendBinaryAsync((byte[])
            [
                .. Enumerable.Range(i, Together).SelectMany(number => publisher.Encode("SEND", [("destination", "/queue/a")], System.Text.Encoding.ASCII.GetBytes($"{number}"))),
            ]);
        }

        await ShouldBeFullAsync(publisher, null);
        broker.ReadMetric(QueueMetrics.Waiting).Should().Be(Limit);
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "0"));
        (await consumer.TakeTextsAsync(Limit)).Should().Equal(Enumerable.Range(0, Limit).Select(i => $"{i}"));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(50_000)]
    [InlineData(3_000_000)]
    public async Task A_large_limit_of_bytes_is_as_exact(int size)
    {
        const int Limit = 9 * 1024 * 1024;
        await using MemoryBroker broker = Create(limits => limits.QueueBytes = Limit);
        using StompTestClient publisher = await broker.ConnectAsync();
        byte[] message = publisher.Encode("SEND", [("destination", "/queue/a")], System.Text.Encoding.ASCII.GetBytes(new string('x', size)));
        int together = Math.Max(1, 1_000_000 / message.Length);
        byte[] messages = [.. Enumerable.Range(0, together).SelectMany(_ => message)];
        for (int i = 0; i < Limit + 2_000_000; i += messages.Length)
            await publisher.Socket.SendBinaryAsync(messages);

        await ShouldBeFullAsync(publisher, null);

        broker.ReadMetric(QueueMetrics.Bytes).Should().BeInRange(Limit - (2 * (size + 1000)), Limit);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_message_larger_than_the_limit_is_refused(bool isTotal)
    {
        await using var broker = new MemoryBroker(options =>
        {
            options.Limits.FrameBytes = 12 * 1024 * 1024;
            (options.Limits.QueueBytes, options.Limits.TotalQueueBytes) = isTotal ? (100_000_000, 6_000_000) : (6_000_000, 100_000_000);
        });
        using StompTestClient publisher = await broker.ConnectAsync();

        await publisher.SendAsync("/queue/a", new string('x', 8_000_000), ("receipt", "r"));

        await ShouldBeFullAsync(publisher, "r");
        broker.ReadMetric(QueueMetrics.Waiting).Should().Be(0);
    }

    [Fact]
    public async Task A_queues_bytes_are_limited()
    {
        await using MemoryBroker broker = Create(limits => limits.QueueBytes = 10_000);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 3; i++)
            await publisher.PublishAsync("/queue/a", new string('x', 3000));

        await publisher.SendAsync("/queue/a", new string('x', 3000), ("receipt", "r"));

        await ShouldBeFullAsync(publisher, "r");
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        for (int i = 0; i < 20; i++)
        {
            await consumer.AckAsync(await consumer.TakeAsync());
            await consumer.PublishAsync("/queue/a", new string('x', 3000));
        }
    }

    [Fact]
    public async Task Small_messages_are_counted_with_what_they_cost()
    {
        await using MemoryBroker broker = Create(limits => limits.QueueBytes = 100_000);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 10_000; i++)
            await publisher.SendAsync("/queue/a", "");

        await ShouldBeFullAsync(publisher, null);
    }

    [Fact]
    public async Task All_queues_together_are_limited()
    {
        await using MemoryBroker broker = Create(limits => limits.TotalQueueBytes = 300_000);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 9; i++)
            await publisher.PublishAsync($"/queue/{i}", new string('x', 30_000));

        await publisher.SendAsync("/queue/other", new string('x', 30_000), ("receipt", "r"));

        await ShouldBeFullAsync(publisher, "r");
        using Consumer consumer = await broker.OpenConsumerAsync();
        await consumer.SubscribeAsync("3", "/queue/3", "auto");
        await consumer.SubscribeAsync("4", "/queue/4", "auto");
        await consumer.TakeAsync(2);
        await consumer.PublishAsync("/queue/other", new string('x', 30_000));
    }

    [Fact]
    public async Task Another_queue_is_not_concerned()
    {
        await using MemoryBroker broker = Create(limits => limits.QueueMessages = 1);
        using StompTestClient publisher = await broker.ConnectAsync(), other = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "1");
        await publisher.SendAsync("/queue/a", "2");
        await ShouldBeFullAsync(publisher, null);

        await other.PublishAsync("/queue/b", "1");
    }

    [Theory]
    [InlineData("client")]
    [InlineData("client-individual")]
    public async Task What_is_not_acknowledged_is_in_the_queue_still(string ack)
    {
        await using MemoryBroker broker = Create(limits => limits.QueueMessages = 3);
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", ack);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3");
        TestFrame[] given = await consumer.TakeAsync(3);

        await publisher.SendAsync("/queue/a", "4");

        await ShouldBeFullAsync(publisher, null);
        await consumer.AckAsync(given[0]);
        await consumer.PublishAsync("/queue/a", "5");
        await consumer.TakeAsync("5");
    }

    [Theory]
    [InlineData("ACK")]
    [InlineData("NACK requeue:false")]
    [InlineData("NACK")]
    [InlineData("UNSUBSCRIBE")]
    [InlineData("lost")]
    [InlineData("COMMIT")]
    [InlineData("ABORT")]
    [InlineData("expired")]
    public async Task The_count_is_exact_whatever_becomes_of_messages(string what)
    {
        const int Limit = 5;
        await using MemoryBroker broker = Create(limits => limits.QueueMessages = Limit);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int round = 0; round < 30; round++)
        {
            // The dead letters of rounds before have no part in it.
            using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a", "auto");
            using Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "2"));
            for (int i = 0; i < Limit; i++)
                await publisher.PublishAsync("/queue/a", $"{i}", ("expiration", what == "expired" ? "1" : "0"));
            TestFrame[] given = await consumer.TakeAsync(2);
            switch (what)
            {
                case "ACK":
                    await consumer.AckAsync(given[0]);
                    await consumer.AckAsync(given[0]);
                    break;
                case "NACK requeue:false":
                    await consumer.NackAsync(given[1], ("requeue", "false"));
                    await consumer.NackAsync(given[1], ("requeue", "false"));
                    break;
                case "NACK":
                    await consumer.NackAsync(given[0]);
                    await consumer.NackAsync(given[1]);
                    break;
                case "UNSUBSCRIBE":
                    await consumer.UnsubscribeAsync("s");
                    break;
                case "lost":
                    await broker.EndAsync(consumer, Ending.Lost);
                    break;
                case "COMMIT" or "ABORT":
                    await consumer.BeginAsync("t");
                    await consumer.AckAsync(given[0], ("transaction", "t"));
                    await consumer.NackAsync(given[1], ("transaction", "t"), ("requeue", "false"));
                    await (what == "COMMIT" ? consumer.CommitAsync("t") : consumer.AbortAsync("t"));
                    break;
                default:
                    broker.Time.Advance(TimeSpan.FromMilliseconds(10));
                    foreach (TestFrame message in given)
                        await consumer.AckAsync(message);
                    break;
            }

            int room = what switch { "ACK" or "NACK requeue:false" => 1, "COMMIT" => 2, "expired" => Limit, _ => 0 };
            for (int i = 0; i < room; i++)
                await publisher.PublishAsync("/queue/a", "more");
            using StompTestClient refused = await broker.ConnectAsync();
            await refused.SendAsync("/queue/a", "too many");
            await ShouldBeFullAsync(refused, null);

            if (what != "lost")
                await broker.EndAsync(consumer, Ending.Disconnect);
            using Consumer rest = await broker.ConsumeAsync("/queue/a", "auto");
            (await rest.TakeAllAsync()).Should().HaveCount(Limit);
            await broker.EndAsync(rest, Ending.Disconnect);
            await broker.EndAsync(dead, Ending.Disconnect);
        }
    }

    [Fact]
    public async Task What_passes_through_without_waiting_takes_no_room()
    {
        await using MemoryBroker broker = Create(limits => limits.QueueMessages = 3);
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "auto");
        for (int i = 0; i < 50; i++)
        {
            await consumer.PublishAsync("/queue/a", $"{i}");
            await consumer.TakeAsync($"{i}");
        }
    }

    [Fact]
    public async Task A_COMMIT_that_finds_no_room_is_refused_and_nothing_of_it_is_in_the_queue()
    {
        await using MemoryBroker broker = Create(limits => limits.QueueMessages = 3);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "0");
        await publisher.DoAsync("BEGIN", [("transaction", "t")]);
        for (int i = 1; i <= 3; i++)
            await publisher.PublishAsync("/queue/a", $"{i}", ("transaction", "t"));

        await publisher.SendFrameAsync("COMMIT", [("transaction", "t"), ("receipt", "c")]);

        await ShouldBeFullAsync(publisher, "c");
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "auto");
        (await consumer.TakeAllTextsAsync()).Should().Equal("0");
        for (int i = 0; i < 10; i++)
        {
            await consumer.BeginAsync("t");
            for (int j = 0; j < 3; j++)
                await consumer.PublishAsync("/queue/b", "", ("transaction", "t"));
            await consumer.CommitAsync("t");
            using Consumer other = await broker.ConsumeAsync("/queue/b", "auto");
            (await other.TakeAllAsync()).Should().HaveCount(3);
            await broker.EndAsync(other, Ending.Disconnect);
        }
    }

    [Fact]
    public async Task A_refused_COMMIT_undoes_its_acknowledgements_of_that_queue()
    {
        await using MemoryBroker broker = Create(limits => limits.QueueMessages = 3);
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3");
        TestFrame given = await consumer.TakeAsync("1");
        await consumer.BeginAsync("t");
        await consumer.AckAsync(given, ("transaction", "t"));
        for (int i = 0; i < 3; i++)
            await consumer.PublishAsync("/queue/a", "more", ("transaction", "t"));

        await consumer.Client.SendFrameAsync("COMMIT", [("transaction", "t"), ("receipt", "c")]);

        TestFrame error = await consumer.ReadErrorAndEndAsync(1008);
        (error["message"], error["receipt-id"]).Should().Be(("queue full", "c"));
        using Consumer next = await broker.ConsumeAsync("/queue/a");
        (await next.TakeAllTextsAsync()).Should().Equal("1", "2", "3");
    }

    [Fact]
    public async Task What_goes_back_is_never_refused()
    {
        await using MemoryBroker broker = Create(limits => limits.QueueMessages = 3);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3");
        for (int i = 1; i <= 10; i++)
        {
            using Consumer consumer = await broker.ConsumeAsync("/queue/a");
            for (int j = 1; j <= 3; j++)
                await consumer.TakeAsync($"{j}", delivery: i);
            await broker.EndAsync(consumer, (Ending)(i % 4));
        }
    }

    [Fact]
    public async Task Dead_letters_beyond_the_limit_are_kept_or_counted_as_dropped()
    {
        await using MemoryBroker broker = Create(limits => limits.QueueMessages = 3);
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        for (int i = 0; i < 10; i++)
        {
            await consumer.PublishAsync("/queue/a", $"{i}");
            await consumer.NackAsync(await consumer.TakeAsync($"{i}"), ("requeue", "false"));
        }

        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a", "auto");

        int kept = (await dead.TakeAllAsync()).Length;
        (kept + broker.ReadMetric(QueueMetrics.Dropped)).Should().Be(10, "never a silent drop");
        kept.Should().BeGreaterThanOrEqualTo(3);
    }

    [Fact]
    public async Task Ever_new_queues_are_limited_in_number()
    {
        await using MemoryBroker broker = Create(limits => limits.Queues = 100);
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 200; i++)
            await publisher.SendAsync($"/queue/{i}", "");

        (await publisher.ReadErrorAndEndAsync(1008))["message"].Should().Be("too many destinations");

        using Consumer consumer = await broker.OpenConsumerAsync();
        await consumer.SubscribeAsync("0", "/queue/0", "auto");
        await consumer.TakeAsync("");
    }

    private static MemoryBroker Create(Action<LimitOptions> limit) => new(options => limit(options.Limits));

    private static async Task ShouldBeFullAsync(StompTestClient publisher, string? receipt)
    {
        TestFrame error = await publisher.ReadErrorAndEndAsync(1008);
        (error["message"], error["receipt-id"]).Should().Be(("queue full", receipt));
    }
}
