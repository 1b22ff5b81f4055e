namespace Broker.Delivery;

/// <summary>Wakes conflators whose interval is over: one timer for all, set to the first of them. Thread-safe.</summary>
internal sealed class ConflationClock(TimeProvider time)
{
    // So many outboxes are drained one after another; more are shared out among the cores.
    private const int Share = 64;

    private readonly Lock _gate = new();
    private readonly SortedSet<(long At, long Number, Conflator Conflator)> _due = new(Comparer<(long At, long Number, Conflator Conflator)>.Create(
        static (x, y) => x.At != y.At ? x.At.CompareTo(y.At) : x.Number.CompareTo(y.Number)));

    private ITimer? _timer;
    private long _numbers;
    private long _armedFor = long.MaxValue;

    public long Now => time.GetTimestamp();

    /// <summary>A span in the units of <see cref="Now"/>.</summary>
    public long Ticks(TimeSpan span) => (long)(span.TotalSeconds * time.TimestampFrequency);

    /// <summary>Wakes a conflator at a time; returns what <see cref="Cancel"/> needs.</summary>
    public long Schedule(Conflator conflator, long at)
    {
        lock (_gate)
        {
            long number = ++_numbers;
            _due.Add((at, number, conflator));
            Arm(at);
            return number;
        }
    }

    /// <summary>Forgets what was scheduled, if it still is.</summary>
    public void Cancel(Conflator conflator, long at, long number)
    {
        lock (_gate)
            _due.Remove((at, number, conflator));
    }

    private void Arm(long at)
    {
        if (at >= _armedFor)
            return;
        _armedFor = at;
        double milliseconds = Math.Ceiling((at - Now) * 1000.0 / time.TimestampFrequency);
        TimeSpan wait = TimeSpan.FromMilliseconds(Math.Max(0, milliseconds));
        if (_timer is null)
            _timer = time.CreateTimer(static clock => ((ConflationClock)clock!).Ring(), this, wait, Timeout.InfiniteTimeSpan);
        else
            _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    private void Ring()
    {
        var over = new List<Conflator>();
        lock (_gate)
        {
            _armedFor = long.MaxValue;
            long now = Now;
            while (_due.Count > 0 && _due.Min is var first && first.At <= now)
            {
                _due.Remove(first);
                over.Add(first.Conflator);
            }

            if (_due.Count > 0)
                Arm(_due.Min.At);
        }

        for (int start = Share; start < over.Count; start += Share)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static share => Wake(share.over, share.start), (over, start), preferLocal: false);
        }

        Wake(over, 0);
    }

    private static void Wake(List<Conflator> over, int start)
    {
        var dirty = new DirtyOutboxes();
        for (int i = start; i < Math.Min(start + Share, over.Count); i++)
            over[i].WakeUp(dirty);
        dirty.Drain();
    }
}
