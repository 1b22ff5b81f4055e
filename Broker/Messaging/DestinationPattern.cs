namespace Broker.Messaging;

/// <summary>
/// A checked topic or pattern of topics, to compare with destinations and with other patterns. To a pattern the separators are
/// one; a plain topic stands for itself alone, as in SUBSCRIBE: <c>/topic/a.*</c> matches <c>/topic/a/b</c>, and
/// <c>/topic/a.b</c> does not. Immutable.
/// </summary>
/// <param name="destination">With its prefix, checked by <see cref="Destination.CheckSubscribe"/>; kept, not copied.</param>
internal sealed class DestinationPattern(byte[] destination)
{
    private readonly bool _isPattern = HasWildcard(NameOf(destination));

    /// <summary>True when a message to this concrete destination, prefix included, belongs here. Allocates nothing.</summary>
    public bool Matches(ReadOnlySpan<byte> concrete) => _isPattern
        ? concrete.StartsWith(Destination.TopicPrefix) && Matches(NameOf(destination), NameOf(concrete))
        : concrete.SequenceEqual(destination);

    /// <summary>True when every destination that <paramref name="other"/> matches is matched here too.</summary>
    public bool Contains(DestinationPattern other)
    {
        if (!other._isPattern)
            return Matches(other.Bytes);
        if (!_isPattern)
            return false;
        Segment[] outer = Segments();
        var start = new bool[outer.Length + 1];
        start[0] = true;
        return Contains(outer, SkipMany(outer, start), other.Segments(), isEmpty: true);
    }

    /// <summary>True when some destination is matched by both.</summary>
    public bool Overlaps(DestinationPattern other)
    {
        if (!other._isPattern)
            return Matches(other.Bytes);
        return _isPattern ? Overlap(Segments(), other.Segments()) : other.Matches(Bytes);
    }

    /// <summary>
    /// Matches a name against a pattern, both without prefix; an empty name has no segment. Where the name leaves the pattern, the
    /// last "#" takes one segment more: what an earlier one takes need never change, so the cost is segments times segments.
    /// </summary>
    public static bool Matches(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> name)
    {
        int at = 0, position = 0, retryAt = -1, retryPosition = 0;
        while (position < name.Length)
        {
            int end = Destination.EndOfSegment(name, position);
            if (at < pattern.Length)
            {
                int patternEnd = Destination.EndOfSegment(pattern, at);
                ReadOnlySpan<byte> segment = pattern[at..patternEnd];
                SegmentKind kind = Destination.Classify(segment);
                if (kind is SegmentKind.Many or SegmentKind.Tail)
                {
                    at = retryAt = patternEnd + 1;
                    if (at > pattern.Length)
                        return true;
                    retryPosition = position;
                    continue;
                }

                if (kind == SegmentKind.One || segment.SequenceEqual(name[position..end]))
                {
                    at = patternEnd + 1;
                    position = end + 1;
                    continue;
                }
            }

            if (retryAt < 0)
                return false;
            at = retryAt;
            position = retryPosition = Destination.EndOfSegment(name, retryPosition) + 1;
        }

        return CanEnd(pattern, at);
    }

    private byte[] Bytes => destination;

    /// <summary>True when what is left of a pattern may take nothing.</summary>
    private static bool CanEnd(ReadOnlySpan<byte> pattern, int at)
    {
        while (at < pattern.Length)
        {
            int end = Destination.EndOfSegment(pattern, at);
            if (Destination.Classify(pattern[at..end]) is SegmentKind.Literal or SegmentKind.One)
                return false;
            at = end + 1;
        }

        return true;
    }

    /// <summary>
    /// Goes through all pairs of places in both patterns, from none taken to all taken. That a name is never empty needs no look:
    /// where both take nothing at all, both are one "#" and take everything.
    /// </summary>
    private static bool Overlap(Segment[] left, Segment[] right)
    {
        var reached = new bool[left.Length + 1, right.Length + 1];
        reached[0, 0] = true;
        for (int i = 0; i <= left.Length; i++)
        {
            for (int j = 0; j <= right.Length; j++)
            {
                if (!reached[i, j])
                    continue;
                bool isLeft = i < left.Length, isRight = j < right.Length;
                if ((isLeft && left[i].IsMany) || (isRight && right[j].IsMany))
                {
                    // A "#" takes nothing more, or what the other side has there.
                    if (isLeft)
                        reached[i + 1, j] = true;
                    if (isRight)
                        reached[i, j + 1] = true;
                }
                else if (isLeft && isRight && left[i].Meets(right[j]))
                {
                    reached[i + 1, j + 1] = true;
                }
            }
        }

        return reached[left.Length, right.Length];
    }

    /// <summary>
    /// Follows every kind of name that <paramref name="inner"/> matches through <paramref name="outer"/>, of which
    /// <paramref name="places"/> are the places that the name so far can have led to. Where inner takes any segment, one that is equal
    /// to no literal stands for all: if outer takes that, then by a wildcard. A "#" of inner is such segments, as many as change
    /// anything in outer, which are no more than it has segments. The depth is that of the wildcards "#" in inner.
    /// </summary>
    private static bool Contains(Segment[] outer, bool[] places, ReadOnlySpan<Segment> inner, bool isEmpty)
    {
        for (int i = 0; i < inner.Length; i++)
        {
            if (!inner[i].IsMany)
            {
                places = Step(outer, places, inner[i]);
                isEmpty = false;
                continue;
            }

            while (true)
            {
                if (!Contains(outer, places, inner[(i + 1)..], isEmpty))
                    return false;
                bool[] next = Step(outer, places, Segment.Any);
                if (!isEmpty && next.AsSpan().SequenceEqual(places))
                    return true;
                places = next;
                isEmpty = false;
            }
        }

        return isEmpty || places[outer.Length];
    }

    /// <summary>The places behind one more segment of the name.</summary>
    private static bool[] Step(Segment[] pattern, bool[] places, Segment taken)
    {
        var next = new bool[places.Length];
        for (int i = 0; i < pattern.Length; i++)
        {
            if (places[i] && pattern[i].IsMany)
                next[i] = true;
            else if (places[i] && pattern[i].Takes(taken))
                next[i + 1] = true;
        }

        return SkipMany(pattern, next);
    }

    /// <summary>Adds the places behind each "#" that takes nothing more.</summary>
    private static bool[] SkipMany(Segment[] pattern, bool[] places)
    {
        for (int i = 0; i < pattern.Length; i++)
            places[i + 1] |= places[i] && pattern[i].IsMany;
        return places;
    }

    private static ReadOnlySpan<byte> NameOf(ReadOnlySpan<byte> destination) => destination[Destination.TopicPrefix.Length..];

    private static bool HasWildcard(ReadOnlySpan<byte> name)
    {
        foreach (Range range in Destination.Split(name))
        {
            if (Destination.Classify(name[range]) != SegmentKind.Literal)
                return true;
        }

        return false;
    }

    /// <summary>The segments, of neighbouring "#" only one.</summary>
    private Segment[] Segments()
    {
        ReadOnlyMemory<byte> name = destination.AsMemory(Destination.TopicPrefix.Length);
        var segments = new List<Segment>();
        foreach (Range range in Destination.Split(name.Span))
        {
            var segment = new Segment(Destination.Classify(name.Span[range]), name[range]);
            if (!segment.IsMany || segments.Count == 0 || !segments[^1].IsMany)
                segments.Add(segment);
        }

        return [.. segments];
    }

    private readonly struct Segment(SegmentKind kind, ReadOnlyMemory<byte> text)
    {
        /// <summary>A segment that is no literal of any pattern.</summary>
        public static Segment Any => new(SegmentKind.One, default);

        public bool IsMany => kind is SegmentKind.Many or SegmentKind.Tail;

        private bool IsLiteral => kind == SegmentKind.Literal;

        private ReadOnlySpan<byte> Text => text.Span;

        /// <summary>True when every segment that the other stands for is one of this one's.</summary>
        public bool Takes(Segment other) => kind == SegmentKind.One || (IsLiteral && other.IsLiteral && Text.SequenceEqual(other.Text));

        /// <summary>True when some segment is both this one's and the other's.</summary>
        public bool Meets(Segment other) => Takes(other) || other.Takes(this);
    }
}
