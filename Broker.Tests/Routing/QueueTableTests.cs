using System.Text;
using Broker.Configuration;
using Broker.Delivery;
using Broker.Diagnostics;
using Broker.Routing;
using Broker.Tests.Delivery;
using Broker.Tests.Diagnostics;
using Broker.Tests.TestHost;

namespace Broker.Tests.Routing;

/// <summary>Which queues there are, under which names, and what they take together.</summary>
public sealed class QueueTableTests : IDisposable
{
    private readonly TestMeterFactory _meters = new();

    public void Dispose() => _meters.Dispose();

    [Fact]
    public void Names_of_temporary_queues_are_told_from_others_and_none_is_like_another()
    {
        QueueTable table = Make();
        var names = Enumerable.Range(0, 1000).Select(_ => Encoding.ASCII.GetString(table.AddTemporary()!.Name)).ToList();

        names.Should().OnlyHaveUniqueItems().And.OnlyContain(name => QueueTable.IsToken(Encoding.ASCII.GetBytes(name)));
        names.Select(name => name[^32..]).SelectMany(token => token).Distinct().Order().Should().Equal("0123456789abcdef", "all digits are drawn");
        foreach (string other in (string[])["/temp-queue/x", names[0][..^1], names[0] + "0", names[0][..^1] + "g", names[0][..^1] + "A", "/queue/" + names[0][12..]])
            QueueTable.IsToken(Encoding.ASCII.GetBytes(other)).Should().BeFalse();
        table.FindTemporary(Encoding.ASCII.GetBytes(names[7]))!.IsTemporary.Should().BeTrue();
    }

    [Fact]
    public void A_publisher_that_still_has_a_forgotten_queue_finds_the_new_one()
    {
        QueueTable table = Make();
        Queue old = table.GetOrAdd("/queue/a"u8)!;
        table.Tidy();
        table.Tidy();
        table.Count.Should().Be(0);

        Queue made = table.Publish(old, [OutboxStand.Message("m")], isReserved: false, new DirtyOutboxes());

        made.Should().NotBeSameAs(old);
        table.GetOrAdd("/queue/a"u8).Should().BeSameAs(made);
        (made.Messages, table.Count).Should().Be((1, 1));
        table.TryReserve(ref old, 1, 100).Should().BeTrue();
        old.Should().BeSameAs(made);
        made.Release(1, 100);
        (made.Messages, table.Bytes).Should().Be((1, Queue.SizeOf(OutboxStand.Message("m"))));
    }

    [Fact]
    public void Room_that_was_taken_keeps_a_queue_from_being_forgotten()
    {
        QueueTable table = Make();
        Queue queue = table.GetOrAdd("/queue/a"u8)!;
        table.TryReserve(ref queue, 1, 100).Should().BeTrue();

        for (int i = 0; i < 5; i++)
            table.Tidy();

        table.GetOrAdd("/queue/a"u8).Should().BeSameAs(queue);
    }

    [Fact]
    public void A_large_message_takes_its_room_by_itself_however_empty_the_queue_is()
    {
        QueueTable table = Make();
        Queue queue = table.GetOrAdd("/queue/a"u8)!;

        queue.IsTightFor(OutboxStand.Message(new string('x', 16_000))).Should().BeFalse();
        queue.IsTightFor(OutboxStand.Message(new string('x', 17_000))).Should().BeTrue();
    }


    [Fact]
    public void The_fullest_queues_are_told_a_hundred_of_them_at_the_most()
    {
        QueueTable table = Make();
        for (int i = 1; i <= 150; i++)
            table.Publish(table.GetOrAdd(Encoding.ASCII.GetBytes($"/queue/{i:D3}"))!, [.. Enumerable.Repeat(OutboxStand.Message("m"), i)], isReserved: false, new DirtyOutboxes());

        table.Deepest().Select(queue => queue.Name).Should().Equal(Enumerable.Range(51, 100).Select(i => $"/queue/{i:D3}"));
        table.Deepest()[^1].Waiting.Should().Be(150);
        table.Totals().Waiting.Should().Be(150 * 151 / 2);
    }

    [Fact]
    public void The_threads_that_take_room_agree_on_how_much_there_is()
    {
        QueueTable table = Make(new LimitOptions { TotalQueueBytes = 1_000_000 });
        int granted = 0;

        Parallel.For(0, 100, thread =>
        {
            Queue queue = table.GetOrAdd(Encoding.ASCII.GetBytes($"/queue/{thread % 7}"))!;
            for (int i = 0; i < 200; i++)
            {
                if (table.TryReserve(ref queue, 1, 100))
                    Interlocked.Increment(ref granted);
            }
        });

        granted.Should().Be(10_000);
        table.Bytes.Should().Be(1_000_000);
    }

    private QueueTable Make(LimitOptions? limits = null) => new(limits ?? new LimitOptions(), new BrokerMetrics(_meters), new ManualTime());
}
