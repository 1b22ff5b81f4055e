using System.Text;
using Comparison.Measures;
using Comparison.Servers;

namespace Comparison.Reports;

/// <summary>All results as a table in Markdown, a column for each server that was there.</summary>
internal static class Table
{
    public static string Of(IReadOnlyList<Measure> measures, IReadOnlyList<Server> servers, IReadOnlyList<Result> results)
    {
        Server[] columns = [.. servers.Where(server => results.Any(result => result.Server == server.Key))];
        List<string[]> rows = [["", .. columns.Select(static server => server.Title)], [.. Enumerable.Repeat("---", columns.Length + 1)]];
        foreach (Measure measure in measures.Where(measure => results.Any(result => result.Measure == measure.Key)))
        {
            foreach (Figure figure in measure.Figures)
            {
                string title = figure.Title.Length == 0 ? $"{measure.Title}: {figure.Unit}" : $"{measure.Title}: {figure.Title}, {figure.Unit}";
                rows.Add([title, .. columns.Select(server => Cell(figure, Find(results, measure, server)))]);
            }
        }

        int[] widths = [.. Enumerable.Range(0, columns.Length + 1).Select(column => rows.Max(row => row[column].Length))];
        var text = new StringBuilder();
        foreach (string[] row in rows)
            text.AppendLine("| " + string.Join(" | ", row.Select((cell, column) => cell.PadRight(widths[column], cell == "---" ? '-' : ' '))) + " |");
        foreach (Measure measure in measures)
        {
            foreach (Server server in columns)
                AppendNotes(text, measure, server, Find(results, measure, server));
        }

        return text.ToString();
    }

    public static Result? Find(IReadOnlyList<Result> results, Measure measure, Server server) =>
        results.FirstOrDefault(result => result.Measure == measure.Key && result.Server == server.Key);

    private static string Cell(Figure figure, Result? result)
    {
        if (result is null)
            return "";
        string mark = result.Faults.Any() ? " (!)" : "";
        return (result.BestRound is { } best && figure.Value(best) is { } value ? Words.Of(value) : "no") + mark;
    }

    private static void AppendNotes(StringBuilder text, Measure measure, Server server, Result? result)
    {
        if (result?.Failure is { } failure)
            text.AppendLine($"- {server.Title}, {measure.Title}: {failure}");
        foreach (Loads.Faults faults in result?.Faults ?? [])
            text.AppendLine($"- (!) {server.Title}, {measure.Title}: {faults}");
    }
}
