using System.Diagnostics.Metrics;
using System.Globalization;

namespace Broker.Diagnostics;

/// <summary>
/// What the broker counts, on the meter <c>StompBroker</c>. Thread-safe. Everything is a plain number that is added to once per
/// batch and read when a listener asks: no listener's code runs where messages do.
/// </summary>
internal sealed class BrokerMetrics
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "StompBroker";

    private readonly LabelledCounter _refused = new("status");
    private readonly LabelledCounter _closed = new("reason");
    private readonly LabelledCounter _dropped = new("reason");
    private readonly LabelledCounter _deadLettered = new("reason");
    private Func<KeptMessages>? _kept;
    private Func<QueueFigures>? _queues;
    private Func<IReadOnlyList<QueueFigures>>? _deepest;
    private Func<long>? _topics;
    private Func<long>? _outboxBytes;
    private long _connections;
    private long _accepted;
    private long _subscriptions;
    private long _framesIn;
    private long _messagesIn;
    private long _bytesIn;
    private long _framesOut;
    private long _messagesOut;
    private long _bytesOut;
    private long _stallTicks;
    private long _conflated;
    private long _redelivered;

    /// <summary>Creates the meter; the factory disposes of it.</summary>
    public BrokerMetrics(IMeterFactory meters)
    {
        Meter = meters.Create(MeterName);
        Gauge("stompbroker.connections", () => Interlocked.Read(ref _connections), "{connection}", "Connections that are open.");
        Count("stompbroker.connections.accepted", () => Interlocked.Read(ref _accepted), "{connection}", "Connections accepted since the start.");
        Count("stompbroker.connections.closed", _closed, "{connection}", "Connections closed since the start, by reason.");
        Count("stompbroker.handshakes.refused", _refused, "{request}", "Handshakes refused since the start, by HTTP status.");
        Gauge("stompbroker.subscriptions", () => Interlocked.Read(ref _subscriptions), "{subscription}", "Subscriptions that are live.");
        Gauge("stompbroker.topics", () => _topics?.Invoke() ?? 0, "{topic}", "Topics that are remembered.");
        Gauge("stompbroker.retained.count", () => Kept.Retained, "{message}", "Retained values.");
        Gauge("stompbroker.retained.size", () => Kept.RetainedBytes, "By", "Bytes of retained values.");
        Gauge("stompbroker.streams.count", () => Kept.Streamed, "{message}", "Messages in the histories of streams.");
        Gauge("stompbroker.streams.size", () => Kept.StreamedBytes, "By", "Bytes in the histories of streams.");
        Gauge("stompbroker.queues.count", () => Queues.Queues, "{queue}", "Queues, temporary ones among them.");
        Gauge("stompbroker.queues.waiting", () => Queues.Waiting, "{message}", "Messages in queues that wait to be sent, for the first time or again.");
        Gauge("stompbroker.queues.unacknowledged", () => Queues.Unacknowledged, "{message}", "Messages of queues that were sent and are not acknowledged.");
        Gauge("stompbroker.queues.consumers", () => Queues.Consumers, "{subscription}", "Subscriptions to queues.");
        Gauge("stompbroker.queues.size", () => Queues.Bytes, "By", "Memory that the messages in queues take.");
        Gauge("stompbroker.queue.waiting", static queue => queue.Waiting, "{message}", "Messages that wait to be sent, of the fullest queues.");
        Gauge("stompbroker.queue.unacknowledged", static queue => queue.Unacknowledged, "{message}", "Messages sent and not acknowledged, of the fullest queues.");
        Gauge("stompbroker.queue.consumers", static queue => queue.Consumers, "{subscription}", "Consumers of the fullest queues.");
        Gauge("stompbroker.outbox.size", () => _outboxBytes?.Invoke() ?? 0, "By", "Bytes that wait for connections, all outboxes together.");
        Count("stompbroker.messages.received", () => Interlocked.Read(ref _messagesIn), "{message}", "Messages that clients sent.");
        Count("stompbroker.messages.sent", () => Interlocked.Read(ref _messagesOut), "{message}", "Messages sent to subscribers, each of them.");
        Count("stompbroker.messages.dropped", _dropped, "{message}", "Messages dropped instead of delivered, by reason.");
        Count("stompbroker.messages.conflated", () => Interlocked.Read(ref _conflated), "{message}", "Messages that a newer one of their key took the place of.");
        Count("stompbroker.messages.redelivered", () => Interlocked.Read(ref _redelivered), "{message}", "Messages of queues that were sent again.");
        Count("stompbroker.messages.dead_lettered", _deadLettered, "{message}", "Messages moved to a dead-letter queue, by reason.");
        Count("stompbroker.frames.received", () => Interlocked.Read(ref _framesIn), "{frame}", "STOMP frames that clients sent.");
        Count("stompbroker.frames.sent", () => Interlocked.Read(ref _framesOut), "{frame}", "STOMP frames sent to clients.");
        Count("stompbroker.network.received", () => Interlocked.Read(ref _bytesIn), "By", "Bytes that clients sent.");
        Count("stompbroker.network.sent", () => Interlocked.Read(ref _bytesOut), "By", "Bytes sent to clients.");
        Meter.CreateObservableCounter("stompbroker.publisher.stall", () => TimeSpan.FromTicks(Interlocked.Read(ref _stallTicks)).TotalSeconds,
            "s", "Time that publishers were held for slow subscribers.");
    }

    /// <summary>The meter, by which a listener tells this broker from another in the same process.</summary>
    public Meter Meter { get; }

    /// <summary>A handshake succeeded.</summary>
    public void ConnectionOpened()
    {
        Interlocked.Increment(ref _accepted);
        Interlocked.Increment(ref _connections);
    }

    /// <summary>An open connection ended, for a reason out of the catalogue of reasons.</summary>
    public void ConnectionClosed(string reason)
    {
        Interlocked.Decrement(ref _connections);
        _closed.Add(reason, 1);
    }

    /// <summary>A handshake was refused with an HTTP status.</summary>
    public void HandshakeRefused(int status) => _refused.Add(status.ToString(CultureInfo.InvariantCulture), 1);

    /// <summary>Subscriptions came (positive) or went (negative), all those of a closed connection at once.</summary>
    public void AddSubscriptions(int change) => Interlocked.Add(ref _subscriptions, change);

    /// <summary>A batch of input was processed: its frames, how many of them were SENDs, its bytes.</summary>
    public void AddIn(int frames, int messages, long bytes)
    {
        Interlocked.Add(ref _framesIn, frames);
        Interlocked.Add(ref _messagesIn, messages);
        Interlocked.Add(ref _bytesIn, bytes);
    }

    /// <summary>A batch of output was written: its frames, how many of them were MESSAGEs, its bytes.</summary>
    public void AddOut(int frames, int messages, long bytes)
    {
        Interlocked.Add(ref _framesOut, frames);
        Interlocked.Add(ref _messagesOut, messages);
        Interlocked.Add(ref _bytesOut, bytes);
    }

    /// <summary>Messages were dropped, for a reason such as <c>drop-oldest</c> or <c>expired</c>.</summary>
    public void AddDropped(string reason, long messages) => _dropped.Add(reason, messages);

    /// <summary>Messages gave way to newer ones of their keys.</summary>
    public void AddConflated(long messages) => Interlocked.Add(ref _conflated, messages);

    /// <summary>Messages of a queue were sent that had been sent before.</summary>
    public void AddRedelivered(long messages) => Interlocked.Add(ref _redelivered, messages);

    /// <summary>Messages went to a dead-letter queue, for a reason such as <c>rejected</c>.</summary>
    public void AddDeadLettered(string reason, long messages) => _deadLettered.Add(reason, messages);

    /// <summary>A publisher was held for this long.</summary>
    public void AddPublisherStall(TimeSpan time) => Interlocked.Add(ref _stallTicks, time.Ticks);

    /// <summary>Names who knows the number of topics. Called when a listener asks, on its thread.</summary>
    public void ObserveTopics(Func<long> count) => _topics = count;

    /// <summary>Names who knows what topics keep. Called when a listener asks, on its thread.</summary>
    public void ObserveKept(Func<KeptMessages> read) => _kept = read;

    /// <summary>Names who knows what all queues hold together, and which hold the most. Called when a listener asks, on its thread.</summary>
    public void ObserveQueues(Func<QueueFigures> totals, Func<IReadOnlyList<QueueFigures>> deepest) => (_queues, _deepest) = (totals, deepest);

    private QueueFigures Queues => _queues?.Invoke() ?? default;

    private KeptMessages Kept => _kept?.Invoke() ?? default;

    /// <summary>Names who knows how many bytes wait in all outboxes. Called when a listener asks, on its thread.</summary>
    public void ObserveOutboxBytes(Func<long> sum) => _outboxBytes = sum;

    private void Gauge(string name, Func<long> read, string unit, string description) =>
        Meter.CreateObservableUpDownCounter(name, read, unit, description);

    private void Gauge(string name, Func<QueueFigures, long> read, string unit, string description) =>
        Meter.CreateObservableUpDownCounter(
            name, () => (_deepest?.Invoke() ?? []).Select(queue => new Measurement<long>(read(queue), new KeyValuePair<string, object?>("queue", queue.Name))), unit, description);

    private void Count(string name, Func<long> read, string unit, string description) =>
        Meter.CreateObservableCounter(name, read, unit, description);

    private void Count(string name, LabelledCounter counter, string unit, string description) =>
        Meter.CreateObservableCounter(name, counter.Read, unit, description);
}

/// <summary>What topics keep: numbers of messages, and bytes.</summary>
internal readonly record struct KeptMessages(long Retained, long RetainedBytes, long Streamed, long StreamedBytes);

/// <summary>What a queue holds, or all of them together.</summary>
/// <param name="Name">The destination; empty for all.</param>
/// <param name="Queues">How many queues these are.</param>
/// <param name="Waiting">Messages that wait to be sent.</param>
/// <param name="Unacknowledged">Messages that were sent and are not acknowledged.</param>
/// <param name="Consumers">Subscriptions.</param>
/// <param name="Bytes">Memory that the messages take.</param>
internal readonly record struct QueueFigures(string Name, long Queues, long Waiting, long Unacknowledged, long Consumers, long Bytes);
