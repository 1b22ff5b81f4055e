using System.Globalization;
using System.Threading.Channels;
using Broker.Tests.Semantics;
using Broker.Tests.TestHost;

namespace Broker.Tests.Model;

/// <summary>
/// A broker over sockets, its clients, and the model beside it. After every step the clients have received exactly what the model says is due: no more, no
/// less, nothing twice, each in its place; and the broker's own numbers are the model's.
/// </summary>
internal sealed class QueueModelRun(RunningBroker broker, QueueModel model) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly Channel<Arrival> _arrivals = Channel.CreateUnbounded<Arrival>();
    private readonly List<string> _log = [];
    private readonly HashSet<string> _answers = [];
    private readonly List<(ModelClient Client, string Receipt)> _receipts = [];
    private readonly Dictionary<ModelQueue, int> _due = [];
    private readonly Dictionary<ModelQueue, List<(ModelMessage Message, ModelConsumer Consumer)>> _delivered = [];
    private int _lastClient;
    private int _lastReceipt;
    private ModelClient? _refused;

    public List<ModelClient> Clients { get; } = [];

    /// <summary>All that was done, for who has to find out why it failed.</summary>
    public string Log => string.Join('\n', _log.TakeLast(60));

    public async Task<ModelClient> ConnectAsync(string version)
    {
        string name = $"c{++_lastClient}";
        var client = new ModelClient(await PumpedClient.ConnectAsync(broker.Port, name, version, _arrivals.Writer));
        Clients.Add(client);
        _log.Add($"{name} connects with {version}");
        return client;
    }

    /// <summary>
    /// A step: a client sends these frames at once, the last with a receipt, and what they do is done to the model. In a mixed one the frames can take effect
    /// one by one or together, which the order to each consumer can tell.
    /// </summary>
    public async Task StepAsync(ModelClient client, string what, IReadOnlyList<ModelFrame> frames, Action effect, bool isMixed = false, ModelConsumer? rejects = null)
    {
        Begin($"{client.Name}: {what}");
        effect();
        Expect();
        string receipt = NextReceipt(client);
        if (client.Consumers is [.., { SubscribedWith: null } begun])
            begun.SubscribedWith = receipt;
        await client.Connection.SendAsync(frames.Select((frame, i) =>
            (frame.Command, i == frames.Count - 1 ? [.. frame.Headers, ("receipt", receipt)] : frame.Headers, frame.Body)));
        await ReceiveAsync();
        Judge(isMixed, rejects);
        await RestAsync();
    }

    /// <summary>A step that the broker must refuse with this ERROR; the connection is over, and what it held goes back.</summary>
    public async Task RefusedAsync(ModelClient client, string what, ModelFrame frame, string text)
    {
        Begin($"{client.Name}: {what}, which is refused");
        string receipt = $"r{++_lastReceipt}";
        Leave(client);
        Expect();
        _refused = client;
        client.RefusedWith = (text, receipt);
        await client.Connection.SendAsync((frame.Command, [.. frame.Headers, ("receipt", receipt)], frame.Body));
        await ReceiveAsync();
        await EndAsync(client);
    }

    /// <summary>A connection ends, in one of the ways there are.</summary>
    public async Task LeaveAsync(ModelClient client, Ending how)
    {
        Begin($"{client.Name}: leaves, {how}");
        Leave(client);
        Expect();
        switch (how)
        {
            case Ending.Lost:
                client.Connection.Abort();
                break;
            case Ending.Closed:
                await client.Connection.CloseAsync();
                break;
            case Ending.Disconnect:
                await client.Connection.SendAsync(("DISCONNECT", [("receipt", NextReceipt(client))], ""));
                break;
            default:
                _refused = client;
                client.RefusedWith = ("unknown command", null);
                await client.Connection.SendAsync(("NONSENSE", [], ""));
                break;
        }

        await ReceiveAsync();
        await EndAsync(client);
    }

    public void Dispose()
    {
        foreach (ModelClient client in Clients)
            client.Connection.Dispose();
    }

    private void Begin(string what)
    {
        _log.Add(what);
        model.Step();
        _delivered.Clear();
    }

    // What is due is settled when the step begins: what the model says waits then, as far as there is credit.
    private void Expect()
    {
        _due.Clear();
        foreach (ModelQueue queue in model.Queues)
        {
            if (queue.Due > 0)
                _due.Add(queue, queue.Due);
        }
    }

    private void Leave(ModelClient client)
    {
        foreach (ModelConsumer consumer in client.Consumers)
            QueueModel.End(consumer);
        Clients.Remove(client);
    }

    private async Task EndAsync(ModelClient client)
    {
        int consumers = Clients.Sum(other => other.Consumers.Count);
        await ClientSteps.UntilAsync(
            () => broker.Sessions.All.All(session => session.Id != client.Connection.Session) && broker.Metrics.Read("stompbroker.subscriptions") == consumers,
            "the session is over, and what it held is released");
        Judge(isMixed: false, rejects: null);
        await RestAsync();
        client.Connection.Dispose();
    }

    private async Task ReceiveAsync()
    {
        while (_receipts.Count > 0 || _due.Count > 0 || _refused is not null)
        {
            if (!_arrivals.Reader.TryRead(out Arrival? arrival))
                arrival = await NextAsync();
            Take(arrival);
        }
    }

    private async Task<Arrival> NextAsync()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            return await _arrivals.Reader.ReadAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            string due = string.Join(", ", _due.Select(pair => $"{pair.Value} of {pair.Key.Destination}, which has {string.Join("; ", pair.Key.Waiting)}"));
            throw Wrong($"The broker is silent. Due: {due}; receipts: {string.Join(' ', _receipts.Select(receipt => receipt.Receipt))}");
        }
    }

    /// <summary>Nobody has anything more, and the broker's numbers are the model's.</summary>
    private async Task RestAsync()
    {
        foreach (ModelClient client in Clients)
        {
            string name = $"rest{_lastReceipt}";
            await client.Connection.SendAsync(("BEGIN", [("transaction", name)], ""), ("ABORT", [("transaction", name), ("receipt", NextReceipt(client))], ""));
        }

        await ReceiveAsync();
        Dictionary<string, long> numbers = broker.Metrics.ReadAll();
        ShouldBe(QueueMetrics.Waiting, model.Queues.Sum(queue => queue.Waiting.Count()));
        ShouldBe(QueueMetrics.Unacknowledged, model.Queues.Sum(queue => queue.Messages.Count - queue.Waiting.Count()));
        ShouldBe(QueueMetrics.Consumers, model.Queues.Sum(queue => queue.Consumers.Count));
        ShouldBe(QueueMetrics.Redelivered, model.Redelivered);
        ShouldBe(QueueMetrics.DeadLettered, model.DeadLettered);
        ShouldBe(QueueMetrics.Dropped, 0);

        void ShouldBe(string name, long value)
        {
            long number = numbers.GetValueOrDefault(name);
            if (number != value)
                throw Wrong($"{name} is {number}, and should be {value}");
        }
    }

    private void Take(Arrival arrival)
    {
        ModelClient? client = Clients.Find(client => client.Connection == arrival.Client) ?? (_refused?.Connection == arrival.Client ? _refused : null);
        if (arrival.Frame is not { } frame)
        {
            // A client that is gone may end as it likes, but no frame of it may have been malformed.
            if (client is not null || arrival.End is not (IOException or InvalidOperationException or OperationCanceledException))
                throw Wrong($"{arrival.Client.Name} has lost its connection: {arrival.End}");
            return;
        }

        if (frame.Command == "RECEIPT")
        {
            int place = _receipts.FindIndex(receipt => receipt.Client.Connection == arrival.Client);
            if (place < 0 || _receipts[place].Receipt != frame["receipt-id"])
                throw Wrong($"{arrival.Client.Name} got {frame}, and should have {(place < 0 ? "none" : _receipts[place].Receipt)}");
            _receipts.RemoveAt(place);
        }
        else if (frame.Command == "MESSAGE" && client is not null && client != _refused)
        {
            TakeMessage(client, frame);
        }
        else if (frame.Command == "ERROR" && client is not null && client == _refused)
        {
            if (client.RefusedWith != (frame["message"], frame["receipt-id"]))
                throw Wrong($"{client.Name} got {frame}, and should have {client.RefusedWith}");
            _refused = null;
        }
        else
        {
            throw Wrong($"{arrival.Client.Name} got {frame}");
        }
    }

    private void TakeMessage(ModelClient client, TestFrame frame)
    {
        ModelConsumer consumer = client.Consumers.Find(consumer => consumer.Name == frame["subscription"])
            ?? throw Wrong($"{client.Name} has no such subscription: {frame}");
        if (_receipts.Exists(receipt => receipt.Client == client && receipt.Receipt == consumer.SubscribedWith))
            throw Wrong($"SUBSCRIBE's receipt comes first: {frame}");
        ModelQueue queue = consumer.Queue;
        ModelMessage message = queue.Waiting.FirstOrDefault(message => message.Body == frame.Text)
            ?? throw Wrong($"{client.Name} got what does not wait in {queue.Destination}: {frame}");
        if (!_due.TryGetValue(queue, out int due))
            throw Wrong($"{client.Name} got more than is due: {frame}");
        if (consumer.Credit <= 0)
            throw Wrong($"{client.Name} got more than it has credit for: {frame}");
        string count = (message.Deliveries + 1).ToString(CultureInfo.InvariantCulture);
        if ((frame["destination"], frame["redelivered"], frame["x-delivery-count"]) != (queue.Destination, count == "1" ? "false" : "true", count))
            throw Wrong($"It should be delivered for the {count}. time: {frame}");
        if ((frame["x-death-reason"], frame["x-death-queue"]) != (message.DeathReason, message.DeathQueue))
            throw Wrong($"It should have died of {message.DeathReason ?? "nothing"}: {frame}");
        if ((frame["ack"] is null) != (consumer.Ack == "auto" || client.Version != "1.2"))
            throw Wrong($"Only what is to be acknowledged, in 1.2, has an ack: {frame}");

        (string Name, string Value)[] answer = consumer.Ack == "auto" ? [] : client.Connection.Answer(frame);
        if (answer is [(_, { } id), ..] && !_answers.Add($"{client.Name} {id}"))
            throw Wrong($"The answer to it is that to an earlier one: {frame}");
        model.Deliver(message, consumer, () => answer);
        if (!_delivered.TryGetValue(queue, out var delivered))
            _delivered.Add(queue, delivered = []);
        delivered.Add((message, consumer));
        if (due == 1)
            _due.Remove(queue);
        else
            _due[queue] = due - 1;
    }

    /// <summary>Of each queue its first messages were delivered, and to each consumer in their order.</summary>
    private void Judge(bool isMixed, ModelConsumer? rejects)
    {
        foreach ((ModelQueue queue, var delivered) in _delivered)
        {
            long last = delivered.Max(given => given.Message.Place);
            if (queue.Waiting.FirstOrDefault(message => message.Place < last) is { } left)
                throw Wrong($"{left} was left behind others");
            foreach (var row in delivered.GroupBy(given => given.Consumer))
            {
                long[] places = [.. row.Select(given => given.Message).Where(message => !isMixed || message.Deliveries == 1).Select(message => message.Place)];
                if (!places.SequenceEqual(places.Order()))
                    throw Wrong($"{row.Key.Name} got messages of {queue.Destination} out of their order: {string.Join(' ', row.Select(given => given.Message))}");
            }

            if (rejects is null || !delivered.Exists(given => given.Consumer == rejects && given.Message.RejectedBy == rejects))
                continue;
            if (queue.Consumers.FirstOrDefault(other => other != rejects && other.Credit > 0) is { } free)
                throw Wrong($"{rejects.Name} got what it had rejected, while {free.Name} could have had it");
        }
    }

    private string NextReceipt(ModelClient client)
    {
        string receipt = $"r{++_lastReceipt}";
        _receipts.Add((client, receipt));
        return receipt;
    }

    private InvalidOperationException Wrong(string what) => new($"{what}\nBefore that:\n{Log}");
}

/// <summary>A frame to be sent.</summary>
internal sealed record ModelFrame(string Command, (string Name, string Value)[] Headers, string Body = "");

/// <summary>A client of a run, with what the model knows of it.</summary>
internal sealed class ModelClient(PumpedClient connection)
{
    public PumpedClient Connection => connection;

    public string Name => connection.Name;

    public string Version => connection.Version;

    public List<ModelConsumer> Consumers { get; } = [];

    /// <summary>What subscriptions were given that it has no more.</summary>
    public List<ModelDelivery> Past { get; } = [];

    /// <summary>Open transactions: what each would do to the model.</summary>
    public Dictionary<string, ModelTransaction> Transactions { get; } = [];

    /// <summary>The ERROR that it is about to get.</summary>
    public (string? Message, string? Receipt) RefusedWith { get; set; }
}

/// <summary>What is enlisted: messages by destination, and what is said of deliveries.</summary>
internal sealed class ModelTransaction
{
    public List<(string Destination, string Body)> Sends { get; } = [];

    public List<(ModelDelivery Delivery, Verdict Verdict)> Settlements { get; } = [];
}
