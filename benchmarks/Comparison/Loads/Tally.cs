namespace Comparison.Loads;

/// <summary>What all clients of a load have seen.</summary>
internal sealed class Tally
{
    private const int Told = 3;

    private readonly List<string> _words = [];
    private long _errors;
    private long _closed;

    public long Deliveries { get; set; }

    /// <summary>Deliveries without the duplicates.</summary>
    public long Unique { get; set; }

    public long Duplicated { get; set; }

    public long Reordered { get; set; }

    /// <summary>Messages that nobody has sent so, or not to this subscriber, or that do not name its subscription.</summary>
    public long Wrong { get; set; }

    /// <summary>How long messages took; null when nobody wants to know.</summary>
    public Histogram? Latency { get; set; }

    public void AddError(string error)
    {
        _errors++;
        Tell(error);
    }

    public void AddClosed(string why)
    {
        _closed++;
        Tell(why);
    }

    /// <summary>What went wrong so far; how much was <paramref name="lost"/> only its caller can know.</summary>
    public Faults Faults(long lost) => new(lost, Duplicated, Reordered, Wrong, _errors, _closed, [.. _words]);

    private void Tell(string words)
    {
        if (_words.Count < Told)
            _words.Add(words.ReplaceLineEndings(" ").Trim());
    }
}
