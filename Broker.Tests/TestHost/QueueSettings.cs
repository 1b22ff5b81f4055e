using System.Globalization;
using Broker.Configuration;

namespace Broker.Tests.TestHost;

/// <summary>The settings of queues and the names of their metrics, in one place.</summary>
internal static class QueueSettings
{
    /// <summary>Queues that the broker has in memory.</summary>
    public const string Queues = "stompbroker.queues";

    /// <summary>Messages that wait in queues.</summary>
    public const string Waiting = "stompbroker.queues.messages";

    /// <summary>Messages of queues that consumers have and did not acknowledge.</summary>
    public const string Unacknowledged = "stompbroker.queues.unacknowledged";

    /// <summary>Subscriptions to queues.</summary>
    public const string Consumers = "stompbroker.queues.consumers";

    /// <summary>Bytes in queues.</summary>
    public const string Bytes = "stompbroker.queues.size";

    /// <summary>Deliveries but the first ones.</summary>
    public const string Redelivered = "stompbroker.messages.redelivered";

    /// <summary>Messages that went to a dead-letter queue.</summary>
    public const string DeadLettered = "stompbroker.messages.deadlettered";

    /// <summary>Messages that nobody got and nobody will.</summary>
    public const string Dropped = "stompbroker.messages.dropped";

    /// <summary>The most messages of a queue.</summary>
    public const string QueueMessages = nameof(QueueMessages);

    /// <summary>The most bytes of a queue.</summary>
    public const string QueueBytes = nameof(QueueBytes);

    /// <summary>The most bytes of all queues together.</summary>
    public const string QueuesBytes = nameof(QueuesBytes);

    /// <summary>The NACK that dead-letters.</summary>
    public const string QueueNacks = nameof(QueueNacks);

    public static void Set(this LimitOptions limits, string name, long value)
    {
        System.Reflection.PropertyInfo property = typeof(LimitOptions).GetProperty(name) ?? throw new InvalidOperationException($"There is no limit {name}.");
        property.SetValue(limits, Convert.ChangeType(value, property.PropertyType, CultureInfo.InvariantCulture));
    }

    public static long Get(this LimitOptions limits, string name) =>
        Convert.ToInt64(typeof(LimitOptions).GetProperty(name)!.GetValue(limits), CultureInfo.InvariantCulture);
}
