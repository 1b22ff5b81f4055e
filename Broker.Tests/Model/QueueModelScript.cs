using System.Globalization;
using Broker.Tests.TestHost;

namespace Broker.Tests.Model;

/// <summary>What the clients of a run do: whatever they can, at random, from a seed.</summary>
internal sealed class QueueModelScript(QueueModelRun run, QueueModel model, Random random, int limit)
{
    private const int MostClients = 6;
    private static readonly string[] Destinations = ["/queue/a", "/queue/b", "/queue/c.d/e"];
    private static readonly string[] Versions = ["1.0", "1.1", "1.2", "1.2"];
    private static readonly string[] AckModes = ["auto", "client", "client-individual", "client-individual"];
    private int _lastBody;

    public async Task RunAsync(int steps)
    {
        for (int i = 0; i < steps; i++)
        {
            if (run.Clients.Count == 0 || (run.Clients.Count < MostClients && random.Next(12) == 0))
                await run.ConnectAsync(Pick(Versions));
            await DoAsync(Pick(run.Clients));
        }
    }

    /// <summary>All leave, one after the other, and a last one takes all that is there.</summary>
    public async Task EndAsync()
    {
        while (run.Clients.Count > 0)
            await run.LeaveAsync(Pick(run.Clients), (Ending)random.Next(4));
        ModelClient last = await run.ConnectAsync("1.2");
        foreach (ModelQueue queue in model.Queues.ToList())
            await SubscribeAsync(last, queue, "auto");
        model.Queues.Should().OnlyContain(queue => queue.Messages.Count == 0, "every message is settled");
        await run.LeaveAsync(last, Ending.Disconnect);
    }

    private Task DoAsync(ModelClient client) => random.Next(100) switch
    {
        < 25 => SendAsync(client),
        < 52 => SettleAsync(client),
        < 66 => BundleAsync(client),
        < 86 => TransactAsync(client),
        < 93 => SubscribeAsync(client),
        < 96 => UnsubscribeAsync(client),
        < 98 => run.LeaveAsync(client, (Ending)random.Next(4)),
        < 99 => RestAsync(client),
        _ => run.RefusedAsync(client, "ACK of nonsense", new ModelFrame("ACK", [("id", "nonsense"), ("message-id", "nonsense"), ("subscription", "s0")]), "bad ack id"),
    };

    private Task RestAsync(ModelClient client) => run.StepAsync(client, "rests", [new ModelFrame("SEND", [("destination", "/topic/nobody")])], () => { });

    private Task SendAsync(ModelClient client)
    {
        ModelQueue queue = model.Queue(Pick(Destinations));
        int room = limit - queue.Messages.Count;
        if (room <= 0)
        {
            // Where one who needs not acknowledge could take it at once, whether there is room is anybody's opinion.
            return queue.Consumers.Exists(consumer => consumer.Credit > 0) || random.Next(3) > 0
                ? SettleAsync(client)
                : run.RefusedAsync(client, $"SEND to {queue.Destination}, which is full", new ModelFrame("SEND", [("destination", queue.Destination)], "refused"), "queue full");
        }

        var plan = new Plan();
        for (int i = random.Next(3) == 0 ? Math.Min(room, random.Next(2, 8)) : 1; i > 0; i--)
            Send(plan, queue, null);
        return run.StepAsync(client, plan.What, plan.Frames, plan.Apply);
    }

    private Task SettleAsync(ModelClient client)
    {
        var plan = new Plan();
        ModelDelivery? delivery = Settle(plan, client, null);
        if (delivery is null)
            return random.Next(2) == 0 ? SubscribeAsync(client) : RestAsync(client);
        return run.StepAsync(client, plan.What, plan.Frames, plan.Apply, rejects: plan.Has(Verdict.Nack) ? delivery.Consumer : null);
    }

    private Task BundleAsync(ModelClient client)
    {
        var plan = new Plan();
        for (int i = random.Next(2, 9); i > 0; i--)
        {
            ModelQueue queue = model.Queue(Pick(Destinations));
            if (random.Next(3) == 0 && queue.Messages.Count + plan.SendsTo(queue.Destination) < limit)
                Send(plan, queue, null);
            else
                Settle(plan, client, null);
        }

        return plan.Frames.Count == 0 ? SubscribeAsync(client) : run.StepAsync(client, "together: " + plan.What, plan.Frames, plan.Apply, isMixed: true);
    }

    private Task TransactAsync(ModelClient client)
    {
        if (client.Transactions.Count == 0 || (client.Transactions.Count < 3 && random.Next(6) == 0))
        {
            string begun = $"t{random.Next(1000)}";
            if (client.Transactions.TryAdd(begun, new ModelTransaction()))
                return run.StepAsync(client, $"BEGIN {begun}", [new ModelFrame("BEGIN", [("transaction", begun)])], () => { });
        }

        string name = client.Transactions.Keys.Order(StringComparer.Ordinal).ElementAt(random.Next(client.Transactions.Count));
        ModelTransaction transaction = client.Transactions[name];
        int what = random.Next(10);
        if (what < 7)
        {
            var plan = new Plan();
            for (int i = random.Next(1, what < 3 ? 7 : 4); i > 0; i--)
            {
                if (what < 3)
                    Send(plan, model.Queue(Pick(Destinations)), name);
                else
                    Settle(plan, client, name);
            }

            if (plan.Frames.Count == 0)
                return SubscribeAsync(client);
            transaction.Sends.AddRange(plan.Sends);
            transaction.Settlements.AddRange(plan.Settlements);
            return run.StepAsync(client, $"in {name}: {plan.What}", plan.Frames, () => { });
        }

        client.Transactions.Remove(name);
        var commit = new ModelFrame("COMMIT", [("transaction", name)]);
        if (what < 9 && IsTooMuch(transaction))
            return run.RefusedAsync(client, $"COMMIT {name} to a full queue", commit, "queue full");
        if (what == 9 || !Fits(transaction))
            return run.StepAsync(client, $"ABORT {name}", [new ModelFrame("ABORT", [("transaction", name)])], () => { });
        return run.StepAsync(client, $"COMMIT {name}", [commit], () => Plan.Apply(model, transaction.Sends, transaction.Settlements), isMixed: true);
    }

    private Task SubscribeAsync(ModelClient client)
    {
        if (client.Consumers.Count == 4)
            return UnsubscribeAsync(client);
        List<ModelQueue> others = [.. model.Queues.Where(queue => !Destinations.Contains(queue.Destination))];
        ModelQueue queue = others.Count > 0 && random.Next(4) == 0 ? Pick(others) : model.Queue(Pick(Destinations));
        return SubscribeAsync(client, queue, Pick(AckModes));
    }

    private Task SubscribeAsync(ModelClient client, ModelQueue queue, string ack)
    {
        string name = Enumerable.Range(0, 99).Select(i => $"s{i}").First(name => !client.Consumers.Exists(consumer => consumer.Name == name));
        int prefetch = Pick([1, 1, 2, 3, 5, 0, 1000]);
        List<(string, string)> headers = [("id", name), ("destination", queue.Destination)];
        if (ack != "auto" || random.Next(2) == 0)
            headers.Add(("ack", ack));
        if (prefetch != 1000)
            headers.Add((random.Next(3) == 0 ? "activemq.prefetchSize" : "prefetch-count", prefetch.ToString(CultureInfo.InvariantCulture)));
        return run.StepAsync(client, $"SUBSCRIBE {name} to {queue.Destination}, {ack}, prefetch {prefetch}", [new ModelFrame("SUBSCRIBE", [.. headers])], () =>
        {
            var consumer = new ModelConsumer(name, queue, ack, prefetch);
            client.Consumers.Add(consumer);
            queue.Consumers.Add(consumer);
        });
    }

    private Task UnsubscribeAsync(ModelClient client)
    {
        if (client.Consumers.Count == 0)
            return SubscribeAsync(client);
        ModelConsumer consumer = Pick(client.Consumers);
        return run.StepAsync(client, $"UNSUBSCRIBE {consumer.Name}", [new ModelFrame("UNSUBSCRIBE", [("id", consumer.Name)])], () =>
        {
            QueueModel.End(consumer);
            client.Consumers.Remove(consumer);
            client.Past.AddRange(consumer.Given);
        });
    }

    private void Send(Plan plan, ModelQueue queue, string? transaction)
    {
        string body = $"m{++_lastBody}";
        List<(string, string)> headers = [("destination", queue.Destination)];
        if (transaction is not null)
            headers.Add(("transaction", transaction));
        plan.Add(new ModelFrame("SEND", [.. headers], body), $"SEND {body} to {queue.Destination}", model, queue.Destination, body);
    }

    /// <summary>An ACK or a NACK of something that the client has, or at times of something that is settled long ago; null when it has nothing.</summary>
    private ModelDelivery? Settle(Plan plan, ModelClient client, string? transaction)
    {
        List<ModelDelivery> all = [.. client.Consumers.SelectMany(consumer => consumer.Given), .. client.Past];
        List<ModelDelivery> open = all.FindAll(delivery => !delivery.IsOver);
        if (all.Count == 0 || (open.Count == 0 && random.Next(3) > 0))
            return null;
        ModelDelivery delivery = Pick(open.Count > 0 && random.Next(8) > 0 ? open : all);
        Verdict verdict = random.Next(12) switch { < 6 => Verdict.Ack, < 11 => Verdict.Nack, _ => Verdict.Reject };
        if (!Fits(delivery.Message.Queue, plan.Settlements.Where(other => other.Delivery.Message.Queue == delivery.Message.Queue).Append((delivery, verdict))))
            verdict = Verdict.Ack;
        List<(string, string)> headers = [.. delivery.Answer];
        if (transaction is not null)
            headers.Add(("transaction", transaction));
        if (verdict == Verdict.Reject || (verdict == Verdict.Nack && random.Next(4) == 0))
            headers.Add(("requeue", verdict == Verdict.Reject ? "false" : "true"));
        plan.Add(new ModelFrame(verdict == Verdict.Ack ? "ACK" : "NACK", [.. headers]), $"{verdict} {delivery.Message.Body} ({delivery.Answer[0].Value})", model, delivery, verdict);
        return delivery;
    }

    // Also where what the same transaction settles is out of the queue before: else there is room or not, as one sees it.
    private bool IsTooMuch(ModelTransaction transaction) => transaction.Sends.GroupBy(send => send.Destination).Any(sends =>
        model.Queue(sends.Key).Messages.Count + sends.Count() > limit
        + transaction.Settlements.Where(settlement => settlement.Delivery.Message.Queue.Destination == sends.Key).Sum(settlement => QueueModel.ConcernedBy(settlement.Delivery).Count()));

    private bool Fits(ModelTransaction transaction) =>
        transaction.Sends.GroupBy(send => send.Destination).All(sends => model.Queue(sends.Key).Messages.Count + sends.Count() <= limit)
        && transaction.Settlements.GroupBy(settlement => settlement.Delivery.Message.Queue).All(settlements => Fits(settlements.Key, settlements));

    private bool Fits(ModelQueue queue, IEnumerable<(ModelDelivery Delivery, Verdict Verdict)> settlements) =>
        model.Queue(QueueModel.DeadLettersOf(queue.Destination)).Messages.Count + settlements.Sum(settlement => model.Deaths(settlement.Delivery, settlement.Verdict)) <= limit;

    private T Pick<T>(IReadOnlyList<T> all) => all[random.Next(all.Count)];

    /// <summary>Frames of one client, and what they do.</summary>
    private sealed class Plan
    {
        private readonly List<Action> _effects = [];
        private readonly List<string> _what = [];

        public List<ModelFrame> Frames { get; } = [];

        public List<(string Destination, string Body)> Sends { get; } = [];

        public List<(ModelDelivery Delivery, Verdict Verdict)> Settlements { get; } = [];

        public string What => string.Join(", ", _what);

        public static void Apply(QueueModel model, List<(string Destination, string Body)> sends, List<(ModelDelivery Delivery, Verdict Verdict)> settlements)
        {
            foreach ((ModelDelivery delivery, Verdict verdict) in settlements)
                model.Settle(delivery, verdict);
            foreach ((string destination, string body) in sends)
                model.Send(destination, body);
        }

        public void Add(ModelFrame frame, string what, QueueModel model, string destination, string body)
        {
            Add(frame, what, () => model.Send(destination, body));
            Sends.Add((destination, body));
        }

        public void Add(ModelFrame frame, string what, QueueModel model, ModelDelivery delivery, Verdict verdict)
        {
            Add(frame, what, () => model.Settle(delivery, verdict));
            Settlements.Add((delivery, verdict));
        }

        public void Apply() => _effects.ForEach(effect => effect());

        public bool Has(Verdict verdict) => Settlements.Exists(settlement => settlement.Verdict == verdict);

        public int SendsTo(string destination) => Sends.Count(send => send.Destination == destination);

        private void Add(ModelFrame frame, string what, Action effect)
        {
            Frames.Add(frame);
            _what.Add(what);
            _effects.Add(effect);
        }
    }
}
