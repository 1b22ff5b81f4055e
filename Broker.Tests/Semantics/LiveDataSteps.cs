using System.Globalization;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>What tests of section 12 do over and over.</summary>
internal static class LiveDataSteps
{
    /// <summary>Subscribes; the RECEIPT, which must come before anything else.</summary>
    public static async Task<TestFrame> SubscribeLiveAsync(
        this StompTestClient client, string id, string destination, params (string Name, string Value)[] headers)
    {
        await client.SendFrameAsync("SUBSCRIBE", [("id", id), ("destination", destination), ("receipt", $"live {id}"), .. headers]);
        TestFrame receipt = await client.ReadFrameAsync("RECEIPT");
        receipt["receipt-id"].Should().Be($"live {id}");
        return receipt;
    }

    /// <summary>Publishes a value that is retained, and awaits its RECEIPT.</summary>
    public static Task RetainAsync(this StompTestClient client, string destination, string body, params (string Name, string Value)[] headers) =>
        client.PublishAsync(destination, body, [("retain", "set"), .. headers]);

    public static async Task<TestFrame[]> ReadMessagesAsync(this StompTestClient client, int count)
    {
        var messages = new TestFrame[count];
        for (int i = 0; i < count; i++)
            messages[i] = await client.ReadFrameAsync("MESSAGE");
        return messages;
    }

    /// <summary>
    /// A client's whole snapshot of a destination, without the subscription that it took: its MESSAGEs up to <c>x-snapshot:end</c>, the empty one
    /// that stands for nothing left out.
    /// </summary>
    public static async Task<TestFrame[]> SnapshotAsync(this StompTestClient client, string destination, params (string Name, string Value)[] headers)
    {
        await client.SubscribeLiveAsync("snapshot", destination, [("x-snapshot", "true"), .. headers]);
        List<TestFrame> messages = await client.ReadSnapshotAsync();
        await client.SendFrameAsync("UNSUBSCRIBE", [("id", "snapshot"), ("receipt", "no more")]);
        while ((await client.ReadFrameAsync()).Command == "MESSAGE")
        {
        }

        return [.. messages.Where(message => message["retained"] is not null)];
    }

    /// <summary>MESSAGEs up to the one with <c>x-snapshot:end</c>, it included.</summary>
    public static async Task<List<TestFrame>> ReadSnapshotAsync(this StompTestClient client)
    {
        var messages = new List<TestFrame>();
        do
            messages.Add(await client.ReadFrameAsync("MESSAGE"));
        while (messages[^1]["x-snapshot"] != "end");
        return messages;
    }

    /// <summary>MESSAGEs up to a RECEIPT of that id.</summary>
    public static async Task<List<TestFrame>> ReadToReceiptAsync(this StompTestClient client, string receipt)
    {
        var messages = new List<TestFrame>();
        while (true)
        {
            TestFrame frame = await client.ReadFrameAsync();
            if (frame.Command == "RECEIPT" && frame["receipt-id"] == receipt)
                return messages;
            frame.Command.Should().Be("MESSAGE", "the broker sent: {0}", frame);
            messages.Add(frame);
        }
    }

    /// <summary>SENDs as one WebSocket message: the broker sees them together.</summary>
    public static Task SendTogetherAsync(this StompTestClient client, IEnumerable<(string Destination, string Body)> sends, params (string Name, string Value)[] headers) =>
        client.Socket.SendBinaryAsync(sends
            .SelectMany(send => client.Encode("SEND", [("destination", send.Destination), .. headers], System.Text.Encoding.UTF8.GetBytes(send.Body)))
            .ToArray());

    /// <summary>Each of them, of which there may be none.</summary>
    public static void ShouldAll<T>(this IEnumerable<T> items, Func<T, bool> condition, string because = "") =>
        items.Where(item => !condition(item)).Should().BeEmpty(because);

    /// <summary>A body's number, which ends at a space.</summary>
    public static int Number(this TestFrame message) => int.Parse(message.Text.Split(' ')[0], CultureInfo.InvariantCulture);

    /// <summary><c>x-stream-offset</c>.</summary>
    public static long? Offset(this TestFrame frame) => frame["x-stream-offset"] is { } text ? long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture) : null;

    /// <summary>How many messages a MESSAGE stands for; <c>x-conflated:1</c> is never written.</summary>
    public static int Count(this TestFrame message)
    {
        if (message["x-conflated"] is not { } text)
            return 1;
        int count = int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
        count.Should().BeGreaterThan(1, "x-conflated is absent for one");
        return count;
    }

    /// <summary>The next MESSAGE, while the clock is turned step by step until it comes.</summary>
    public static async Task<TestFrame> ReadWhileTurningAsync(this StompTestClient client, MemoryBroker broker, TimeSpan step)
    {
        Task<TestFrame> reading = client.ReadFrameAsync("MESSAGE");
        await ClientSteps.UntilAsync(() =>
        {
            if (!reading.IsCompleted)
                broker.Time.Advance(step);
            return reading.IsCompleted;
        }, "a MESSAGE comes");
        return await reading;
    }
}
