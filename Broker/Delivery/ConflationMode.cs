namespace Broker.Delivery;

/// <summary>When messages of a subscription wait to be conflated.</summary>
internal enum ConflationMode : byte
{
    /// <summary>While the outbox is full, those of topics whose policy is <c>conflate</c>.</summary>
    WhereTopicsDo,

    /// <summary>While the connection lags.</summary>
    WhileLagging,

    /// <summary>Until the interval is over.</summary>
    ByInterval,
}
