using System.Globalization;
using Broker.Sessions;
using Broker.Tests.Semantics;

namespace Broker.Tests.TestHost;

/// <summary>
/// A client of queues: its MESSAGEs come when they do, before a RECEIPT or behind it, and are kept until the test takes them. What every
/// MESSAGE of a queue must have is looked at in each.
/// </summary>
internal sealed class Consumer(StompTestClient client) : IDisposable
{
    private static int _receipts;
    private readonly Queue<TestFrame> _messages = new();
    private readonly HashSet<string> _subscriptions = [];

    public StompTestClient Client => client;

    /// <summary>How many subscriptions it has.</summary>
    public int Subscriptions => _subscriptions.Count;

    public string Version => client.Connected?["version"] ?? "1.0";

    /// <summary>Sends a frame and awaits its RECEIPT.</summary>
    public async Task DoAsync(string command, (string Name, string Value)[] headers, string body = "")
    {
        string receipt = NextReceipt();
        await client.SendFrameAsync(command, [.. headers, ("receipt", receipt)], body);
        await ReadReceiptAsync(receipt);
    }

    /// <summary>Subscribes and awaits the RECEIPT, which must come before the first MESSAGE of this subscription.</summary>
    public async Task SubscribeAsync(string id, string destination, string ack = "client-individual", params (string Name, string Value)[] headers)
    {
        int before = _messages.Count;
        _subscriptions.Add(id);
        await DoAsync("SUBSCRIBE", [("id", id), ("destination", destination), ("ack", ack), .. headers]);
        _messages.Skip(before).Should().NotContain(message => message["subscription"] == id, "its RECEIPT comes first");
    }

    public Task UnsubscribeAsync(string id)
    {
        _subscriptions.Remove(id);
        return DoAsync("UNSUBSCRIBE", [("id", id)]);
    }

    /// <summary>Publishes and awaits the RECEIPT.</summary>
    public Task PublishAsync(string destination, string body, params (string Name, string Value)[] headers) =>
        DoAsync("SEND", [("destination", destination), .. headers], body);

    public Task BeginAsync(string transaction) => DoAsync("BEGIN", [("transaction", transaction)]);

    public Task CommitAsync(string transaction) => DoAsync("COMMIT", [("transaction", transaction)]);

    public Task AbortAsync(string transaction) => DoAsync("ABORT", [("transaction", transaction)]);

    public Task AckAsync(TestFrame message, params (string Name, string Value)[] headers) => DoAsync("ACK", [.. Answer(message), .. headers]);

    public Task NackAsync(TestFrame message, params (string Name, string Value)[] headers) => DoAsync("NACK", [.. Answer(message), .. headers]);

    /// <summary>What an ACK or a NACK of a message names, as this client's version has it.</summary>
    public (string Name, string Value)[] Answer(TestFrame message) => Version switch
    {
        "1.2" => [("id", message["ack"] ?? throw new InvalidOperationException($"It has no ack: {message}"))],
        "1.1" => [("message-id", message["message-id"]!), ("subscription", message["subscription"]!)],
        _ => [("message-id", message["message-id"]!)],
    };

    /// <summary>The next MESSAGE.</summary>
    public async Task<TestFrame> TakeAsync()
    {
        if (!_messages.TryDequeue(out TestFrame? message))
            message = Checked(await client.ReadFrameAsync("MESSAGE"));
        return message;
    }

    /// <summary>The next MESSAGE, which must be this one, and delivered for the so-manieth time.</summary>
    public async Task<TestFrame> TakeAsync(string body, int delivery = 1)
    {
        TestFrame message = await TakeAsync();
        message.Text.Should().Be(body);
        message["x-delivery-count"].Should().Be(delivery.ToString(CultureInfo.InvariantCulture), "the broker sent: {0}", message);
        return message;
    }

    public async Task<TestFrame[]> TakeAsync(int count)
    {
        var messages = new TestFrame[count];
        for (int i = 0; i < count; i++)
            messages[i] = await TakeAsync();
        return messages;
    }

    public async Task<string[]> TakeTextsAsync(int count) => [.. (await TakeAsync(count)).Select(message => message.Text)];

    /// <summary>All MESSAGEs that there are up to now.</summary>
    public async Task<TestFrame[]> TakeAllAsync()
    {
        await RoundTripAsync();
        TestFrame[] all = [.. _messages];
        _messages.Clear();
        return all;
    }

    public async Task<string[]> TakeAllTextsAsync() => [.. (await TakeAllAsync()).Select(message => message.Text)];

    public async Task ShouldHaveNothingAsync() => (await TakeAllAsync()).Should().BeEmpty();

    /// <summary>What the client asked for is done, and what the broker had for it until then is here.</summary>
    public async Task RoundTripAsync()
    {
        string name = NextReceipt();
        await client.SendFrameAsync("BEGIN", [("transaction", name)]);
        await DoAsync("ABORT", [("transaction", name)]);
    }

    /// <summary>What "err+close" promises, behind MESSAGEs that may still come.</summary>
    public async Task<TestFrame> ReadErrorAndEndAsync(int closeCode = 1002)
    {
        TestFrame error = await client.ReadFrameAsync();
        while (error.Command == "MESSAGE")
        {
            _messages.Enqueue(Checked(error));
            error = await client.ReadFrameAsync();
        }

        error.Command.Should().Be("ERROR", "the broker sent: {0}", error);
        (int code, _) = await client.Socket.ReadCloseAsync();
        code.Should().Be(closeCode, "the broker said: {0}", error);
        await client.Socket.SendCloseAsync(code);
        (byte[] rest, StreamEnd end) = await client.Socket.ReadToEndAsync();
        rest.Should().BeEmpty();
        end.Should().Be(StreamEnd.Fin);
        return error;
    }

    public void Dispose() => client.Dispose();

    private async Task ReadReceiptAsync(string receipt)
    {
        TestFrame frame = await client.ReadFrameAsync();
        while (frame.Command == "MESSAGE")
        {
            _messages.Enqueue(Checked(frame));
            frame = await client.ReadFrameAsync();
        }

        frame.Command.Should().Be("RECEIPT", "the broker sent: {0}", frame);
        frame["receipt-id"].Should().Be(receipt);
    }

    /// <summary>"redelivered and x-delivery-count (1 the first time) are on every queue MESSAGE", once each.</summary>
    private static TestFrame Checked(TestFrame message)
    {
        if (message["destination"]!.StartsWith("/topic/", StringComparison.Ordinal))
            return message;
        string[] counts = [.. message.Headers.Where(header => header.Key == "x-delivery-count").Select(header => header.Value)];
        string[] marks = [.. message.Headers.Where(header => header.Key == "redelivered").Select(header => header.Value)];
        (counts.Length, marks.Length).Should().Be((1, 1), "of {0}", message);
        int.Parse(counts[0], NumberStyles.None, CultureInfo.InvariantCulture).Should().BePositive();
        marks[0].Should().Be(counts[0] == "1" ? "false" : "true", "of {0}", message);
        return message;
    }

    private static string NextReceipt() => "consumer-" + Interlocked.Increment(ref _receipts).ToString(CultureInfo.InvariantCulture);
}

/// <summary>How a test gets consumers.</summary>
internal static class ConsumerSteps
{
    /// <summary>A client that is CONNECTED.</summary>
    public static async Task<Consumer> OpenConsumerAsync(this MemoryBroker broker, string version = "1.2", int unread = 64 * 1024) =>
        new(await broker.ConnectAsync(version, unread));

    /// <summary>A client that is CONNECTED and subscribed as <c>s</c>.</summary>
    public static async Task<Consumer> ConsumeAsync(
        this MemoryBroker broker, string destination, string ack = "client-individual", string version = "1.2", params (string Name, string Value)[] headers)
    {
        Consumer consumer = await broker.OpenConsumerAsync(version);
        await consumer.SubscribeAsync("s", destination, ack, headers);
        return consumer;
    }

    /// <summary>Publishes bodies, each with a RECEIPT.</summary>
    public static async Task PublishAllAsync(this StompTestClient publisher, string destination, params string[] bodies)
    {
        foreach (string body in bodies)
            await publisher.PublishAsync(destination, body);
    }

    /// <summary>Has a connection end from the client's side in one of the ways there are, and waits until the broker has taken notice.</summary>
    public static async Task EndAsync(this MemoryBroker broker, Consumer consumer, Ending how)
    {
        long left = broker.ReadMetric("stompbroker.subscriptions") - consumer.Subscriptions;
        Session session = broker.SessionOf(consumer.Client);
        switch (how)
        {
            case Ending.Lost:
                consumer.Client.Socket.Abort();
                break;
            case Ending.Closed:
                await consumer.Client.Socket.SendCloseAsync(1000);
                break;
            case Ending.Disconnect:
                await consumer.DoAsync("DISCONNECT", []);
                break;
            case Ending.Error:
                await consumer.Client.SendFrameAsync("NONSENSE", []);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(how));
        }

        await ClientSteps.UntilAsync(
            () => !broker.Environment.Sessions.All.Contains(session) && broker.ReadMetric("stompbroker.subscriptions") == left,
            "the session is over, and what it held is released");
    }
}

/// <summary>Ways for a connection to end.</summary>
public enum Ending
{
    Lost,
    Closed,
    Disconnect,
    Error,
}
