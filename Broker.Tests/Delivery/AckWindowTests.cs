using Broker.Delivery;
using Broker.Stomp;
using Broker.Tests.TestHost;

namespace Broker.Tests.Delivery;

/// <summary>The window of a client ack mode (SEMANTICS 6) under threads, and its numbers against a simple model.</summary>
public class AckWindowTests
{
    [Theory]
    [InlineData(AckMode.Client, 1)]
    [InlineData(AckMode.Client, 10)]
    [InlineData(AckMode.ClientIndividual, 1)]
    [InlineData(AckMode.ClientIndividual, 10)]
    public async Task Deliveries_and_acknowledgements_on_two_threads_lose_nothing_and_never_exceed_the_window(AckMode mode, int prefetch)
    {
        const int Messages = 3000;
        using var stand = new OutboxStand(limit: int.MaxValue);
        Subscription subscription = stand.Subscribe(mode, prefetch);
        Task producing = ClientSteps.RunAsync(() =>
        {
            var dirty = new DirtyOutboxes();
            for (int i = 0; i < Messages; i++)
            {
                subscription.Deliver(OutboxStand.Publish(OutboxStand.Text(i)), dirty);
                dirty.Drain();
            }

            return Task.CompletedTask;
        });
        var own = new DirtyOutboxes();
        for (int i = 0; i < Messages; i++)
        {
            (await stand.ReadAsync(1))[0].Body.Should().Be(OutboxStand.Text(i));
            subscription.Window!.WasGiven(i + 1 + prefetch).Should().BeFalse("no more than the window is given");
            subscription.Window.Settle(i + 1, own).Should().BeTrue();
            own.Drain();
        }

        await producing;
        await ClientSteps.UntilAsync(() => stand.Outbox.Bytes == 0, "all was taken");
        subscription.Window!.HasCredit.Should().BeTrue();
        subscription.Window.Settle(Messages + 1, own).Should().BeFalse();
    }

    [Theory]
    [InlineData(AckMode.Client)]
    [InlineData(AckMode.ClientIndividual)]
    public async Task Any_order_of_acknowledgements_leaves_the_credit_that_the_model_has(AckMode mode)
    {
        var random = new Random(5);
        using var stand = new OutboxStand(limit: int.MaxValue);
        Subscription subscription = stand.Subscribe(mode, prefetch: 8);
        var dirty = new DirtyOutboxes();
        var unsettled = new SortedSet<long>();
        long given = 0, published = 0;
        for (int round = 0; round < 2000; round++)
        {
            if (random.Next(2) == 0)
            {
                subscription.Deliver(OutboxStand.Publish(OutboxStand.Text(round)), dirty);
                published++;
            }
            else if (given > 0)
            {
                long sequence = Math.Max(1, given - random.Next(12));
                subscription.Window!.Settle(sequence, dirty).Should().BeTrue();
                unsettled.RemoveWhere(number => mode == AckMode.Client ? number <= sequence : number == sequence);
            }

            dirty.Drain();
            while (unsettled.Count < 8 && given < published)
            {
                await stand.ReadAsync(1);
                unsettled.Add(++given);
            }

            subscription.Window!.HasCredit.Should().Be(unsettled.Count < 8);
            subscription.Window.WasGiven(given).Should().BeTrue();
            subscription.Window.WasGiven(given + 1).Should().BeFalse();
        }
    }

    [Fact]
    public void What_waits_when_it_ends_gives_its_room_back_and_what_comes_then_takes_none()
    {
        using var stand = new OutboxStand(limit: int.MaxValue);
        Subscription subscription = stand.Subscribe(AckMode.Client, prefetch: 1);
        var dirty = new DirtyOutboxes();
        subscription.Deliver(OutboxStand.Publish("given", "waits", "waits too"), dirty);
        dirty.Drain();
        stand.Outbox.Bytes.Should().BePositive();
        stand.Outbox.Owed.Should().Be(0);
        stand.Outbox.IsMoving.Should().BeFalse("there is nothing that the socket could take");

        subscription.End(skipWaiting: true);
        subscription.Window!.Deliver(OutboxStand.Publish("late"), dirty);

        stand.Outbox.Bytes.Should().Be(0);
        stand.Outbox.Owed.Should().Be(0);
    }
}
