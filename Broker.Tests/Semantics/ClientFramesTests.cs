using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 2: "STOMP 1.0, 1.1 and 1.2, all client and server frames. CONNECT and STOMP are the same command. Commands and header names are
/// case-sensitive; an unknown command, a server's command from a client, or a missing required header is err+close."
/// </summary>
public class ClientFramesTests
{
    public static TheoryData<string> Versions => SessionSteps.Versions;

    [Theory]
    [InlineData("1.0", "CONNECT")]
    [InlineData("1.0", "STOMP")]
    [InlineData("1.1", "CONNECT")]
    [InlineData("1.1", "STOMP")]
    [InlineData("1.2", "CONNECT")]
    [InlineData("1.2", "STOMP")]
    public async Task Every_client_frame_of_every_version_has_its_effect(string version, string connect)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        await client.SendWireAsync($"{connect}\naccept-version:{version}\nhost:h\n\n^@");
        TestFrame connected = await client.ReadFrameAsync("CONNECTED");
        connected["version"].Should().Be(version);

        await client.ListenAsync("/topic/a", "s", ("ack", "client-individual"));
        await client.SendFrameAsync("SEND", [("destination", "/topic/a")], "first");
        TestFrame first = await client.ReadFrameAsync("MESSAGE");
        first.Text.Should().Be("first");
        await client.SendAndAwaitAsync("ACK", Answer(version, first));

        await client.SendAndAwaitAsync("BEGIN", ("transaction", "t"));
        await client.SendAndAwaitAsync("SEND", ("destination", "/topic/a"), ("transaction", "t"));
        await client.SendFrameAsync("COMMIT", [("transaction", "t"), ("receipt", "c")]);
        TestFrame[] both = [await client.ReadFrameAsync(), await client.ReadFrameAsync()];
        both.Select(f => f.Command).Should().BeEquivalentTo("MESSAGE", "RECEIPT");
        await client.SendAndAwaitAsync("NACK", Answer(version, both.Single(f => f.Command == "MESSAGE")));

        await client.SendAndAwaitAsync("BEGIN", ("transaction", "t"));
        await client.SendAndAwaitAsync("SEND", ("destination", "/topic/a"), ("transaction", "t"));
        await client.SendAndAwaitAsync("ABORT", ("transaction", "t"));
        await client.SendAndAwaitAsync("UNSUBSCRIBE", ("id", "s"));
        await client.SendAndAwaitAsync("SEND", ("destination", "/topic/a"));

        await client.SendFrameAsync("DISCONNECT", [("receipt", "bye")]);
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("bye");
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1000);
    }

    [Theory]
    [InlineData("CONNECTED")]
    [InlineData("MESSAGE")]
    [InlineData("RECEIPT")]
    [InlineData("ERROR")]
    public async Task A_servers_command_from_a_client_is_refused_before_and_after_connect(string command)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient stranger = broker.Open();
        await stranger.SendWireAsync($"{command}\nreceipt:r\n\n^@");
        (await stranger.ReadErrorAndEndAsync())["message"].Should().Be("command not allowed");

        using StompTestClient client = await broker.ConnectAsync();
        await client.SendWireAsync($"{command}\nreceipt:r\n\n^@");
        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("command not allowed");
        error["receipt-id"].Should().Be("r");
    }

    [Theory]
    [InlineData("send")]
    [InlineData("Send")]
    [InlineData("SENT")]
    [InlineData(" SEND")]
    [InlineData("SEND ")]
    [InlineData("SEND:")]
    [InlineData("connect")]
    [InlineData("\u0421ONNECT")]
    [InlineData("GET / HTTP/1.1")]
    public async Task An_unknown_command_is_refused_with_the_receipt_of_its_frame(string command)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SendWireAsync($"{command}\ndestination:/topic/a\nreceipt:r\n\n^@");
        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("unknown command");
        error["receipt-id"].Should().Be("r");
    }

    [Fact]
    public async Task Header_names_are_case_sensitive()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.ListenAsync("/topic/a");
        await client.SendWireAsync("SEND\nDestination:/topic/b\ndestination:/topic/a\nUser-Id:me\nContent-Length:1\n\nlong^@");
        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        message["Destination"].Should().Be("/topic/b");
        message["User-Id"].Should().Be("me");
        message["Content-Length"].Should().Be("1");
        message.Text.Should().Be("long");
    }

    [Theory]
    [InlineData("1.0", "SEND", "Destination:/topic/a", "missing destination")]
    [InlineData("1.1", "SEND", "x:y", "missing destination")]
    [InlineData("1.2", "SEND", "x:y", "missing destination")]
    [InlineData("1.0", "SUBSCRIBE", "id:1", "missing destination")]
    [InlineData("1.1", "SUBSCRIBE", "id:1", "missing destination")]
    [InlineData("1.2", "SUBSCRIBE", "id:1", "missing destination")]
    [InlineData("1.1", "SUBSCRIBE", "destination:/topic/a", "missing id")]
    [InlineData("1.2", "SUBSCRIBE", "destination:/topic/a", "missing id")]
    [InlineData("1.0", "UNSUBSCRIBE", "x:y", "missing id")]
    [InlineData("1.1", "UNSUBSCRIBE", "destination:/topic/a", "missing id")]
    [InlineData("1.2", "UNSUBSCRIBE", "destination:/topic/a", "missing id")]
    [InlineData("1.0", "ACK", "id:1-1", "missing message-id")]
    [InlineData("1.1", "ACK", "subscription:s", "missing message-id")]
    [InlineData("1.1", "ACK", "message-id:1-1", "missing subscription")]
    [InlineData("1.2", "ACK", "message-id:1-1", "missing id")]
    [InlineData("1.0", "NACK", "id:1-1", "missing message-id")]
    [InlineData("1.1", "NACK", "subscription:s", "missing message-id")]
    [InlineData("1.1", "NACK", "message-id:1-1", "missing subscription")]
    [InlineData("1.2", "NACK", "message-id:1-1", "missing id")]
    [InlineData("1.0", "BEGIN", "x:y", "missing transaction")]
    [InlineData("1.1", "COMMIT", "x:y", "missing transaction")]
    [InlineData("1.2", "ABORT", "x:y", "missing transaction")]
    [InlineData("1.2", "BEGIN", "x:y", "missing transaction")]
    [InlineData("1.2", "COMMIT", "x:y", "missing transaction")]
    [InlineData("1.1", "ABORT", "x:y", "missing transaction")]
    public async Task A_missing_required_header_is_refused(string version, string command, string header, string message)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SendWireAsync($"{command}\n{header}\nreceipt:r\n\n^@SEND\ndestination:/topic/a\nreceipt:never\n\n^@");
        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be(message);
        error["receipt-id"].Should().Be("r");
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task In_1_0_the_destination_stands_in_for_the_id_and_later_versions_need_it(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SendWireAsync("SUBSCRIBE\ndestination:/topic/a\nreceipt:r\n\n^@");
        (await client.ReadFrameAsync()).Command.Should().Be(version == "1.0" ? "RECEIPT" : "ERROR");
    }

    private static (string, string)[] Answer(string version, TestFrame message) => version switch
    {
        "1.2" => [("id", message["ack"]!)],
        "1.1" => [("subscription", message["subscription"]!), ("message-id", message["message-id"]!)],
        _ => [("message-id", message["message-id"]!)],
    };
}
