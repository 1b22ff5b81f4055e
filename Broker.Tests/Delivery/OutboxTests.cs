using Broker.Delivery;
using Broker.Stomp;
using Broker.Tests.TestHost;

namespace Broker.Tests.Delivery;

/// <summary>An outbox under many threads: nothing lost, each producer's order kept, and a byte counter that comes back to zero.</summary>
public class OutboxTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(1_000_000)]
    public async Task Many_producers_to_a_slow_peer_lose_nothing_and_keep_their_order(int unread)
    {
        const int Producers = 6, Each = 1500;
        using var stand = new OutboxStand(limit: int.MaxValue, unread);
        Subscription[] subscriptions = [.. Enumerable.Range(0, Producers).Select(i => stand.Subscribe(i % 2 == 0 ? AckMode.Auto : AckMode.Client))];

        Task[] producing = [.. subscriptions.Select(subscription => ClientSteps.RunAsync(() =>
        {
            var dirty = new DirtyOutboxes();
            for (int i = 0; i < Each; i++)
            {
                subscription.Deliver(OutboxStand.Publish(OutboxStand.Text(i)), dirty);
                if (i % 7 == 0)
                    dirty.Drain();
            }

            dirty.Drain();
            return Task.CompletedTask;
        }))];
        List<(string Subscription, string Body)> frames = await stand.ReadAsync(Producers * Each);
        await Task.WhenAll(producing);

        foreach (IGrouping<string, (string, string Body)> producer in frames.GroupBy(frame => frame.Subscription))
            producer.Select(frame => frame.Body).Should().Equal(Enumerable.Range(0, Each).Select(OutboxStand.Text));
        frames.Select(frame => frame.Subscription).Distinct().Should().HaveCount(Producers);
        await ClientSteps.UntilAsync(() => stand.Outbox.Bytes == 0, "all of it was taken");
        stand.Closed.Should().Be(StompError.None);
    }

    [Fact]
    public async Task Many_producers_that_drop_keep_their_order_and_an_exact_count()
    {
        const int Each = 2000;
        using var stand = new OutboxStand(limit: 4096, unread: 1);
        AckMode[] modes = [AckMode.Auto, AckMode.Auto, AckMode.Client, AckMode.ClientIndividual];
        Subscription[] subscriptions = [.. modes.Select((mode, i) => stand.Subscribe(mode, prefetch: i == 3 ? 5 : 0))];
        Task<List<(string Subscription, string Body)>> reading = ClientSteps.RunAsync(async () =>
        {
            // A frame of the broker's own, which is never dropped, ends the test.
            var frames = new List<(string Subscription, string Body)>();
            for (long settled = 1; frames is not [.., { Body: "over" }];)
            {
                frames.AddRange(await stand.ReadAsync(1));
                var dirty = new DirtyOutboxes();
                while (subscriptions[3].Window!.Settle(settled, dirty))
                    settled++;
                dirty.Drain();
            }

            return frames;
        });
        await Task.WhenAll(subscriptions.Select(subscription => ClientSteps.RunAsync(() =>
        {
            var dirty = new DirtyOutboxes();
            for (int i = 0; i < Each; i += 2)
            {
                subscription.Deliver(OutboxStand.Publish(OutboxStand.Text(i), OutboxStand.Text(i + 1)).DroppingOldest(), dirty);
                dirty.Drain();
            }

            return Task.CompletedTask;
        })));
        await ClientSteps.UntilAsync(() => stand.Outbox.Bytes == 0, "all that was not dropped is read");
        stand.Outbox.EnqueueStomp(WireFrame.Create(WireFrame.Text, "over"u8), 1, dirty: null);

        List<(string Subscription, string Body)> frames = await reading.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

        foreach (IGrouping<string, (string, string Body)> producer in frames[..^1].GroupBy(frame => frame.Subscription))
            producer.Select(frame => int.Parse(frame.Body, System.Globalization.CultureInfo.InvariantCulture)).Should().BeInAscendingOrder().And.OnlyHaveUniqueItems();
        await ClientSteps.UntilAsync(() => stand.Outbox.Bytes == 0, "all of it was taken");
        stand.Closed.Should().Be(StompError.None);
    }

    [Fact]
    public void A_stalled_peer_whose_messages_are_dropped_for_long_costs_no_memory()
    {
        using var stand = new OutboxStand(limit: 4096, unread: 1);
        Subscription subscription = stand.Subscribe();
        Publication[] publications = [.. Enumerable.Range(0, 30_000).Select(_ => OutboxStand.Publish("again and again"))];
        var dirty = new DirtyOutboxes();
        Deliver(0, 1000);
        stand.Outbox.EnqueueStomp("receipt"u8.ToArray(), 1, dirty);
        Deliver(1000, 5000);
        long before = GC.GetAllocatedBytesForCurrentThread();

        Deliver(5000, 30_000);

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(200_000);

        void Deliver(int from, int to)
        {
            for (int i = from; i < to; i++)
            {
                subscription.Deliver(publications[i].DroppingOldest(), dirty);
                dirty.Drain();
            }
        }
    }

    [Fact]
    public void A_lost_peer_leaves_nothing_behind()
    {
        using var stand = new OutboxStand(limit: 1_000_000, unread: 1);
        Subscription auto = stand.Subscribe();
        Subscription client = stand.Subscribe(AckMode.Client, prefetch: 1);
        var dirty = new DirtyOutboxes();
        for (int i = 0; i < 50; i++)
        {
            auto.Deliver(OutboxStand.Publish("x", "y"), dirty);
            client.Deliver(OutboxStand.Publish("x", "y"), dirty);
            dirty.Drain();
        }

        stand.Cut();
        auto.End(skipWaiting: true);
        client.End(skipWaiting: true);
        auto.Deliver(OutboxStand.Publish("late"), dirty);
        client.Deliver(OutboxStand.Publish("late", "later"), dirty);
        stand.Outbox.EnqueueStomp("receipt"u8.ToArray(), 1, dirty);
        dirty.Drain();

        SpinWait.SpinUntil(() => stand.Outbox.Bytes == 0 && stand.IsLost, TimeSpan.FromSeconds(10)).Should().BeTrue();
        stand.Outbox.IsMoving.Should().BeFalse("nobody waits for one that is gone");
    }

    [Fact]
    public void An_empty_one_takes_anything_and_then_nothing_more()
    {
        using var stand = new OutboxStand(limit: 100);
        stand.Outbox.HasRoomFor(1000).Should().BeTrue();
        stand.Outbox.TryReserve(1000).Should().BeTrue();
        stand.Outbox.HasRoomFor(1).Should().BeFalse();
        stand.Outbox.TryReserve(1).Should().BeFalse();
        stand.Outbox.Bytes.Should().Be(1000);
        stand.Outbox.Release(1000);
        stand.Outbox.TryReserve(60).Should().BeTrue();
        stand.Outbox.TryReserve(41).Should().BeFalse();
        stand.Outbox.TryReserve(40).Should().BeTrue();
    }

    [Fact]
    public async Task Who_waits_for_room_is_woken_by_it_and_by_the_grace_period_and_by_its_own_limit()
    {
        using var stand = new OutboxStand(limit: 100);
        await stand.Outbox.WaitForRoomAsync(50, TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        stand.Outbox.TryReserve(100).Should().BeTrue();

        Task woken = stand.Outbox.WaitForRoomAsync(50, TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        woken.IsCompleted.Should().BeFalse();
        stand.Outbox.Release(10);
        await woken;

        Task graced = stand.Outbox.WaitForRoomAsync(50, TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        stand.Time.Advance(Outbox.StallGrace - TimeSpan.FromTicks(1));
        graced.IsCompleted.Should().BeFalse();
        stand.Time.Advance(TimeSpan.FromTicks(1));
        await graced;

        Task limited = stand.Outbox.WaitForRoomAsync(50, TimeSpan.FromMilliseconds(3), TestContext.Current.CancellationToken);
        stand.Time.Advance(TimeSpan.FromMilliseconds(3));
        await limited;
        stand.Time.Timers.Should().Be(0);
    }

    [Fact]
    public async Task What_comes_after_the_last_bytes_is_not_sent()
    {
        using var stand = new OutboxStand(limit: 10_000);
        Subscription subscription = stand.Subscribe();
        var dirty = new DirtyOutboxes();
        subscription.Deliver(OutboxStand.Publish("before"), dirty);
        dirty.Drain();
        byte[] last = WireFrame.Create(WireFrame.Text, "last"u8);

        await stand.Outbox.FinishAsync(last, skipMessages: false);
        subscription.Deliver(OutboxStand.Publish("after"), dirty);
        stand.Outbox.EnqueueStomp(WireFrame.Create(WireFrame.Text, "after"u8), 1, dirty);
        dirty.Drain();

        (await stand.ReadAsync(2)).Select(frame => frame.Body).Should().Equal("before", "last");
        stand.Outbox.Bytes.Should().Be(0);
        await stand.Outbox.FinishAsync(last, skipMessages: false);
    }
}
