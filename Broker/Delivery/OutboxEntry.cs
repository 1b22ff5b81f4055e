using Broker.Messaging;

namespace Broker.Delivery;

/// <summary>
/// What waits in an outbox: a <see cref="Publication"/> or a single <see cref="Message"/> for a subscription, the place of what is pulled from
/// there (<see cref="PendingPull"/>), or complete frames that belong to none (<see cref="ReplyFrames"/>, <see cref="ControlFrame"/>). A
/// publication's messages before <paramref name="First"/> were dropped. A piece of a snapshot is not dropped, and does not count
/// against the limit.
/// </summary>
internal readonly record struct OutboxEntry(object Payload, Subscription? Subscription, int Bytes, int First = 0, bool IsSnapshot = false);
