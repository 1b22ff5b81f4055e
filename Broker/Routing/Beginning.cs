using System.Globalization;
using Broker.Delivery;
using Broker.Messaging;

namespace Broker.Routing;

/// <summary>What a subscription begins with, before live messages (SEMANTICS 12).</summary>
/// <param name="Snapshot">Retained values; null: there are none, and no end is to be marked.</param>
/// <param name="Replay">Where it goes on in its stream; null: it is live at once.</param>
/// <param name="Position">What its RECEIPT says about the stream; null: nothing.</param>
internal sealed record Beginning(Snapshot? Snapshot, Replay? Replay = null, StreamPosition? Position = null);

/// <summary>A stream as a RECEIPT tells of it.</summary>
/// <param name="Epoch">The life of the stream that offsets belong to.</param>
/// <param name="Next">The offset of the next live message.</param>
/// <param name="Recovered">Whether nothing is missing since the offset that was asked for; null: the client named no epoch.</param>
internal sealed record StreamPosition(string Epoch, long Next, bool? Recovered);

/// <summary>Where in its stream a SUBSCRIBE wants to begin.</summary>
/// <param name="Stream">The stream.</param>
/// <param name="Start">The place.</param>
/// <param name="Epoch">The epoch that the place is of; null: not said.</param>
internal sealed record StreamRequest(SubscribedStream Stream, StreamStart Start, string? Epoch)
{
    private long _last = -1;

    /// <summary>Finds the last message that the subscription matches, which may take a while. To be called before the stream's order is locked.</summary>
    public void LookForLast()
    {
        if (Start.Kind == StreamStartKind.Last)
            _last = Stream.Log.FindLast(Stream.Filter);
    }

    /// <summary>
    /// The offset to begin with. What is not in the history, or is of another epoch, is not recovered: then all that is kept comes, from
    /// the nearest there is. To be called under the stream's order.
    /// </summary>
    public long Place(out StreamPosition position)
    {
        StreamLog log = Stream.Log;
        log.Trim();
        long first = log.First, next = log.Next;
        bool isKnown = Epoch is null || Epoch == log.Epoch;
        bool recovered = false;
        long start;
        switch (Start.Kind)
        {
            case StreamStartKind.First:
                start = first;
                break;
            case StreamStartKind.Last:
                start = Math.Clamp(_last, first, next); // what came since is newer than what "last" meant when it was asked for
                break;
            case StreamStartKind.Next:
                start = next;
                break;
            default:
                recovered = isKnown && Start.Offset >= first && Start.Offset <= next;
                start = isKnown ? Math.Clamp(Start.Offset, first, next) : first;
                break;
        }

        position = new StreamPosition(log.Epoch, next, Epoch is null ? null : recovered);
        return start;
    }
}

/// <summary>The value of <c>x-stream-offset</c> in a SUBSCRIBE.</summary>
/// <param name="Kind">Which form it has.</param>
/// <param name="Offset">The N of <c>offset=N</c>.</param>
internal readonly record struct StreamStart(StreamStartKind Kind, long Offset = 0)
{
    /// <summary>Reads one of the four forms; anything else is false.</summary>
    public static bool TryParse(ReadOnlySpan<byte> value, out StreamStart start)
    {
        ReadOnlySpan<byte> prefix = "offset="u8;
        start = default;
        if (value.SequenceEqual("first"u8))
            start = new StreamStart(StreamStartKind.First);
        else if (value.SequenceEqual("last"u8))
            start = new StreamStart(StreamStartKind.Last);
        else if (value.SequenceEqual("next"u8))
            start = new StreamStart(StreamStartKind.Next);
        else if (value.StartsWith(prefix) && long.TryParse(value[prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out long offset))
            start = new StreamStart(StreamStartKind.Offset, offset);
        else
            return false;
        return true;
    }
}

/// <summary>Where a subscription begins in its stream.</summary>
internal enum StreamStartKind : byte
{
    /// <summary>With the oldest message that is kept.</summary>
    First,

    /// <summary>With the newest one that the subscription matches.</summary>
    Last,

    /// <summary>With the next one to come.</summary>
    Next,

    /// <summary>With the one of this offset.</summary>
    Offset,
}
