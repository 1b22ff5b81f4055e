using Broker.Messaging;

namespace Broker.Delivery;

/// <summary>A subscription's side of its queue, seen from below: what the queue has assigned to it and the socket has yet to take.</summary>
internal interface IQueueConsumer
{
    /// <summary>
    /// Takes what is assigned, in order, up to the size of <paramref name="into"/> and about so many bytes: from here on it counts as delivered.
    /// <paramref name="more"/>: ask again when that is written. One thread at a time; called by a drain.
    /// </summary>
    int Take(Span<QueueDelivery> into, int maxBytes, out bool more);
}

/// <summary>One delivery of a queue's message.</summary>
/// <param name="Message">The message.</param>
/// <param name="Sequence">The delivery's number within its subscription, from 1: what an acknowledgement names.</param>
/// <param name="Count">How often the message was delivered, this time included.</param>
internal readonly record struct QueueDelivery(Message Message, long Sequence, int Count);
