namespace Broker.Diagnostics;

/// <summary>Why a message was not delivered to a subscription: the values of the label <c>reason</c>.</summary>
internal static class DropReasons
{
    public const string SlowSubscriber = "drop-oldest";
    public const string Expired = "expired";
}
