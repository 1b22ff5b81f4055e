using System.Text;
using Broker.Configuration;
using Broker.Delivery;
using Broker.Diagnostics;
using Broker.Routing;
using Broker.Stomp;
using Broker.Tests.Delivery;
using Broker.Tests.Diagnostics;
using Broker.Tests.TestHost;

namespace Broker.Tests.Routing;

/// <summary>Topics come, are forgotten and come again under subscribers and publishers; nobody who has subscribed misses anything.</summary>
public class TopicTableTests
{
    [Theory]
    [InlineData("/topic/a")]
    [InlineData("/topic/*")]
    public async Task Topics_that_are_forgotten_all_the_time_lose_no_message_of_who_has_subscribed(string destination)
    {
        using var meters = new TestMeterFactory();
        var options = new BrokerOptions();
        options.Limits.Destinations = 4; // each new name is a sweep
        var table = new TopicTable(options, TimeProvider.System);
        bool stop = false;
        Task forgetting = ClientSteps.RunAsync(() =>
        {
            for (int i = 0; !Volatile.Read(ref stop); i++)
            {
                table.GetOrAdd(Encoding.UTF8.GetBytes($"/topic/other.{i}"));
                if (i % 50 == 0)
                    Thread.Yield();
            }

            return Task.CompletedTask;
        });
        await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => ClientSteps.RunAsync(async () =>
        {
            var publisher = new Publisher(
                table, new StallBudget(TimeSpan.Zero, TimeSpan.Zero, TimeProvider.System), new BrokerMetrics(meters), TimeProvider.System);
            Topic stale = Topic(table, "/topic/a");
            for (int round = 0; round < 100; round++)
            {
                using var stand = new OutboxStand(limit: int.MaxValue);
                var subscription = new Subscription(
                    stand.Outbox, 1, "0"u8.ToArray(), Encoding.UTF8.GetBytes(destination), destination.Contains('*'), StompVersion.V12, AckMode.Auto, 0, noLocalTo: null);
                while (table.Subscribe(subscription) != StompError.None)
                {
                    // The table is full of the other one's topics for the moment.
                }

                subscription.Open(receipt: null, publisher.Dirty);
                string body = OutboxStand.Text(Environment.CurrentManagedThreadId) + "-" + OutboxStand.Text(round);
                publisher.TryPublish(stale, OutboxStand.Publish(body)).Should().BeTrue();
                publisher.Dirty.Drain();
                while ((await stand.ReadAsync(1))[0].Body != body)
                {
                    // Of the other publisher.
                }

                table.Unsubscribe(subscription);
            }
        }))).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Volatile.Write(ref stop, true);
        await forgetting;
        table.Count.Should().BeLessThanOrEqualTo(8);
    }

    [Fact]
    public void Unused_topics_are_forgotten_at_the_limit_and_those_with_subscribers_stay()
    {
        var options = new BrokerOptions();
        options.Limits.Destinations = 50;
        var table = new TopicTable(options, TimeProvider.System);
        using var stand = new OutboxStand(limit: 1000);
        var subscription = new Subscription(
            stand.Outbox, 1, "0"u8.ToArray(), "/topic/kept"u8.ToArray(), isPattern: false, StompVersion.V12, AckMode.Auto, 0, noLocalTo: null);
        table.Subscribe(subscription).Should().Be(StompError.None);
        Topic kept = table.GetOrAdd("/topic/kept"u8)!;
        for (int i = 0; i < 1000; i++)
        {
            Topic topic = Topic(table, $"/topic/{i}");
            topic.TryPublish(OutboxStand.Publish(""), patient: true, new DirtyOutboxes(), out _).Should().BeTrue();
            table.Count.Should().BeLessThanOrEqualTo(50);
        }

        table.GetOrAdd("/topic/kept"u8).Should().BeSameAs(kept);
    }

    [Fact]
    public void Without_a_limit_in_reach_a_flood_of_names_is_swept_all_the_same()
    {
        var table = new TopicTable(new BrokerOptions(), TimeProvider.System);
        byte[] name = "/topic/flood.00000000"u8.ToArray();
        for (int i = 0; i < 100_000; i++)
        {
            Encoding.ASCII.GetBytes($"{i:00000000}", name.AsSpan(13));
            table.GetOrAdd(name).Should().NotBeNull();
        }

        table.Count.Should().BeLessThan(40_000);
    }

    [Fact]
    public async Task A_set_of_subscribers_under_threads_is_in_the_end_what_was_added_and_not_removed()
    {
        var set = new SubscriberSet();
        using var stand = new OutboxStand(limit: 1000);
        Subscription[][] groups = [.. Enumerable.Range(0, 4).Select(_ => Enumerable.Range(0, 100).Select(_ => stand.Subscribe()).ToArray())];
        bool stop = false;
        Task reading = ClientSteps.RunAsync(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                Subscription[] snapshot = set.Snapshot;
                if (snapshot.Distinct().Count() != snapshot.Length || snapshot.Contains(null))
                    throw new InvalidOperationException("A snapshot holds each member once.");
            }

            return Task.CompletedTask;
        });
        await Task.WhenAll(groups.Select(group => ClientSteps.RunAsync(() =>
        {
            var random = new Random(group[0].Number);
            for (int round = 0; round < 8; round++)
            {
                Array.ForEach(group, set.Add);
                random.Shuffle(group);
                foreach (Subscription subscription in group)
                    set.Remove(subscription);
                foreach (Subscription subscription in group)
                    set.Remove(subscription); // twice is once
            }

            Array.ForEach(group[..50], set.Add);
            return Task.CompletedTask;
        })));
        Volatile.Write(ref stop, true);
        await reading;

        set.Snapshot.Should().BeEquivalentTo(groups.SelectMany(group => group[..50]));
        set.Count.Should().Be(200);
    }

    private static Topic Topic(TopicTable table, string name)
    {
        while (true)
        {
            if (table.GetOrAdd(Encoding.UTF8.GetBytes(name)) is { } topic)
                return topic;
        }
    }
}
