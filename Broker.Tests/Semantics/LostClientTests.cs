using Broker.Messaging;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 4: "Any STOMP byte in counts as life; silence for three intervals is a lost client: ERROR `message:heart-beat timeout`, close 1002,
/// all that it held is released." And of section 1: "Ping is [...] sent after 25 s without a byte from the client [...]; a peer that answers
/// nothing for 60 s is gone, heart-beats or not." And of section 9: "a frame begun must be complete in 60 s."
/// </summary>
public class LostClientTests
{
    [Theory]
    [InlineData(1000)]
    [InlineData(2500)]
    [InlineData(4999)]
    public async Task Silence_for_three_intervals_is_a_lost_client(int interval)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", $"{interval},0"));
        broker.Time.Advance(TimeSpan.FromMilliseconds((3 * interval) - 1));
        ShouldLive(broker);
        broker.Time.Advance(TimeSpan.FromMilliseconds(501));
        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("heart-beat timeout");
        error["receipt-id"].Should().BeNull();
    }

    [Fact]
    public async Task All_that_a_lost_client_held_is_released()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", "1000,0"));
        using StompTestClient other = await broker.ConnectAsync();
        await other.ListenAsync("/topic/t");
        await client.ListenAsync("/topic/a", "1");
        await client.ListenAsync("/topic/*", "2", ("ack", "client"));
        await client.SendAndAwaitAsync("BEGIN", ("transaction", "t"));
        await client.SendAndAwaitAsync("SEND", ("destination", "/topic/t"), ("transaction", "t"));
        broker.ReadMetric("stompbroker.subscriptions").Should().Be(3);

        broker.Time.Advance(TimeSpan.FromSeconds(4));
        await client.ReadErrorAndEndAsync();

        broker.ReadMetric("stompbroker.subscriptions").Should().Be(1);
        broker.Environment.Sessions.All.Should().ContainSingle();
        await other.SendAndAwaitAsync("SEND", ("destination", "/topic/a")); // nobody is there to hold this up
        (await other.ReadUpToNowAsync()).Should().BeEmpty("the transaction is aborted");
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r")]
    [InlineData("^@")]
    [InlineData("SEND\ndestination:/topic/a\n\n^@")]
    [InlineData("one byte of a frame at a time")]
    public async Task Any_STOMP_byte_counts_as_life(string bytes)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", "1000,0"));
        byte[] frame = SessionSteps.Wire("SEND\ndestination:/topic/a\n\n" + new string('x', 100) + "^@");
        for (int i = 0; i < 19; i++)
        {
            if (bytes == "one byte of a frame at a time")
                await client.Socket.SendBinaryAsync(frame.AsMemory(i, 1));
            else if (bytes == "\r")
                await client.SendWireAsync(i % 2 == 0 ? "\r" : "\n");
            else
                await client.SendWireAsync(bytes);
            await client.ReadUpToNowAsync();
            broker.Time.Advance(TimeSpan.FromMilliseconds(2900));
            ShouldLive(broker);
        }

        broker.Time.Advance(TimeSpan.FromMilliseconds(600));
        (await client.ReadErrorAndEndAsync())["message"].Should().Be("heart-beat timeout");
    }

    [Theory]
    [InlineData(ClientFrame.Pong)]
    [InlineData(ClientFrame.Ping)]
    public async Task Below_5_s_WebSocket_frames_of_control_are_no_life(byte opcode)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", "4000,0"));
        for (int i = 0; i < 12; i++)
        {
            ShouldLive(broker);
            await client.Socket.SendFrameAsync(opcode, "x"u8.ToArray());
            await client.ReadUpToNowAsync();
            broker.Time.Advance(TimeSpan.FromSeconds(1));
        }

        broker.Time.Advance(TimeSpan.FromMilliseconds(500));
        (await client.ReadErrorAndEndAsync())["message"].Should().Be("heart-beat timeout");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("0,0")]
    [InlineData("0,1000")]
    [InlineData("40000,0")]
    public async Task A_ping_goes_out_after_25_s_without_a_byte_and_who_answers_nothing_for_60_s_is_gone(string? offered)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = offered is null ? await broker.ConnectAsync() : await broker.ConnectAsync(headers: ("heart-beat", offered));
        await client.ListenAsync("/topic/a");
        broker.Time.Advance(TimeSpan.FromSeconds(59));
        ShouldLive(broker);
        broker.Time.Advance(TimeSpan.FromSeconds(1.5));

        client.AnswersPings = false;
        int pings = 0;
        RawFrame frame;
        while ((frame = await client.Socket.ReadFrameAsync()).IsBeat() || frame.Opcode == ClientFrame.Ping)
            pings += frame.Opcode == ClientFrame.Ping ? 1 : 0;
        pings.Should().Be(2, "one at 25 s and one at 50 s");
        SpecParser.Parse(frame.Payload, "1.2")["message"].Should().Be("heart-beat timeout");
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1002);
        broker.ReadMetric("stompbroker.subscriptions").Should().Be(0);
    }

    [Fact]
    public async Task The_ping_comes_at_25_s_of_silence_and_not_before()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        for (int round = 0; round < 5; round++)
        {
            await client.SendWireAsync("\n");
            (await client.ReadUpToNowAsync()).Should().BeEmpty();
            broker.Time.Advance(TimeSpan.FromSeconds(24.9));
            (await client.ReadUpToNowAsync()).Should().BeEmpty();
            broker.Time.Advance(TimeSpan.FromSeconds(25.5));
            (await client.ReadUpToNowAsync()).Should().ContainSingle().Which.Opcode.Should().Be(ClientFrame.Ping);
        }
    }

    [Fact]
    public async Task Who_answers_pings_and_agreed_on_no_beats_may_be_silent_for_ever()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 100; i++)
        {
            broker.Time.Advance(TimeSpan.FromSeconds(25.5));
            (await client.Socket.ReadFrameAsync()).Opcode.Should().Be(ClientFrame.Ping);
            await client.Socket.SendFrameAsync(ClientFrame.Pong, ReadOnlyMemory<byte>.Empty);
            await client.ReadUpToNowAsync();
        }

        await client.SendAndAwaitAsync("BEGIN", ("transaction", "t"));
    }

    [Theory]
    [InlineData("all at once")]
    [InlineData("a byte a second")]
    public async Task A_frame_begun_must_be_complete_in_60_s(string pace)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        byte[] frame = SessionSteps.Wire("SEND\ndestination:/topic/a\nreceipt:r\n\n" + new string('x', 100) + "^@");
        if (pace == "all at once")
            await client.Socket.SendBinaryAsync(frame.AsMemory(0, 60));
        for (int second = 0; second < 59; second++)
        {
            if (pace != "all at once")
                await client.Socket.SendBinaryAsync(frame.AsMemory(second, 1));
            await client.ReadUpToNowAsync();
            broker.Time.Advance(TimeSpan.FromSeconds(1));
            ShouldLive(broker);
        }

        await client.ReadUpToNowAsync();
        broker.Time.Advance(TimeSpan.FromSeconds(1.5));
        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("frame timeout");
    }

    [Fact]
    public async Task Frames_that_are_completed_in_time_have_a_time_of_their_own_each()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SendWireAsync("SEND\ndestination:/topic/a\n");
        for (int i = 0; i < 20; i++)
        {
            await client.ReadUpToNowAsync();
            broker.Time.Advance(TimeSpan.FromSeconds(50));
            await client.SendWireAsync($"receipt:{i}\n\n^@SEND\ndestination:/topic/a\n"); // ends one and begins the next
            (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be($"{i}");
        }
    }

    private static void ShouldLive(MemoryBroker broker) =>
        broker.Environment.Sessions.All.Should().OnlyContain(session => session.CloseReason == CloseReason.None).And.NotBeEmpty();
}
