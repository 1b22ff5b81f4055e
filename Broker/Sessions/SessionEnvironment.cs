using System.Reflection;
using Broker.Configuration;
using Broker.Delivery;
using Broker.Diagnostics;
using Broker.Routing;
using Broker.Security;
using Broker.Stomp;

namespace Broker.Sessions;

/// <summary>What all sessions of a broker share. Immutable; the parts are thread-safe.</summary>
internal sealed record SessionEnvironment(
    BrokerOptions Options, TopicTable Topics, QueueTable Queues, ConfiguredUsers Users, SessionRegistry Sessions, BrokerMetrics Metrics, TimeProvider Time, ILogger<Session> Log)
{
    /// <summary>CONNECTED's <c>server</c>: name and version.</summary>
    public static byte[] Server { get; } = System.Text.Encoding.ASCII.GetBytes(
        "StompBroker/" + (typeof(SessionEnvironment).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0"));

    public LimitOptions Limits => Options.Limits;

    public StompLimits FrameLimits { get; } = new()
    {
        CommandBytes = Options.Limits.CommandBytes,
        Headers = Options.Limits.Headers,
        HeaderLineBytes = Options.Limits.HeaderLineBytes,
        FrameBytes = Options.Limits.FrameBytesBeforeConnected,
    };

    public HeartBeat HeartBeat { get; } =
        new((int)Options.HeartBeat.Outgoing.TotalMilliseconds, (int)Options.HeartBeat.Incoming.TotalMilliseconds);

    /// <summary>A publisher's consecutive messages are one publication up to this size: large ones would fill small outboxes at once.</summary>
    public int BatchBytes { get; } = Math.Min(128 * 1024, Options.Limits.OutboxBytes / 4);

    /// <summary>Tells conflated subscriptions when their interval is over.</summary>
    public ConflationClock Conflation { get; } = new(Time);

    /// <summary>Distinguishes this run of the broker from all others, so that ids are unique across restarts; no secret.</summary>
    public string Epoch { get; } = Guid.NewGuid().ToString("N")[..12];
}
