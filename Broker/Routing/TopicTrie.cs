using Broker.Messaging;

namespace Broker.Routing;

/// <summary>
/// Items by the names of their topics, to be found by pattern: the other way round than <see cref="SubscriptionTrie"/>. Names and patterns
/// come without prefix. <c>a.b</c> and <c>a/b</c> are two names at one node. Not thread-safe.
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
        if (node.Put(name, item))
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

        if (!node.TryTake(name, item))
            return false;
        Count--;
        for (; node is { Parent: not null, IsUnused: true }; node = node.Parent)
            node.Parent.Remove(node);
        return true;
    }

    /// <summary>
    /// Adds every item whose name the pattern may match, each once, in no order: exactly those up to the pattern's first "#", and all that
    /// lies behind it, which the caller looks through without the lock that guards this.
    /// </summary>
    public void Collect(ReadOnlySpan<byte> pattern, List<T> into)
    {
        var open = new Stack<Place>();
        open.Push(new Place(_root, 0));
        while (open.TryPop(out Place place))
        {
            (Node node, int at) = place;
            if (at > pattern.Length)
            {
                into.AddRange(node.Items);
                continue;
            }

            int end = Destination.EndOfSegment(pattern, at);
            ReadOnlySpan<byte> segment = pattern[at..end];
            switch (Destination.Classify(segment))
            {
                case SegmentKind.Literal:
                    if (node.Find(segment) is { } child)
                        open.Push(new Place(child, end + 1));
                    break;
                case SegmentKind.One:
                    foreach (Node any in node.Children)
                        open.Push(new Place(any, end + 1));
                    break;
                default:
                    CollectBelow(node, into);
                    break;
            }
        }
    }

    private static void CollectBelow(Node from, List<T> into)
    {
        var open = new Stack<Node>();
        open.Push(from);
        while (open.TryPop(out Node? node))
        {
            into.AddRange(node.Items);
            foreach (Node child in node.Children)
                open.Push(child);
        }
    }

    /// <summary>A node, and where the pattern's next segment begins.</summary>
    private readonly record struct Place(Node Node, int At);

    private sealed class Node(Node? parent, byte[] segment)
    {
        private Dictionary<byte[], Node>? _children;

        // The items whose names end here: as many as there are ways to separate the segments.
        private Dictionary<byte[], T>? _items;

        public Node? Parent { get; } = parent;

        public byte[] Segment { get; } = segment;

        public Dictionary<byte[], T>.ValueCollection Items => (_items ?? NoItems).Values;

        public Dictionary<byte[], Node>.ValueCollection Children => (_children ?? NoChildren).Values;

        public bool IsUnused => _items is null && _children is null;

        private static readonly Dictionary<byte[], Node> NoChildren = [];
        private static readonly Dictionary<byte[], T> NoItems = [];

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

        /// <summary>True when the name is new here.</summary>
        public bool Put(ReadOnlySpan<byte> name, T item)
        {
            var items = (_items ??= new Dictionary<byte[], T>(1, Utf8NameComparer.Instance)).GetAlternateLookup<ReadOnlySpan<byte>>();
            bool isNew = !items.ContainsKey(name);
            items[name] = item;
            return isNew;
        }

        /// <summary>False when the name has no item or another one.</summary>
        public bool TryTake(ReadOnlySpan<byte> name, T item)
        {
            if (_items is null || !_items.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out T? found) || !ReferenceEquals(found, item))
                return false;
            _items.GetAlternateLookup<ReadOnlySpan<byte>>().Remove(name);
            if (_items.Count == 0)
                _items = null;
            return true;
        }
    }
}
