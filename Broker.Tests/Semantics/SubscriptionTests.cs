using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 6: "<c>id</c> is required in 1.1 and 1.2 (1.0: the destination stands in). A duplicate id, an unknown <c>ack</c> value, an UNSUBSCRIBE of an
/// unknown id: err+close." And what of section 6 is not there yet is refused.
/// </summary>
public class SubscriptionTests
{
    [Theory]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task An_id_is_required(string version)
    {
        await IsRefusedAsync(version, "SUBSCRIBE", "missing id", ("destination", "/topic/a"));
        await IsRefusedAsync(version, "UNSUBSCRIBE", "missing id", ("destination", "/topic/a"));
    }

    [Fact]
    public async Task In_1_0_the_destination_stands_in_for_the_id()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync("1.0");
        await client.DoAsync("SUBSCRIBE", [("destination", "/topic/a")]);

        await client.SendAsync("/topic/a", "heard");
        (await client.ReadFrameAsync("MESSAGE"))["destination"].Should().Be("/topic/a");

        await client.DoAsync("UNSUBSCRIBE", [("destination", "/topic/a")]);
        await client.PublishAsync("/topic/a", "unheard");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task In_1_0_an_id_tells_two_subscriptions_to_one_destination_apart()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync("1.0");
        await client.SubscribeAsync("x", "/topic/a");
        await client.DoAsync("SUBSCRIBE", [("destination", "/topic/a")]);

        await client.DoAsync("UNSUBSCRIBE", [("id", "x")]);
        await client.SendAsync("/topic/a", "once");

        (await client.ReadTextAsync()).Should().Be("once");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task In_1_0_an_UNSUBSCRIBE_of_nothing_is_refused() => await IsRefusedAsync("1.0", "UNSUBSCRIBE", "missing id");

    [Fact]
    public async Task A_SUBSCRIBE_without_a_destination_is_refused() => await IsRefusedAsync("1.2", "SUBSCRIBE", "missing destination", ("id", "0"));

    [Theory]
    [InlineData("1.0", "/topic/a", "/topic/a")]
    [InlineData("1.1", "/topic/a", "/topic/b")]
    [InlineData("1.2", "/topic/a", "/topic/#")]
    public async Task A_duplicate_id_is_refused(string version, string first, string second)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SubscribeAsync("id", first);

        await client.SendFrameAsync("SUBSCRIBE", [("id", "id"), ("destination", second), ("receipt", "r")]);

        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("duplicate subscription");
        error["receipt-id"].Should().Be("r");
    }

    [Fact]
    public async Task In_1_0_a_second_SUBSCRIBE_to_the_same_destination_without_id_is_a_duplicate()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync("1.0");
        await client.DoAsync("SUBSCRIBE", [("destination", "/topic/a")]);

        await client.SendFrameAsync("SUBSCRIBE", [("destination", "/topic/a")]);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("duplicate subscription");
    }

    [Fact]
    public async Task Another_connection_may_use_the_same_id_and_an_ended_id_may_be_used_again()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient one = await broker.ConnectAsync();
        using StompTestClient two = await broker.ConnectAsync();
        await one.SubscribeAsync("0", "/topic/a");
        await two.SubscribeAsync("0", "/topic/a");
        await one.DoAsync("UNSUBSCRIBE", [("id", "0")]);
        await one.SubscribeAsync("0", "/topic/b");

        await one.PublishAsync("/topic/a", "a");
        await one.SendAsync("/topic/b", "b");

        (await two.ReadTextAsync()).Should().Be("a");
        (await one.ReadTextAsync()).Should().Be("b");
    }

    [Theory]
    [InlineData("")]
    [InlineData("Auto")]
    [InlineData("clients")]
    [InlineData("client-")]
    [InlineData(" client")]
    [InlineData("client-Individual")]
    public Task An_unknown_ack_value_is_refused(string ack) =>
        IsRefusedAsync("1.2", "SUBSCRIBE", "bad ack mode", ("id", "0"), ("destination", "/topic/a"), ("ack", ack));

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public Task An_UNSUBSCRIBE_of_an_unknown_id_is_refused(string version) => IsRefusedAsync(version, "UNSUBSCRIBE", "unknown subscription", ("id", "0"));

    [Fact]
    public async Task An_UNSUBSCRIBE_of_an_id_of_another_connection_is_refused()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient owner = await broker.ConnectAsync();
        using StompTestClient other = await broker.ConnectAsync();
        await owner.SubscribeAsync("mine", "/topic/a");

        await other.SendFrameAsync("UNSUBSCRIBE", [("id", "mine")]);
        await other.ReadErrorAndEndAsync();

        await owner.SendAsync("/topic/a", "still");
        (await owner.ReadTextAsync()).Should().Be("still");
    }

    [Fact]
    public async Task An_UNSUBSCRIBE_twice_is_refused_the_second_time()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a");
        await client.DoAsync("UNSUBSCRIBE", [("id", "0")]);

        await client.SendFrameAsync("UNSUBSCRIBE", [("id", "0")]);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("unknown subscription");
    }

    [Fact]
    public async Task No_MESSAGE_of_a_subscription_comes_after_the_RECEIPT_of_its_UNSUBSCRIBE()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SubscribeAsync("0", "/topic/a");
        await client.SubscribeAsync("1", "/topic/b", ("ack", "client"));
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 500; i++)
            await publisher.SendAsync(i % 2 == 0 ? "/topic/a" : "/topic/b", $"{i}");
        await publisher.ShouldHaveNothingToReadAsync();

        await client.SendFrameAsync("UNSUBSCRIBE", [("id", "0")]);
        await client.SendFrameAsync("UNSUBSCRIBE", [("id", "1"), ("receipt", "both")]);

        TestFrame frame;
        while ((frame = await client.ReadFrameAsync()).Command == "MESSAGE")
        {
        }

        frame["receipt-id"].Should().Be("both");
        await client.ShouldHaveNothingToReadAsync();
        await ClientSteps.UntilAsync(() => broker.SessionOf(client).Outbox.Bytes == 0, "what was skipped gives its room back");
    }

    [Theory]
    [InlineData("selector", "a = 1", "selector not supported")]
    [InlineData("selector", "", "selector not supported")]
    [InlineData("durable", "true", "feature not available")]
    [InlineData("activemq.subscriptionName", "me", "feature not available")]
    [InlineData("x-stream-offset", "first", "not one stream")]
    [InlineData("x-stream-offset", "second", "bad stream offset")]
    [InlineData("x-conflate-ms", "often", "bad number")]
    public Task What_is_not_there_yet_is_refused_and_not_ignored(string name, string value, string text) =>
        IsRefusedAsync("1.2", "SUBSCRIBE", text, ("id", "0"), ("destination", "/topic/a"), (name, value));

    [Fact]
    public async Task What_a_client_asks_not_to_have_is_no_reason_to_refuse_it()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();

        await client.SubscribeAsync("0", "/topic/a", ("durable", "false"), ("x-snapshot", "false"), ("no-local", "false"), ("auto-delete", "true"));
    }

    [Fact]
    public async Task A_refused_SUBSCRIBE_leaves_nothing_behind()
    {
        await using var broker = new MemoryBroker(options => options.Limits.Subscriptions = 2);
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a");
        await client.SubscribeAsync("1", "/topic/a");

        await client.SendFrameAsync("SUBSCRIBE", [("id", "2"), ("destination", "/topic/a")]);

        (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("too many subscriptions");
        using StompTestClient other = await broker.ConnectAsync();
        await other.SubscribeAsync("0", "/topic/a");
        await other.SendAsync("/topic/a", "here");
        (await other.ReadTextAsync()).Should().Be("here");
    }

    [Theory]
    [InlineData("/topic/a")]
    [InlineData("/topic/#")]
    public async Task No_local_keeps_ones_own_messages_away_and_nobody_elses(string destination)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient other = await broker.ConnectAsync();
        await client.SubscribeAsync("no", destination, ("no-local", "true"));
        await client.SubscribeAsync("no-ack", destination, ("no-local", "true"), ("ack", "client"));
        await other.SubscribeAsync("0", "/topic/a");

        await client.PublishAsync("/topic/a", "own");
        await client.DoAsync("BEGIN", [("transaction", "t")]);
        await client.DoAsync("SEND", [("destination", "/topic/a"), ("transaction", "t")], "own, later");
        await client.DoAsync("COMMIT", [("transaction", "t")]);
        (await other.ReadTextsAsync(2)).Should().Equal("own", "own, later");
        await other.SendAsync("/topic/a", "foreign");

        (await client.ReadTextsAsync(2)).Should().Equal("foreign", "foreign");
        await client.ShouldHaveNothingToReadAsync();
    }

    private static async Task IsRefusedAsync(string version, string command, string text, params (string Name, string Value)[] headers)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SendFrameAsync(command, [.. headers, ("receipt", "r")]);
        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be(text);
        error["receipt-id"].Should().Be("r");
    }
}
