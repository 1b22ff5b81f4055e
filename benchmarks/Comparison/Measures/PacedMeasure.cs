using Comparison.Loads;
using Comparison.Servers;

namespace Comparison.Measures;

/// <summary>A load of so many messages a second: what it costs the server, and how long each takes.</summary>
internal sealed class PacedMeasure(string key, string title, Load load, int perSecond) : Measure(key, title, Figure.CpuShare, Figure.P50, Figure.P99)
{
    // What has not arrived so long after the last one was sent does not keep up.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    protected override string? Run(ServerProcess process, Effort effort, List<Round> rounds, out string? serverName)
    {
        using var rig = new LoadRig(process, load);
        bool isOpen = rig.TryOpen(OpeningBound);
        serverName = rig.ServerName;
        if (!isOpen)
            return $"not all clients could connect: {rig.Faults}";
        for (int i = -1; i < effort.Rounds; i++)
        {
            TimeSpan time = i < 0 ? effort.WarmUp : effort.Time;
            Round round = rig.Run(new Paced(perSecond, (long)(perSecond * time.TotalSeconds)), time + Grace, measuresLatency: true);
            if (i >= 0 || !round.KeptUp)
                rounds.Add(round);
            if (!round.KeptUp)
                return Verdict(round);
            if (round.Faults.Closed > 0)
                break;
        }

        return null;
    }

    protected override double Cost(Round round) => round.P99Milliseconds ?? double.MaxValue;
}
