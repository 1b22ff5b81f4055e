using Broker.Messaging;

namespace Broker.Delivery;

/// <summary>The retained values that a subscription begins with, and what of the live messages they stand for.</summary>
internal sealed class Snapshot
{
    private const int ChunkBytes = 64 * 1024;

    private readonly IReadOnlyList<RetainedValue> _values;
    private readonly Message[] _messages;
    private Dictionary<byte[], long>? _positions;

    /// <param name="values">One per topic; what has expired is not among them.</param>
    /// <param name="end">The message that marks the end where there is no value; null: the end is not marked.</param>
    public Snapshot(IReadOnlyList<RetainedValue> values, Message? end)
    {
        _values = values;
        _messages = [.. values.Select(static value => value.Marked)];
        if (end is null)
            return;
        if (_messages.Length == 0)
            _messages = [end];
        _messages[^1] = _messages[^1].With("x-snapshot:end\n"u8);
    }

    /// <summary>The messages in pieces of about 64 KiB.</summary>
    public IEnumerable<Publication> Pieces()
    {
        for (int start = 0, end = 0; start < _messages.Length; start = end)
        {
            for (int bytes = 0; end < _messages.Length && (end == start || bytes + _messages[end].Length <= ChunkBytes); end++)
                bytes += _messages[end].Length;
            yield return new Publication(_messages[start..end], source: null) { IsSnapshot = true };
        }
    }

    /// <summary>The messages each on its own, with its topic's policy.</summary>
    public IEnumerable<Publication> Singles()
    {
        for (int i = 0; i < _messages.Length; i++)
        {
            var single = new Publication([_messages[i]], source: null);
            if (i < _values.Count)
                single.Place(_values[i].Destination, _values[i].Policy, _values[i].Position, isShared: false);
            yield return single;
        }
    }

    /// <summary>What of a publication came after the topic's value; null when the value stands for all of it.</summary>
    public Publication? Later(Publication publication)
    {
        if (_positions is null)
        {
            _positions = new Dictionary<byte[], long>(_values.Count, Utf8NameComparer.Instance);
            foreach (RetainedValue value in _values)
                _positions[value.Destination] = value.Position;
        }

        if (!_positions.TryGetValue(publication.Destination, out long position) || publication.Position > position)
            return publication;
        long first = position - publication.Position + 1;
        return first >= publication.Count ? null : publication.Skip((int)first);
    }
}
