using Broker.Messaging;

namespace Broker.Routing;

/// <summary>A message in its queue, and what has happened to it there.</summary>
/// <param name="Message">The message.</param>
/// <param name="Place">Its number in the queue's order, which it keeps to the end.</param>
/// <param name="Deliveries">How often it was delivered.</param>
/// <param name="Nacks">How often it was refused.</param>
internal readonly record struct QueueEntry(Message Message, long Place, int Deliveries = 0, int Nacks = 0);

/// <summary>What a consumer makes of a message that it was given.</summary>
internal enum Verdict : byte
{
    /// <summary>ACK: it is done with.</summary>
    Accept,

    /// <summary>NACK: back to its place.</summary>
    Return,

    /// <summary>NACK with <c>requeue:false</c>: not to be delivered again.</summary>
    Reject,
}

/// <summary>An ACK or NACK of a queue's message.</summary>
/// <param name="Consumer">Whose delivery it answers.</param>
/// <param name="Sequence">The delivery; in <c>client</c> mode all up to it.</param>
/// <param name="Verdict">What becomes of the message.</param>
internal readonly record struct Settlement(QueueConsumer Consumer, long Sequence, Verdict Verdict);

/// <summary>A message that left its queue undelivered.</summary>
/// <param name="Message">The message.</param>
/// <param name="Cause">Why.</param>
internal readonly record struct DeadMessage(Message Message, DeathCause Cause);

/// <summary>Why a message died (SEMANTICS 6).</summary>
internal enum DeathCause : byte
{
    /// <summary>A consumer said so.</summary>
    Rejected,

    /// <summary>It was refused too often.</summary>
    DeliveryLimit,

    /// <summary>Its time was over.</summary>
    Expired,
}
