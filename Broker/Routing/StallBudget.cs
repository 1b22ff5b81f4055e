namespace Broker.Routing;

/// <summary>How long a publisher may still be held: at most so much in any window (SEMANTICS 8). Belongs to one thread at a time.</summary>
internal sealed class StallBudget(TimeSpan budget, TimeSpan window, TimeProvider time)
{
    private readonly Queue<(long Start, long End)> _stalls = new();

    /// <summary>What is left at this moment; zero or more.</summary>
    public TimeSpan Remaining
    {
        get
        {
            if (_stalls.Count == 0)
                return budget;
            long from = time.GetTimestamp() - (long)(window.TotalSeconds * time.TimestampFrequency);
            while (_stalls.TryPeek(out var oldest) && oldest.End <= from)
                _stalls.Dequeue();
            TimeSpan used = TimeSpan.Zero;
            foreach ((long start, long end) in _stalls)
                used += time.GetElapsedTime(Math.Max(start, from), end);
            return used < budget ? budget - used : TimeSpan.Zero;
        }
    }

    /// <summary>Records that the publisher was held from <paramref name="start"/> (a timestamp) until now.</summary>
    public TimeSpan Record(long start)
    {
        long end = time.GetTimestamp();
        if (end > start)
            _stalls.Enqueue((start, end));
        return time.GetElapsedTime(start, end);
    }
}
