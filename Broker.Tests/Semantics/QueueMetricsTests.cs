using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// "Queue depths, consumers, unacknowledged, redelivered, dead-lettered in the metrics" and "an empty queue without consumers costs nothing after a while".
/// </summary>
public class QueueMetricsTests
{
    [Fact]
    public async Task They_tell_what_waits_who_consumes_and_what_became_of_messages()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAllAsync("/queue/a", "1", "2", "3", "4");
        await publisher.PublishAllAsync("/queue/b", "1");
        Read(broker).Should().Be((2, 5, 0, 0, 0, 0));
        broker.ReadMetric(QueueMetrics.Bytes).Should().BeGreaterThan(0);

        using Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "3"));
        TestFrame[] given = await consumer.TakeAsync(3);
        Read(broker).Should().Be((2, 2, 3, 1, 0, 0));
        await consumer.AckAsync(given[0]);
        await consumer.TakeAsync("4");
        Read(broker).Should().Be((2, 1, 3, 1, 0, 0));
        await consumer.NackAsync(given[1]);
        TestFrame again = await consumer.TakeAsync("2", delivery: 2);
        Read(broker).Should().Be((2, 1, 3, 1, 1, 0));
        await consumer.NackAsync(again, ("requeue", "false"));
        Read(broker).Should().Be((3, 2, 2, 1, 1, 1));

        await consumer.UnsubscribeAsync("s");
        Read(broker).Should().Be((3, 4, 0, 0, 1, 1));
        using Consumer last = await broker.ConsumeAsync("/queue/a", "auto");
        await last.TakeAsync(2);
        Read(broker).Should().Be((3, 2, 0, 1, 3, 1));
        await broker.EndAsync(last, Ending.Lost);
        Read(broker).Should().Be((3, 2, 0, 0, 3, 1));
    }

    [Fact]
    public async Task They_are_in_the_text_for_Prometheus()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        using StompTestClient publisher = await StompTestClient.ConnectAsync(broker.Port);
        await publisher.PublishAllAsync("/queue/a", "1", "2");
        using var consumer = new Consumer(await StompTestClient.ConnectAsync(broker.Port));
        await consumer.SubscribeAsync("s", "/queue/a", headers: ("prefetch-count", "1"));
        await consumer.NackAsync(await consumer.TakeAsync("1"), ("requeue", "false"));
        await consumer.TakeAsync("2");

        string[] lines = (await Text.ReadAsync(broker.Port, "/metrics")).Body.Split('\n');

        lines.Should().Contain(
        [
            Line(QueueMetrics.Queues, 2), Line(QueueMetrics.Waiting, 1), Line(QueueMetrics.Unacknowledged, 1), Line(QueueMetrics.Consumers, 1),
        ]);
        lines.Where(line => line.StartsWith(Line(QueueMetrics.DeadLettered), StringComparison.Ordinal))
            .Should().ContainSingle().Which.Should().Contain("reason=\"rejected\"").And.EndWith(" 1");

        static string Line(string name, long? value = null) => name.Replace('.', '_') + (value is null ? "" : $" {value}");
    }

    [Fact]
    public async Task Reasons_of_death_are_counted_apart()
    {
        await using var broker = new MemoryBroker(options => options.Limits.NacksPerMessage = 1);
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        for (int i = 0; i < 3; i++)
        {
            await consumer.PublishAsync("/queue/a", "");
            await consumer.NackAsync(await consumer.TakeAsync(), ("requeue", i == 0 ? "false" : "true"));
        }

        await consumer.PublishAsync("/queue/a", "", ("expires", "1"));
        broker.Time.Advance(TimeSpan.FromSeconds(20));

        broker.ReadMetric(QueueMetrics.DeadLettered).Should().Be(4);
        broker.ReadMetric(QueueMetrics.DeadLettered, "rejected").Should().Be(1);
        broker.ReadMetric(QueueMetrics.DeadLettered, "delivery-limit").Should().Be(2);
        broker.ReadMetric(QueueMetrics.DeadLettered, "expired").Should().Be(1);
    }

    [Fact]
    public async Task Empty_queues_without_consumers_are_gone_after_a_while()
    {
        await using var broker = new MemoryBroker();
        using (Consumer consumer = await broker.OpenConsumerAsync())
        {
            for (int i = 0; i < 100; i++)
            {
                await consumer.Client.SendAsync($"/queue/used.{i}", "");
                await consumer.SubscribeAsync("s", $"/queue/used.{i}", "auto");
                await consumer.TakeAsync();
                await consumer.UnsubscribeAsync("s");
                await consumer.SubscribeAsync("s", $"/queue/unused.{i}");
                await consumer.UnsubscribeAsync("s");
            }

            await consumer.PublishAsync("/queue/kept", "kept");
            await broker.EndAsync(consumer, Ending.Disconnect);
        }

        await PassTimeUntilAsync(broker, queues: 1);
        using Consumer next = await broker.ConsumeAsync("/queue/kept", "auto");
        await next.TakeAsync("kept");
        await broker.EndAsync(next, Ending.Disconnect);
        await PassTimeUntilAsync(broker, queues: 0);
        Read(broker).Should().Be((0, 0, 0, 0, 0, 0));
        broker.ReadMetric(QueueMetrics.Bytes).Should().Be(0);
    }

    [Fact]
    public async Task A_queue_that_is_gone_is_there_again_when_it_is_used()
    {
        await using var broker = new MemoryBroker();
        for (int round = 0; round < 10; round++)
        {
            using Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
            await consumer.PublishAsync("/queue/a", "1");
            await consumer.PublishAsync("/queue/a", "2");
            await consumer.AckAsync(await consumer.TakeAsync("1"));
            await consumer.AckAsync(await consumer.TakeAsync("2"));
            await broker.EndAsync(consumer, Ending.Lost);
            await PassTimeUntilAsync(broker, queues: 0);
        }
    }

    [Fact]
    public async Task One_with_a_consumer_or_with_unacknowledged_messages_is_not_gone()
    {
        await using var broker = new MemoryBroker();
        using Consumer waits = await broker.ConsumeAsync("/queue/a");
        using Consumer holds = await broker.ConsumeAsync("/queue/b");
        await holds.PublishAsync("/queue/b", "1");
        await holds.TakeAsync("1");
        for (int i = 0; i < 60; i++)
        {
            broker.Time.Advance(TimeSpan.FromSeconds(20));
            await waits.ShouldHaveNothingAsync();
            await holds.ShouldHaveNothingAsync();
        }

        await holds.PublishAsync("/queue/a", "here");
        await waits.TakeAsync("here");
        await holds.UnsubscribeAsync("s");
        await holds.SubscribeAsync("s", "/queue/b");
        await holds.TakeAsync("1", delivery: 2);
    }

    // Minute by minute, for the broker looks after it on a thread of its own.
    private static async Task PassTimeUntilAsync(MemoryBroker broker, int queues)
    {
        DateTimeOffset start = broker.Time.GetUtcNow();
        await ClientSteps.UntilAsync(
            () =>
            {
                broker.Time.Advance(TimeSpan.FromMinutes(1));
                return broker.ReadMetric(QueueMetrics.Queues) == queues;
            },
            "those that are empty are gone");
        broker.ReadMetric(QueueMetrics.Queues).Should().Be(queues);
        (broker.Time.GetUtcNow() - start).Should().BeLessThan(TimeSpan.FromDays(1));
    }

    private static (long Queues, long Waiting, long Unacknowledged, long Consumers, long Redelivered, long DeadLettered) Read(MemoryBroker broker) =>
    (
        broker.ReadMetric(QueueMetrics.Queues), broker.ReadMetric(QueueMetrics.Waiting), broker.ReadMetric(QueueMetrics.Unacknowledged),
        broker.ReadMetric(QueueMetrics.Consumers), broker.ReadMetric(QueueMetrics.Redelivered), broker.ReadMetric(QueueMetrics.DeadLettered)
    );
}
