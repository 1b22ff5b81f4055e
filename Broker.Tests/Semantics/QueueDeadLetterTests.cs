using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 6: "<c>requeue:false</c> dead-letters it [...] to <c>/queue/DLQ.NAME</c> with <c>x-death-reason</c> (<c>rejected</c>, <c>delivery-limit</c>, <c>expired</c>)
/// and <c>x-death-queue</c> (the whole destination)."
/// </summary>
public class QueueDeadLetterTests
{
    [Theory]
    [InlineData("1.0", "client-individual")]
    [InlineData("1.1", "client-individual")]
    [InlineData("1.2", "client-individual")]
    [InlineData("1.0", "client")]
    [InlineData("1.1", "client")]
    [InlineData("1.2", "client")]
    public async Task Requeue_false_dead_letters_at_once(string version, string ack)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", ack, version, ("prefetch-count", "1"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2");

        await consumer.NackAsync(await consumer.TakeAsync("1"), ("requeue", "false"));

        await consumer.AckAsync(await consumer.TakeAsync("2"));
        await consumer.ShouldHaveNothingAsync();
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a", "client-individual", version);
        TestFrame letter = await dead.TakeAsync("1");
        (letter["x-death-reason"], letter["x-death-queue"]).Should().Be(("rejected", "/queue/a"));
        await dead.ShouldHaveNothingAsync();
    }

    [Theory]
    [InlineData("/queue/a/b", "/queue/DLQ.a/b")]
    [InlineData("/queue/a.b", "/queue/DLQ.a.b")]
    [InlineData("/queue/Zürich 東京", "/queue/DLQ.Zürich 東京")]
    [InlineData("/queue/a:b\\c", "/queue/DLQ.a:b\\c")]
    public async Task The_whole_destination_is_told(string queue, string deadLetters)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync(queue);
        using Consumer dead = await broker.ConsumeAsync(deadLetters);
        await consumer.PublishAsync(queue, "1");

        await consumer.NackAsync(await consumer.TakeAsync("1"), ("requeue", "false"));

        TestFrame letter = await dead.TakeAsync("1");
        (letter["x-death-queue"], letter["destination"]).Should().Be((queue, deadLetters));
    }

    [Fact]
    public async Task A_dead_letter_has_all_that_its_message_had()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        using StompTestClient publisher = await broker.ConnectAsync(headers: ("login", "ann"));
        byte[] body = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        await publisher.SendFrameAsync("SEND", [("z", "26"), ("destination", "/queue/a"), ("content-length", "256"), ("a", "x:y\nz"), ("correlation-id", "7")], body);
        TestFrame message = await consumer.TakeAsync();
        await consumer.NackAsync(message);
        TestFrame again = await consumer.TakeAsync();

        await consumer.NackAsync(again, ("requeue", "false"));

        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        TestFrame letter = await dead.TakeAsync();
        letter.Body.Should().Equal(body);
        foreach (string name in (string[])["z", "content-length", "a", "correlation-id", "user-id"])
            letter.Headers.Should().ContainSingle(header => header.Key == name).Which.Value.Should().Be(message[name]);
        letter.Headers.Where(header => header.Key is "z" or "a" or "correlation-id").Select(header => header.Key).Should().Equal("z", "a", "correlation-id");
        (letter["redelivered"], letter["x-delivery-count"], letter["destination"]).Should().Be(("false", "1", "/queue/DLQ.a"), "it is new in its queue");
    }

    [Fact]
    public async Task It_is_a_queue_like_any_other()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        for (int i = 1; i <= 3; i++)
        {
            await consumer.PublishAsync("/queue/a", $"{i}");
            await consumer.NackAsync(await consumer.TakeAsync($"{i}"), ("requeue", "false"));
        }

        await consumer.PublishAsync("/queue/DLQ.a", "sent there");
        Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        TestFrame[] letters = await dead.TakeAsync(4);
        letters.Select(letter => letter.Text).Should().Equal("1", "2", "3", "sent there");
        letters[3]["x-death-reason"].Should().BeNull();
        await dead.NackAsync(letters[1]);
        TestFrame again = await dead.TakeAsync("2", delivery: 2);
        (again["x-death-reason"], again["x-death-queue"]).Should().Be(("rejected", "/queue/a"));
        await dead.AckAsync(letters[0]);
        await broker.EndAsync(dead, Ending.Lost);

        using Consumer next = await broker.ConsumeAsync("/queue/DLQ.a", "auto");
        await next.TakeAsync("2", delivery: 3);
        await next.TakeAsync("3", delivery: 2);
        await next.TakeAsync("sent there", delivery: 2);
        await next.ShouldHaveNothingAsync();
        dead.Dispose();
    }

    [Fact]
    public async Task In_client_mode_all_up_to_the_message_are_dead_lettered_in_their_order()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "client");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3", "4");
        TestFrame[] given = await consumer.TakeAsync(4);

        await consumer.NackAsync(given[2], ("requeue", "false"));

        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        (await dead.TakeAllTextsAsync()).Should().Equal("1", "2", "3");
        await consumer.UnsubscribeAsync("s");
        await consumer.SubscribeAsync("s", "/queue/a");
        (await consumer.TakeAllTextsAsync()).Should().Equal("4");
    }

    [Fact]
    public async Task A_dead_letter_that_is_rejected_is_not_lost()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        await consumer.PublishAsync("/queue/a", "1");
        await consumer.NackAsync(await consumer.TakeAsync("1"), ("requeue", "false"));
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");

        await dead.NackAsync(await dead.TakeAsync("1"), ("requeue", "false"));

        using Consumer deader = await broker.ConsumeAsync("/queue/DLQ.DLQ.a");
        TestFrame letter = await deader.TakeAsync("1");
        letter.Headers.Should().ContainSingle(header => header.Key == "x-death-queue").Which.Value.Should().Be("/queue/DLQ.a");
        letter.Headers.Should().ContainSingle(header => header.Key == "x-death-reason").Which.Value.Should().Be("rejected");
    }

    [Fact]
    public async Task Of_a_queue_with_the_longest_name_too_nothing_breaks()
    {
        string queue = "/queue/" + new string('n', 1024);
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync(queue, headers: ("prefetch-count", "1"));
        await consumer.PublishAsync(queue, "1");
        await consumer.PublishAsync(queue, "2");

        await consumer.NackAsync(await consumer.TakeAsync("1"), ("requeue", "false"));

        await consumer.TakeAsync("2");
    }

    [Fact]
    public async Task What_was_sent_as_a_death_is_not_believed()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        await consumer.PublishAsync("/queue/a", "1", ("x-death-reason", "forged"), ("x-death-queue", "/queue/forged"), ("x-death-x", "forged"));
        TestFrame message = await consumer.TakeAsync("1");
        message.Headers.Should().NotContain(header => header.Key.StartsWith("x-death-", StringComparison.Ordinal));

        await consumer.NackAsync(message, ("requeue", "false"));

        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        TestFrame letter = await dead.TakeAsync("1");
        letter.Headers.Where(header => header.Key.StartsWith("x-death-", StringComparison.Ordinal)).Select(header => (header.Key, header.Value))
            .Should().BeEquivalentTo([("x-death-reason", "rejected"), ("x-death-queue", "/queue/a")]);
    }
}
