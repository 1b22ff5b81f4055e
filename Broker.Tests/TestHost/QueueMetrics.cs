namespace Broker.Tests.TestHost;

/// <summary>The names of what the broker measures of queues.</summary>
internal static class QueueMetrics
{
    /// <summary>Queues that the broker has in memory.</summary>
    public const string Queues = "stompbroker.queues.count";

    /// <summary>Messages that wait in queues.</summary>
    public const string Waiting = "stompbroker.queues.waiting";

    /// <summary>Messages of queues that consumers have and did not acknowledge.</summary>
    public const string Unacknowledged = "stompbroker.queues.unacknowledged";

    /// <summary>Subscriptions to queues.</summary>
    public const string Consumers = "stompbroker.queues.consumers";

    /// <summary>Bytes in queues.</summary>
    public const string Bytes = "stompbroker.queues.size";

    /// <summary>Deliveries but the first ones.</summary>
    public const string Redelivered = "stompbroker.messages.redelivered";

    /// <summary>Messages that went to a dead-letter queue.</summary>
    public const string DeadLettered = "stompbroker.messages.dead_lettered";

    /// <summary>Messages that nobody got and nobody will.</summary>
    public const string Dropped = "stompbroker.messages.dropped";
}
