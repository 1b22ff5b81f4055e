using System.Globalization;
using System.Threading.Channels;

namespace Broker.Tests.Model;

/// <summary>
/// A consumer of a concurrent run and its lives: it connects, subscribes, settles what it gets in all the ways there are, and leaves in one of the ways there
/// are, over and over. What it is about to do it tells the ledger first.
/// </summary>
internal sealed class QueueConsumerLife(int port, string name, Random random, QueueLedger ledger, IReadOnlyList<string> queues, bool allStay)
{
    private readonly List<(string Body, string Subscription, (string Name, string Value)[] Answer)> _held = [];
    private readonly Dictionary<string, Subscription> _subscriptions = [];
    private readonly Dictionary<string, int> _newest = [];
    private Channel<Arrival> _arrivals = Channel.CreateUnbounded<Arrival>();
    private PumpedClient? _client;
    private string _life = "";
    private int _lives;
    private int _receipts;
    private int _received;

    /// <summary>Lives until told to stop, and then leaves as it does.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
            await LiveAsync(allStay ? int.MaxValue : random.Next(20, 200), stop);
    }

    /// <summary>Lives once, subscribed to one queue, and takes what comes until told to stop: so no queue is without a consumer.</summary>
    public async Task StayAsync(string queue, CancellationToken stop)
    {
        await BeginAsync();
        await SubscribeAsync(queue, "client-individual", 1);
        await ActAsync(int.MaxValue, leaves: false, stop);
        await LeaveAsync();
    }

    private async Task LiveAsync(int deeds, CancellationToken stop)
    {
        await BeginAsync();
        for (int i = random.Next(1, 4); i > 0; i--)
            await SubscribeAsync(queues[random.Next(queues.Count)], ((string[])["auto", "client", "client-individual"])[random.Next(3)], ((int[])[1, 2, 5, 20, 0])[random.Next(5)]);
        await ActAsync(deeds, leaves: !allStay, stop);
        await LeaveAsync();
    }

    private async Task BeginAsync()
    {
        _life = $"{name}.{++_lives}";
        _arrivals = Channel.CreateUnbounded<Arrival>();
        _client = await PumpedClient.ConnectAsync(port, _life, ((string[])["1.0", "1.1", "1.2"])[random.Next(3)], _arrivals.Writer);
        _subscriptions.Clear();
        _newest.Clear();
    }

    private async Task ActAsync(int deeds, bool leaves, CancellationToken stop)
    {
        for (int i = 0; i < deeds && !stop.IsCancellationRequested; i++)
        {
            if (_arrivals.Reader.TryRead(out Arrival? arrival))
            {
                Take(arrival);
                if (random.Next(3) > 0)
                    continue;
            }

            if (_held.Count > 0)
            {
                await SettleAsync();
            }
            else if (arrival is null)
            {
                try
                {
                    Take(await _arrivals.Reader.ReadAsync(stop));
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }

            if (leaves && random.Next(100) == 0)
                await UnsubscribeAsync();
            if (_subscriptions.Count == 0)
                return; // nothing more would come
        }
    }

    private async Task SubscribeAsync(string queue, string ack, int prefetch)
    {
        string id = $"s{_receipts}";
        _subscriptions.Add(id, new Subscription(queue, ack));
        await DoAsync(("SUBSCRIBE", [("id", id), ("destination", queue), ("ack", ack), ("prefetch-count", prefetch.ToString(CultureInfo.InvariantCulture))], ""));
    }

    // What is on its way is the broker's still, and goes back when UNSUBSCRIBE gets there: what arrives before the receipt is no more held than the rest.
    private async Task UnsubscribeAsync()
    {
        if (_subscriptions.Count == 0)
            return;
        string id = _subscriptions.Keys.ElementAt(random.Next(_subscriptions.Count));
        Subscription subscription = _subscriptions[id];
        foreach (var held in _held.Where(held => held.Subscription == id))
            ledger.Returning(held.Body, _life);
        _held.RemoveAll(held => held.Subscription == id);
        subscription.IsEnding = true;
        await DoAsync(("UNSUBSCRIBE", [("id", id)], ""));
        _subscriptions.Remove(id);
    }

    private async Task SettleAsync()
    {
        var chosen = _held[random.Next(_held.Count)];
        List<(string Body, string Subscription, (string Name, string Value)[] Answer)> concerned = _subscriptions[chosen.Subscription].Ack == "client"
            ? [.. _held.TakeWhile(held => held != chosen).Where(held => held.Subscription == chosen.Subscription), chosen]
            : [chosen];
        int verdict = random.Next(20);
        string? transaction = random.Next(5) == 0 ? "t" : null;
        bool aborts = transaction is not null && random.Next(4) == 0;
        if (!aborts)
        {
            foreach (var held in concerned)
            {
                if (verdict < 14)
                    ledger.Acknowledging(held.Body, _life);
                else
                    ledger.Rejecting(held.Body, _life, requeue: verdict < 19);
            }

            _held.RemoveAll(concerned.Contains);
        }

        List<(string, string)> headers = [.. chosen.Answer];
        if (verdict == 19)
            headers.Add(("requeue", "false"));
        if (transaction is null)
        {
            await DoAsync((verdict < 14 ? "ACK" : "NACK", [.. headers], ""));
            return;
        }

        await DoAsync(
            ("BEGIN", [("transaction", transaction)], ""),
            (verdict < 14 ? "ACK" : "NACK", [.. headers, ("transaction", transaction)], ""),
            (aborts ? "ABORT" : "COMMIT", [("transaction", transaction)], ""));
    }

    // One that needs not acknowledge asks to get no more first: what is on its way to it counts as settled.
    private async Task LeaveAsync()
    {
        foreach (string id in _subscriptions.Where(pair => pair.Value.Ack == "auto").Select(pair => pair.Key).ToList())
        {
            await DoAsync(("UNSUBSCRIBE", [("id", id)], ""));
            _subscriptions.Remove(id);
        }

        int how = random.Next(3);
        foreach (var held in _held)
            ledger.Returning(held.Body, _life);
        _held.Clear();
        foreach (Subscription subscription in _subscriptions.Values)
            subscription.IsEnding = true;
        if (how == 0)
            await DoAsync(("DISCONNECT", [], ""));
        else if (how == 1)
            await _client!.CloseAsync();
        _client!.Abort();
        _client.Dispose();
    }

    /// <summary>Frames as one message, and the receipt of the last.</summary>
    private async Task DoAsync(params (string Command, (string Name, string Value)[] Headers, string Body)[] frames)
    {
        string receipt = $"r{++_receipts}";
        frames[^1].Headers = [.. frames[^1].Headers, ("receipt", receipt)];
        await _client!.SendAsync(frames);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (_received < _receipts)
            Take(await _arrivals.Reader.ReadAsync(patience.Token));
    }

    private void Take(Arrival arrival)
    {
        if (arrival.Frame is not { } frame)
            throw new InvalidOperationException($"{_life} has lost its connection", arrival.End);
        if (frame.Command == "RECEIPT" && frame["receipt-id"] == $"r{_received + 1}")
        {
            _received++;
            return;
        }

        if (frame.Command != "MESSAGE" || !_subscriptions.TryGetValue(frame["subscription"]!, out Subscription? subscription))
            throw new InvalidOperationException($"{_life} got {frame}");
        if (subscription.IsEnding && subscription.Ack != "auto")
            return;
        int count = int.Parse(frame["x-delivery-count"]!, CultureInfo.InvariantCulture);
        ledger.Given(frame.Text, frame["destination"]!, _life, count, settles: subscription.Ack == "auto");
        if (subscription.Ack != "auto")
            _held.Add((frame.Text, frame["subscription"]!, _client!.Answer(frame)));
        if (count > 1 || !allStay)
            return;

        // "PRODUCER NUMBER": of one producer, to one subscription, in the order in which they were sent. Where consumers leave, what was on its way to one
        // of them comes to another for the first time, and late.
        string[] parts = frame.Text.Split(' ');
        string row = $"{frame["subscription"]} of {parts[0]}";
        int number = int.Parse(parts[1], CultureInfo.InvariantCulture);
        if (_newest.TryGetValue(row, out int newest) && newest > number)
            ledger.Faults.Enqueue($"{_life} {row} got {number} after {newest}");
        _newest[row] = number;
    }

    private sealed class Subscription(string queue, string ack)
    {
        public string Queue => queue;

        public string Ack => ack;

        public bool IsEnding { get; set; }
    }
}
