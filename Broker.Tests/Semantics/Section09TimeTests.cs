using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 9: "login 10 s; a frame begun must be complete in 60 s". Section 1: "a peer that answers nothing for 60 s is gone, heart-beats or
/// not"; a ping is "sent after 25 s without a byte from the client". The clock is turned by hand.
/// </summary>
public sealed class Section09TimeTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public async Task A_client_that_connects_and_says_nothing_of_STOMP_is_told_after_10_s_whatever_else_came()
    {
        await using var broker = await RunningBroker.StartAsync(_time);
        using var client = await StompTestClient.OpenAsync(broker.Port);
        for (var second = 0; second < 9; second++)
        {
            await IsThereAsync(client.Socket); // pings are no CONNECT
            await client.Socket.SendTextAsync("\n"); // nor are line ends
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        await IsThereAsync(client.Socket);
        _time.Advance(TimeSpan.FromSeconds(1.5));
        (await client.ReadErrorAndEndAsync())["message"].Should().Be("login timeout");
    }

    [Fact]
    public async Task A_CONNECT_that_comes_a_byte_a_second_is_cut_after_10_s()
    {
        await using var broker = await RunningBroker.StartAsync(_time);
        using var client = await StompTestClient.OpenAsync(broker.Port);
        foreach (var octet in "CONNECT\nac")
        {
            await client.Socket.SendTextAsync(octet.ToString());
            await IsThereAsync(client.Socket);
            _time.Advance(TimeSpan.FromSeconds(1.05));
        }

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("login timeout");
    }

    [Fact]
    public async Task A_frame_that_comes_a_byte_a_second_is_cut_after_60_s_and_not_before()
    {
        await using var broker = await RunningBroker.StartAsync(_time);
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        await client.Socket.SendTextAsync("SEND\ndestination:/topic/a\n\n");
        for (var second = 0; second < 58; second++)
        {
            await client.Socket.SendTextAsync("x");
            await IsThereAsync(client.Socket);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        await IsThereAsync(client.Socket);
        _time.Advance(TimeSpan.FromSeconds(3));
        (await client.ReadErrorAndEndAsync())["message"].Should().Be("frame timeout");
    }

    [Fact]
    public async Task Frames_that_are_completed_may_go_on_for_ever()
    {
        await using var broker = await RunningBroker.StartAsync(_time);
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        for (var half = 0; half < 6; half++)
        {
            // Always inside a frame when the clock is turned, never 60 s in the same.
            await client.Socket.SendTextAsync((half == 0 ? "" : "\n\n\0") + "SEND\ndestination:/topic/a");
            await IsThereAsync(client.Socket);
            _time.Advance(TimeSpan.FromSeconds(30));
            await IsThereAsync(client.Socket, mayMeetPings: true);
        }

        await client.Socket.SendTextAsync("\nreceipt:r\n\n\0");
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("r");
    }

    [Fact]
    public async Task A_ping_is_sent_after_25_s_without_a_byte_and_not_before()
    {
        await using var broker = await RunningBroker.StartAsync(_time);
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/p"), ("receipt", "r")]);
        await client.ReadFrameAsync("RECEIPT");
        using var other = await StompTestClient.ConnectAsync(broker.Port);

        _time.Advance(TimeSpan.FromSeconds(24.5));
        await other.SendFrameAsync("SEND", [("destination", "/topic/p")]);
        (await client.Socket.ReadFrameAsync()).Opcode.Should().Be(ClientFrame.Text, "the message is before any ping");
        _time.Advance(TimeSpan.FromSeconds(1));
        (await client.Socket.ReadFrameAsync()).Opcode.Should().Be(ClientFrame.Ping);

        // Answered, the client is as good as new.
        await client.Socket.SendFrameAsync(ClientFrame.Pong, default);
        await IsThereAsync(client.Socket);
        _time.Advance(TimeSpan.FromSeconds(50));
        (await client.Socket.ReadFrameAsync()).Opcode.Should().Be(ClientFrame.Ping);
    }

    [Theory]
    [InlineData("0,0")]
    [InlineData("0,1000")]
    public async Task A_peer_that_answers_nothing_for_60_s_is_gone(string heartBeat)
    {
        await using var broker = await RunningBroker.StartAsync(_time);
        using var client = await StompTestClient.ConnectAsync(broker.Port, headers: ("heart-beat", heartBeat));
        client.AnswersPings = false;
        await IsThereAsync(client.Socket);
        _time.Advance(TimeSpan.FromSeconds(59));
        broker.Sessions.All.Should().ContainSingle().Which.CloseReason.Should().Be(Broker.Messaging.CloseReason.None);
        _time.Advance(TimeSpan.FromSeconds(1.5));
        (await client.ReadErrorAndEndAsync())["message"].Should().Be("heart-beat timeout");
    }

    /// <summary>The broker has taken in all that was sent before: its pong says so.</summary>
    private static async Task IsThereAsync(RawWebSocket socket, bool mayMeetPings = false)
    {
        await socket.SendFrameAsync(ClientFrame.Ping, "?"u8.ToArray());
        var frame = await socket.ReadFrameAsync();
        while (mayMeetPings && frame.Opcode == ClientFrame.Ping)
            frame = await socket.ReadFrameAsync();
        frame.Opcode.Should().Be(ClientFrame.Pong, "but '{0}'", frame.Text);
    }
}
