using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 7: "BEGIN/COMMIT/ABORT per connection, for SEND, ACK and NACK; COMMIT is atomic per destination and its RECEIPT comes when all effects
/// are visible; ABORT leaves acks undone. Unknown or duplicate names: err+close. At most 16 open, 1024 frames in each, 16 MiB in all of
/// them. Lost connection: abort."
/// </summary>
public class TransactionTests
{
    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task Nothing_is_visible_before_COMMIT_and_everything_with_its_RECEIPT(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync(version);
        using StompTestClient subscriber = await broker.ConnectAsync();
        await subscriber.SubscribeAsync("a", "/topic/a");
        await subscriber.SubscribeAsync("b", "/topic/b");
        await publisher.DoAsync("BEGIN", [("transaction", "t")]);
        for (int i = 0; i < 4; i++)
            await publisher.PublishAsync(i % 2 == 0 ? "/topic/a" : "/topic/b", $"{i}", ("transaction", "t"));
        await publisher.PublishAsync("/topic/a", "outside");
        (await subscriber.ReadTextAsync()).Should().Be("outside");
        await subscriber.ShouldHaveNothingToReadAsync();

        await publisher.DoAsync("COMMIT", [("transaction", "t")]);

        // What is published after the RECEIPT comes after all of it.
        using StompTestClient other = await broker.ConnectAsync();
        await other.PublishAsync("/topic/a", "after a");
        await other.PublishAsync("/topic/b", "after b");
        string[] seen = await subscriber.ReadTextsAsync(6);
        seen.Where(text => text is "0" or "2" or "after a").Should().Equal("0", "2", "after a");
        seen.Where(text => text is "1" or "3" or "after b").Should().Equal("1", "3", "after b");
    }

    [Fact]
    public async Task A_MESSAGE_does_not_tell_that_it_was_in_a_transaction()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a");
        await client.SendFrameAsync("BEGIN", [("transaction", "t")]);
        await client.SendAsync("/topic/a", "", ("transaction", "t"));
        await client.SendFrameAsync("COMMIT", [("transaction", "t")]);

        (await client.ReadFrameAsync("MESSAGE"))["transaction"].Should().BeNull();
    }

    [Theory]
    [InlineData("/topic/a", "auto")]
    [InlineData("/topic/*", "auto")]
    [InlineData("/topic/a", "client-individual")]
    public async Task COMMIT_is_atomic_per_destination_beside_other_publishers(string destination, string ack)
    {
        const int Publishers = 3, Commits = 60, InEach = 7;
        await using var broker = new MemoryBroker();
        using StompTestClient subscriber = await broker.ConnectAsync();
        await subscriber.SubscribeAsync("0", destination, ("ack", ack), ("prefetch-count", "0"));
        Task[] publishing = [.. Enumerable.Range(0, Publishers).Select(number => ClientSteps.RunAsync(async () =>
        {
            using StompTestClient publisher = await broker.ConnectAsync();
            for (int commit = 0; commit < Commits; commit++)
            {
                await publisher.SendFrameAsync("BEGIN", [("transaction", "t")]);
                for (int i = 0; i < InEach; i++)
                {
                    await publisher.SendAsync("/topic/a", $"{number} {commit} {i}", ("transaction", "t"));
                    await publisher.SendAsync("/topic/elsewhere.deep", "", ("transaction", "t"));
                }

                await publisher.DoAsync("COMMIT", [("transaction", "t")]);
            }
        }))];

        string[] seen = await subscriber.ReadTextsAsync(Publishers * Commits * InEach);
        await Task.WhenAll(publishing);

        foreach (string[] commit in seen.Chunk(InEach))
        {
            string name = commit[0][..commit[0].LastIndexOf(' ')];
            commit.Should().Equal(Enumerable.Range(0, InEach).Select(i => $"{name} {i}"), "no other publisher's message stands between");
        }
    }

    [Fact]
    public async Task A_topic_that_is_forgotten_while_a_transaction_is_open_is_one_destination_still()
    {
        await using var broker = new MemoryBroker(options => options.Limits.Destinations = 2);
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.SendFrameAsync("BEGIN", [("transaction", "t")]);
        await publisher.SendAsync("/topic/a", "1", ("transaction", "t"));
        for (int i = 0; i < 5; i++)
            await publisher.PublishAsync($"/topic/flood.{i}", "");
        await publisher.SendAsync("/topic/b", "2", ("transaction", "t"));
        await publisher.SendAsync("/topic/a", "3", ("transaction", "t"));
        using StompTestClient subscriber = await broker.ConnectAsync();
        await subscriber.SubscribeAsync("0", "/topic/*");
        await publisher.DoAsync("COMMIT", [("transaction", "t")]);

        (await subscriber.ReadTextsAsync(3)).Should().Equal("1", "3", "2");
    }

    [Fact]
    public async Task Acknowledgements_take_effect_with_COMMIT_and_not_before()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        TestFrame[] given = await GiveAsync(client, 3);
        await client.DoAsync("BEGIN", [("transaction", "t")]);
        await client.DoAsync("ACK", [("id", given[0]["ack"]!), ("transaction", "t")]);
        await client.DoAsync("NACK", [("id", given[1]["ack"]!), ("transaction", "t")]);
        await client.ShouldHaveNothingToReadAsync();

        await client.SendFrameAsync("COMMIT", [("transaction", "t"), ("receipt", "c")]);

        TestFrame[] frames = [await client.ReadFrameAsync(), await client.ReadFrameAsync(), await client.ReadFrameAsync()];
        frames.Select(frame => frame["receipt-id"] ?? frame.Text).Should().BeEquivalentTo("c", "3", "4");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task ABORT_leaves_acks_undone_and_sends_nothing()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        TestFrame[] given = await GiveAsync(client, 3);
        await client.DoAsync("BEGIN", [("transaction", "t")]);
        await client.DoAsync("ACK", [("id", given[0]["ack"]!), ("transaction", "t")]);
        await client.PublishAsync("/topic/a", "never", ("transaction", "t"));

        await client.DoAsync("ABORT", [("transaction", "t")]);

        await client.ShouldHaveNothingToReadAsync();
        await client.SendFrameAsync("ACK", [("id", given[0]["ack"]!)]);
        (await client.ReadTextAsync()).Should().Be("3", "the ACK was undone, and so it can be given again");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task An_ACK_in_a_transaction_for_a_subscription_that_ends_before_COMMIT_is_ignored()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        TestFrame[] given = await GiveAsync(client, 3);
        await client.DoAsync("BEGIN", [("transaction", "t")]);
        await client.DoAsync("ACK", [("id", given[0]["ack"]!), ("transaction", "t")]);
        await client.DoAsync("UNSUBSCRIBE", [("id", "s")]);
        await client.DoAsync("ACK", [("id", given[1]["ack"]!), ("transaction", "t")]);

        await client.DoAsync("COMMIT", [("transaction", "t")]);

        await client.ShouldHaveNothingToReadAsync();
        await ClientSteps.UntilAsync(() => broker.SessionOf(client).Outbox.Bytes == 0, "nothing waits");
    }

    [Theory]
    [InlineData("COMMIT", "unknown transaction")]
    [InlineData("ABORT", "unknown transaction")]
    [InlineData("SEND", "unknown transaction")]
    [InlineData("ACK", "unknown transaction")]
    [InlineData("NACK", "unknown transaction")]
    [InlineData("BEGIN", "duplicate transaction")]
    public async Task Unknown_and_duplicate_names_are_refused(string command, string text)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient owner = await broker.ConnectAsync();
        await owner.DoAsync("BEGIN", [("transaction", "other")]);
        using StompTestClient client = await broker.ConnectAsync();
        TestFrame[] given = await GiveAsync(client, 3);
        await client.DoAsync("BEGIN", [("transaction", "t")]);

        string name = command == "BEGIN" ? "t" : "other";
        await client.SendFrameAsync(command, [("transaction", name), ("destination", "/topic/a"), ("id", given[0]["ack"]!), ("receipt", "r")]);

        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be(text);
        error["receipt-id"].Should().Be("r");
    }

    [Theory]
    [InlineData("COMMIT")]
    [InlineData("ABORT")]
    public async Task An_ended_name_is_unknown_and_may_be_used_again(string command)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 2; i++)
        {
            await client.DoAsync("BEGIN", [("transaction", "t")]);
            await client.DoAsync(command, [("transaction", "t")]);
        }

        await client.SendFrameAsync(command, [("transaction", "t")]);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("unknown transaction");
    }

    [Theory]
    [InlineData("BEGIN")]
    [InlineData("COMMIT")]
    [InlineData("ABORT")]
    public async Task The_name_is_required(string command)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendFrameAsync(command, []);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("missing transaction");
    }

    [Theory]
    [InlineData("DISCONNECT")]
    [InlineData("lost")]
    [InlineData("error")]
    public async Task A_connection_that_ends_aborts(string how)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient subscriber = await broker.ConnectAsync();
        await subscriber.SubscribeAsync("0", "/topic/a");
        using StompTestClient client = await broker.ConnectAsync();
        await client.DoAsync("BEGIN", [("transaction", "t")]);
        await client.PublishAsync("/topic/a", "never", ("transaction", "t"));

        if (how == "DISCONNECT")
            await client.DoAsync("DISCONNECT", []);
        else if (how == "error")
            await client.SendFrameAsync("NONSENSE", []);
        else
            broker.SessionOf(client).ConnectionLost();

        await ClientSteps.UntilAsync(() => broker.Environment.Sessions.All.Count() == 1, "the session is over");
        await subscriber.PublishAsync("/topic/b", "");
        await subscriber.ShouldHaveNothingToReadAsync();
    }

    /// <summary>Subscribes with a window of so many, and publishes and receives them; two more wait.</summary>
    private static async Task<TestFrame[]> GiveAsync(StompTestClient client, int count)
    {
        await client.SubscribeAsync("s", "/topic/a", ("ack", "client-individual"), ("prefetch-count", $"{count}"));
        for (int i = 0; i < count + 2; i++)
            await client.SendAsync("/topic/a", $"{i}");
        var given = new TestFrame[count];
        for (int i = 0; i < count; i++)
            given[i] = await client.ReadFrameAsync("MESSAGE");
        return given;
    }
}
