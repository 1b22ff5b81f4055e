using Broker.Tests.TestHost;

namespace Broker.Tests.Sessions;

/// <summary>
/// SEMANTICS 7, on queues: "BEGIN/COMMIT/ABORT per connection, for SEND, ACK and NACK; COMMIT is atomic per destination and its RECEIPT comes when all effects are
/// visible; ABORT leaves acks undone. [...] Lost connection: abort."
/// </summary>
public class QueueTransactionTests
{
    [Fact]
    public async Task A_message_is_taken_from_one_queue_and_put_into_another_in_one_step()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/in", QueueSteps.Individual);
        await client.SendAsync("/queue/in", "1");
        await client.SendAsync("/queue/in", "2");
        TestFrame first = await client.ReadFrameAsync("MESSAGE"), second = await client.ReadFrameAsync("MESSAGE");
        await client.DoAsync("BEGIN", [("transaction", "t")]);
        await client.AckAsync(first, ("transaction", "t"));
        await client.PublishAsync("/queue/out", "one", ("transaction", "t"));
        await client.NackAsync(second, ("transaction", "t"), ("requeue", "false"));
        await client.PublishAsync("/queue/out", "two", ("transaction", "t"));
        await client.PublishAsync("/topic/t", "three", ("transaction", "t"));
        broker.Environment.Queues.Totals().Should().BeEquivalentTo(new { Waiting = 0, Unacknowledged = 2 });

        await client.DoAsync("COMMIT", [("transaction", "t")]);

        broker.Environment.Queues.Totals().Should().BeEquivalentTo(new { Waiting = 3, Unacknowledged = 0 });
        (await broker.DrainAsync("/queue/out")).Should().Equal("one", "two");
        (await broker.DrainAsync("/queue/DLQ.in")).Should().Equal("2");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ABORT_and_a_lost_connection_leave_acks_undone(bool isCut)
    {
        await using var broker = new MemoryBroker();
        using (StompTestClient client = await broker.ConnectAsync())
        {
            await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
            await client.SendAsync("/queue/a", "m");
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            await client.DoAsync("BEGIN", [("transaction", "t")]);
            await client.AckAsync(message, ("transaction", "t"));
            await client.PublishAsync("/queue/a", "never", ("transaction", "t"));
            if (!isCut)
            {
                await client.DoAsync("ABORT", [("transaction", "t")]);
                await client.SendFrameAsync("NACK", [("id", message["ack"]!)]);
                (await client.ReadTextAsync()).Should().Be("m");
            }

            await broker.CutAsync(client);
        }

        (await broker.DrainAsync("/queue/a")).Should().Equal("m");
    }

    [Fact]
    public async Task What_went_back_meanwhile_is_not_settled_by_a_COMMIT()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        await client.SendAsync("/queue/a", "m");
        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        await client.DoAsync("BEGIN", [("transaction", "t")]);
        await client.AckAsync(message, ("transaction", "t"));
        await client.DoAsync("UNSUBSCRIBE", [("id", "s")]);

        await client.DoAsync("COMMIT", [("transaction", "t")]);

        (await broker.DrainAsync("/queue/a")).Should().Equal("m");
    }

    [Fact]
    public async Task What_a_transaction_sends_and_answers_in_one_queue_is_one_step()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual, ("prefetch-count", "1"));
        await client.SendAsync("/queue/a", "1");
        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        await client.DoAsync("BEGIN", [("transaction", "t")]);
        await client.PublishAsync("/queue/a", "2", ("transaction", "t"));
        await client.NackAsync(message, ("transaction", "t"));

        await client.SendFrameAsync("COMMIT", [("transaction", "t")]);

        (await client.ReadDeliveryAsync()).Should().Be(("1", "2", "true"), "it is back in its place before anybody is given the new one");
    }

    [Fact]
    public async Task What_is_acknowledged_in_the_queue_that_took_the_place_of_a_forgotten_one_is_settled()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        await client.SendAsync("/queue/a", "first");
        TestFrame first = await client.ReadFrameAsync("MESSAGE");
        await client.DoAsync("BEGIN", [("transaction", "t")]);
        await client.AckAsync(first, ("transaction", "t"));
        await client.DoAsync("UNSUBSCRIBE", [("id", "s")]);
        (await broker.DrainAsync("/queue/a")).Should().Equal("first");
        broker.Tidy();
        broker.Tidy();
        broker.Environment.Queues.Count.Should().Be(0);

        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        await client.SendAsync("/queue/a", "second");
        await client.AckAsync(await client.ReadFrameAsync("MESSAGE"), ("transaction", "t"));
        broker.Environment.Queues.Totals().Unacknowledged.Should().Be(1);
        await client.DoAsync("COMMIT", [("transaction", "t")]);

        broker.Environment.Queues.Totals().Should().BeEquivalentTo(new { Waiting = 0, Unacknowledged = 0, Bytes = 0 });
        await client.DoAsync("UNSUBSCRIBE", [("id", "s")]);
        (await broker.DrainAsync("/queue/a")).Should().BeEmpty();
    }


    [Theory]
    [InlineData("1-2")] // behind the session
    [InlineData("7-1")]
    public async Task An_id_that_was_never_given_is_refused_at_once(string id)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        await client.SendAsync("/queue/a", "m");
        await client.ReadTextAsync();
        await client.DoAsync("BEGIN", [("transaction", "t")]);

        await client.SendFrameAsync("ACK", [("id", $"{client.Connected!["session"]}-{id}"), ("transaction", "t")]);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("bad ack id");
    }
}
