using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>SEMANTICS 7: "At most 16 open, 1024 frames in each, 16 MiB in all of them." Section 10: their close code is 1008.</summary>
public class TransactionLimitTests
{
    [Fact]
    public async Task At_most_16_are_open()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 16; i++)
            await client.DoAsync("BEGIN", [("transaction", $"{i}")]);
        await client.DoAsync("COMMIT", [("transaction", "3")]);
        await client.DoAsync("BEGIN", [("transaction", "again")]);

        await client.SendFrameAsync("BEGIN", [("transaction", "one more")]);

        (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("too many transactions");
    }

    [Fact]
    public async Task At_most_1024_frames_are_in_each()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("ack", "client"));
        await client.SendAsync("/topic/a", "");
        TestFrame given = await client.ReadFrameAsync("MESSAGE");
        foreach (string name in (string[])["t", "other"])
        {
            await client.SendFrameAsync("BEGIN", [("transaction", name)]);
            for (int i = 0; i < 512; i++)
            {
                await client.SendAsync("/topic/b", "", ("transaction", name));
                await client.SendFrameAsync(i % 2 == 0 ? "ACK" : "NACK", [("id", given["ack"]!), ("transaction", name)]);
            }
        }

        await client.ShouldHaveNothingToReadAsync();
        await client.SendFrameAsync("ACK", [("id", given["ack"]!), ("transaction", "t")]);

        (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("too many frames in transaction");
    }

    [Fact]
    public async Task At_most_16_MiB_are_in_all_of_them()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        string body = new('x', (2 * 1024 * 1024) - 1024);
        for (int i = 0; i < 8; i++)
        {
            await client.SendFrameAsync("BEGIN", [("transaction", $"{i}")]);
            await client.PublishAsync("/topic/b", body, ("transaction", $"{i}"));
        }

        await client.SendAsync("/topic/b", new string('x', 8 * 1024), ("transaction", "7"));

        (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("transaction too large");
    }

    [Theory]
    [InlineData("ABORT")]
    [InlineData("COMMIT")]
    public async Task An_ended_one_gives_its_bytes_back(string command)
    {
        await using var broker = new MemoryBroker(options => options.Limits.TransactionBytes = 10_000);
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 10; i++)
        {
            await client.SendFrameAsync("BEGIN", [("transaction", "t")]);
            await client.SendAsync("/topic/b", new string('x', 4000), ("transaction", "t"));
            await client.SendAsync("/topic/b", new string('x', 4000), ("transaction", "t"));
            await client.DoAsync(command, [("transaction", "t")]);
        }
    }
}
