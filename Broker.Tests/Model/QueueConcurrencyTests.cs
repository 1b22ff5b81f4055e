using System.Globalization;
using Broker.Configuration;
using Broker.Tests.Semantics;
using Broker.Tests.TestHost;

namespace Broker.Tests.Model;

/// <summary>
/// Producers and consumers all at once, over sockets: SEMANTICS 5 and 6, "each message to one consumer; kept in order until acknowledged". Every message
/// is settled exactly once or still there in the end, no two consumers have it at the same time, and what one producer sends comes to one consumer in its order.
/// </summary>
public class QueueConcurrencyTests
{
    private const int Producers = 3;
    private const int Consumers = 5;
    private const int Each = 600;
    private const int Nacks = 4;
    private static readonly string[] Queues = ["/queue/a", "/queue/b"];

    public static TheoryData<int> Seeds => [.. ModelSeeds.Read(first: 1, last: 6)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Each_message_is_settled_once_or_still_there_whatever_happens_at_the_same_time(int seed)
    {
        await using RunningBroker broker = await RunningBroker.StartAsync($"Broker:Limits:{nameof(LimitOptions.NacksPerMessage)}={Nacks}");
        bool allStay = seed % 3 == 0;
        var ledger = new QueueLedger(Nacks);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        List<Task> consuming =
        [
            .. Queues.Select((queue, i) => Task.Run(() => new QueueConsumerLife(broker.Port, $"stays{i}", new Random(seed + i), ledger, Queues, allStay).StayAsync(queue, stop.Token), CancellationToken.None)),
            .. Enumerable.Range(0, Consumers).Select(i =>
                Task.Run(() => new QueueConsumerLife(broker.Port, $"c{i}", new Random((seed * 100) + i), ledger, Queues, allStay).RunAsync(stop.Token), CancellationToken.None)),
        ];
        Task[] producing = [.. Enumerable.Range(0, Producers).Select(i => ClientSteps.RunAsync(() => ProduceAsync(broker.Port, i, new Random((seed * 100) + 50 + i), ledger)))];

        // With an even seed what is left when the consumers leave is of interest too.
        Task enough = ledger.SettledAsync((Producers * Each) - (seed % 2 == 0 ? 200 : 0));
        Task first = await Task.WhenAny([BothAsync(Task.WhenAll(producing), enough), .. consuming]).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await first;
        await Task.WhenAll(consuming).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await Task.WhenAll(producing);
        await ClientSteps.UntilAsync(() => !broker.Sessions.All.Any() && broker.Metrics.Read("stompbroker.subscriptions") == 0, "all consumers are gone");

        ledger.Faults.Should().BeEmpty();
        ledger.HeldOnes.Should().BeEmpty();
        broker.Metrics.Read(QueueMetrics.Unacknowledged).Should().Be(0);
        using var last = new Consumer(await StompTestClient.ConnectAsync(broker.Port));
        foreach (string queue in (string[])[.. Queues, .. Queues.Select(QueueModel.DeadLettersOf)])
        {
            await last.SubscribeAsync(queue, queue, "auto");
            string[] left = ledger.Left(queue);
            TestFrame[] messages = await last.TakeAsync(left.Length);
            messages.Select(message => message.Text).Order(StringComparer.Ordinal).Should().Equal(left, "that is what is left in {0}", queue);
            if (!queue.StartsWith("/queue/DLQ.", StringComparison.Ordinal))
                ShouldBeInOrder(messages);
        }

        await last.ShouldHaveNothingAsync();
        broker.Metrics.Read(QueueMetrics.Waiting).Should().Be(0);
        ledger.Count.Should().Be(Producers * Each);
    }

    // A producer that fails is told of at once: what it has not sent is never settled.
    private static async Task BothAsync(Task producing, Task enough)
    {
        await producing;
        await enough;
    }

    // In a queue a producer's messages stand in the order of their SENDs, whatever became of them in between.
    private static void ShouldBeInOrder(TestFrame[] messages)
    {
        foreach (var row in messages.Select(message => message.Text.Split(' ')).GroupBy(parts => parts[0]))
            row.Select(parts => int.Parse(parts[1], CultureInfo.InvariantCulture)).Should().BeInAscendingOrder();
    }

    private static async Task ProduceAsync(int port, int number, Random random, QueueLedger ledger)
    {
        using StompTestClient producer = await StompTestClient.ConnectAsync(port);
        for (int sent = 0; sent < Each;)
        {
            // So many at once, at times in a transaction; now and then one that is aborted.
            int count = Math.Min(random.Next(1, 9), Each - sent);
            string? transaction = random.Next(4) == 0 ? "t" : null;
            if (transaction is not null)
                await producer.SendFrameAsync("BEGIN", [("transaction", transaction)]);
            bool aborts = transaction is not null && random.Next(4) == 0;
            for (int i = 0; i < count; i++)
            {
                string queue = Queues[random.Next(Queues.Length)], body = aborts ? "never" : $"{number} {sent++}";
                if (!aborts)
                    ledger.Sending(body, queue);
                await producer.SendAsync(queue, body, transaction is null ? [] : [("transaction", transaction)]);
            }

            if (transaction is not null)
                await producer.DoAsync(aborts ? "ABORT" : "COMMIT", [("transaction", transaction)]);
            else if (random.Next(3) == 0)
                await producer.ShouldHaveNothingToReadAsync();
        }

        await producer.ShouldHaveNothingToReadAsync();
    }
}
