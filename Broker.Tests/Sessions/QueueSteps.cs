using Broker.Tests.TestHost;

namespace Broker.Tests.Sessions;

/// <summary>What tests of queues do over and over.</summary>
internal static class QueueSteps
{
    public static readonly (string, string) Individual = ("ack", "client-individual");

    /// <summary>The next MESSAGE, told as body, how often it was delivered, and whether it was before.</summary>
    public static async Task<(string Body, string? Count, string? Redelivered)> ReadDeliveryAsync(this StompTestClient client)
    {
        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        return (message.Text, message["x-delivery-count"], message["redelivered"]);
    }

    /// <summary>ACK of a MESSAGE, with its effect awaited.</summary>
    public static Task AckAsync(this StompTestClient client, TestFrame message, params (string, string)[] headers) =>
        client.DoAsync("ACK", [("id", message["ack"]!), .. headers]);

    public static Task NackAsync(this StompTestClient client, TestFrame message, params (string, string)[] headers) =>
        client.DoAsync("NACK", [("id", message["ack"]!), .. headers]);

    /// <summary>Takes what waits in a queue and returns the bodies; the queue is empty then.</summary>
    public static async Task<List<string>> DrainAsync(this MemoryBroker broker, string destination)
    {
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("drain", destination);
        var bodies = new List<string>();
        Broker.Routing.Queue queue = broker.Environment.Queues.GetOrAdd(System.Text.Encoding.UTF8.GetBytes(destination))!;
        for (bool isLast = false; !isLast;)
        {
            isLast = queue.Messages == 0; // what was in it is on its way, before the next receipt
            await client.SendAsync("/topic/nobody", "", ("receipt", "so far"));
            while (await client.ReadFrameAsync() is { Command: "MESSAGE" } message)
                bodies.Add(message.Text);
        }

        await client.DoAsync("UNSUBSCRIBE", [("id", "drain")]); // what comes later is not for a connection that is about to be cut
        return bodies;
    }

    /// <summary>The broker looks after its queues, as it does once a second.</summary>
    public static void Tidy(this MemoryBroker broker) => broker.Environment.Queues.Tidy();

    /// <summary>Cuts the connection and awaits that its session is gone.</summary>
    public static async Task CutAsync(this MemoryBroker broker, StompTestClient client)
    {
        string session = client.Connected!["session"]!;
        client.Dispose();
        await ClientSteps.UntilAsync(() => broker.Environment.Sessions.All.All(other => other.Id != session), "the session has ended");
    }
}
