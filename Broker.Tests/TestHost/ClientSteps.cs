using System.Diagnostics;
using System.Globalization;
using Broker.Sessions;

namespace Broker.Tests.TestHost;

/// <summary>What tests of subscriptions and messages do over and over, with a receipt wherever the next step relies on the effect.</summary>
internal static class ClientSteps
{
    private static int _receipts;

    /// <summary>Subscribes and awaits the RECEIPT, which must come before anything else.</summary>
    public static async Task SubscribeAsync(
        this StompTestClient client, string id, string destination, params (string Name, string Value)[] headers)
    {
        string receipt = NextReceipt();
        await client.SendFrameAsync("SUBSCRIBE", [("id", id), ("destination", destination), ("receipt", receipt), .. headers]);
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be(receipt);
    }

    /// <summary>Publishes without waiting for anything.</summary>
    public static Task SendAsync(this StompTestClient client, string destination, string body, params (string Name, string Value)[] headers) =>
        client.SendFrameAsync("SEND", [("destination", destination), .. headers], body);

    /// <summary>Publishes and awaits the RECEIPT, which must come before anything else.</summary>
    public static Task PublishAsync(this StompTestClient client, string destination, string body, params (string Name, string Value)[] headers) =>
        client.DoAsync("SEND", [("destination", destination), .. headers], body);

    /// <summary>Sends a frame and awaits its RECEIPT, which must come before anything else.</summary>
    public static async Task DoAsync(this StompTestClient client, string command, (string Name, string Value)[] headers, string body = "")
    {
        string receipt = NextReceipt();
        await client.SendFrameAsync(command, [.. headers, ("receipt", receipt)], body);
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be(receipt);
    }

    /// <summary>Nothing waits for this client: the next thing that it is told is the answer to a harmless frame.</summary>
    public static async Task ShouldHaveNothingToReadAsync(this StompTestClient client)
    {
        string name = NextReceipt();
        await client.DoAsync("BEGIN", [("transaction", name)]);
        await client.DoAsync("ABORT", [("transaction", name)]);
    }

    /// <summary>The next MESSAGE's body.</summary>
    public static async Task<string> ReadTextAsync(this StompTestClient client) => (await client.ReadFrameAsync("MESSAGE")).Text;

    /// <summary>The bodies of the next MESSAGEs.</summary>
    public static async Task<string[]> ReadTextsAsync(this StompTestClient client, int count)
    {
        var texts = new string[count];
        for (int i = 0; i < count; i++)
            texts[i] = await client.ReadTextAsync();
        return texts;
    }

    /// <summary>A client's session, by CONNECTED's <c>session</c>.</summary>
    public static Session SessionOf(this MemoryBroker broker, StompTestClient client) =>
        broker.Environment.Sessions.All.Single(session => session.Id == client.Connected!["session"]);

    /// <summary>Goes on as soon as something is so that happens on other threads by itself; fails the test when it never is.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(10))
                throw new TimeoutException($"Not within 10 s: {what}.");
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>On a thread of its own, beside the test.</summary>
    public static Task RunAsync(Func<Task> act) => Task.Run(act, TestContext.Current.CancellationToken);

    /// <inheritdoc cref="RunAsync"/>
    public static Task<T> RunAsync<T>(Func<Task<T>> act) => Task.Run(act, TestContext.Current.CancellationToken);

    private static string NextReceipt() => "step-" + Interlocked.Increment(ref _receipts).ToString(CultureInfo.InvariantCulture);
}
