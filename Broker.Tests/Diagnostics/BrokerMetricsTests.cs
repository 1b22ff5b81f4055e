using System.Diagnostics.Metrics;
using Broker.Diagnostics;

namespace Broker.Tests.Diagnostics;

public class BrokerMetricsTests
{
    [Fact]
    public void Everything_that_was_added_is_seen_by_a_listener()
    {
        using var factory = new TestMeterFactory();
        BrokerMetrics metrics = Busy(factory);
        Read(metrics).Should().BeEquivalentTo(new Dictionary<string, double>
        {
            ["stompbroker.connections"] = 1,
            ["stompbroker.connections.accepted"] = 3,
            ["stompbroker.connections.closed{reason=slow-consumer}"] = 2,
            ["stompbroker.handshakes.refused{status=403}"] = 2,
            ["stompbroker.handshakes.refused{status=426}"] = 1,
            ["stompbroker.subscriptions"] = 3,
            ["stompbroker.topics"] = 7,
            ["stompbroker.outbox.size"] = 4096,
            ["stompbroker.messages.received"] = 9,
            ["stompbroker.messages.sent"] = 90,
            ["stompbroker.messages.dropped{reason=drop-oldest}"] = 5,
            ["stompbroker.messages.dropped{reason=expired}"] = 1,
            ["stompbroker.messages.conflated"] = 40,
            ["stompbroker.retained.count"] = 11,
            ["stompbroker.retained.size"] = 12,
            ["stompbroker.streams.count"] = 13,
            ["stompbroker.streams.size"] = 14,
            ["stompbroker.messages.redelivered"] = 3,
            ["stompbroker.messages.dead_lettered{reason=rejected}"] = 2,
            ["stompbroker.queues.count"] = 21,
            ["stompbroker.queues.waiting"] = 22,
            ["stompbroker.queues.unacknowledged"] = 23,
            ["stompbroker.queues.consumers"] = 24,
            ["stompbroker.queues.size"] = 25,
            ["stompbroker.queue.waiting{queue=/queue/a}"] = 31,
            ["stompbroker.queue.unacknowledged{queue=/queue/a}"] = 32,
            ["stompbroker.queue.consumers{queue=/queue/a}"] = 33,
            ["stompbroker.frames.received"] = 10,
            ["stompbroker.frames.sent"] = 100,
            ["stompbroker.network.received"] = 1000,
            ["stompbroker.network.sent"] = 6_000_000_000,
            ["stompbroker.publisher.stall"] = 1.5,
        });
    }

    [Fact]
    public void Every_instrument_is_observable_so_that_no_listener_runs_where_messages_do()
    {
        using var factory = new TestMeterFactory();
        Instruments(new BrokerMetrics(factory)).Should().HaveCountGreaterThan(10).And.OnlyContain(i => i.IsObservable)
            .And.OnlyContain(i => i.Meter.Name == "StompBroker" && i.Name.StartsWith("stompbroker.", StringComparison.Ordinal)
                && !string.IsNullOrEmpty(i.Unit) && !string.IsNullOrEmpty(i.Description));
    }

    [Fact]
    public void Nothing_is_lost_when_many_add_at_once()
    {
        using var factory = new TestMeterFactory();
        var metrics = new BrokerMetrics(factory);
        Parallel.For(0, 10_000, i =>
        {
            metrics.AddOut(2, 1, 3);
            metrics.AddDropped(i % 2 == 0 ? "even" : "odd", 1);
        });
        var values = Read(metrics);
        values["stompbroker.frames.sent"].Should().Be(20_000);
        values["stompbroker.network.sent"].Should().Be(30_000);
        values["stompbroker.messages.dropped{reason=even}"].Should().Be(5000);
        values["stompbroker.messages.dropped{reason=odd}"].Should().Be(5000);
    }

    [Fact]
    public void Labels_cannot_grow_without_bound()
    {
        using var factory = new TestMeterFactory();
        var metrics = new BrokerMetrics(factory);
        for (int i = 0; i < 1000; i++)
            metrics.AddDropped($"reason-{i}", 1);
        var dropped = Read(metrics).Where(v => v.Key.StartsWith("stompbroker.messages.dropped", StringComparison.Ordinal)).ToList();
        dropped.Should().HaveCount(65);
        dropped.Sum(v => v.Value).Should().Be(1000);
    }

    internal static BrokerMetrics Busy(IMeterFactory factory)
    {
        var metrics = new BrokerMetrics(factory);
        for (int i = 0; i < 3; i++)
            metrics.ConnectionOpened();
        metrics.ConnectionClosed("slow-consumer");
        metrics.ConnectionClosed("slow-consumer");
        metrics.HandshakeRefused(403);
        metrics.HandshakeRefused(403);
        metrics.HandshakeRefused(426);
        metrics.AddSubscriptions(5);
        metrics.AddSubscriptions(-2);
        metrics.ObserveTopics(() => 7);
        metrics.ObserveKept(() => new KeptMessages(11, 12, 13, 14));
        metrics.AddConflated(40);
        metrics.AddRedelivered(3);
        metrics.AddDeadLettered("rejected", 2);
        metrics.ObserveQueues(() => new QueueFigures("", 21, 22, 23, 24, 25), () => [new QueueFigures("/queue/a", 1, 31, 32, 33, 34)]);
        metrics.ObserveOutboxBytes(() => 4096);
        metrics.AddIn(frames: 10, messages: 9, bytes: 1000);
        metrics.AddOut(frames: 100, messages: 90, bytes: 6_000_000_000);
        metrics.AddDropped("drop-oldest", 5);
        metrics.AddDropped("expired", 1);
        metrics.AddPublisherStall(TimeSpan.FromSeconds(1));
        metrics.AddPublisherStall(TimeSpan.FromMilliseconds(500));
        return metrics;
    }

    private static List<Instrument> Instruments(BrokerMetrics metrics)
    {
        var instruments = new List<Instrument>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter == metrics.Meter)
                    instruments.Add(instrument);
            },
        };
        listener.Start();
        return instruments;
    }

    private static Dictionary<string, double> Read(BrokerMetrics metrics)
    {
        var values = new Dictionary<string, double>();
        using var listener = new MeterListener();
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => values.Add(Key(instrument, tags), value));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => values.Add(Key(instrument, tags), value));
        listener.Start();
        Instruments(metrics).ForEach(instrument => listener.EnableMeasurementEvents(instrument));
        listener.RecordObservableInstruments();
        return values;
    }

    private static string Key(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        tags.IsEmpty ? instrument.Name : $"{instrument.Name}{{{tags[0].Key}={tags[0].Value}}}";
}
