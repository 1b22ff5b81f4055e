using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 4: "A beat out is a WebSocket message of one LF, sent at no more than the agreed interval since the last STOMP bytes out (JS never
/// sees pings), and never inside a frame."
/// </summary>
public class HeartBeatsOutTests
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);

    [Theory]
    [InlineData(1000)]
    [InlineData(1300)]
    [InlineData(10_000)]
    [InlineData(45_000)]
    public async Task An_idle_connection_gets_beats_alone_at_no_more_than_the_interval_for_minutes(int interval)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", $"0,{interval}"));
        TimeSpan last = TimeSpan.Zero, now = TimeSpan.Zero;
        int beats = 0;
        while (now < TimeSpan.FromMinutes(3))
        {
            broker.Time.Advance(Step);
            now += Step;
            foreach (RawFrame frame in await client.ReadUpToNowAsync()) // its pings are answered: a pong is no beat and delays none
            {
                frame.IsBeat().Should().BeTrue();
                (now - last).Should().BeGreaterThanOrEqualTo(TimeSpan.FromMilliseconds(interval * 0.7), "a beat is no more often than is needed");
                last = now;
                beats++;
            }

            (now - last).Should().BeLessThanOrEqualTo(TimeSpan.FromMilliseconds(interval));
        }

        beats.Should().BeGreaterThan(180_000 / interval - 1);
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    public async Task With_traffic_no_two_STOMP_bytes_out_are_further_apart_than_the_interval(string ack)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", "0,1000"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await client.ListenAsync("/topic/a", "s", ("ack", ack), ("prefetch-count", "0"));
        var random = new Random(4);
        TimeSpan last = TimeSpan.Zero, now = TimeSpan.Zero, next = TimeSpan.Zero;
        int messages = 0, beats = 0;
        while (now < TimeSpan.FromMinutes(2))
        {
            broker.Time.Advance(Step);
            now += Step;
            if (now >= next)
            {
                await publisher.SendAndAwaitAsync("SEND", ("destination", "/topic/a"));
                next = now + TimeSpan.FromMilliseconds(random.Next(3000));
            }

            foreach (RawFrame frame in await client.ReadUpToNowAsync())
            {
                if (frame.IsBeat())
                    beats++;
                else if (frame.Payload.AsSpan().StartsWith("MESSAGE"u8))
                    messages++;
                last = now;
            }

            await publisher.ReadUpToNowAsync();
            (now - last).Should().BeLessThanOrEqualTo(TimeSpan.FromSeconds(1));
        }

        messages.Should().BeGreaterThan(50);
        beats.Should().BeGreaterThan(20).And.BeLessThan(160);
    }

    [Fact]
    public async Task Steady_traffic_needs_no_beats()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", "0,1000"));
        for (int i = 0; i < 100; i++)
        {
            broker.Time.Advance(TimeSpan.FromMilliseconds(250));
            await client.SendAndAwaitAsync("SEND", ("destination", "/topic/nobody"));
        }

        client.HeartBeats.Should().Be(0);
    }

    [Theory]
    [InlineData("0,0")]
    [InlineData("10000,0")]
    [InlineData(null)]
    public async Task There_are_no_beats_where_none_were_asked_for(string? offered)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = offered is null ? await broker.ConnectAsync() : await broker.ConnectAsync(headers: ("heart-beat", offered));
        for (int i = 0; i < 200; i++)
        {
            broker.Time.Advance(TimeSpan.FromSeconds(1));
            (await client.ReadUpToNowAsync()).Where(frame => frame.Opcode != ClientFrame.Ping).Should().BeEmpty();
            await client.SendWireAsync("\n");
        }
    }

    [Fact]
    public async Task There_are_none_where_the_server_can_send_none()
    {
        await using var broker = new MemoryBroker(options => options.HeartBeat.Outgoing = TimeSpan.Zero);
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", "0,1000"));
        for (int i = 0; i < 20; i++)
        {
            broker.Time.Advance(TimeSpan.FromSeconds(1));
            (await client.ReadUpToNowAsync()).Should().BeEmpty();
        }
    }

    [Fact]
    public async Task A_beat_waits_for_the_end_of_a_frame_that_is_on_its_way_and_then_comes_in_time()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(unread: 1024, headers: ("heart-beat", "0,1000"));
        using StompTestClient publisher = await broker.ConnectAsync();
        await client.ListenAsync("/topic/a");
        string body = new('x', 200_000);
        await publisher.SendFrameAsync("SEND", [("destination", "/topic/a"), ("receipt", "done")], body);
        await publisher.ReadFrameAsync("RECEIPT");
        for (int i = 0; i < 20; i++)
            broker.Time.Advance(TimeSpan.FromMilliseconds(250)); // the client reads nothing of it, beats are due

        RawFrame message = await client.Socket.ReadFrameAsync();
        SpecParser.Parse(message.Payload, "1.2").Body.Should().HaveCount(200_000);
        List<RawFrame> behind = await client.ReadUpToNowAsync();
        behind.Should().HaveCountLessThanOrEqualTo(1, "beats do not pile up").And.NotContain(frame => !frame.IsBeat());
        for (int i = 0; i < 4; i++)
            broker.Time.Advance(TimeSpan.FromMilliseconds(250));
        (await client.ReadUpToNowAsync()).Should().NotBeEmpty().And.OnlyContain(frame => frame.IsBeat());
    }

    [Fact]
    public async Task Messages_that_wait_for_an_acknowledgement_hold_no_beat_back()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("heart-beat", "0,1000"));
        await client.ListenAsync("/topic/a", "s", ("ack", "client"), ("prefetch-count", "1"));
        await client.SendAndAwaitMessageAsync();
        await client.SendAndAwaitAsync("SEND", ("destination", "/topic/a")); // which waits for the ACK of the first
        for (int i = 0; i < 10; i++)
        {
            for (int step = 0; step < 4; step++)
                broker.Time.Advance(TimeSpan.FromMilliseconds(250));
            (await client.ReadUpToNowAsync()).Should().NotBeEmpty().And.OnlyContain(frame => frame.IsBeat());
        }
    }
}
