using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 6: "<c>auto</c>; <c>client</c> cumulative within the subscription; <c>client-individual</c>. 1.2 answers the MESSAGE's <c>ack</c>; 1.1 <c>message-id</c> +
/// <c>subscription</c>; 1.0 <c>message-id</c>. An id newer than any that this subscription was given, or of no such form: err+close; an older one that is
/// settled is ignored (a cumulative ACK may have overtaken it)." And of 5: "each message to one consumer; kept in order until acknowledged."
/// </summary>
public class QueueAckTests
{
    public static TheoryData<string> Versions => SessionSteps.Versions;

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Auto_settles_what_is_sent(string version)
    {
        await using var broker = new MemoryBroker();
        Consumer consumer = await broker.ConsumeAsync("/queue/a", "auto", version);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2");
        TestFrame[] given = await consumer.TakeAsync(2);
        given.Should().OnlyContain(message => message["ack"] == null);

        await broker.EndAsync(consumer, Ending.Lost);

        using Consumer next = await broker.ConsumeAsync("/queue/a");
        await next.ShouldHaveNothingAsync();
        consumer.Dispose();
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Client_settles_all_up_to_its_message_within_the_subscription(string version)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.OpenConsumerAsync(version);
        await consumer.SubscribeAsync("s", "/queue/a", "client");
        await consumer.SubscribeAsync("other", "/queue/b", "client");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/b", "b1");
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3", "4", "5");
        TestFrame[] given = await consumer.TakeAllAsync();

        await consumer.AckAsync(given.Single(message => message.Text == "3"));

        await broker.EndAsync(consumer, Ending.Lost);
        using Consumer next = await broker.OpenConsumerAsync();
        await next.SubscribeAsync("a", "/queue/a");
        await next.TakeAsync("4", delivery: 2);
        await next.TakeAsync("5", delivery: 2);
        await next.SubscribeAsync("b", "/queue/b");
        await next.TakeAsync("b1", delivery: 2);
        await next.ShouldHaveNothingAsync();
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Client_individual_settles_its_message_alone(string version)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "client-individual", version);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3", "4", "5");
        TestFrame[] given = await consumer.TakeAsync(5);

        await consumer.AckAsync(given[3]);
        await consumer.AckAsync(given[1]);

        await broker.EndAsync(consumer, Ending.Lost);
        using Consumer next = await broker.ConsumeAsync("/queue/a");
        await next.TakeAsync("1", delivery: 2);
        await next.TakeAsync("3", delivery: 2);
        await next.TakeAsync("5", delivery: 2);
        await next.ShouldHaveNothingAsync();
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task What_is_settled_never_comes_back(string version)
    {
        await using var broker = new MemoryBroker();
        foreach (string ack in (string[])["client", "client-individual"])
        {
            using StompTestClient publisher = await broker.ConnectAsync();
            using Consumer consumer = await broker.ConsumeAsync("/queue/a", ack, version, ("prefetch-count", "3"));
            for (int i = 0; i < 20; i++)
                await publisher.PublishAsync("/queue/a", $"{i}");
            for (int i = 0; i < 20; i++)
                await consumer.AckAsync(await consumer.TakeAsync($"{i}"));
            await consumer.UnsubscribeAsync("s");
            await broker.EndAsync(consumer, Ending.Disconnect);
            using Consumer next = await broker.ConsumeAsync("/queue/a", "auto");
            await next.ShouldHaveNothingAsync();
            await broker.EndAsync(next, Ending.Disconnect);
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_settled_one_is_ignored_and_settles_nothing_else(string version)
    {
        await using var broker = new MemoryBroker();
        foreach (string ack in (string[])["client", "client-individual"])
        {
            string queue = "/queue/" + ack;
            Consumer consumer = await broker.ConsumeAsync(queue, ack, version, ("prefetch-count", "3"));
            using StompTestClient publisher = await broker.ConnectAsync();
            await publisher.PublishAllAsync(queue, "1", "2", "3", "4");
            TestFrame[] given = await consumer.TakeAsync(3);
            await consumer.AckAsync(given[0]);
            await consumer.TakeAsync("4");

            await consumer.AckAsync(given[0]);
            await consumer.NackAsync(given[0]);
            await consumer.NackAsync(given[0], ("requeue", "false"));

            await consumer.ShouldHaveNothingAsync();
            await broker.EndAsync(consumer, Ending.Lost);
            using Consumer next = await broker.ConsumeAsync(queue);
            (await next.TakeAllTextsAsync()).Should().Equal("2", "3", "4");
            using Consumer dead = await broker.ConsumeAsync($"/queue/DLQ.{ack}");
            await dead.ShouldHaveNothingAsync();
            consumer.Dispose();
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task An_answer_to_an_earlier_delivery_does_not_settle_the_later_one(string version)
    {
        await using var broker = new MemoryBroker();
        foreach (string ack in (string[])["client", "client-individual"])
        {
            string queue = "/queue/" + ack;
            Consumer consumer = await broker.ConsumeAsync(queue, ack, version);
            using StompTestClient publisher = await broker.ConnectAsync();
            await publisher.PublishAllAsync(queue, "1");
            TestFrame first = await consumer.TakeAsync("1");
            await consumer.NackAsync(first);
            TestFrame second = await consumer.TakeAsync("1", delivery: 2);
            consumer.Answer(second).Should().NotEqual(consumer.Answer(first));

            await consumer.AckAsync(first);
            await consumer.NackAsync(first, ("requeue", "false"));

            await consumer.ShouldHaveNothingAsync();
            await broker.EndAsync(consumer, Ending.Lost);
            using Consumer next = await broker.ConsumeAsync(queue, ack, version);
            TestFrame third = await next.TakeAsync("1", delivery: 3);
            await next.AckAsync(third);
            await next.UnsubscribeAsync("s");
            await next.SubscribeAsync("s", queue);
            await next.ShouldHaveNothingAsync();
            consumer.Dispose();
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Of_a_subscription_that_has_ended_it_is_ignored_whoever_has_the_message_now(string version)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "client-individual", version);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "1");
        TestFrame given = await consumer.TakeAsync("1");
        await consumer.UnsubscribeAsync("s");
        using Consumer other = await broker.ConsumeAsync("/queue/a");
        await other.TakeAsync("1", delivery: 2);

        await consumer.AckAsync(given);
        await consumer.NackAsync(given, ("requeue", "false"));

        await broker.EndAsync(other, Ending.Lost);
        await consumer.SubscribeAsync("t", "/queue/a");
        await consumer.TakeAsync("1", delivery: 3);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task One_newer_than_any_that_was_given_is_refused_and_what_was_held_goes_back(string version)
    {
        await using var broker = new MemoryBroker();
        foreach (string command in (string[])["ACK", "NACK"])
        {
            using Consumer consumer = await broker.ConsumeAsync("/queue/a", "client", version, ("prefetch-count", "1"));
            using StompTestClient publisher = await broker.ConnectAsync();
            await publisher.PublishAllAsync("/queue/a", "1", "2");
            TestFrame given = await consumer.TakeAsync("1");
            (string Name, string Value)[] answer = consumer.Answer(given);
            answer[0].Value.Should().EndWith("-1");
            answer[0].Value = answer[0].Value[..^1] + "2";

            await consumer.Client.SendFrameAsync(command, [.. answer, ("receipt", "r")]);

            TestFrame error = await consumer.ReadErrorAndEndAsync();
            (error["message"], error["receipt-id"]).Should().Be(("bad ack id", "r"));
            using Consumer next = await broker.ConsumeAsync("/queue/a", "auto");
            await next.TakeAsync("1", delivery: 2);
            await next.TakeAsync("2");
            await next.ShouldHaveNothingAsync();
            await broker.EndAsync(next, Ending.Disconnect);
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task One_of_no_such_form_is_refused(string version)
    {
        await using var broker = new MemoryBroker();
        foreach (string id in (string[])["", "x", "1", "0-1", "-1", "1-x", "anything@1-99"])
        {
            using Consumer consumer = await broker.ConsumeAsync("/queue/a", "client", version);
            await consumer.Client.SendFrameAsync("ACK", [(version == "1.2" ? "id" : "message-id", id), ("subscription", "s")]);
            (await consumer.ReadErrorAndEndAsync())["message"].Should().Be("bad ack id", "of '{0}'", id);
        }
    }

    [Fact]
    public async Task Anothers_message_cannot_be_acknowledged()
    {
        await using var broker = new MemoryBroker();
        using Consumer owner = await broker.ConsumeAsync("/queue/a");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "1");
        TestFrame given = await owner.TakeAsync("1");
        using Consumer thief = await broker.ConsumeAsync("/queue/b");
        await thief.PublishAsync("/queue/b", "thief's own");
        await thief.TakeAsync("thief's own");

        await thief.AckAsync(given);
        await thief.NackAsync(given, ("requeue", "false"));

        await thief.UnsubscribeAsync("s");
        await thief.SubscribeAsync("s", "/queue/b");
        await thief.TakeAsync("thief's own", delivery: 2);
        await owner.UnsubscribeAsync("s");
        await owner.SubscribeAsync("s", "/queue/a");
        await owner.TakeAsync("1", delivery: 2);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task An_answer_of_an_earlier_connection_settles_nothing_of_a_later_one(string version)
    {
        await using var broker = new MemoryBroker();
        foreach (string command in (string[])["ACK", "NACK"])
        {
            string queue = "/queue/" + command;
            using StompTestClient publisher = await broker.ConnectAsync();
            await publisher.PublishAllAsync(queue, "1", "2", "3");
            Consumer first = await broker.ConsumeAsync(queue, "client-individual", version);
            TestFrame[] given = await first.TakeAsync(3);
            await first.AckAsync(given[0]);
            await broker.EndAsync(first, Ending.Lost);
            using Consumer second = await broker.ConsumeAsync(queue, "client-individual", version);
            await second.TakeAsync(2);

            // As a page does whose work on a message outlives a reconnect. It is of no such form, or it is settled: refused or ignored.
            await second.Client.SendFrameAsync(command, [.. first.Answer(given[1]), ("requeue", "false")]);

            await second.Client.SendFrameAsync("DISCONNECT", []);
            await ClientSteps.UntilAsync(() => broker.ReadMetric("stompbroker.subscriptions") == 0, "the session is over");
            using Consumer next = await broker.ConsumeAsync(queue, "auto");
            (await next.TakeAllTextsAsync()).Should().Equal("2", "3");
            first.Dispose();
            await broker.EndAsync(next, Ending.Disconnect);
        }
    }

    [Fact]
    public async Task In_1_1_the_subscription_must_be_the_one_of_the_message()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "client", "1.1");
        await consumer.SubscribeAsync("t", "/queue/b", "client");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "1");
        TestFrame given = await consumer.TakeAsync("1");

        await consumer.Client.SendFrameAsync("ACK", [("message-id", given["message-id"]!), ("subscription", "t")]);

        (await consumer.ReadErrorAndEndAsync())["message"].Should().Be("bad ack id");
    }

    [Fact]
    public async Task Two_subscriptions_of_a_1_0_client_tell_their_messages_apart()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.OpenConsumerAsync("1.0");
        await consumer.SubscribeAsync("one", "/queue/a", "client", ("prefetch-count", "2"));
        await consumer.SubscribeAsync("two", "/queue/a", "client", ("prefetch-count", "2"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3", "4");
        TestFrame[] given = await consumer.TakeAllAsync();
        TestFrame last = given.Last(message => message["subscription"] == "two");

        await consumer.AckAsync(last);
        await broker.EndAsync(consumer, Ending.Lost);

        using Consumer next = await broker.ConsumeAsync("/queue/a", "auto");
        (await next.TakeAllTextsAsync()).Should().Equal(given.Where(message => message["subscription"] == "one").Select(message => message.Text));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Acknowledgements_right_before_a_DISCONNECT_count(string version)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "client-individual", version);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3");
        TestFrame[] given = await consumer.TakeAsync(3);
        StompTestClient client = consumer.Client;

        await client.Socket.SendBinaryAsync((byte[])
        [
            .. client.Encode("ACK", consumer.Answer(given[0])), .. client.Encode("ACK", consumer.Answer(given[2])), .. client.Encode("DISCONNECT", [("receipt", "bye")]),
        ]);

        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("bye");
        await ClientSteps.UntilAsync(() => broker.ReadMetric("stompbroker.subscriptions") == 0, "the session is over");
        using Consumer next = await broker.ConsumeAsync("/queue/a");
        (await next.TakeAllTextsAsync()).Should().Equal("2");
    }
}
