namespace Broker.Routing;

/// <summary>How long a publisher may still be held: at most so much in any window (SEMANTICS 8). Thread-safe: all publishing of the application shares one.</summary>
internal sealed class StallBudget(TimeSpan budget, TimeSpan window, TimeProvider time)
{
    /// <summary>What a timer cannot tell from nothing: less than this is not worth a wait, and gaps of less count as part of one.</summary>
    private static readonly TimeSpan Resolution = TimeSpan.FromMilliseconds(1);

    private readonly Lock _gate = new();

    // Made when the first stall comes, which is rare; disjoint, in order, and few, as near ones are joined.
    private List<(long Start, long End)>? _stalls;

    /// <summary>What is left at this moment; zero or at least a millisecond.</summary>
    public TimeSpan Remaining
    {
        get
        {
            if (_stalls is null)
                return budget;
            long from = time.GetTimestamp() - (long)(window.TotalSeconds * time.TimestampFrequency);
            TimeSpan used = TimeSpan.Zero;
            lock (_gate)
            {
                _stalls.RemoveAll(stall => stall.End <= from);
                foreach ((long start, long end) in _stalls)
                    used += time.GetElapsedTime(Math.Max(start, from), end);
            }

            return budget - used >= Resolution ? budget - used : TimeSpan.Zero;
        }
    }

    /// <summary>Records that the publisher was held from <paramref name="start"/> (a timestamp) until now, and returns how long that was.</summary>
    public TimeSpan Record(long start)
    {
        long end = time.GetTimestamp();
        lock (_gate)
        {
            _stalls ??= [];
            if (_stalls.Count > 0 && time.GetElapsedTime(_stalls[^1].End, start) < Resolution)
                _stalls[^1] = (Math.Min(_stalls[^1].Start, start), Math.Max(_stalls[^1].End, end));
            else
                _stalls.Add((start, end));
        }

        return time.GetElapsedTime(start, end);
    }
}
