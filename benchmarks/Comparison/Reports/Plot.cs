using Comparison.Measures;
using Comparison.Servers;

namespace Comparison.Reports;

/// <summary>A plot of some measures: a panel for each figure, panels of one unit to one scale.</summary>
internal static class Plot
{
    public static string Of(IReadOnlyList<Measure> measures, IReadOnlyList<Server> servers, IReadOnlyList<Result> results)
    {
        List<Panel> panels = [];
        foreach (Measure measure in measures)
        {
            Bar[] Bars(Figure figure) => [.. servers
                .Select(server => (Server: server, Result: Table.Find(results, measure, server)))
                .Where(static pair => pair.Result is not null)
                .Select(pair => new Bar(pair.Server.Title, pair.Result!.BestRound is { } best ? figure.Value(best) : null, pair.Server.IsOurs, Note(pair.Result)))];
            panels.AddRange(measure.Figures.Select(figure => new Panel(Title(measure, figure), figure.Unit, Bars(figure))));
        }

        return BarChart.Draw(panels);
    }

    private static string Title(Measure measure, Figure figure) => figure.Title.Length == 0 ? measure.Title : $"{measure.Title}: {figure.Title}";

    private static string Note(Result result) => result.BestRound is null ? (result.Rounds.Any(static round => !round.KeptUp) ? "cannot keep up" : "no figure") : result.Faults.Any() ? "with faults" : "";
}
