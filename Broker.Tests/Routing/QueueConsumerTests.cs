using System.Text;
using Broker.Configuration;
using Broker.Delivery;
using Broker.Diagnostics;
using Broker.Messaging;
using Broker.Routing;
using Broker.Stomp;
using Broker.Tests.Delivery;
using Broker.Tests.Diagnostics;
using Broker.Tests.TestHost;

namespace Broker.Tests.Routing;

/// <summary>A consumer that does not take every message (<c>no-local</c>), and what it has to look at to find those that it does.</summary>
public sealed class QueueConsumerTests : IDisposable
{
    private readonly TestMeterFactory _meters = new();
    private readonly OutboxStand _stand = new(limit: 1 << 20);

    public void Dispose()
    {
        _stand.Dispose();
        _meters.Dispose();
    }

    [Fact]
    public void What_it_took_it_does_not_pass_again()
    {
        const int Messages = 50_000;
        var table = new QueueTable(new LimitOptions(), new BrokerMetrics(_meters), new ManualTime());
        Queue queue = table.GetOrAdd("/queue/a"u8)!;
        table.Publish(queue, [From("own"), .. Enumerable.Repeat(From("other"), Messages)], isReserved: false, new DirtyOutboxes());
        var consumer = new QueueConsumer(queue, Subscribe(ownIds: "own-"), AckMode.Auto, prefetch: 0);
        queue.TryAdd(consumer, new DirtyOutboxes()).Should().BeTrue();

        var taken = new QueueDelivery[256];
        for (int total = 0; total < Messages;)
        {
            int count = consumer.Take(taken, int.MaxValue, out _);
            count.Should().BePositive();
            total += count;
            consumer.LookedUpTo.Should().BeGreaterThan(total, "its own is at the place 0, and that many others are behind it");
        }

        queue.Messages.Should().Be(1);
    }

    private Subscription Subscribe(string ownIds) =>
        new(_stand.Outbox, number: 1, "s"u8.ToArray(), "/queue/a"u8.ToArray(), isPattern: false, StompVersion.V12, AckMode.Auto, prefetch: 0, noLocalTo: null)
        {
            OwnIds = Encoding.ASCII.GetBytes(ownIds),
        };

    private static Message From(string session)
    {
        string id = $"message-id:{session}-1\n";
        string text = $"{id}content-length:0\n\n\0";
        return new Message(Encoding.ASCII.GetBytes(text), id.Length, text.Length - 1, isText: true, hasEscapes: false, expiresAt: 0);
    }
}
