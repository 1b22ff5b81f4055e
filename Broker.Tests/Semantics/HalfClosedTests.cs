using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>SEMANTICS, "err+close": "exactly one ERROR frame [...], flushed and really delivered, then the close, then the end of the socket".</summary>
public class HalfClosedTests
{
    [Fact]
    public async Task A_client_that_has_ended_its_own_sending_gets_the_ERROR_too()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        for (int i = 0; i < 50; i++)
        {
            using StompTestClient client = await StompTestClient.ConnectAsync(broker.Port);
            await client.SendFrameAsync("FOO", [("receipt", "r")]);
            client.Socket.EndSending();

            (await client.ReadFrameAsync("ERROR"))["receipt-id"].Should().Be("r");
            (await client.Socket.ReadCloseAsync()).Code.Should().Be(1002);
            (await client.Socket.ReadToEndAsync()).End.Should().Be(StreamEnd.Fin);
        }
    }
}
