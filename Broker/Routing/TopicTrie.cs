using Broker.Messaging;

namespace Broker.Routing;

/// <summary>
/// Items by the names of their topics, to be found by pattern: the other way round than <see cref="SubscriptionTrie"/>. Names and patterns
/// come without prefix. <c>a.b</c> and <c>a/b</c> are two names at one node. Up to the pattern's first "#" only nodes that match are
/// visited, behind it all. Not thread-safe.
/// </summary>
internal sealed class TopicTrie<T>
    where T : class
{
    private readonly Node _root = new(null, []);

    /// <summary>How many items there are.</summary>
    public int Count { get; private set; }

    /// <summary>Adds an item, or puts it in the place of the name's former one.</summary>
    public void Add(ReadOnlySpan<byte> name, T item)
    {
        Node node = _root;
        foreach (Range range in Destination.Split(name))
            node = node.GetOrAdd(name[range]);
        int at = node.IndexOf(name);
        if (at >= 0)
        {
            node.Items[at].Item = item;
            return;
        }

        node.Items = [.. node.Items, (name.ToArray(), item)];
        Count++;
    }

    /// <summary>Removes the item and the nodes that only it needed; false when the name has none or another one.</summary>
    public bool Remove(ReadOnlySpan<byte> name, T item)
    {
        Node? node = _root;
        foreach (Range range in Destination.Split(name))
        {
            node = node.Find(name[range]);
            if (node is null)
                return false;
        }

        int at = node.IndexOf(name);
        if (at < 0 || !ReferenceEquals(node.Items[at].Item, item))
            return false;
        node.Items = [.. node.Items[..at], .. node.Items[(at + 1)..]];
        Count--;
        for (; node is { Parent: not null, IsUnused: true }; node = node.Parent)
            node.Parent.Remove(node);
        return true;
    }

    /// <summary>Adds every item whose name the pattern matches, each once, in no order.</summary>
    public void Collect(ReadOnlySpan<byte> pattern, List<T> into)
    {
        var open = new Stack<Place>();
        open.Push(new Place(_root, 0, 0));
        while (open.TryPop(out Place place))
        {
            (Node node, int at, int length) = place;
            if (at > pattern.Length)
            {
                foreach ((_, T item) in node.Items)
                    into.Add(item);
                continue;
            }

            int end = Destination.EndOfSegment(pattern, at);
            ReadOnlySpan<byte> segment = pattern[at..end];
            switch (Destination.Classify(segment))
            {
                case SegmentKind.Literal:
                    if (node.Find(segment) is { } child)
                        open.Push(new Place(child, end + 1, length + segment.Length + 1));
                    break;
                case SegmentKind.One:
                    foreach (Node any in node.Children)
                        open.Push(new Place(any, end + 1, length + any.Segment.Length + 1));
                    break;
                default:
                    CollectBelow(node, pattern[at..], length, into);
                    break;
            }
        }
    }

    /// <summary>Adds the items at a node and below whose names, without their first <paramref name="length"/> bytes, match the rest of the pattern.</summary>
    private static void CollectBelow(Node from, ReadOnlySpan<byte> rest, int length, List<T> into)
    {
        var open = new Stack<Node>();
        open.Push(from);
        while (open.TryPop(out Node? node))
        {
            foreach ((byte[] name, T item) in node.Items)
            {
                // The separator that would follow is counted in the length, and a name that ends here has none.
                if (DestinationPattern.Matches(rest, length < name.Length ? name.AsSpan(length) : []))
                    into.Add(item);
            }

            foreach (Node child in node.Children)
                open.Push(child);
        }
    }

    /// <summary>A node, where the pattern's next segment begins, and how long the names are up to here, with the separator.</summary>
    private readonly record struct Place(Node Node, int At, int Length);

    private sealed class Node(Node? parent, byte[] segment)
    {
        private Dictionary<byte[], Node>? _children;

        public Node? Parent { get; } = parent;

        public byte[] Segment { get; } = segment;

        /// <summary>The items whose names end here: as many as there are ways to separate the segments.</summary>
        public (byte[] Name, T Item)[] Items { get; set; } = [];

        public Dictionary<byte[], Node>.ValueCollection Children => (_children ?? NoChildren).Values;

        public bool IsUnused => Items.Length == 0 && _children is not { Count: > 0 };

        private static readonly Dictionary<byte[], Node> NoChildren = [];

        public Node? Find(ReadOnlySpan<byte> segment) =>
            _children is not null && _children.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(segment, out Node? child) ? child : null;

        public Node GetOrAdd(ReadOnlySpan<byte> segment)
        {
            if (Find(segment) is { } child)
                return child;
            byte[] key = segment.ToArray();
            child = new Node(this, key);
            (_children ??= new Dictionary<byte[], Node>(Utf8NameComparer.Instance)).Add(key, child);
            return child;
        }

        public void Remove(Node child)
        {
            _children!.Remove(child.Segment);
            if (_children.Count == 0)
                _children = null; // it would keep the room of its best times
        }

        public int IndexOf(ReadOnlySpan<byte> name)
        {
            for (int i = 0; i < Items.Length; i++)
            {
                if (name.SequenceEqual(Items[i].Name))
                    return i;
            }

            return -1;
        }
    }
}
