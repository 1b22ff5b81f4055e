using Broker.Messaging;

namespace Broker.Delivery;

/// <summary>The retained values that a subscription begins with, and what of the live messages they stand for.</summary>
internal sealed class Snapshot
{
    private const int ChunkBytes = 64 * 1024;

    private readonly List<RetainedValue> _values;
    private readonly Message[] _messages;

    /// <param name="values">One per topic; what has expired is not among them.</param>
    /// <param name="end">The message that marks the end where no value can; null: the end is not marked.</param>
    public Snapshot(List<RetainedValue> values, Message? end)
    {
        _values = values;
        if (end is null)
        {
            _messages = [.. values.Select(static value => value.Marked)];
            return;
        }

        // The mark must not go with a value whose time is over before it is sent.
        int last = values.FindLastIndex(static value => value.ExpiresAt == 0);
        if (last >= 0)
            (values[last], values[^1]) = (values[^1], values[last]);
        _messages = last >= 0 ? [.. values.Select(static value => value.Marked)] : [.. values.Select(static value => value.Marked), end];
        _messages[^1] = _messages[^1].With("x-snapshot:end\n"u8);
    }

    /// <summary>A snapshot of nothing.</summary>
    public static Snapshot None { get; } = new([], end: null);

    public IReadOnlyList<Message> Messages => _messages;

    /// <summary>The messages in pieces of about 64 KiB.</summary>
    public IEnumerable<Publication> Pieces()
    {
        for (int start = 0, end = 0; start < _messages.Length; start = end)
        {
            for (int bytes = 0; end < _messages.Length && (end == start || bytes + _messages[end].Length <= ChunkBytes); end++)
                bytes += _messages[end].Length;
            yield return new Publication(_messages[start..end], source: null);
        }
    }

    /// <summary>
    /// What of some publications came after the snapshot was taken. A topic without a value had lost it when the snapshot was taken, or
    /// had none: of what came before, nothing is told, not even that the value went.
    /// </summary>
    public List<Publication> Later(List<Publication> publications)
    {
        var positions = new Dictionary<byte[], long>(Utf8NameComparer.Instance);
        foreach (Publication publication in publications)
        {
            for (int i = 0; publication.Retains && i < publication.Count; i++)
            {
                if (publication.Messages[i].Retain == RetainAction.Remove)
                    positions[publication.Destination] = publication.Position + i;
            }
        }

        foreach (RetainedValue value in _values)
            positions[value.Destination] = value.Position;
        var later = new List<Publication>(publications.Count);
        foreach (Publication publication in publications)
        {
            long first = positions.TryGetValue(publication.Destination, out long position) ? position - publication.Position + 1 : 0;
            if (first <= 0)
                later.Add(publication);
            else if (first < publication.Count)
                later.Add(publication.Skip((int)first));
        }

        return later;
    }
}
