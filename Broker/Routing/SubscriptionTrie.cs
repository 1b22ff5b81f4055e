using Broker.Messaging;

namespace Broker.Routing;

/// <summary>
/// The pattern subscriptions, by segments. A node holds those whose pattern ends there. Matching goes through the name once and
/// keeps the set of nodes that the segments so far lead to. Not thread-safe: <see cref="TopicTable"/> guards it.
/// </summary>
internal sealed class SubscriptionTrie
{
    private readonly Node _root = new(null, []);
    private List<Node> _here = [];
    private List<Node> _next = [];
    private long _generation;

    /// <summary>Nodes that are not the root: what the patterns cost.</summary>
    public int Count { get; private set; }

    /// <summary>The pattern's set; <paramref name="isNew"/> when it had none, so that topics must look again.</summary>
    public SubscriberSet Add(ReadOnlySpan<byte> pattern, out bool isNew)
    {
        Node node = _root;
        foreach (Range range in Destination.Split(pattern))
        {
            node = node.GetOrAdd(pattern[range], out bool added);
            Count += added ? 1 : 0;
        }

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
            Count--;
        }
    }

    /// <summary>Adds the sets of all patterns that match a topic's name.</summary>
    public void Match(ReadOnlySpan<byte> name, HashSet<SubscriberSet> matches)
    {
        if (_root.IsUnused)
            return;
        _generation++;
        _here.Clear();
        int position = 0;
        Enter(_root, position, _here, matches);
        foreach (Range range in Destination.Split(name))
        {
            ReadOnlySpan<byte> segment = name[range];
            position++;
            _next.Clear();
            foreach (Node node in _here)
            {
                if (node.TryGet(segment, out Node? literal))
                    Enter(literal, position, _next, matches);
                if (node.One is { } one)
                    Enter(one, position, _next, matches);
                if (node.IsMany)
                    Enter(node, position, _next, matches); // "#" takes this segment too
            }

            (_here, _next) = (_next, _here);
        }

        foreach (Node node in _here)
        {
            if (node.Subscribers is { } subscribers)
                matches.Add(subscribers);
        }
    }

    /// <summary>Stands at a node, and at the "#" behind it, which may take nothing; once for each position, so that the cost is nodes times segments at the most.</summary>
    private void Enter(Node node, int position, List<Node> nodes, HashSet<SubscriberSet> matches)
    {
        for (Node? at = node; at is not null && at.Seen != (_generation, position); at = at.Many)
        {
            at.Seen = (_generation, position);
            nodes.Add(at);
            if (at.Tail?.Subscribers is { } tail)
                matches.Add(tail);
        }
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

        /// <summary>In which match, and where in it, this node was last stood at.</summary>
        public (long Generation, int Position) Seen { get; set; }

        public bool IsMany => Parent?.Many == this;

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

        public Node GetOrAdd(ReadOnlySpan<byte> segment, out bool added)
        {
            added = false;
            if (Find(segment) is { } found)
                return found;
            added = true;
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
