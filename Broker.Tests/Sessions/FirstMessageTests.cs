using Broker.Tests.TestHost;

namespace Broker.Tests.Sessions;

/// <summary>The main job, once in memory and once over a socket.</summary>
public class FirstMessageTests
{
    [Fact]
    public async Task A_client_sees_its_own_message_over_a_transport_in_memory()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();

        await ExchangeAsync(client);
    }

    [Fact]
    public async Task A_client_sees_its_own_message_over_a_socket()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        using StompTestClient client = await StompTestClient.ConnectAsync(broker.Port);

        await ExchangeAsync(client);
    }

    private static async Task ExchangeAsync(StompTestClient client)
    {
        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/demo"), ("receipt", "r")]);
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("r");
        await client.SendFrameAsync("SEND", [("destination", "/topic/demo")], "hello");

        TestFrame message = await client.ReadFrameAsync("MESSAGE");

        message.Text.Should().Be("hello");
        message["subscription"].Should().Be("0");
        message["destination"].Should().Be("/topic/demo");
    }
}
