namespace Broker.Routing;

/// <summary>How long a publisher may still be held: at most so much in any window (SEMANTICS 8). Thread-safe: all publishing of the application shares one.</summary>
internal sealed class StallBudget(TimeSpan budget, TimeSpan window, TimeProvider time)
{
    private readonly Lock _gate = new();

    // Made when the first stall comes, which is rare.
    private Queue<(long Start, long End)>? _stalls;

    /// <summary>What is left at this moment; zero or more.</summary>
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
                while (_stalls.TryPeek(out var oldest) && oldest.End <= from)
                    _stalls.Dequeue();
                foreach ((long start, long end) in _stalls)
                    used += time.GetElapsedTime(Math.Max(start, from), end);
            }

            return used < budget ? budget - used : TimeSpan.Zero;
        }
    }

    /// <summary>Records that the publisher was held from <paramref name="start"/> (a timestamp) until now.</summary>
    public TimeSpan Record(long start)
    {
        long end = time.GetTimestamp();
        if (end > start)
        {
            lock (_gate)
                (_stalls ??= new()).Enqueue((start, end));
        }

        return time.GetElapsedTime(start, end);
    }
}
