using Broker.Configuration;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>What tests of streams have in common: a stream <c>/topic/s.#</c> whose bodies are their offsets.</summary>
internal static class StreamSteps
{
    public static MemoryBroker Create(int messages = 100_000, long bytes = 64 * 1024 * 1024, TimeSpan age = default, Action<BrokerOptions>? configure = null) =>
        new(options =>
        {
            options.Streams.Add(new StreamOptions { Pattern = "/topic/s.#", Messages = messages, Bytes = bytes, Age = age });
            configure?.Invoke(options);
        });

    /// <summary>Publishes bodies from <paramref name="first"/> on, each the offset that it is to have, over topics <c>/topic/s.0</c> to <c>/topic/s.2</c> in turn.</summary>
    public static async Task FillAsync(this StompTestClient publisher, int first, int count, int bodyBytes = 0)
    {
        await publisher.SendTogetherAsync(Enumerable.Range(first, count).Select(i => ($"/topic/s.{i % 3}", $"{i} ".PadRight(bodyBytes, 'x'))));
        await publisher.ShouldHaveNothingToReadAsync();
    }

    /// <summary>Subscribes to the stream; the RECEIPT.</summary>
    public static Task<TestFrame> ResumeAsync(
        this StompTestClient client, string from, string? epoch = null, string destination = "/topic/s.#", string id = "0", params (string Name, string Value)[] headers) =>
        client.SubscribeLiveAsync(id, destination,
            [("x-stream-offset", from), .. epoch is null ? Array.Empty<(string, string)>() : [("x-stream-epoch", epoch)], .. headers]);

    /// <summary>The stream's epoch.</summary>
    public static async Task<string> EpochAsync(this MemoryBroker broker)
    {
        using StompTestClient client = await broker.ConnectAsync();
        return (await client.ResumeAsync("next"))["x-stream-epoch"]!;
    }

    /// <summary>The next MESSAGEs, which must have these offsets, and bodies that say the same.</summary>
    public static async Task<TestFrame[]> ReadOffsetsAsync(this StompTestClient client, IEnumerable<int> offsets)
    {
        var messages = new List<TestFrame>();
        foreach (int offset in offsets)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            message.Offset().Should().Be(offset);
            message.Number().Should().Be(offset);
            messages.Add(message);
        }

        return [.. messages];
    }
}
