using System.Buffers;
using Broker.Configuration;
using Broker.Stomp;

namespace Broker.Messaging;

/// <summary>
/// The syntax of destinations (SEMANTICS 5): a prefix that names the kind, then segments separated by <c>.</c> or <c>/</c>.
/// <code>
/// topic   = "/topic/" name
/// name    = segment *( ( "." / "/" ) segment )      ; at most 1 KiB and 64 segments, none empty
/// pattern = a topic in which a segment is "*" (one), "#" or "**" (zero or more, at most two), or "&gt;" (zero or more, last only)
/// </code>
/// </summary>
internal static class Destination
{
    public const int MaxManyWildcards = 2;

    private static readonly SearchValues<byte> Separators = SearchValues.Create("./"u8);

    public static ReadOnlySpan<byte> TopicPrefix => "/topic/"u8;

    /// <summary>Checks what a SEND names: one concrete topic.</summary>
    public static StompError CheckSend(ReadOnlySpan<byte> destination, LimitOptions limits)
    {
        StompError error = CheckSubscribe(destination, limits, out bool isPattern);
        return error == StompError.None && isPattern ? StompError.SendToPattern : error;
    }

    /// <summary>Checks what a SUBSCRIBE names: a topic or a pattern.</summary>
    public static StompError CheckSubscribe(ReadOnlySpan<byte> destination, LimitOptions limits, out bool isPattern)
    {
        isPattern = false;
        if (!destination.StartsWith(TopicPrefix))
            return IsKnownKind(destination) ? StompError.DestinationUnavailable : StompError.BadDestination;
        ReadOnlySpan<byte> name = destination[TopicPrefix.Length..];
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

    private static bool IsKnownKind(ReadOnlySpan<byte> destination) =>
        destination.StartsWith("/queue/"u8) || destination.StartsWith("/temp-queue/"u8) || destination.StartsWith("/user/"u8) || destination.StartsWith("/app/"u8);

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
