using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 7: "BEGIN/COMMIT/ABORT per connection, for SEND, ACK and NACK; COMMIT is atomic per destination and its RECEIPT comes when all effects
/// are visible; ABORT leaves acks undone. [...] Lost connection: abort."
/// </summary>
public class QueueTransactionTests
{
    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task SENDs_are_in_the_queue_with_COMMIT_and_not_before(string version)
    {
        await using var broker = new MemoryBroker();
        using Consumer publisher = await broker.OpenConsumerAsync(version);
        using Consumer waits = await broker.ConsumeAsync("/queue/a");
        await publisher.BeginAsync("t");
        await publisher.PublishAsync("/queue/a", "1", ("transaction", "t"));
        await publisher.PublishAsync("/queue/b", "2", ("transaction", "t"));
        await publisher.PublishAsync("/queue/a", "3", ("transaction", "t"));
        await publisher.PublishAsync("/queue/a", "outside");
        using Consumer other = await broker.ConsumeAsync("/queue/b");
        (await waits.TakeAllTextsAsync()).Should().Equal("outside");
        await other.ShouldHaveNothingAsync();

        await publisher.CommitAsync("t");

        (await waits.TakeAllAsync()).Select(message => message["transaction"] ?? message.Text).Should().Equal("1", "3");
        (await other.TakeAllTextsAsync()).Should().Equal("2");
    }

    [Fact]
    public async Task ABORT_sends_nothing()
    {
        await using var broker = new MemoryBroker();
        using Consumer publisher = await broker.OpenConsumerAsync();
        await publisher.BeginAsync("t");
        await publisher.PublishAsync("/queue/a", "never", ("transaction", "t"));

        await publisher.AbortAsync("t");

        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        await consumer.ShouldHaveNothingAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task COMMIT_is_atomic_per_destination_beside_other_publishers(bool isWaitedFor)
    {
        const int Publishers = 3, Commits = 60, InEach = 7;
        await using var broker = new MemoryBroker();
        Consumer? consumer = isWaitedFor ? await broker.ConsumeAsync("/queue/a", "auto") : null;
        Task[] publishing = [.. Enumerable.Range(0, Publishers).Select(number => ClientSteps.RunAsync(async () =>
        {
            using StompTestClient publisher = await broker.ConnectAsync();
            for (int commit = 0; commit < Commits; commit++)
            {
                await publisher.SendFrameAsync("BEGIN", [("transaction", "t")]);
                for (int i = 0; i < InEach; i++)
                {
                    await publisher.SendAsync("/queue/a", $"{number} {commit} {i}", ("transaction", "t"));
                    await publisher.SendAsync("/queue/b", "", ("transaction", "t"));
                }

                await publisher.DoAsync("COMMIT", [("transaction", "t")]);
            }
        }))];
        if (!isWaitedFor)
            await Task.WhenAll(publishing);
        consumer ??= await broker.ConsumeAsync("/queue/a", "auto");

        string[] seen = await consumer.TakeTextsAsync(Publishers * Commits * InEach);
        await Task.WhenAll(publishing);

        foreach (string[] commit in seen.Chunk(InEach))
        {
            string name = commit[0][..commit[0].LastIndexOf(' ')];
            commit.Should().Equal(Enumerable.Range(0, InEach).Select(i => $"{name} {i}"), "no other publisher's message stands between");
        }

        consumer.Dispose();
    }

    [Theory]
    [InlineData("1.0", "client-individual")]
    [InlineData("1.1", "client")]
    [InlineData("1.2", "client-individual")]
    [InlineData("1.2", "client")]
    public async Task ACKs_settle_with_COMMIT_and_not_before(string version, string ack)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", ack, version, ("prefetch-count", "2"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3", "4");
        TestFrame[] given = await consumer.TakeAsync(2);
        await consumer.BeginAsync("t");
        await consumer.AckAsync(given[1], ("transaction", "t"));
        if (ack != "client")
            await consumer.AckAsync(given[0], ("transaction", "t"));
        await consumer.ShouldHaveNothingAsync();

        await consumer.CommitAsync("t");

        (await consumer.TakeAllTextsAsync()).Should().Equal("3", "4");
        await broker.EndAsync(consumer, Ending.Lost);
        using Consumer next = await broker.ConsumeAsync("/queue/a");
        (await next.TakeAllTextsAsync()).Should().Equal("3", "4");
    }

    [Fact]
    public async Task NACKs_take_effect_with_COMMIT_and_not_before()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3");
        TestFrame[] given = await consumer.TakeAsync(3);
        using Consumer other = await broker.ConsumeAsync("/queue/a");
        await consumer.BeginAsync("t");
        await consumer.NackAsync(given[0], ("transaction", "t"));
        await consumer.NackAsync(given[1], ("transaction", "t"), ("requeue", "false"));
        await other.ShouldHaveNothingAsync();
        await dead.ShouldHaveNothingAsync();

        await consumer.CommitAsync("t");

        (await other.TakeAllAsync()).Select(message => (message.Text, message["x-delivery-count"])).Should().Equal(("1", "2"));
        (await dead.TakeAllAsync()).Select(message => (message.Text, message["x-death-reason"])).Should().Equal(("2", "rejected"));
        await consumer.ShouldHaveNothingAsync();
    }

    [Theory]
    [InlineData("ACK")]
    [InlineData("NACK")]
    [InlineData("NACK requeue:false")]
    public async Task ABORT_leaves_them_undone_and_they_can_be_given_again(string command)
    {
        await using var broker = new MemoryBroker(options => options.Limits.NacksPerMessage = 2);
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2");
        TestFrame given = await consumer.TakeAsync("1");
        (string, string)[] requeue = command == "NACK requeue:false" ? [("requeue", "false")] : [];
        for (int i = 0; i < 5; i++)
        {
            await consumer.BeginAsync("t");
            await consumer.DoAsync(command.Split(' ')[0], [.. consumer.Answer(given), ("transaction", "t"), .. requeue]);
            await consumer.AbortAsync("t");
            await consumer.ShouldHaveNothingAsync();
        }

        await dead.ShouldHaveNothingAsync();
        await consumer.NackAsync(given);
        await consumer.AckAsync(await consumer.TakeAsync("1", delivery: 2));
        await consumer.TakeAsync("2");
        await dead.ShouldHaveNothingAsync();
    }

    [Theory]
    [InlineData(Ending.Lost)]
    [InlineData(Ending.Closed)]
    [InlineData(Ending.Disconnect)]
    [InlineData(Ending.Error)]
    public async Task A_connection_that_ends_aborts(Ending how)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3");
        TestFrame[] given = await consumer.TakeAsync(3);
        await consumer.BeginAsync("t");
        await consumer.AckAsync(given[0], ("transaction", "t"));
        await consumer.NackAsync(given[1], ("transaction", "t"), ("requeue", "false"));
        await consumer.PublishAsync("/queue/a", "never", ("transaction", "t"));

        await broker.EndAsync(consumer, how);

        using Consumer next = await broker.OpenConsumerAsync();
        await next.SubscribeAsync("s", "/queue/a");
        await next.SubscribeAsync("dead", "/queue/DLQ.a");
        (await next.TakeAllAsync()).Select(message => (message.Text, message["x-delivery-count"])).Should().Equal(("1", "2"), ("2", "2"), ("3", "2"));
    }

    [Fact]
    public async Task One_message_for_another_is_settled_and_sent_at_once()
    {
        await using var broker = new MemoryBroker();
        using Consumer worker = await broker.ConsumeAsync("/queue/in", headers: ("prefetch-count", "1"));
        using Consumer sink = await broker.ConsumeAsync("/queue/out", "auto");
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 20; i++)
            await publisher.PublishAsync("/queue/in", $"{i}");
        for (int i = 0; i < 20; i++)
        {
            TestFrame message = await worker.TakeAsync($"{i}");
            await worker.BeginAsync("t");
            await worker.AckAsync(message, ("transaction", "t"));
            await worker.PublishAsync("/queue/out", $"done {i}", ("transaction", "t"));
            await sink.ShouldHaveNothingAsync();
            await worker.CommitAsync("t");
            await sink.TakeAsync($"done {i}");
        }
    }

    [Fact]
    public async Task What_is_settled_outside_before_COMMIT_stays_as_it_was_settled()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2");
        TestFrame[] given = await consumer.TakeAsync(2);
        await consumer.BeginAsync("t");
        await consumer.NackAsync(given[0], ("transaction", "t"), ("requeue", "false"));
        await consumer.AckAsync(given[1], ("transaction", "t"));
        await consumer.AckAsync(given[0]);
        await consumer.NackAsync(given[1]);
        await consumer.TakeAsync("2", delivery: 2);

        await consumer.CommitAsync("t");

        await broker.EndAsync(consumer, Ending.Lost);
        using Consumer next = await broker.ConsumeAsync("/queue/a");
        await next.TakeAsync("2", delivery: 3);
        await next.ShouldHaveNothingAsync();
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        await dead.ShouldHaveNothingAsync();
    }

    [Theory]
    [InlineData("ACK")]
    [InlineData("NACK")]
    public async Task What_goes_back_before_COMMIT_is_not_settled_by_it_whoever_has_it_now(string command)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "1");
        TestFrame given = await consumer.TakeAsync("1");
        await consumer.BeginAsync("t");
        await consumer.DoAsync(command, [.. consumer.Answer(given), ("transaction", "t"), ("requeue", "false")]);
        await consumer.UnsubscribeAsync("s");
        using Consumer other = await broker.ConsumeAsync("/queue/a");
        await other.TakeAsync("1", delivery: 2);

        await consumer.CommitAsync("t");

        await broker.EndAsync(other, Ending.Lost);
        using Consumer next = await broker.ConsumeAsync("/queue/a");
        await next.TakeAsync("1", delivery: 3);
    }

    [Fact]
    public async Task Two_transactions_are_apart_and_queues_and_topics_go_together()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.OpenConsumerAsync();
        await consumer.SubscribeAsync("q", "/queue/a", "auto");
        await consumer.SubscribeAsync("t", "/topic/a", "auto");
        await consumer.BeginAsync("one");
        await consumer.BeginAsync("two");
        foreach (string name in (string[])["one", "two"])
        {
            await consumer.PublishAsync("/queue/a", $"queue {name}", ("transaction", name));
            await consumer.PublishAsync("/topic/a", $"topic {name}", ("transaction", name));
        }

        await consumer.CommitAsync("two");
        (await consumer.TakeAllTextsAsync()).Should().BeEquivalentTo("queue two", "topic two");
        await consumer.CommitAsync("one");

        (await consumer.TakeAllTextsAsync()).Should().BeEquivalentTo("queue one", "topic one");
    }

    [Fact]
    public async Task COMMIT_lets_nobody_see_an_ACK_of_it_without_its_SENDs()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2");
        TestFrame given = await consumer.TakeAsync("1");
        await consumer.BeginAsync("t");
        await consumer.PublishAsync("/queue/a", "3", ("transaction", "t"));
        await consumer.NackAsync(given, ("transaction", "t"));
        await consumer.CommitAsync("t");

        await consumer.AckAsync(await consumer.TakeAsync("1", delivery: 2));
        await consumer.AckAsync(await consumer.TakeAsync("2"));
        await consumer.AckAsync(await consumer.TakeAsync("3"));
        await consumer.ShouldHaveNothingAsync();
    }
}
