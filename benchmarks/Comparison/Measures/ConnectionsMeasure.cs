using Comparison.Loads;
using Comparison.Servers;
using Comparison.Wire;

namespace Comparison.Measures;

/// <summary>Clients that connect, subscribe, and then do nothing: what it costs to let them in, and to keep them.</summary>
internal sealed class ConnectionsMeasure() : Measure("connections", "idle connections", Figure.KibibytesPerConnection, Figure.ConnectionsPerCpuSecond)
{
    private const int WarmUp = 500;
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(3);

    // One round: a second one would find the memory of the first.
    protected override string? Run(ServerProcess process, Effort effort, List<Round> rounds, out string? serverName)
    {
        using var loop = new EventLoop();
        using (var first = new Crowd(loop, process, Math.Min(WarmUp, effort.Connections)))
        {
            first.Open(OpeningBound);
            serverName = first.ServerName;
        }

        loop.PollFor(Settling);
        long before = process.Usage.ResidentBytes;
        var watch = new CpuWatch(process);
        using var crowd = new Crowd(loop, process, effort.Connections);
        int open = crowd.Open(OpeningBound);
        CpuTimes seconds = watch.Stop();
        loop.PollFor(Settling);
        rounds.Add(new Round
        {
            Connections = open,
            Seconds = seconds,
            BytesPerConnection = open == 0 ? null : (double)(process.Usage.ResidentBytes - before) / open,
            Faults = crowd.Faults,
        });
        return open == 0 ? $"nobody could connect: {crowd.Faults}" : null;
    }

    protected override double Cost(Round round) => 0;

    /// <summary>Idle subscribers of one topic.</summary>
    private sealed class Crowd : IDisposable
    {
        private readonly Tally _tally = new();
        private readonly EventLoop _loop;
        private readonly Subscriber[] _members;

        public Crowd(EventLoop loop, ServerProcess process, int count)
        {
            _loop = loop;
            _members = new Subscriber[count];
            for (int i = 0; i < count; i++)
                _members[i] = new Subscriber(loop, process.Target, _tally, "0", process.Target.Protocol.Destination("bench.idle"), Body.MinLength, 0..0);
        }

        public string? ServerName => _members[0].ServerName;

        public Faults Faults => _tally.Faults(lost: 0);

        public int Open(TimeSpan bound) => Opening.Open(_loop, _members, bound);

        public void Dispose()
        {
            foreach (Subscriber member in _members)
                member.Dispose();
        }
    }
}
