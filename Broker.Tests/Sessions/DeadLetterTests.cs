using System.Globalization;
using Broker.Tests.TestHost;

namespace Broker.Tests.Sessions;

/// <summary>
/// SEMANTICS 6: "`requeue:false` dead-letters it, and so does the 10th NACK (configurable), to `/queue/DLQ.NAME` with `x-death-reason` (`rejected`,
/// `delivery-limit`, `expired`) and `x-death-queue` (the whole destination)"; "past that, not delivered (queues: dead-lettered)".
/// </summary>
public class DeadLetterTests
{
    [Fact]
    public async Task A_rejected_message_goes_to_the_dead_letter_queue_with_its_reason()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a:b", QueueSteps.Individual);
        await client.SendAsync("/queue/a:b", "m", ("own", "kept"), ("x-death-reason", "forged"));

        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        await client.NackAsync(message, ("requeue", "false"));

        await client.SubscribeAsync("d", "/queue/DLQ.a:b", QueueSteps.Individual);
        TestFrame dead = await client.ReadFrameAsync("MESSAGE");
        (dead.Text, dead["own"], dead["destination"], dead["message-id"]).Should().Be(("m", "kept", "/queue/DLQ.a:b", message["message-id"]));
        (dead["x-death-reason"], dead["x-death-queue"], dead["x-delivery-count"], dead["redelivered"]).Should().Be(("rejected", "/queue/a:b", "1", "false"));
        Reading(broker, "dead_lettered").Should().Be(1);
    }

    [Theory]
    [InlineData(10, null)]
    [InlineData(3, "2")]
    public async Task The_NACK_of_the_limit_does(int limit, string? other)
    {
        await using var broker = new MemoryBroker(options =>
        {
            if (other is not null)
                options.Limits.NacksPerMessage = limit;
        });
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        await client.SubscribeAsync("d", "/queue/DLQ.a");
        await client.SendAsync("/queue/a", "m");
        for (int i = 1; i <= limit; i++)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            (message["subscription"], message["x-delivery-count"]).Should().Be(("s", i.ToString(CultureInfo.InvariantCulture)));
            await client.SendFrameAsync("NACK", [("id", message["ack"]!), ("requeue", "true")]);
        }

        TestFrame dead = await client.ReadFrameAsync("MESSAGE");
        (dead["subscription"], dead["x-death-reason"], dead["x-death-queue"]).Should().Be(("d", "delivery-limit", "/queue/a"));
    }

    [Fact]
    public async Task A_dead_letter_that_is_rejected_has_a_dead_letter_queue_too_and_tells_of_the_last_death_alone()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SendAsync("/queue/a", "m");
        foreach (string queue in (string[])["/queue/a", "/queue/DLQ.a"])
        {
            await client.SubscribeAsync(queue, queue, QueueSteps.Individual);
            await client.NackAsync(await client.ReadFrameAsync("MESSAGE"), ("requeue", "false"));
        }

        await client.SubscribeAsync("d", "/queue/DLQ.DLQ.a");

        TestFrame dead = await client.ReadFrameAsync("MESSAGE");
        dead.Headers.Where(header => header.Key.StartsWith("x-death", StringComparison.Ordinal)).Select(header => $"{header.Key} {header.Value}")
            .Should().Equal("x-death-reason rejected", "x-death-queue /queue/DLQ.a");
    }

    [Fact]
    public async Task Where_the_dead_letter_queue_could_not_be_named_the_message_is_dropped_and_counted()
    {
        string longest = "/queue/DLQ." + new string('n', 1024);
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", longest, QueueSteps.Individual);
        await client.SendAsync(longest, "m");

        await client.NackAsync(await client.ReadFrameAsync("MESSAGE"), ("requeue", "false"));

        Reading(broker, "no-dead-letter-queue").Should().Be(1);
        broker.Environment.Queues.Totals().Should().BeEquivalentTo(new { Waiting = 0, Bytes = 0 });
    }

    [Fact]
    public async Task What_waits_dies_when_its_time_is_over_though_nobody_consumes()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SendAsync("/queue/a", "first", ("expiration", "60000"));
        await client.SendAsync("/queue/a", "stays");
        await client.SendAsync("/queue/a", "second", ("expiration", "30000"));
        await client.PublishAsync("/queue/a", "never", ("expires", "0"));
        await client.SubscribeAsync("d", "/queue/DLQ.a");

        broker.Time.Advance(TimeSpan.FromSeconds(31));
        broker.Tidy();
        TestFrame dead = await client.ReadFrameAsync("MESSAGE");
        (dead.Text, dead["x-death-reason"], dead["x-death-queue"]).Should().Be(("second", "expired", "/queue/a"));
        broker.Time.Advance(TimeSpan.FromSeconds(30));
        broker.Tidy();
        (await client.ReadTextAsync()).Should().Be("first");

        (await broker.DrainAsync("/queue/a")).Should().Equal("stays", "never");
    }

    [Fact]
    public async Task What_dies_at_one_time_dies_in_order()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        string expires = broker.Time.GetUtcNow().AddSeconds(1).ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        for (int i = 0; i < 300; i++)
            await client.SendAsync("/queue/a", i.ToString(CultureInfo.InvariantCulture), ("expires", expires));
        await client.ShouldHaveNothingToReadAsync();

        broker.Time.Advance(TimeSpan.FromSeconds(2));
        broker.Tidy();

        (await broker.DrainAsync("/queue/DLQ.a")).Should().Equal(Enumerable.Range(0, 300).Select(i => i.ToString(CultureInfo.InvariantCulture)));
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    public async Task Older_versions_are_told_as_they_escape(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SubscribeAsync("s", "/queue/a:b", QueueSteps.Individual);
        await client.SendAsync("/queue/a:b", "m");
        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        await client.DoAsync("NACK", [("message-id", message["message-id"]!), ("subscription", "s"), ("requeue", "false")]);

        await client.SubscribeAsync("d", "/queue/DLQ.a:b");

        TestFrame dead = await client.ReadFrameAsync("MESSAGE");
        (dead.Text, dead["destination"], dead["x-death-queue"], dead["x-death-reason"]).Should().Be(("m", "/queue/DLQ.a:b", "/queue/a:b", "rejected"));
    }

    [Fact]
    public async Task The_sweep_looks_after_queues()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.PublishAsync("/queue/a", "m", ("expiration", "3000"));

        await ClientSteps.UntilAsync(
            () =>
            {
                broker.Time.Advance(TimeSpan.FromMilliseconds(100));
                return broker.Environment.Queues.Deepest().Any(queue => queue is { Name: "/queue/DLQ.a", Waiting: 1 });
            },
            "it is dead");
    }

    [Fact]
    public async Task What_has_expired_is_not_delivered_to_who_comes_then()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SendAsync("/queue/a", "1", ("expires", broker.Time.GetUtcNow().ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)));
        await client.PublishAsync("/queue/a", "2");

        (await broker.DrainAsync("/queue/a")).Should().Equal("2");

        (await broker.DrainAsync("/queue/DLQ.a")).Should().Equal("1");
    }

    [Fact]
    public async Task What_expires_while_a_consumer_has_it_dies_when_it_comes_back()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        await client.SendAsync("/queue/a", "m", ("expiration", "1000"));
        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        broker.Time.Advance(TimeSpan.FromSeconds(5));

        await client.NackAsync(message);

        await client.ShouldHaveNothingToReadAsync();
        (await broker.DrainAsync("/queue/DLQ.a")).Should().Equal("m");
    }

    [Fact]
    public async Task What_expires_between_its_assignment_and_the_socket_is_not_sent()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient stopped = await broker.ConnectAsync(unread: 1);
        await stopped.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        using StompTestClient sender = await broker.ConnectAsync();
        await sender.PublishAsync("/queue/a", "on its way");
        await sender.PublishAsync("/queue/a", "too late", ("expiration", "1000"));
        await sender.PublishAsync("/queue/a", "in time");

        broker.Time.Advance(TimeSpan.FromSeconds(2));

        (await stopped.ReadTextAsync()).Should().Be("on its way");
        TestFrame last = await stopped.ReadFrameAsync("MESSAGE");
        last.Text.Should().Be("in time");
        await stopped.AckAsync(last);
        Broker.Routing.Queue dead = broker.Environment.Queues.GetOrAdd("/queue/DLQ.a"u8)!;
        await ClientSteps.UntilAsync(() => dead.Messages == 1, "it was buried"); // not by the thread that serves a socket
        (await broker.DrainAsync("/queue/DLQ.a")).Should().Equal("too late");
    }

    [Fact]
    public async Task A_dead_letter_is_refused_by_no_limit()
    {
        await using var broker = new MemoryBroker(options => (options.Limits.QueueMessages, options.Limits.TotalQueueBytes) = (2, 1200));
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a", QueueSteps.Individual);
        for (int i = 0; i < 4; i++)
        {
            await client.SendAsync("/queue/a", i.ToString(CultureInfo.InvariantCulture));
            await client.NackAsync(await client.ReadFrameAsync("MESSAGE"), ("requeue", "false"));
        }

        (await broker.DrainAsync("/queue/DLQ.a")).Should().Equal("0", "1", "2", "3");
    }

    private static double Reading(MemoryBroker broker, string name)
    {
        using var text = new StringWriter();
        Broker.Diagnostics.PrometheusText.Write(broker.Metrics, text);
        return double.Parse(text.ToString().Split('\n').Single(line => !line.StartsWith('#') && line.Contains(name, StringComparison.Ordinal)).Split(' ')[^1], CultureInfo.InvariantCulture);
    }
}
