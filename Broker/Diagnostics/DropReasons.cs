namespace Broker.Diagnostics;

/// <summary>Why a message was not delivered: the values of the label <c>reason</c>.</summary>
internal static class DropReasons
{
    public const string SlowSubscriber = "drop-oldest";
    public const string Expired = "expired";

    /// <summary>For a connection's queue, and the connection is gone.</summary>
    public const string ReplyQueueGone = "reply-queue-gone";

    /// <summary>Rejected or expired where there is no dead-letter queue.</summary>
    public const string NoDeadLetterQueue = "no-dead-letter-queue";
}
