using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 6: "<c>auto</c>; <c>client</c> cumulative within the subscription; <c>client-individual</c>. 1.2 answers the MESSAGE's <c>ack</c>; 1.1 <c>message-id</c> +
/// <c>subscription</c>; 1.0 <c>message-id</c>. An id newer than any that this subscription was given, or of no such form: err+close; an older one that is
/// settled is ignored (a cumulative ACK may have overtaken it). NACK works in 1.0 too. Topics: the ack modes give flow control; a NACK or a
/// lost connection drops."
/// </summary>
public class AckModeTests
{
    public static TheoryData<string, string> VersionsAndCommands =>
        new() { { "1.0", "ACK" }, { "1.1", "ACK" }, { "1.2", "ACK" }, { "1.0", "NACK" }, { "1.1", "NACK" }, { "1.2", "NACK" } };

    [Theory]
    [MemberData(nameof(VersionsAndCommands))]
    public async Task Client_is_cumulative_within_the_subscription(string version, string command)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SubscribeAsync("s", "/topic/a", ("ack", "client"), ("prefetch-count", "3"));
        await client.SubscribeAsync("other", "/topic/b", ("ack", "client"), ("prefetch-count", "1"));
        TestFrame[] given = await GiveAsync(client, "/topic/a", 3, more: 3);
        await GiveAsync(client, "/topic/b", 1, more: 1);

        await client.SendFrameAsync(command, Answer(version, given[1]));

        (await client.ReadTextsAsync(2)).Should().Equal(["/topic/a 3", "/topic/a 4"], "two were settled at once, of this subscription only");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [MemberData(nameof(VersionsAndCommands))]
    public async Task Client_individual_settles_its_message_alone(string version, string command)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SubscribeAsync("s", "/topic/a", ("ack", "client-individual"), ("prefetch-count", "3"));
        TestFrame[] given = await GiveAsync(client, "/topic/a", 3, more: 4);

        await client.SendFrameAsync(command, Answer(version, given[2]));
        (await client.ReadTextAsync()).Should().Be("/topic/a 3");
        await client.ShouldHaveNothingToReadAsync();
        await client.SendFrameAsync(command, Answer(version, given[0]));

        (await client.ReadTextAsync()).Should().Be("/topic/a 4");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task An_older_one_that_is_settled_is_ignored(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        foreach (string mode in (string[])["client", "client-individual"])
        {
            await client.SubscribeAsync(mode, "/topic/" + mode, ("ack", mode), ("prefetch-count", "2"));
            TestFrame[] given = await GiveAsync(client, "/topic/" + mode, 2, more: 5);
            await client.SendFrameAsync("ACK", Answer(version, given[1]));
            (await client.ReadTextsAsync(mode == "client" ? 2 : 1)).Should().Contain($"/topic/{mode} 2");

            for (int i = 0; i < 3; i++)
                await client.DoAsync(i == 0 ? "NACK" : "ACK", Answer(version, given[1]));
            if (mode == "client")
                await client.DoAsync("ACK", Answer(version, given[0]));
            await client.ShouldHaveNothingToReadAsync();
        }
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task Of_a_subscription_that_has_ended_it_is_ignored(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SubscribeAsync("s", "/topic/a", ("ack", "client"));
        TestFrame[] given = await GiveAsync(client, "/topic/a", 1, more: 0);
        await client.DoAsync("UNSUBSCRIBE", [("id", "s")]);

        await client.DoAsync("ACK", Answer(version, given[0]));

        await client.SubscribeAsync("s", "/topic/a", ("ack", "client"), ("prefetch-count", "1"));
        await GiveAsync(client, "/topic/a", 1, more: 1);
        await client.DoAsync("ACK", Answer(version, given[0]));
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("1.0", "message-id")]
    [InlineData("1.1", "message-id")]
    [InlineData("1.2", "ack")]
    public async Task One_newer_than_any_that_was_given_is_refused(string version, string header)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SubscribeAsync("s", "/topic/a", ("ack", "client"), ("prefetch-count", "1"));
        TestFrame[] given = await GiveAsync(client, "/topic/a", 1, more: 1);
        string id = given[0][header]!;
        id.Should().EndWith("-1");

        await client.SendFrameAsync("ACK", [(version == "1.2" ? "id" : "message-id", id[..^1] + "2"), ("subscription", "s"), ("receipt", "r")]);

        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("bad ack id");
        error["receipt-id"].Should().Be("r");
    }

    [Theory]
    [InlineData("1.2", "")]
    [InlineData("1.2", "1")]
    [InlineData("1.2", "1-")]
    [InlineData("1.2", "-1")]
    [InlineData("1.2", "0-1")]
    [InlineData("1.2", "1-0")]
    [InlineData("1.2", "1-01")]
    [InlineData("1.2", "+1-1")]
    [InlineData("1.2", "1-1 ")]
    [InlineData("1.2", "1-1-1")]
    [InlineData("1.2", "x@1-1")]
    [InlineData("1.2", "2-1")]
    [InlineData("1.2", "99999999999-1")]
    [InlineData("1.2", "1-99999999999999999999")]
    [InlineData("1.2", "1-9223372036854775807")]
    [InlineData("1.1", "1-1")]
    [InlineData("1.1", "anything")]
    [InlineData("1.1", "a@")]
    [InlineData("1.0", "1-1")]
    [InlineData("1.0", "a@b-1")]
    [InlineData("1.0", "a@2-1")]
    public async Task One_of_no_such_form_or_of_another_connection_is_refused(string version, string id)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient other = await broker.ConnectAsync(version);
        await other.SubscribeAsync("s", "/topic/a", ("ack", "client"));
        await other.SubscribeAsync("t", "/topic/b", ("ack", "client"));
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SubscribeAsync("s", "/topic/a", ("ack", "client"));
        await GiveAsync(client, "/topic/a", 1, more: 0);

        await client.SendFrameAsync("NACK", [(version == "1.2" ? "id" : "message-id", id), ("subscription", "s")]);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("bad ack id");
    }

    [Theory]
    [InlineData("1.0", "missing message-id")]
    [InlineData("1.1", "missing message-id")]
    [InlineData("1.2", "missing id")]
    public async Task An_ACK_without_its_headers_is_refused(string version, string text)
    {
        await using var broker = new MemoryBroker();
        foreach (string command in (string[])["ACK", "NACK"])
        {
            using StompTestClient client = await broker.ConnectAsync(version);
            await client.SendFrameAsync(command, [("subscription", "s"), (version == "1.2" ? "message-id" : "id", "1-1")]);
            (await client.ReadErrorAndEndAsync())["message"].Should().Be(text);
        }
    }

    [Theory]
    [InlineData(null, "missing subscription")]
    [InlineData("t", "bad ack id")]
    [InlineData("u", "bad ack id")]
    public async Task In_1_1_the_subscription_must_be_the_one_of_the_message(string? subscription, string text)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync("1.1");
        await client.SubscribeAsync("s", "/topic/a", ("ack", "client"));
        await client.SubscribeAsync("t", "/topic/b", ("ack", "client"));
        TestFrame[] given = await GiveAsync(client, "/topic/a", 1, more: 0);

        (string, string)[] headers = subscription is null ? [] : [("subscription", subscription)];
        await client.SendFrameAsync("ACK", [("message-id", given[0]["message-id"]!), .. headers]);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be(text);
    }

    [Fact]
    public async Task Only_what_is_to_be_acknowledged_has_an_ack_header()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("auto", "/topic/a");
        await client.SubscribeAsync("client", "/topic/b", ("ack", "client"));

        await client.SendAsync("/topic/a", "", ("ack", "forged"));
        await client.SendAsync("/topic/b", "", ("ack", "forged"));

        (await client.ReadFrameAsync("MESSAGE"))["ack"].Should().BeNull();
        TestFrame second = await client.ReadFrameAsync("MESSAGE");
        second.Headers.Where(h => h.Key == "ack").Should().ContainSingle().Which.Value.Should().NotBe("forged");
    }

    [Fact]
    public async Task An_ACK_to_a_subscription_in_auto_mode_is_refused()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/topic/a");
        await GiveAsync(client, "/topic/a", 1, more: 0);

        await client.SendFrameAsync("ACK", [("id", "1-1")]);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("bad ack id");
    }

    [Fact]
    public async Task A_NACK_or_a_lost_connection_drops()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/topic/a", ("ack", "client-individual"), ("prefetch-count", "1"));
        TestFrame[] given = await GiveAsync(client, "/topic/a", 1, more: 0);
        await client.DoAsync("NACK", Answer("1.2", given[0]));
        await client.ShouldHaveNothingToReadAsync();
        given = await GiveAsync(client, "/topic/a", 1, more: 1);

        broker.SessionOf(client).ConnectionLost();

        using StompTestClient again = await broker.ConnectAsync();
        await again.SubscribeAsync("s", "/topic/a", ("ack", "client-individual"));
        await again.ShouldHaveNothingToReadAsync();
    }

    /// <summary>Publishes so many numbered messages, of which the first are received here.</summary>
    private static async Task<TestFrame[]> GiveAsync(StompTestClient client, string destination, int count, int more)
    {
        for (int i = 0; i < count + more; i++)
            await client.SendAsync(destination, $"{destination} {i}");
        var given = new TestFrame[count];
        for (int i = 0; i < count; i++)
        {
            given[i] = await client.ReadFrameAsync("MESSAGE");
            given[i].Text.Should().Be($"{destination} {i}");
        }

        await client.ShouldHaveNothingToReadAsync();
        return given;
    }

    private static (string, string)[] Answer(string version, TestFrame message) => version switch
    {
        "1.2" => [("id", message["ack"]!)],
        "1.1" => [("message-id", message["message-id"]!), ("subscription", message["subscription"]!)],
        _ => [("message-id", message["message-id"]!)],
    };
}
