using System.Globalization;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 6: "<c>expires</c> (epoch ms) or <c>expiration</c> (ms from now), 0 meaning never: past that, not delivered. A malformed number in these
/// [...] is err+close."
/// </summary>
public class ExpiryTests
{
    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    public async Task Past_its_time_a_message_is_not_delivered(string ack)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("ack", ack));
        long now = broker.Time.GetUtcNow().ToUnixTimeMilliseconds();

        await client.SendAsync("/topic/a", "long past", ("expires", "1"));
        await client.SendAsync("/topic/a", "just past", ("expires", Text(now)));
        await client.SendAsync("/topic/a", "soon", ("expires", Text(now + 1)));
        await client.SendAsync("/topic/a", "never", ("expires", "0"), ("expiration", "0"));
        await client.SendAsync("/topic/a", "in a while", ("expiration", "1"));
        await client.SendAsync("/topic/a", "the earlier counts", ("expiration", "1000"), ("expires", Text(now - 1)));
        await client.SendAsync("/topic/a", "0 is no time", ("expiration", "1000"), ("expires", "0"));
        await client.SendAsync("/topic/a", "far", ("expiration", "9223372036854775807"));

        (await client.ReadTextsAsync(5)).Should().Equal("soon", "never", "in a while", "0 is no time", "far");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("expires")]
    [InlineData("expiration")]
    public async Task A_malformed_number_is_refused(string header)
    {
        await using var broker = new MemoryBroker();
        foreach (string value in (string[])["", "-1", "+1", " 1", "1 ", "1.5", "1e3", "soon", "99999999999999999999"])
        {
            using StompTestClient client = await broker.ConnectAsync();
            await client.SendAsync("/topic/a", "", (header, value), ("receipt", "r"));
            TestFrame error = await client.ReadErrorAndEndAsync();
            error["message"].Should().Be("bad number", "of '{0}'", value);
            error["receipt-id"].Should().Be("r");
        }
    }

    [Fact]
    public async Task A_message_that_expires_while_it_waits_for_an_acknowledgement_leaves_its_place_to_the_next()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a", ("ack", "client-individual"), ("prefetch-count", "1"));
        await client.SendAsync("/topic/a", "given");
        for (int i = 0; i < 200; i++)
            await client.SendAsync("/topic/a", "expires", ("expiration", "500"));
        await client.SendAsync("/topic/a", "stays", ("expiration", "60000"));
        await client.SendAsync("/topic/a", "waits");
        TestFrame given = await client.ReadFrameAsync("MESSAGE");
        await client.ShouldHaveNothingToReadAsync();
        broker.Time.Advance(TimeSpan.FromMilliseconds(500));

        await client.SendFrameAsync("ACK", [("id", given["ack"]!)]);

        TestFrame next = await client.ReadFrameAsync("MESSAGE");
        next.Text.Should().Be("stays");
        await client.ShouldHaveNothingToReadAsync();
        await client.SendFrameAsync("ACK", [("id", next["ack"]!)]);
        (await client.ReadTextAsync()).Should().Be("waits");
        await ClientSteps.UntilAsync(() => broker.SessionOf(client).Outbox.Bytes == 0, "nothing waits");
    }

    [Fact]
    public async Task A_message_that_expires_while_it_waits_for_a_slow_socket_is_not_sent()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(unread: 1);
        using StompTestClient publisher = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a");
        await publisher.PublishAsync("/topic/a", "on its way");
        await publisher.PublishAsync("/topic/a", "expires", ("expiration", "100"));
        await publisher.PublishAsync("/topic/a", "stays");
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));

        (await client.ReadTextsAsync(2)).Should().Equal("on its way", "stays");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task A_message_that_expires_in_a_transaction_is_not_delivered()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a");
        await client.SendFrameAsync("BEGIN", [("transaction", "t")]);
        await client.SendAsync("/topic/a", "expires", ("transaction", "t"), ("expiration", "100"));
        await client.SendAsync("/topic/a", "stays", ("transaction", "t"), ("expiration", "200"));
        await client.ShouldHaveNothingToReadAsync();
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));

        await client.SendFrameAsync("COMMIT", [("transaction", "t")]);

        (await client.ReadTextAsync()).Should().Be("stays");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task The_header_reaches_the_subscriber()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a");

        await client.SendAsync("/topic/a", "", ("expiration", "1000"));

        (await client.ReadFrameAsync("MESSAGE"))["expiration"].Should().Be("1000");
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
