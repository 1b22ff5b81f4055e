using Broker.Messaging;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 4: "Browsers throttle the timers of background tabs to one a minute, yet answer pings. So where the agreed interval is 5 s or more
/// the server pings after one silent interval, and a client that answers has max(90 s, three intervals). Below 5 s the three intervals stand."
/// </summary>
public class BackgroundTabTests
{
    [Theory]
    [InlineData(5)]
    [InlineData(10)]
    [InlineData(20)]
    [InlineData(24)]
    public async Task From_5_s_on_a_ping_goes_out_after_one_silent_interval(int interval)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", $"{interval * 1000},0"));
        for (int round = 0; round < 3; round++)
        {
            await client.SendWireAsync("\n");
            (await client.ReadUpToNowAsync()).Should().BeEmpty();
            broker.Time.Advance(TimeSpan.FromSeconds(interval - 0.1));
            (await client.ReadUpToNowAsync()).Should().BeEmpty();
            broker.Time.Advance(TimeSpan.FromSeconds(0.5));
            (await client.ReadUpToNowAsync()).Should().ContainSingle().Which.Opcode.Should().Be(ClientFrame.Ping);
        }
    }

    [Fact]
    public async Task Below_5_s_there_is_no_such_ping()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", "4999,0"));
        broker.Time.Advance(TimeSpan.FromSeconds(14.9));
        (await client.ReadUpToNowAsync()).Should().BeEmpty();
    }

    [Theory]
    [InlineData(5, 90)]
    [InlineData(10, 90)]
    [InlineData(30, 90)]
    [InlineData(31, 93)]
    [InlineData(60, 180)]
    public async Task A_client_that_answers_pings_has_90_s_or_three_intervals(int interval, int seconds)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", $"{interval * 1000},0"));
        for (int second = 0; second < seconds; second++)
        {
            ShouldLive(broker);
            await AnswerAsync(client);
            broker.Time.Advance(TimeSpan.FromSeconds(1) - (second == 0 ? TimeSpan.FromMilliseconds(100) : TimeSpan.Zero));
        }

        ShouldLive(broker); // 0.1 s before
        await AnswerAsync(client);
        broker.Time.Advance(TimeSpan.FromSeconds(0.6));
        (await client.ReadErrorAndEndAsync())["message"].Should().Be("heart-beat timeout");
    }

    [Theory]
    [InlineData(5, 15)]
    [InlineData(10, 30)]
    [InlineData(19, 57)]
    [InlineData(30, 60)]
    public async Task A_client_that_answers_nothing_is_gone_after_three_intervals_and_never_later_than_60_s(int interval, double seconds)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", $"{interval * 1000},0"));
        broker.Time.Advance(TimeSpan.FromSeconds(seconds - 0.1));
        ShouldLive(broker);
        broker.Time.Advance(TimeSpan.FromSeconds(0.6));
        client.AnswersPings = false;
        (await client.ReadErrorAndEndAsync())["message"].Should().Be("heart-beat timeout");
    }

    [Fact]
    public async Task A_tab_in_the_background_that_beats_once_a_minute_stays()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", "10000,0"));
        for (int second = 0; second < 600; second++)
        {
            if (second % 60 == 59)
                await client.SendWireAsync("\n");
            await AnswerAsync(client);
            broker.Time.Advance(TimeSpan.FromSeconds(1));
            ShouldLive(broker);
        }
    }

    [Fact]
    public async Task A_client_that_ceases_to_answer_is_gone_three_intervals_after_its_last_answer()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", "10000,0"));
        for (int second = 0; second < 40; second++)
        {
            await AnswerAsync(client);
            broker.Time.Advance(TimeSpan.FromSeconds(1));
        }

        await AnswerAsync(client);
        broker.Time.Advance(TimeSpan.FromSeconds(29.9));
        ShouldLive(broker);
        broker.Time.Advance(TimeSpan.FromSeconds(0.6));
        client.AnswersPings = false;
        (await client.ReadErrorAndEndAsync())["message"].Should().Be("heart-beat timeout");
    }

    /// <summary>What a browser does by itself; it sends nothing unless a ping came.</summary>
    private static async Task AnswerAsync(StompTestClient client)
    {
        foreach (RawFrame frame in await client.ReadUpToNowAsync())
        {
            frame.Opcode.Should().Be(ClientFrame.Ping);
            await client.Socket.SendFrameAsync(ClientFrame.Pong, frame.Payload);
        }
    }

    private static void ShouldLive(MemoryBroker broker) =>
        broker.Environment.Sessions.All.Should().OnlyContain(session => session.CloseReason == CloseReason.None).And.NotBeEmpty();
}
