using System.Globalization;
using Comparison.Loads;
using Comparison.Servers;

namespace Comparison.Measures;

/// <summary>Something to know about a server.</summary>
internal abstract class Measure(string key, string title, params IReadOnlyList<Figure> figures)
{
    public static readonly TimeSpan OpeningBound = TimeSpan.FromSeconds(30);

    /// <summary>What it is called on the command line and in the results.</summary>
    public string Key { get; } = key;

    /// <summary>What it is called in tables and plots.</summary>
    public string Title { get; } = title;

    public IReadOnlyList<Figure> Figures { get; } = figures;

    /// <summary>Starts the server, runs rounds, and stops it. Never takes much longer than it should, whatever the server does.</summary>
    public Result Run(Server server, Cores cores, Effort effort)
    {
        using var process = ServerProcess.Start(server, cores);
        var rounds = new List<Round>();
        string? failure = Run(process, effort, rounds, out string? serverName);
        Round? best = rounds.Where(round => Counts(round) && round.Faults.IsNone).MinBy(Cost);
        return new Result
        {
            Measure = Key,
            Server = server.Key,
            ServerName = serverName,
            Rounds = rounds,
            Best = best is null || failure is not null ? null : rounds.IndexOf(best),
            Failure = failure ?? (best is null ? "no round without faults" : null),
        };
    }

    /// <summary>Adds rounds, and returns why there are no more of them; null when all is well.</summary>
    protected abstract string? Run(ServerProcess process, Effort effort, List<Round> rounds, out string? serverName);

    /// <summary>False for a round that has no figure.</summary>
    protected virtual bool Counts(Round round) => round.KeptUp;

    /// <summary>By which the best round is found: the lowest.</summary>
    protected abstract double Cost(Round round);

    protected static string? Verdict(Round round) => round.KeptUp
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"cannot keep up: {Math.Round(round.Deliveries / round.Seconds.Wall):N0} deliveries/s, {round.Behind:N0} behind");
}
