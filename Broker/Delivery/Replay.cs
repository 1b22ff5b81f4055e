using Broker.Messaging;

namespace Broker.Delivery;

/// <summary>Where a subscription stands that catches up with its stream. Belongs to the subscription, under its lock.</summary>
/// <param name="log">The stream's history.</param>
/// <param name="next">The offset to go on with.</param>
/// <param name="filter">What the subscription wants of the stream; null: all of it.</param>
/// <param name="ownIds">What the ids of the subscriber's own messages begin with, where it does not want those; empty: it does.</param>
internal sealed class Replay(StreamLog log, long next, DestinationPattern? filter, byte[] ownIds)
{
    private long _next = next;

    /// <summary>The offset to go on with.</summary>
    public long Next => _next;

    /// <summary>Reads some messages and returns how many; none does not mean that there are no more.</summary>
    public int Read(Span<Message> into, int maxBytes, out bool atEnd, out bool isLost)
    {
        int count = log.Read(ref _next, into, filter, maxBytes, out atEnd, out isLost);
        if (ownIds.Length == 0)
            return count;
        int kept = 0;
        for (int i = 0; i < count; i++)
        {
            if (!into[i].Id.StartsWith(ownIds))
                into[kept++] = into[i];
        }

        into[kept..count].Clear();
        return kept;
    }
}
