using Broker.Messaging;

namespace Broker.Delivery;

/// <summary>
/// What waits in an outbox: a <see cref="Publication"/> or a single <see cref="Message"/> for a subscription, the place of what is pulled from
/// there (<see cref="PendingPull"/>), or complete frames that belong to none (<see cref="ReplyFrames"/>, <see cref="ControlFrame"/>). A
/// publication's messages before <paramref name="First"/> were dropped. A piece of a snapshot is not dropped, and does not count
/// against the limit.
/// </summary>
internal readonly record struct OutboxEntry(object Payload, Subscription? Subscription, int Bytes, int First = 0, bool IsSnapshot = false);

/// <summary>Complete frames of the broker's own: how many STOMP frames, zero for a heart-beat.</summary>
internal sealed record ReplyFrames(byte[] Bytes, int Count);

/// <summary>A frame of the transport's own: a ping, or what ends the connection.</summary>
internal sealed record ControlFrame(byte[] Bytes, bool IsLast);

/// <summary>Stands in the queue for the answer to the latest ping.</summary>
internal sealed class PendingPong
{
    public static readonly PendingPong Instance = new();
}
