using System.Buffers;
using Broker.Configuration;
using Broker.Stomp;

namespace Broker.Messaging;

/// <summary>
/// The syntax of destinations (SEMANTICS 5): a prefix that names the kind, then segments separated by <c>.</c> or <c>/</c>.
/// <code>
/// topic   = "/topic/" name
/// queue   = "/queue/" name
/// temp    = "/temp-queue/" name
/// name    = segment *( ( "." / "/" ) segment )      ; at most 1 KiB and 64 segments, none empty
/// pattern = a topic in which a segment is "*" (one), "#" or "**" (zero or more, at most two), or "&gt;" (zero or more, last only)
/// </code>
/// </summary>
internal static class Destination
{
    public const int MaxManyWildcards = 2;

    private static readonly SearchValues<byte> Separators = SearchValues.Create("./"u8);

    public static ReadOnlySpan<byte> TopicPrefix => "/topic/"u8;

    public static ReadOnlySpan<byte> QueuePrefix => "/queue/"u8;

    public static ReadOnlySpan<byte> TempQueuePrefix => "/temp-queue/"u8;

    /// <summary>What the name of a dead-letter queue begins with, before the name of the queue that it belongs to.</summary>
    public static ReadOnlySpan<byte> DeadLetterPrefix => "DLQ."u8;

    /// <summary>The kind that the prefix names.</summary>
    public static DestinationKind KindOf(ReadOnlySpan<byte> destination) =>
        destination.StartsWith(TopicPrefix) ? DestinationKind.Topic
        : destination.StartsWith(QueuePrefix) ? DestinationKind.Queue
        : destination.StartsWith(TempQueuePrefix) ? DestinationKind.TempQueue
        : destination.StartsWith("/user/"u8) || destination.StartsWith("/app/"u8) ? DestinationKind.Later
        : DestinationKind.None;

    /// <summary>Checks what a SEND names: one concrete destination.</summary>
    public static StompError CheckSend(ReadOnlySpan<byte> destination, LimitOptions limits)
    {
        StompError error = Check(destination, limits, out _, out bool isPattern);
        return error == StompError.None && isPattern ? StompError.SendToPattern : error;
    }

    /// <summary>Checks what a SUBSCRIBE names: a topic, a pattern of topics, or a queue.</summary>
    public static StompError CheckSubscribe(ReadOnlySpan<byte> destination, LimitOptions limits, out bool isPattern)
    {
        StompError error = Check(destination, limits, out DestinationKind kind, out isPattern);
        return error == StompError.None && isPattern && kind != DestinationKind.Topic ? StompError.BadPattern : error;
    }

    private static StompError Check(ReadOnlySpan<byte> destination, LimitOptions limits, out DestinationKind kind, out bool isPattern)
    {
        isPattern = false;
        kind = KindOf(destination);
        if (kind is DestinationKind.None or DestinationKind.Later)
            return kind == DestinationKind.Later ? StompError.DestinationUnavailable : StompError.BadDestination;
        ReadOnlySpan<byte> name = destination[(kind switch
        {
            DestinationKind.Topic => TopicPrefix,
            DestinationKind.Queue => QueuePrefix,
            _ => TempQueuePrefix,
        }).Length..];

        // Every queue whose name fits has a dead-letter queue that can be named too.
        if (kind == DestinationKind.Queue && name.StartsWith(DeadLetterPrefix))
            name = name[DeadLetterPrefix.Length..];
        if (name.Length > limits.DestinationBytes)
            return StompError.DestinationTooLong;

        int segments = 0, many = 0;
        bool tail = false;
        foreach (Range range in new SegmentSplitter(name))
        {
            ReadOnlySpan<byte> segment = name[range];
            if (segment.IsEmpty)
                return StompError.BadDestination;
            if (++segments > limits.DestinationSegments)
                return StompError.DestinationTooLong;
            if (tail)
                return StompError.BadPattern;
            switch (Classify(segment))
            {
                case SegmentKind.One:
                    isPattern = true;
                    break;
                case SegmentKind.Many:
                    isPattern = true;
                    many++;
                    break;
                case SegmentKind.Tail:
                    isPattern = tail = true;
                    break;
            }
        }

        return many > MaxManyWildcards ? StompError.BadPattern : StompError.None;
    }

    /// <summary>The segments of a name, as ranges.</summary>
    public static SegmentSplitter Split(ReadOnlySpan<byte> name) => new(name);

    /// <summary>Where the segment that begins at <paramref name="start"/> ends: at a separator or at the name's end.</summary>
    public static int EndOfSegment(ReadOnlySpan<byte> name, int start)
    {
        int length = name[start..].IndexOfAny(Separators);
        return length < 0 ? name.Length : start + length;
    }

    public static SegmentKind Classify(ReadOnlySpan<byte> segment) => segment switch
    {
        [(byte)'*'] => SegmentKind.One,
        [(byte)'#'] or [(byte)'*', (byte)'*'] => SegmentKind.Many,
        [(byte)'>'] => SegmentKind.Tail,
        _ => SegmentKind.Literal,
    };

    /// <summary>Enumerates the segments of a name: between separators, empty ones included.</summary>
    public ref struct SegmentSplitter(ReadOnlySpan<byte> name)
    {
        private readonly ReadOnlySpan<byte> _name = name;
        private int _next;

        public Range Current { get; private set; }

        public readonly SegmentSplitter GetEnumerator() => this;

        public bool MoveNext()
        {
            if (_next > _name.Length)
                return false;
            int end = EndOfSegment(_name, _next);
            Current = _next..end;
            _next = end + 1;
            return true;
        }
    }
}

/// <summary>What a destination is, by its prefix.</summary>
internal enum DestinationKind : byte
{
    /// <summary>No destination of ours.</summary>
    None,

    /// <summary><c>/topic/NAME</c>: every subscriber gets each message.</summary>
    Topic,

    /// <summary><c>/queue/NAME</c>: each message to one consumer.</summary>
    Queue,

    /// <summary><c>/temp-queue/NAME</c>: a queue of one connection.</summary>
    TempQueue,

    /// <summary>A kind that is not there yet.</summary>
    Later,
}

/// <summary>What a segment of a pattern stands for.</summary>
internal enum SegmentKind : byte
{
    /// <summary>Itself.</summary>
    Literal,

    /// <summary><c>*</c>: any one segment.</summary>
    One,

    /// <summary><c>#</c> or <c>**</c>: zero or more segments.</summary>
    Many,

    /// <summary><c>&gt;</c>: zero or more segments, at the end.</summary>
    Tail,
}
