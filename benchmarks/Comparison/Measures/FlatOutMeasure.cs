using Comparison.Loads;
using Comparison.Servers;

namespace Comparison.Measures;

/// <summary>A load as fast as the server takes it, by the CPU time that it takes for it.</summary>
internal sealed class FlatOutMeasure(string key, string title, Load load) : Measure(key, title, Figure.DeliveriesPerCpuSecond)
{
    // How much may be on its way: to all together before the server's pace is known, then to each. That is plenty for a server, and no more than what it
    // may well keep for a client that falls behind for a moment, because the machine has other things to do.
    private const int FirstLead = 8 * 1024 * 1024;
    private const int Lead = 1024 * 1024;
    private const int HeaderBytes = 150;
    private const int Patience = 4;

    // A round is so many messages as the one before it took in the time: a server that takes all and sends it later gets no more than it can send.
    protected override string? Run(ServerProcess process, Effort effort, List<Round> rounds, out string? serverName)
    {
        using var rig = new LoadRig(process, load);
        bool isOpen = rig.TryOpen(OpeningBound);
        serverName = rig.ServerName;
        if (!isOpen)
            return $"not all clients could connect: {rig.Faults}";

        TimeSpan bound = Patience * effort.Time;
        long lead = Lead / (load.BodyBytes + HeaderBytes) * load.Publishers;
        long firstLead = Math.Max(4, FirstLead / (load.BodyBytes + HeaderBytes) / load.Fan);
        Round last = rig.Run(new FlatOut(long.MaxValue, effort.WarmUp / 2, firstLead), bound);
        for (int i = 0; i <= effort.Rounds && IsFit(last); i++)
        {
            bool isWarmUp = i == 0;
            long messages = (long)(last.Published * (isWarmUp ? effort.WarmUp : effort.Time).TotalSeconds / last.Seconds.Wall);
            last = rig.Run(new FlatOut(Math.Max(load.Publishers, messages), bound, lead), bound);
            if (!isWarmUp)
                rounds.Add(last);
        }

        if (rounds.Count == 0)
            rounds.Add(last);
        return null;
    }

    // With what is left of one round nobody can tell anything of the next.
    private static bool IsFit(Round round) => round.KeptUp && round.Faults.IsNone;

    // What was delivered until then was delivered.
    protected override bool Counts(Round round) => true;

    protected override double Cost(Round round) => -round.DeliveriesPerCpuSecond;
}
