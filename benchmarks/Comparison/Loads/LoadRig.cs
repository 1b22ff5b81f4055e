using Comparison.Protocols;
using Comparison.Servers;
using Comparison.Wire;

namespace Comparison.Loads;

/// <summary>The open connections of a load, over which round after round is published.</summary>
internal sealed class LoadRig : IDisposable
{
    // Nothing has come for so long: what is missing does not come any more.
    private static readonly long Silence = 5 * Clock.Second;
    private static readonly TimeSpan ForDuplicates = TimeSpan.FromMilliseconds(100);

    private readonly EventLoop _loop = new();
    private readonly Tally _tally = new();
    private readonly ServerProcess _server;
    private readonly Load _load;
    private readonly Subscriber[] _subscribers;
    private readonly Publisher[] _publishers;

    public LoadRig(ServerProcess server, Load load)
    {
        _server = server;
        _load = load;
        string run = $"bench{Random.Shared.Next(0x1000, 0x10000):x}";
        Target target = server.Target;
        _subscribers = new Subscriber[load.Subscribers];
        for (int i = 0; i < load.Subscribers; i++)
        {
            string destination = target.Protocol.Destination(load.SubscriptionOf(i, run));
            _subscribers[i] = new Subscriber(_loop, target, _tally, load.HasDistinctIds ? $"{i + 1}" : "0", destination, load.BodyBytes, load.PublishersOf(i));
        }

        _publishers = new Publisher[load.Publishers];
        for (int i = 0; i < load.Publishers; i++)
            _publishers[i] = new Publisher(_loop, target, _tally, i, [.. load.TopicsOf(i, run).Select(target.Protocol.Destination)], load.BodyBytes);
    }

    /// <summary>What the server calls itself.</summary>
    public string? ServerName => _publishers[0].ServerName;

    /// <summary>What went wrong so far.</summary>
    public Faults Faults => _tally.Faults(lost: 0);

    /// <summary>Connects everybody; false when not all were let in, in time.</summary>
    public bool TryOpen(TimeSpan bound)
    {
        Client[] all = [.. _subscribers, .. _publishers];
        return Opening.Open(_loop, all, bound) == all.Length;
    }

    /// <summary>One round: it ends when all that was published has arrived, or the time is up, or nothing comes any more.</summary>
    public Round Run(Pace pace, TimeSpan bound, bool measuresLatency = false)
    {
        _tally.Latency = measuresLatency ? new Histogram() : null;
        long deliveries = _tally.Deliveries, unique = _tally.Unique;
        Faults before = Faults;
        var watch = new CpuWatch(_server);
        Outcome outcome = Drive(pace, unique, Clock.Now + Clock.Of(bound));
        CpuTimes seconds = watch.Stop();
        if (outcome == Outcome.TimeIsUp && IsSilent())
            outcome = Outcome.Silence;
        _loop.PollFor(ForDuplicates);
        long missing = Math.Max(0, (pace.Due * _load.Fan) - (_tally.Unique - unique));
        return new Round
        {
            Published = pace.Sent,
            Deliveries = _tally.Deliveries - deliveries,
            Seconds = seconds,
            P50Milliseconds = _tally.Latency?.Percentile(50)?.TotalMilliseconds,
            P99Milliseconds = _tally.Latency?.Percentile(99)?.TotalMilliseconds,
            Behind = outcome == Outcome.TimeIsUp ? missing : 0,
            Faults = _tally.Faults(outcome == Outcome.TimeIsUp ? 0 : missing).Since(before),
        };
    }

    public void Dispose()
    {
        foreach (Client client in _subscribers)
            client.Dispose();
        foreach (Client client in _publishers)
            client.Dispose();
        _loop.Dispose();
    }

    private Outcome Drive(Pace pace, long before, long end)
    {
        long seen = before, seenAt = Clock.Now;
        while (true)
        {
            long wait = Clock.Second / 100;
            if (!pace.IsOver)
                wait = pace.Publish(_publishers, (_tally.Unique - before) / _load.Fan);
            _loop.Poll(wait);
            if (pace.IsOver && _tally.Unique - before >= pace.Sent * _load.Fan)
                return Outcome.Complete;
            long now = Clock.Now;
            if (_tally.Unique != seen)
                (seen, seenAt) = (_tally.Unique, now);
            if (now - seenAt > Silence)
                return Outcome.Silence;
            if (now > end)
                return Outcome.TimeIsUp;
        }
    }

    // Tells what is late from what is lost.
    private bool IsSilent()
    {
        long seen = _tally.Deliveries;
        for (long end = Clock.Now + Silence, now; _tally.Deliveries == seen && (now = Clock.Now) < end;)
            _loop.Poll(end - now);
        return _tally.Deliveries == seen;
    }

    private enum Outcome
    {
        Complete,
        Silence,
        TimeIsUp,
    }
}
