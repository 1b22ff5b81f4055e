using System.Globalization;
using Broker.Tests.TestHost;

namespace Broker.Tests.Sessions;

/// <summary>
/// SEMANTICS 5: "`reply-to:/temp-queue/x` on SEND makes the reply come to the sender's connection as a MESSAGE with `subscription:/temp-queue/x`, no SUBSCRIBE needed;
/// the receiver sees `reply-to:/temp-queue/TOKEN`, to which it can SEND and which nobody can guess. Two connections with the same `/temp-queue/x` never see each
/// other's replies. After an explicit SUBSCRIBE to it, MESSAGEs carry that subscription's id instead. A reply to a vanished one is dropped and counted."
/// </summary>
public class ReplyTests
{
    [Theory]
    [InlineData("/queue/requests")]
    [InlineData("/topic/requests")]
    public async Task Two_that_ask_under_one_name_each_get_their_own_answers(string destination)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient worker = await broker.ConnectAsync();
        await worker.SubscribeAsync("w", destination);
        using StompTestClient ann = await broker.ConnectAsync();
        using StompTestClient bob = await broker.ConnectAsync();
        await ann.SendAsync(destination, "ann", ("reply-to", "/temp-queue/x"), ("correlation-id", "1"));
        TestFrame fromAnn = await worker.ReadFrameAsync("MESSAGE");
        await bob.SendAsync(destination, "bob", ("reply-to", "/temp-queue/x"), ("correlation-id", "1"));
        TestFrame fromBob = await worker.ReadFrameAsync("MESSAGE");

        fromAnn["reply-to"].Should().NotBe(fromBob["reply-to"]).And.MatchRegex("^/temp-queue/[a-z0-9-]{30,}$");
        await worker.SendAsync(fromBob["reply-to"]!, "to bob");
        await worker.SendAsync(fromAnn["reply-to"]!, "to ann");

        TestFrame toAnn = await ann.ReadFrameAsync("MESSAGE"), toBob = await bob.ReadFrameAsync("MESSAGE");
        (toAnn.Text, toAnn["subscription"], toAnn["destination"], toAnn["ack"]).Should().Be(("to ann", "/temp-queue/x", fromAnn["reply-to"], null));
        (toBob.Text, toBob["subscription"], toBob["x-delivery-count"]).Should().Be(("to bob", "/temp-queue/x", "1"));
        await ann.ShouldHaveNothingToReadAsync();
        await bob.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task Headers_keep_their_order_and_the_name_is_the_same_for_the_whole_connection()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/topic/a");
        await client.SendAsync("/topic/a", "", ("a", "1"), ("reply-to", "/temp-queue/x"), ("b", "2:3"), ("reply-to", "/temp-queue/y"));
        await client.SendAsync("/topic/a", "", ("reply-to", "/temp-queue/x"));
        await client.SendAsync("/topic/a", "", ("reply-to", "/temp-queue/y"));

        TestFrame[] messages = [await client.ReadFrameAsync(), await client.ReadFrameAsync(), await client.ReadFrameAsync()];

        messages[0].Headers.Select(header => header.Key).Should().Equal("subscription", "message-id", "destination", "a", "reply-to", "b", "content-length");
        messages[0]["b"].Should().Be("2:3");
        messages[1]["reply-to"].Should().Be(messages[0]["reply-to"]);
        messages[2]["reply-to"].Should().NotBe(messages[0]["reply-to"]);
    }

    [Fact]
    public async Task After_a_SUBSCRIBE_messages_carry_its_id_and_may_be_acknowledged()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient worker = await broker.ConnectAsync();
        string token = await AskAsync(client, worker);
        await client.SubscribeAsync("mine", "/temp-queue/x", QueueSteps.Individual);
        await AskAsync(client, worker);

        await worker.SendAsync(token, "1");
        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        (message.Text, message["subscription"]).Should().Be(("1", "mine"));
        await client.SendFrameAsync("NACK", [("id", message["ack"]!)]);
        message = await client.ReadFrameAsync("MESSAGE");
        message["x-delivery-count"].Should().Be("2");
        await client.AckAsync(message);

        // Without it they wait, until the queue is named as an answer's again.
        await client.DoAsync("UNSUBSCRIBE", [("id", "mine")]);
        await worker.PublishAsync(token, "2");
        await client.ShouldHaveNothingToReadAsync();
        await client.SendAsync("/topic/nobody", "", ("reply-to", "/temp-queue/x"));
        message = await client.ReadFrameAsync("MESSAGE");
        (message.Text, message["subscription"]).Should().Be(("2", "/temp-queue/x"));
    }

    [Fact]
    public async Task UNSUBSCRIBE_ends_what_came_without_a_SUBSCRIBE_and_then_the_id_is_unknown()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient worker = await broker.ConnectAsync();
        string token = await AskAsync(client, worker);
        await client.DoAsync("UNSUBSCRIBE", [("id", "/temp-queue/x")]);
        await worker.PublishAsync(token, "waits");
        await client.ShouldHaveNothingToReadAsync();

        await client.SendFrameAsync("UNSUBSCRIBE", [("id", "/temp-queue/x")]);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("unknown subscription");
    }

    [Fact]
    public async Task A_connection_may_use_a_temporary_queue_of_its_own_as_any_other()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient other = await broker.ConnectAsync();
        await other.SubscribeAsync("s", "/temp-queue/x");
        await client.PublishAsync("/temp-queue/x", "waits");
        await client.SubscribeAsync("s", "/temp-queue/x");

        TestFrame message = await client.ReadFrameAsync("MESSAGE");

        (message.Text, message["destination"]).Should().Be(("waits", "/temp-queue/x"));
        await other.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task Nobody_else_can_subscribe_to_the_secret_name()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient worker = await broker.ConnectAsync();
        string token = await AskAsync(client, worker);
        await worker.SubscribeAsync("spy", token);

        await worker.PublishAsync(token, "secret");

        (await client.ReadTextAsync()).Should().Be("secret");
        await worker.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task A_worker_may_pass_a_request_on_with_its_answer_going_to_who_asked()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient worker = await broker.ConnectAsync();
        string token = await AskAsync(client, worker);
        await worker.SubscribeAsync("second", "/topic/passed-on");
        await worker.SendAsync("/topic/passed-on", "", ("reply-to", token));

        string passedOn = (await worker.ReadFrameAsync("MESSAGE"))["reply-to"]!;

        passedOn.Should().Be(token);
        await worker.PublishAsync(passedOn, "answer");
        (await client.ReadTextAsync()).Should().Be("answer");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_answer_to_one_who_is_gone_is_dropped_and_counted(bool inTransaction)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient worker = await broker.ConnectAsync();
        StompTestClient client = await broker.ConnectAsync();
        string token = await AskAsync(client, worker);
        (string, string)[] headers = inTransaction ? [("transaction", "t")] : [];
        if (inTransaction)
        {
            await worker.DoAsync("BEGIN", [("transaction", "t")]);
            await worker.PublishAsync(token, "enlisted before", headers);
        }

        await broker.CutAsync(client);
        await worker.PublishAsync(token, "1", headers);
        await worker.PublishAsync(token, "2", headers);
        if (inTransaction)
            await worker.DoAsync("COMMIT", [("transaction", "t")]);

        Reading(broker, "messages_dropped_total{reason=\"reply-queue-gone\"}").Should().Be(inTransaction ? 3 : 2);
        broker.Environment.Queues.Totals().Should().BeEquivalentTo(new { Queues = 0, Bytes = 0 });
    }

    [Fact]
    public async Task What_waits_in_a_temporary_queue_goes_with_its_connection_and_is_counted()
    {
        await using var broker = new MemoryBroker();
        StompTestClient client = await broker.ConnectAsync();
        await client.PublishAsync("/temp-queue/x", "1");
        await client.SubscribeAsync("s", "/temp-queue/y", QueueSteps.Individual);
        await client.SendAsync("/temp-queue/y", "2");
        await client.ReadTextAsync();

        await broker.CutAsync(client);

        await ClientSteps.UntilAsync(() => broker.Environment.Queues.Totals() is { Queues: 0, Bytes: 0, Waiting: 0, Unacknowledged: 0, Consumers: 0 }, "they are gone");
        Reading(broker, "messages_dropped_total{reason=\"reply-queue-gone\"}").Should().Be(2);
    }

    [Fact]
    public async Task A_temporary_queue_has_no_dead_letter_queue()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/temp-queue/x", QueueSteps.Individual);
        await client.SendAsync("/temp-queue/x", "m");

        await client.NackAsync(await client.ReadFrameAsync("MESSAGE"), ("requeue", "false"));

        Reading(broker, "messages_dropped_total{reason=\"no-dead-letter-queue\"}").Should().Be(1);
        broker.Environment.Queues.Count.Should().Be(1);
    }

    [Fact]
    public async Task In_1_0_the_destination_is_the_id()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync("1.0");
        await client.DoAsync("SUBSCRIBE", [("destination", "/temp-queue/x")]);
        await client.SendAsync("/temp-queue/x", "m", ("reply-to", "/temp-queue/x"));

        (await client.ReadFrameAsync("MESSAGE"))["subscription"].Should().Be("/temp-queue/x");
        await client.DoAsync("UNSUBSCRIBE", [("destination", "/temp-queue/x")]);
    }

    private static async Task<string> AskAsync(StompTestClient client, StompTestClient worker)
    {
        await worker.SubscribeAsync("ask", "/topic/ask");
        await client.SendAsync("/topic/ask", "", ("reply-to", "/temp-queue/x"));
        string token = (await worker.ReadFrameAsync("MESSAGE"))["reply-to"]!;
        await worker.DoAsync("UNSUBSCRIBE", [("id", "ask")]);
        return token;
    }

    private static double Reading(MemoryBroker broker, string name)
    {
        using var text = new StringWriter();
        Broker.Diagnostics.PrometheusText.Write(broker.Metrics, text);
        return double.Parse(text.ToString().Split('\n').Single(line => line.StartsWith("stompbroker_" + name, StringComparison.Ordinal)).Split(' ')[^1], CultureInfo.InvariantCulture);
    }
}
