using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 7: "<c>receipt</c> works on every client frame but CONNECT, exactly one RECEIPT each, in request order, after the effect (for a frame inside
/// a transaction: after it was enlisted). DISCONNECT's RECEIPT reaches the client before the close. ERROR replaces the RECEIPT of its frame."
/// </summary>
public class ReceiptTests
{
    [Theory]
    [InlineData("1.0", false)]
    [InlineData("1.1", false)]
    [InlineData("1.2", false)]
    [InlineData("1.0", true)]
    [InlineData("1.1", true)]
    [InlineData("1.2", true)]
    public async Task Every_frame_but_CONNECT_is_answered_once_and_in_order(string version, bool together)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version, headers: ("receipt", "none"));
        await client.SubscribeAsync("first", "/topic/first", ("ack", "client-individual"));
        await client.SendAsync("/topic/first", "1");
        await client.SendAsync("/topic/first", "2");
        TestFrame[] given = [await client.ReadFrameAsync("MESSAGE"), await client.ReadFrameAsync("MESSAGE")];
        (string Command, (string, string)[] Headers)[] frames =
        [
            ("SEND", [("destination", "/topic/a")]),
            ("SEND", [("destination", "/topic/a")]),
            ("SEND", [("destination", "/topic/b")]),
            ("SUBSCRIBE", [("id", "0"), ("destination", "/topic/a")]),
            ("SUBSCRIBE", [("id", "1"), ("destination", "/topic/#"), ("ack", "client"), ("no-local", "true")]),
            ("ACK", Answer(version, given[0])),
            ("BEGIN", [("transaction", "t")]),
            ("SEND", [("destination", "/topic/b"), ("transaction", "t")]),
            ("NACK", [.. Answer(version, given[1]), ("transaction", "t")]),
            ("COMMIT", [("transaction", "t")]),
            ("BEGIN", [("transaction", "t")]),
            ("ABORT", [("transaction", "t")]),
            ("UNSUBSCRIBE", [("id", "0")]),
            ("UNSUBSCRIBE", [("id", "1")]),
            ("SEND", [("destination", "/topic/b")]),
            ("DISCONNECT", []),
        ];

        byte[][] bytes = [.. frames.Select((frame, i) => client.Encode(frame.Command, [.. frame.Headers, ("receipt", $"{i} {frame.Command}")]))];
        foreach (byte[] message in together ? [bytes.SelectMany(b => b).ToArray()] : bytes)
            await client.Socket.SendBinaryAsync(message);

        for (int i = 0; i < frames.Length; i++)
            (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be($"{i} {frames[i].Command}");
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1000);
        await client.Socket.SendCloseAsync(1000);
        (await client.Socket.ReadToEndAsync()).Should().BeEquivalentTo((Array.Empty<byte>(), StreamEnd.Fin));
    }

    [Fact]
    public async Task A_frame_without_receipt_gets_none()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/a")]);
        await client.SendFrameAsync("UNSUBSCRIBE", [("id", "0")]);
        await client.SendAsync("/topic/a", "");

        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("1.0", "a b")]
    [InlineData("1.1", "a:b\\c\nd")]
    [InlineData("1.2", "a:b\\c\nd\re")]
    [InlineData("1.2", "")]
    [InlineData("1.2", " ")]
    public async Task The_receipt_id_is_what_was_asked_for_to_the_byte(string version, string id)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);

        await client.SendAsync("/topic/a", "", ("receipt", id));
        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/a"), ("receipt", id)]);

        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be(id);
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be(id);
    }

    [Fact]
    public async Task The_same_receipt_asked_for_twice_is_given_twice()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 2; i++)
            await client.SendAsync("/topic/a", "", ("receipt", "same"));

        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("same");
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("same");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task The_RECEIPT_of_a_SEND_comes_after_its_effect()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient one = await broker.ConnectAsync();
        using StompTestClient two = await broker.ConnectAsync();
        using StompTestClient subscriber = await broker.ConnectAsync();
        await subscriber.SubscribeAsync("0", "/topic/a");
        for (int i = 0; i < 300; i++)
        {
            await one.PublishAsync("/topic/a", $"one {i}");
            await two.PublishAsync("/topic/a", $"two {i}");
        }

        (await subscriber.ReadTextsAsync(600)).Should().Equal(Enumerable.Range(0, 300).SelectMany(i => new[] { $"one {i}", $"two {i}" }));
    }

    [Fact]
    public async Task A_SENDs_RECEIPT_does_not_overtake_the_MESSAGE_to_oneself_that_stands_before_another_frame()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a");

        await client.SendAsync("/topic/a", "x", ("receipt", "r"));

        TestFrame[] frames = [await client.ReadFrameAsync(), await client.ReadFrameAsync()];
        frames.Select(frame => frame.Command).Should().BeEquivalentTo("MESSAGE", "RECEIPT");
    }

    [Fact]
    public async Task ERROR_replaces_the_RECEIPT_of_its_frame_and_comes_after_those_before_it()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        using StompTestClient subscriber = await broker.ConnectAsync();
        await subscriber.SubscribeAsync("0", "/topic/#");
        byte[] together =
        [
            .. client.Encode("SEND", [("destination", "/topic/a"), ("receipt", "1")], "counts"u8),
            .. client.Encode("SEND", [("destination", "/topic/b"), ("receipt", "2")], "counts too"u8),
            .. client.Encode("SEND", [("destination", "/nowhere"), ("receipt", "3")]),
            .. client.Encode("SEND", [("destination", "/topic/a"), ("receipt", "4")], "never"u8),
            .. client.Encode("DISCONNECT", [("receipt", "5")]),
        ];

        await client.Socket.SendBinaryAsync(together);

        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("1");
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("2");
        (await client.ReadErrorAndEndAsync())["receipt-id"].Should().Be("3");
        (await subscriber.ReadTextsAsync(2)).Should().Equal("counts", "counts too");
        await subscriber.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task DISCONNECT_without_receipt_closes_too()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SendFrameAsync("DISCONNECT", []);

        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1000);
    }

    [Fact]
    public async Task DISCONNECTs_RECEIPT_reaches_a_client_that_sends_on_and_nothing_of_that_is_processed()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        using StompTestClient subscriber = await StompTestClient.ConnectAsync(broker.Port);
        await subscriber.SubscribeAsync("0", "/topic/a");
        using StompTestClient client = await StompTestClient.ConnectAsync(broker.Port);
        await client.SendAsync("/topic/a", "before");
        await client.SendFrameAsync("DISCONNECT", [("receipt", "bye")]);
        for (int i = 0; i < 20; i++)
            await client.SendAsync("/topic/a", new string('x', 50_000));

        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("bye");
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1000);
        await client.Socket.SendCloseAsync(1000);
        (await client.Socket.ReadToEndAsync()).End.Should().Be(StreamEnd.Fin);
        (await subscriber.ReadTextAsync()).Should().Be("before");
        await subscriber.ShouldHaveNothingToReadAsync();
    }

    private static (string, string)[] Answer(string version, TestFrame message) =>
        version == "1.2" ? [("id", message["ack"]!)] : [("message-id", message["message-id"]!), ("subscription", message["subscription"]!)];
}
