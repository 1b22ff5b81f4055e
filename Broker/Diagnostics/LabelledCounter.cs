using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Broker.Diagnostics;

/// <summary>
/// A counter for each value of one label. Thread-safe; the values come from catalogues of ours, and no more than 64 are kept apart.
/// </summary>
internal sealed class LabelledCounter(string label)
{
    private const int MaxValues = 64;
    private const string Other = "other";

    private readonly ConcurrentDictionary<string, Cell> _cells = new(StringComparer.Ordinal);

    /// <summary>Adds to the counter of one value.</summary>
    public void Add(string value, long count)
    {
        if (!_cells.TryGetValue(value, out Cell? cell))
            cell = _cells.GetOrAdd(_cells.Count < MaxValues ? value : Other, static _ => new Cell());
        Interlocked.Add(ref cell.Count, count);
    }

    /// <summary>All counters, for a listener.</summary>
    public IEnumerable<Measurement<long>> Read() =>
        _cells.Select(cell => new Measurement<long>(Interlocked.Read(ref cell.Value.Count), new KeyValuePair<string, object?>(label, cell.Key)));

    private sealed class Cell
    {
        public long Count;
    }
}
