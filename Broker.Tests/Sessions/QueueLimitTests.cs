using System.Globalization;
using Broker.Configuration;
using Broker.Routing;
using Broker.Tests.TestHost;

namespace Broker.Tests.Sessions;

/// <summary>
/// SEMANTICS 6: "A queue has limits on messages and bytes (default 1,000,000 and 1 GiB), and all queues together have one; a SEND over them is err+close,
/// never a silent drop."
/// </summary>
public class QueueLimitTests
{
    [Fact]
    public async Task The_SEND_over_the_number_of_messages_is_refused_and_those_before_it_count()
    {
        await using var broker = new MemoryBroker(options => options.Limits.QueueMessages = 3);
        using StompTestClient client = await broker.ConnectAsync();
        byte[] many = [.. Enumerable.Range(0, 5).SelectMany(i => client.Encode("SEND", [("destination", "/queue/a"), ("receipt", Text(i))], "x"u8))];

        await client.Socket.SendBinaryAsync(many);

        for (int i = 0; i < 3; i++)
            (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be(Text(i));
        TestFrame error = await client.ReadErrorAndEndAsync(1008);
        (error["message"], error["receipt-id"]).Should().Be(("queue full", "3"));
        (await broker.DrainAsync("/queue/a")).Should().HaveCount(3);
    }

    [Fact]
    public async Task What_consumers_have_counts_until_it_is_acknowledged()
    {
        await using var broker = new MemoryBroker(options => options.Limits.QueueMessages = 2);
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        await client.SendAsync("/queue/a", "1");
        await client.SendAsync("/queue/a", "2");
        TestFrame first = await client.ReadFrameAsync("MESSAGE");
        await client.ReadTextAsync();
        await client.AckAsync(first);
        await client.SendAsync("/queue/a", "3");
        await client.ReadTextAsync();

        await client.SendAsync("/queue/a", "4");

        (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("queue full");
    }

    [Theory]
    [InlineData(nameof(LimitOptions.QueueBytes))]
    [InlineData(nameof(LimitOptions.TotalQueueBytes))]
    public async Task The_SEND_over_the_bytes_is_refused(string limit)
    {
        await using var broker = new MemoryBroker(options => typeof(LimitOptions).GetProperty(limit)!.SetValue(options.Limits, 10_000L));
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 9; i++)
            await client.PublishAsync(limit == nameof(LimitOptions.QueueBytes) ? "/queue/a" : $"/queue/{i}", new string('x', 800));

        await client.SendAsync("/queue/a", new string('x', 4000), ("receipt", "r"));

        TestFrame error = await client.ReadErrorAndEndAsync(1008);
        (error["message"], error["receipt-id"]).Should().Be(("queue full", "r"));
    }

    [Fact]
    public async Task One_message_that_is_larger_than_the_queue_may_be_is_refused()
    {
        await using var broker = new MemoryBroker(options => (options.Limits.FrameBytes, options.Limits.WebSocketMessageBytes, options.Limits.QueueBytes) = (32 << 20, 64 << 20, 6 << 20));
        using StompTestClient client = await broker.ConnectAsync();
        await client.PublishAsync("/queue/a", "fits");

        await client.SendAsync("/queue/a", new string('x', 8 << 20));

        (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("queue full");
    }

    [Fact]
    public async Task A_SEND_with_the_headers_of_the_one_before_is_refused_as_any()
    {
        await using var broker = new MemoryBroker(options => options.Limits.QueueMessages = 7);
        using StompTestClient client = await broker.ConnectAsync();
        byte[] many = [.. Enumerable.Range(0, 10).SelectMany(i => client.Encode("SEND", [("destination", "/queue/a"), ("n", "same")], System.Text.Encoding.ASCII.GetBytes(Text(i))))];

        await client.Socket.SendBinaryAsync(many);

        TestFrame error = await client.ReadErrorAndEndAsync(1008);
        (error["message"], error["receipt-id"]).Should().Be(("queue full", null));
        (await broker.DrainAsync("/queue/a")).Should().Equal("0", "1", "2", "3", "4", "5", "6");
    }

    [Fact]
    public async Task A_transaction_that_does_not_find_room_as_a_whole_does_nothing()
    {
        await using var broker = new MemoryBroker(options => options.Limits.QueueMessages = 2);
        using (StompTestClient client = await broker.ConnectAsync())
        {
            await client.SubscribeAsync("s", "/queue/in", QueueSteps.Individual);
            await client.SendAsync("/queue/in", "m");
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            await client.PublishAsync("/queue/full", "0");
            await client.DoAsync("BEGIN", [("transaction", "t")]);
            await client.PublishAsync("/queue/out", "out", ("transaction", "t"));
            await client.AckAsync(message, ("transaction", "t"));
            await client.PublishAsync("/queue/full", "1", ("transaction", "t"));
            await client.PublishAsync("/queue/full", "2", ("transaction", "t"));

            await client.SendFrameAsync("COMMIT", [("transaction", "t"), ("receipt", "c")]);

            (await client.ReadErrorAndEndAsync(1008))["receipt-id"].Should().Be("c");
        }

        (await broker.DrainAsync("/queue/out")).Should().BeEmpty();
        (await broker.DrainAsync("/queue/full")).Should().Equal("0");
        (await broker.DrainAsync("/queue/in")).Should().Equal("m");
        broker.Environment.Queues.Bytes.Should().Be(0);
    }

    [Fact]
    public async Task There_are_no_more_queues_than_may_be()
    {
        await using var broker = new MemoryBroker(options => options.Limits.Queues = 2);
        using StompTestClient client = await broker.ConnectAsync();
        await client.PublishAsync("/queue/a", "x");
        await client.PublishAsync("/queue/b", "x");
        await client.PublishAsync("/queue/a", "x");

        await client.SendFrameAsync("SUBSCRIBE", [("id", "s"), ("destination", "/queue/c")]);

        (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("too many destinations");
    }

    [Fact]
    public async Task A_connection_has_no_more_temporary_queues_than_may_be()
    {
        await using var broker = new MemoryBroker(options => options.Limits.TempQueues = 2);
        using (StompTestClient client = await broker.ConnectAsync())
        {
            await client.PublishAsync("/topic/a", "x", ("reply-to", "/temp-queue/a"));
            await client.PublishAsync("/topic/a", "x", ("reply-to", "/temp-queue/b"));
            await client.PublishAsync("/topic/a", "x", ("reply-to", "/temp-queue/a"));

            await client.SendAsync("/topic/a", "x", ("reply-to", "/temp-queue/c"));

            (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("too many destinations");
        }

        await ClientSteps.UntilAsync(() => broker.Environment.Queues.Count == 0, "they went with it");
    }

    [Fact]
    public async Task Who_still_has_a_forgotten_queue_at_hand_is_refused_when_others_have_filled_the_new_one()
    {
        const int Limit = 5000; // so large that an empty queue has room for a publisher's batch
        await using var broker = new MemoryBroker(options => options.Limits.QueueMessages = Limit);
        using StompTestClient client = await broker.ConnectAsync();
        await client.PublishAsync("/queue/a", "old");
        (await broker.DrainAsync("/queue/a")).Should().Equal("old");
        broker.Tidy();
        broker.Tidy();
        broker.Environment.Queues.Count.Should().Be(0);
        using StompTestClient other = await broker.ConnectAsync();
        await other.Socket.SendBinaryAsync((byte[])[.. Enumerable.Repeat(other.Encode("SEND", [("destination", "/queue/a")], "x"u8), Limit).SelectMany(frame => frame)]);
        await other.ShouldHaveNothingToReadAsync();

        await client.SendAsync("/queue/a", "one too many", ("receipt", "r"));

        TestFrame error = await client.ReadErrorAndEndAsync(1008);
        (error["message"], error["receipt-id"]).Should().Be(("queue full", "r"));
        broker.Environment.Queues.Totals().Waiting.Should().Be(Limit);
    }

    [Fact]
    public async Task Large_messages_of_several_publishers_never_pass_the_limit()
    {
        const int Limit = 3 << 20;
        await using var broker = new MemoryBroker(options => options.Limits.QueueBytes = Limit);
        Task[] publishing = [.. Enumerable.Range(0, 8).Select(_ => ClientSteps.RunAsync(async () =>
        {
            using StompTestClient client = await broker.ConnectAsync();
            await client.SendAsync("/queue/a", new string('x', 900_000), ("receipt", "r"));
            TestFrame answer = await client.ReadFrameAsync();
            (answer["message"] ?? answer["receipt-id"]).Should().BeOneOf("queue full", "r");
        }))];

        await Task.WhenAll(publishing);

        Queue queue = broker.Environment.Queues.GetOrAdd("/queue/a"u8)!;
        (queue.Messages, broker.Environment.Queues.Bytes).Should().Be((3, queue.Bytes));
        queue.Bytes.Should().BeLessThanOrEqualTo(Limit);
    }

    [Fact]
    public async Task Named_queues_leave_room_for_those_of_connections()
    {
        await using var broker = new MemoryBroker(options => options.Limits.Queues = 2);
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("a", "/queue/a");
        await client.PublishAsync("/queue/b", "x");

        await client.SendAsync("/queue/a", "ask", ("reply-to", "/temp-queue/x"));

        await client.SendAsync((await client.ReadFrameAsync("MESSAGE"))["reply-to"]!, "answer");
        (await client.ReadTextAsync()).Should().Be("answer");
        broker.Environment.Queues.Count.Should().Be(3);
        await client.SendAsync("/queue/c", "x");
        (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("too many destinations");
    }

    [Fact]
    public async Task Queues_of_connections_leave_room_for_named_ones()
    {
        await using var broker = new MemoryBroker(options => options.Limits.Queues = 2);
        using StompTestClient client = await broker.ConnectAsync();
        await client.PublishAsync("/topic/a", "x", ("reply-to", "/temp-queue/a"));
        await client.PublishAsync("/topic/a", "x", ("reply-to", "/temp-queue/b"));

        await client.PublishAsync("/queue/a", "x");
        await client.PublishAsync("/queue/b", "x");

        broker.Environment.Queues.Count.Should().Be(4);
        await client.SendAsync("/topic/a", "x", ("reply-to", "/temp-queue/c"));
        (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("too many destinations");
        await ClientSteps.UntilAsync(() => broker.Environment.Queues.Count == 2, "those of the connection went with it");
    }


    [Fact]
    public async Task Room_that_nobody_needs_any_more_is_there_again()
    {
        await using var broker = new MemoryBroker(options => options.Limits.QueueMessages = 5000);
        using StompTestClient client = await broker.ConnectAsync();
        for (int round = 0; round < 4; round++)
        {
            for (int i = 0; i < 4000; i++)
                await client.SendAsync("/queue/a", "x");
            await client.ShouldHaveNothingToReadAsync();
            (await broker.DrainAsync("/queue/a")).Should().HaveCount(4000);
        }

        Queue queue = broker.Environment.Queues.GetOrAdd("/queue/a"u8)!;
        (queue.Messages, queue.Bytes, broker.Environment.Queues.Bytes).Should().Be((0, 0L, 0L));
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
