using Broker.Messaging;

namespace Broker.Routing;

/// <summary>
/// The pattern subscriptions, by segments. A node holds those whose pattern ends there. Matching walks the literal child, the
/// <c>*</c> child and the <c>#</c> child of each node; with at most two <c>#</c> in a pattern the walk is bounded by the square of the
/// topic's segments per pattern. Not thread-safe: <see cref="TopicTable"/> guards it.
/// </summary>
internal sealed class SubscriptionTrie
{
    private readonly Node _root = new(null, []);

    /// <summary>The pattern's set; <paramref name="isNew"/> when it had none, so that topics must look again.</summary>
    public SubscriberSet Add(ReadOnlySpan<byte> pattern, out bool isNew)
    {
        Node node = _root;
        foreach (Range range in Destination.Split(pattern))
            node = node.GetOrAdd(pattern[range]);
        isNew = node.Subscribers is null;
        return node.Subscribers ??= new SubscriberSet();
    }

    public SubscriberSet? Find(ReadOnlySpan<byte> pattern) => FindNode(pattern)?.Subscribers;

    /// <summary>Forgets a pattern that has no subscriber left, with the nodes that only it needed.</summary>
    public void Remove(ReadOnlySpan<byte> pattern)
    {
        Node? node = FindNode(pattern);
        if (node is null)
            return;
        node.Subscribers = null;
        while (node is { Parent: not null, IsUnused: true })
        {
            node.Parent.Remove(node);
            node = node.Parent;
        }
    }

    /// <summary>Adds the sets of all patterns that match a topic's name.</summary>
    public void Match(ReadOnlySpan<byte> name, HashSet<SubscriberSet> matches)
    {
        if (_root.IsUnused)
            return;
        Span<Range> segments = stackalloc Range[256];
        int count = 0;
        foreach (Range range in Destination.Split(name))
        {
            if (count == segments.Length)
            {
                Span<Range> more = new Range[segments.Length * 2];
                segments.CopyTo(more);
                segments = more;
            }

            segments[count++] = range;
        }

        Match(_root, name, segments[..count], matches);
    }

    private static void Match(Node node, ReadOnlySpan<byte> name, ReadOnlySpan<Range> segments, HashSet<SubscriberSet> matches)
    {
        // "#" takes zero or more segments: go on behind it from each place. What it reaches twice is added once.
        if (node.Many is { } many)
        {
            for (int i = 0; i <= segments.Length; i++)
                Match(many, name, segments[i..], matches);
        }

        if (node.Tail?.Subscribers is { } tail)
            matches.Add(tail);
        if (segments.IsEmpty)
        {
            if (node.Subscribers is { } here)
                matches.Add(here);
            return;
        }

        if (node.TryGet(name[segments[0]], out Node? literal))
            Match(literal, name, segments[1..], matches);
        if (node.One is { } one)
            Match(one, name, segments[1..], matches);
    }

    private Node? FindNode(ReadOnlySpan<byte> pattern)
    {
        Node? node = _root;
        foreach (Range range in Destination.Split(pattern))
        {
            node = node.Find(pattern[range]);
            if (node is null)
                return null;
        }

        return node;
    }

    private sealed class Node(Node? parent, byte[] segment)
    {
        private Dictionary<byte[], Node>? _literals;

        public Node? Parent { get; } = parent;

        public Node? One { get; private set; }

        public Node? Many { get; private set; }

        public Node? Tail { get; private set; }

        public SubscriberSet? Subscribers { get; set; }

        public bool IsUnused => Subscribers is null && One is null && Many is null && Tail is null && _literals is not { Count: > 0 };

        public bool TryGet(ReadOnlySpan<byte> segment, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Node? node)
        {
            node = null;
            return _literals is not null && _literals.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(segment, out node);
        }

        public Node? Find(ReadOnlySpan<byte> segment) => Destination.Classify(segment) switch
        {
            SegmentKind.One => One,
            SegmentKind.Many => Many,
            SegmentKind.Tail => Tail,
            _ => TryGet(segment, out Node? node) ? node : null,
        };

        public Node GetOrAdd(ReadOnlySpan<byte> segment)
        {
            if (Find(segment) is { } found)
                return found;
            var node = new Node(this, segment.ToArray());
            switch (Destination.Classify(segment))
            {
                case SegmentKind.One:
                    One = node;
                    break;
                case SegmentKind.Many:
                    Many = node;
                    break;
                case SegmentKind.Tail:
                    Tail = node;
                    break;
                default:
                    (_literals ??= new Dictionary<byte[], Node>(Utf8NameComparer.Instance)).Add(segment.ToArray(), node);
                    break;
            }

            return node;
        }

        public void Remove(Node child)
        {
            if (child == One)
                One = null;
            else if (child == Many)
                Many = null;
            else if (child == Tail)
                Tail = null;
            else
                _literals?.Remove(child.Segment);
        }

        private byte[] Segment { get; } = segment;
    }
}
