using System.Globalization;
using Broker.Tests.TestHost;

namespace Broker.Tests.Sessions;

/// <summary>
/// SEMANTICS 6: "NACK puts the message back in its place, marked `redelivered:true`, preferring another consumer"; "Connection lost, or UNSUBSCRIBE: what is
/// unacknowledged goes back, and that is no failure of the message"; "`client` cumulative within the subscription".
/// </summary>
public class QueueSettlementTests
{
    [Fact]
    public async Task A_message_that_is_refused_twice_and_then_accepted_is_gone()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        await client.SendAsync("/queue/a", "m");
        for (int i = 1; i <= 2; i++)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            (message["x-delivery-count"], message["redelivered"]).Should().Be((Text(i), i == 1 ? "false" : "true"));
            await client.SendFrameAsync("NACK", [("id", message["ack"]!)]);
        }

        TestFrame last = await client.ReadFrameAsync("MESSAGE");
        await client.AckAsync(last);

        await client.ShouldHaveNothingToReadAsync();
        broker.Environment.Queues.Totals().Should().BeEquivalentTo(new { Waiting = 0, Unacknowledged = 0, Bytes = 0 });
    }

    [Fact]
    public async Task A_refused_message_returns_to_its_place()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual, ("prefetch-count", "3"));
        for (int i = 0; i < 6; i++)
            await client.SendAsync("/queue/a", Text(i));
        TestFrame[] held = [await client.ReadFrameAsync(), await client.ReadFrameAsync(), await client.ReadFrameAsync()];

        // In one message, so that they are settled in one step: the second one comes first again.
        await client.Socket.SendBinaryAsync((byte[])
        [
            .. client.Encode("NACK", [("id", held[2]["ack"]!)]), .. client.Encode("ACK", [("id", held[0]["ack"]!)]), .. client.Encode("NACK", [("id", held[1]["ack"]!)]),
        ]);

        (await client.ReadDeliveryAsync()).Should().Be(("1", "2", "true"));
        (await client.ReadDeliveryAsync()).Should().Be(("2", "2", "true"));
        (await client.ReadDeliveryAsync()).Should().Be(("3", "1", "false"));
    }

    [Fact]
    public async Task Another_consumer_is_preferred()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient first = await broker.ConnectAsync();
        using StompTestClient second = await broker.ConnectAsync();
        await first.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        await first.SendAsync("/queue/a", "m");
        TestFrame message = await first.ReadFrameAsync("MESSAGE");
        await second.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);

        for (int i = 2; i < 8; i++)
        {
            StompTestClient refusing = i % 2 == 0 ? first : second, other = i % 2 == 0 ? second : first;
            await refusing.NackAsync(message);
            message = await other.ReadFrameAsync("MESSAGE");
            message["x-delivery-count"].Should().Be(Text(i));
        }
    }

    [Fact]
    public async Task Where_the_other_consumer_is_full_the_same_one_gets_it_again()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient full = await broker.ConnectAsync();
        using StompTestClient client = await broker.ConnectAsync();
        await full.SubscribeAsync("s", "/queue/a", QueueSteps.Individual, ("prefetch-count", "1"));
        await full.SendAsync("/queue/a", "held");
        await full.ReadTextAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        await client.SendAsync("/queue/a", "m");

        await client.SendFrameAsync("NACK", [("id", (await client.ReadFrameAsync("MESSAGE"))["ack"]!)]);

        (await client.ReadDeliveryAsync()).Should().Be(("m", "2", "true"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_unacknowledged_goes_back_when_its_consumer_goes_and_that_is_no_failure(bool isCut)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient sender = await broker.ConnectAsync();
        await sender.PublishAsync("/queue/a", "1");
        await sender.PublishAsync("/queue/a", "2");
        for (int i = 1; i < 30; i++)
        {
            StompTestClient client = await broker.ConnectAsync();
            await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
            (await client.ReadDeliveryAsync()).Should().Be(("1", Text(i), i == 1 ? "false" : "true"));
            (await client.ReadDeliveryAsync()).Should().Be(("2", Text(i), i == 1 ? "false" : "true"));
            if (!isCut)
                await client.DoAsync("UNSUBSCRIBE", [("id", "s")]);
            await broker.CutAsync(client);
        }

        (await broker.DrainAsync("/queue/a")).Should().Equal("1", "2");
        (await broker.DrainAsync("/queue/DLQ.a")).Should().BeEmpty();
    }

    [Fact]
    public async Task What_was_assigned_and_not_sent_goes_back_as_if_it_had_never_been()
    {
        await using var broker = new MemoryBroker();
        StompTestClient stopped = await broker.ConnectAsync(unread: 1);
        await stopped.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        using StompTestClient sender = await broker.ConnectAsync();
        for (int i = 0; i < 10; i++)
            await sender.PublishAsync("/queue/a", Text(i));
        await broker.CutAsync(stopped);

        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a");

        (await client.ReadDeliveryAsync()).Should().Be(("0", "2", "true"), "it was on its way");
        for (int i = 1; i < 10; i++)
            (await client.ReadDeliveryAsync()).Should().Be((Text(i), "1", "false"));
    }

    [Theory]
    [InlineData("ACK")]
    [InlineData("NACK")]
    public async Task In_client_mode_an_answer_is_for_all_messages_up_to_it(string command)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", ("ack", "client"), ("prefetch-count", "4"));
        for (int i = 0; i < 7; i++)
            await client.SendAsync("/queue/a", Text(i));
        TestFrame[] held = [await client.ReadFrameAsync(), await client.ReadFrameAsync(), await client.ReadFrameAsync(), await client.ReadFrameAsync()];

        await client.SendFrameAsync(command, [("id", held[2]["ack"]!)]);

        string[] expected = command == "ACK" ? ["4", "5", "6"] : ["0", "1", "2"];
        (await client.ReadTextsAsync(3)).Should().Equal(expected);
        await client.ShouldHaveNothingToReadAsync();
        await client.SendFrameAsync("ACK", [("id", held[0]["ack"]!)]);
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    public async Task Older_versions_answer_by_message_id(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SendFrameAsync("SUBSCRIBE", [("id", "s"), ("destination", "/queue/a"), QueueSteps.Individual]);
        await client.SendAsync("/queue/a", "m", ("a:b", "c"));
        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        message["ack"].Should().BeNull();
        await client.SendFrameAsync("NACK", [("message-id", message["message-id"]!), ("subscription", "s")]);
        TestFrame again = await client.ReadFrameAsync("MESSAGE");
        (again.Text, again["x-delivery-count"], again["redelivered"]).Should().Be(("m", "2", "true"));
        again["message-id"].Should().NotBe(message["message-id"], "it names the delivery");

        await client.DoAsync("ACK", [("message-id", again["message-id"]!), ("subscription", "s")]);

        broker.Environment.Queues.Totals().Should().BeEquivalentTo(new { Waiting = 0, Unacknowledged = 0 });
    }

    [Theory]
    [InlineData("SESSION-1-3")]
    [InlineData("SESSION-2-1")]
    [InlineData("SESSION-1")]
    [InlineData("SESSION-1-0")]
    [InlineData("1-1")]
    [InlineData("")]
    public async Task An_id_that_was_never_given_is_refused(string id)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        await client.SendAsync("/queue/a", "1");
        await client.SendAsync("/queue/a", "2");
        await client.ReadTextsAsync(2);

        await client.SendFrameAsync("ACK", [("id", id.Replace("SESSION", client.Connected!["session"], StringComparison.Ordinal)), ("receipt", "r")]);

        TestFrame error = await client.ReadErrorAndEndAsync();
        (error["message"], error["receipt-id"]).Should().Be(("bad ack id", "r"));
    }

    [Theory]
    [InlineData("1.2")]
    [InlineData("1.1")]
    public async Task An_answer_to_what_an_earlier_connection_was_given_is_ignored(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient earlier = await broker.ConnectAsync(version);
        await earlier.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        await earlier.SendAsync("/queue/a", "1");
        TestFrame given = await earlier.ReadFrameAsync("MESSAGE");
        await broker.CutAsync(earlier);
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        TestFrame again = await client.ReadFrameAsync("MESSAGE");
        again["x-delivery-count"].Should().Be("2");

        await client.DoAsync("BEGIN", [("transaction", "t")]);
        await client.DoAsync("NACK", [("transaction", "t"), .. Names(given)]);
        await client.DoAsync("COMMIT", [("transaction", "t")]);
        await client.DoAsync("ACK", Names(given));
        broker.Environment.Queues.Totals().Unacknowledged.Should().Be(1);
        await client.DoAsync("ACK", Names(again));
        broker.Environment.Queues.Totals().Unacknowledged.Should().Be(0);

        static (string, string)[] Names(TestFrame message) =>
            message["ack"] is { } ack ? [("id", ack)] : [("message-id", message["message-id"]!), ("subscription", "s")];
    }

    [Fact]
    public async Task What_several_consumers_of_a_lost_connection_held_goes_back_in_one_order()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient lost = await broker.ConnectAsync();
        for (int i = 0; i < 3; i++)
            await lost.SubscribeAsync(Text(i), "/queue/a", QueueSteps.Individual, ("prefetch-count", "5"));
        for (int i = 0; i < 15; i++)
            await lost.SendAsync("/queue/a", Text(i));
        for (int i = 0; i < 15; i++)
            await lost.ReadTextAsync();
        using StompTestClient waiting = await broker.ConnectAsync();
        await waiting.SubscribeAsync("s", "/queue/a");

        await broker.CutAsync(lost);

        for (int i = 0; i < 15; i++)
            (await waiting.ReadDeliveryAsync()).Should().Be((Text(i), "2", "true"));
    }

    [Fact]
    public async Task What_is_settled_is_ignored_and_so_is_what_belonged_to_a_subscription_that_has_ended()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        await client.SendAsync("/queue/a", "1");
        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        await client.AckAsync(message);
        await client.AckAsync(message);
        await client.NackAsync(message);
        await client.SendAsync("/queue/a", "2");
        message = await client.ReadFrameAsync("MESSAGE");
        await client.DoAsync("UNSUBSCRIBE", [("id", "s")]);
        await client.AckAsync(message);

        (await broker.DrainAsync("/queue/a")).Should().Equal("2");
    }

    [Fact]
    public async Task Answers_to_several_queues_in_one_go_each_reach_theirs()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("a", "/queue/a", QueueSteps.Individual);
        await client.SubscribeAsync("b", "/queue/b", QueueSteps.Individual);
        await client.SubscribeAsync("t", "/topic/t", QueueSteps.Individual);
        var acks = new List<byte>();
        for (int i = 0; i < 20; i++)
        {
            await client.SendAsync(i % 5 == 0 ? "/topic/t" : i % 2 == 0 ? "/queue/a" : "/queue/b", Text(i));
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            acks.AddRange(client.Encode("ACK", [("id", message["ack"]!), ("receipt", Text(i))]));
        }

        await client.Socket.SendBinaryAsync(acks.ToArray());

        for (int i = 0; i < 20; i++)
            (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be(Text(i));
        broker.Environment.Queues.Totals().Should().BeEquivalentTo(new { Waiting = 0, Unacknowledged = 0, Consumers = 2 });
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
