using Broker.Configuration;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 8: "A publisher that meets a full outbox is held (its socket is not read [...]) only while that subscriber's socket is still taking
/// bytes, and at most 1 s in any 10 s for all its slow subscribers together. After that the topic's policy falls on the subscriber at once."
/// </summary>
public class PublisherStallTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(200);

    [Fact]
    public async Task A_publisher_is_held_until_the_slow_socket_has_taken_some()
    {
        await using MemoryBroker broker = Create();
        using StompTestClient slow = await SubscribeAsync(broker);
        using StompTestClient publisher = await broker.ConnectAsync();
        var pressure = new Pressure(broker, publisher, "/topic/a");
        await pressure.PublishUntilHeldAsync();
        broker.SessionOf(slow).Outbox.Bytes.Should().BeInRange(7000, 8192);

        (await Pressure.ReadNumbersAsync(slow, 1)).Numbers.Should().Equal(1);
        await pressure.ReleasedAsync();

        (await Pressure.ReadNumbersAsync(slow, pressure.Count - 1)).Numbers.Should().Equal(Enumerable.Range(2, pressure.Count - 1));
        broker.Time.Timers.Should().Be(1, "nobody waits any more");
    }

    [Fact]
    public async Task The_socket_of_a_held_publisher_is_not_read()
    {
        await using MemoryBroker broker = Create();
        using StompTestClient slow = await SubscribeAsync(broker);
        using StompTestClient publisher = await broker.ConnectAsync();
        using StompTestClient other = await broker.ConnectAsync();
        await other.SubscribeAsync("0", "/topic/other");
        var pressure = new Pressure(broker, publisher, "/topic/a");
        await pressure.PublishUntilHeldAsync();

        await publisher.SendAsync("/topic/other", "behind");
        await other.ShouldHaveNothingToReadAsync();
        await slow.ReadTextAsync();
        await pressure.ReleasedAsync();

        (await other.ReadTextAsync()).Should().Be("behind");
    }

    [Fact]
    public async Task Its_heart_beat_clock_stands_still_while_it_is_held()
    {
        await using MemoryBroker broker = Create(options => options.HeartBeat.Incoming = TimeSpan.FromMilliseconds(100));
        using StompTestClient slow = await SubscribeAsync(broker);
        using StompTestClient publisher = await broker.ConnectAsync(headers: ("heart-beat", "100,0"));
        publisher.Connected!["heart-beat"].Should().EndWith(",100");
        var pressure = new Pressure(broker, publisher, "/topic/a");
        for (int i = 0; i < 4; i++)
        {
            await pressure.PublishUntilHeldAsync();
            broker.Time.Advance(Step);
            await slow.ReadTextAsync();
            await pressure.ReleasedAsync();
        }

        // Held for 800 ms of the last 800; three intervals are 300.
        await publisher.ShouldHaveNothingToReadAsync();
        broker.Time.Advance(TimeSpan.FromMilliseconds(600));
        (await publisher.ReadFrameAsync("ERROR"))["message"].Should().Be("heart-beat timeout", "once it is read again, its clock runs");
    }

    [Fact]
    public async Task It_is_held_for_1_s_in_any_10_s_and_then_the_policy_falls_at_once()
    {
        await using MemoryBroker broker = Create(options => DropOldest(options, "/topic/a"));
        using StompTestClient slow = await SubscribeAsync(broker);
        using StompTestClient publisher = await broker.ConnectAsync();
        var pressure = new Pressure(broker, publisher, "/topic/a");
        for (int i = 0; i < 5; i++)
        {
            await pressure.PublishUntilHeldAsync();
            broker.Time.Advance(Step);
            await slow.ReadTextAsync();
            await pressure.ReleasedAsync();
        }

        for (int i = 0; i < 30; i++)
            (await pressure.TryPublishAsync()).Should().BeTrue("its second is used up, though the socket would take more");

        broker.Time.Advance(TimeSpan.FromSeconds(8.9));
        await slow.ReadTextAsync();
        for (int i = 0; i < 30; i++)
            (await pressure.TryPublishAsync()).Should().BeTrue("the first stall began 9.9 s ago");

        broker.Time.Advance(TimeSpan.FromSeconds(0.2));
        await DrainAsync(slow, pressure);
        await pressure.PublishUntilHeldAsync();
        broker.Time.Advance(TimeSpan.FromSeconds(0.1));
        await pressure.ReleasedAsync();
    }

    [Fact]
    public async Task The_second_is_for_all_its_slow_subscribers_together()
    {
        await using MemoryBroker broker = Create(options => DropOldest(options, "/topic/#"));
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 5; i++)
        {
            using StompTestClient slow = await SubscribeAsync(broker, $"/topic/{i}");
            var pressure = new Pressure(broker, publisher, $"/topic/{i}");
            await pressure.PublishUntilHeldAsync();
            broker.Time.Advance(Step);
            await slow.ReadTextAsync();
            await pressure.ReleasedAsync();
        }

        using StompTestClient sixth = await SubscribeAsync(broker, "/topic/6");
        var last = new Pressure(broker, publisher, "/topic/6");
        for (int i = 0; i < 30; i++)
            (await last.TryPublishAsync()).Should().BeTrue("another subscriber gives it no other second");
    }

    [Fact]
    public async Task Another_publisher_has_its_own_second()
    {
        await using MemoryBroker broker = Create(options => DropOldest(options, "/topic/#"));
        using StompTestClient slow = await SubscribeAsync(broker);
        StompTestClient[] publishers = [await broker.ConnectAsync(), await broker.ConnectAsync()];
        foreach (StompTestClient publisher in publishers)
        {
            var pressure = new Pressure(broker, publisher, "/topic/a");
            for (int i = 0; i < 5; i++)
            {
                await pressure.PublishUntilHeldAsync();
                broker.Time.Advance(Step);
                await slow.ReadTextAsync();
                await pressure.ReleasedAsync();
            }

            (await pressure.TryPublishAsync() && await pressure.TryPublishAsync() && await pressure.TryPublishAsync()).Should().BeTrue();
            for (int i = 0; i < 30; i++)
                (await pressure.TryPublishAsync()).Should().BeTrue();
        }
    }

    [Fact]
    public async Task A_stalled_socket_is_not_waited_for()
    {
        await using MemoryBroker broker = Create(options => DropOldest(options, "/topic/a"));
        using StompTestClient stalled = await SubscribeAsync(broker);
        using StompTestClient publisher = await broker.ConnectAsync();
        var pressure = new Pressure(broker, publisher, "/topic/a");
        (await pressure.TryPublishAsync()).Should().BeTrue();
        broker.Time.Advance(Grace);

        for (int i = 0; i < 50; i++)
            (await pressure.TryPublishAsync()).Should().BeTrue("the socket has taken nothing for a while");
    }

    [Fact]
    public async Task A_hundred_stalled_ones_cost_one_grace_period()
    {
        await using MemoryBroker broker = Create();
        StompTestClient[] stalled = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => SubscribeAsync(broker)));
        using StompTestClient reader = await broker.ConnectAsync();
        await reader.SubscribeAsync("0", "/topic/a");
        using StompTestClient publisher = await broker.ConnectAsync();
        var pressure = new Pressure(broker, publisher, "/topic/a");
        Task<(List<int> Numbers, TestFrame?)> reading = Pressure.ReadNumbersAsync(reader, 40);

        await pressure.PublishUntilHeldAsync();
        broker.Time.Advance(Grace);
        await pressure.ReleasedAsync();

        broker.Time.Advance(TimeSpan.FromSeconds(5)); // those cut linger no more
        await ClientSteps.UntilAsync(() => broker.Environment.Sessions.Count <= 2 && broker.Time.Timers == 1, "the stalled ones are gone");
        while (pressure.Count < 40)
            (await pressure.TryPublishAsync()).Should().BeTrue();
        (await reading).Numbers.Should().Equal(Enumerable.Range(1, 40), "another subscriber notices nothing");
        Array.ForEach(stalled, client => client.Dispose());
    }

    [Fact]
    public async Task A_publisher_that_used_up_its_second_cuts_no_subscriber_that_reads()
    {
        await using MemoryBroker broker = Create();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 5; i++)
        {
            using StompTestClient slow = await SubscribeAsync(broker, $"/topic/{i}");
            var pressure = new Pressure(broker, publisher, $"/topic/{i}");
            await pressure.PublishUntilHeldAsync();
            broker.Time.Advance(Step);
            await slow.ReadTextAsync();
            await pressure.ReleasedAsync();
        }

        using StompTestClient reader = await broker.ConnectAsync(unread: 1024 * 1024);
        await reader.SubscribeAsync("0", "/topic/read");
        byte[] together = [.. Enumerable.Range(0, 40).SelectMany(i => publisher.Encode("SEND", [("destination", "/topic/read")], new byte[1000]))];
        await publisher.Socket.SendBinaryAsync(together);

        for (int i = 0; i < 40; i++)
            (await reader.ReadFrameAsync("MESSAGE")).Body.Should().HaveCount(1000);
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    public async Task A_wait_for_a_little_more_room_than_there_is_is_a_wait_and_no_spin(string ack)
    {
        // A message of another size each time: in some of them the bytes of the message fit and those around it do not.
        await using MemoryBroker broker = Create(options => options.Limits.OutboxBytes = 4096);
        for (int body = 700; body < 860; body += 4)
        {
            using StompTestClient slow = await SubscribeAsync(broker, $"/topic/{body}", ack);
            using StompTestClient publisher = await broker.ConnectAsync();
            var pressure = new Pressure(broker, publisher, $"/topic/{body}", body);

            await pressure.PublishUntilHeldAsync();

            await slow.ReadTextAsync();
            await pressure.ReleasedAsync();
        }
    }

    private static MemoryBroker Create(Action<BrokerOptions>? configure = null) => new(options =>
    {
        options.Limits.OutboxBytes = 8192;
        configure?.Invoke(options);
    });

    private static void DropOldest(BrokerOptions options, string pattern) =>
        options.Topics.Add(new TopicOptions { Pattern = pattern, SlowSubscriber = SlowSubscriberPolicy.DropOldest });

    /// <summary>A subscriber whose socket takes one write and then no more until it reads.</summary>
    private static async Task<StompTestClient> SubscribeAsync(MemoryBroker broker, string destination = "/topic/a", string ack = "auto")
    {
        StompTestClient client = await broker.ConnectAsync(unread: 1);
        await client.SubscribeAsync("0", destination, ("ack", ack));
        return client;
    }

    private static async Task DrainAsync(StompTestClient slow, Pressure pressure)
    {
        int number;
        do
            number = (await Pressure.ReadNumbersAsync(slow, 1)).Numbers[0];
        while (number < pressure.Count);
    }
}
