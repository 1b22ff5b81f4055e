using System.Globalization;
using Comparison.Measures;

namespace Comparison.Reports;

/// <summary>Figures as people read them: no more digits than a measurement on a busy machine has.</summary>
internal static class Words
{
    private const int Digits = 2;
    private const double Noise = 0.1;

    public static string Of(double value)
    {
        double rounded = Round(value);
        return rounded switch
        {
            0 => "0",
            >= 1e6 => string.Create(CultureInfo.InvariantCulture, $"{rounded / 1e6:0.##} million"),
            >= 1000 => string.Create(CultureInfo.InvariantCulture, $"{rounded:N0}"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{rounded:0.####}"),
        };
    }

    /// <summary>A result in a line.</summary>
    public static string Of(Measure measure, Result result)
    {
        IEnumerable<string> parts = result.BestRound is { } best
            ? measure.Figures.Select(figure => $"{Of(figure.Value(best) ?? 0)} {figure.Unit}{(figure.Title.Length == 0 ? "" : $" ({figure.Title})")}")
            : [result.Failure ?? "no figure"];
        if (result.BestRound is { Connections: { } connections })
            parts = parts.Append($"{connections:N0} connections in {result.BestRound.Seconds.Wall:0.0} s");
        if (result.BestRound is { KeptUp: false } unfinished)
            parts = parts.Append(string.Create(CultureInfo.InvariantCulture, $"{unfinished.Behind:N0} on their way when the time was up"));
        if (result.Rounds.Count > 0)
        {
            parts = parts.Append(string.Create(CultureInfo.InvariantCulture, $"generator at {result.Rounds.Max(static round => round.Seconds.Generator / round.Seconds.Wall):P0}"));
            double others = result.Rounds.Max(static round => round.Seconds.Others / round.Seconds.Wall);
            if (others > Noise)
                parts = parts.Append(string.Create(CultureInfo.InvariantCulture, $"other processes took up to {others:P0} of a core"));
        }

        return string.Join(", ", parts.Concat(result.Faults.Select(static faults => $"! {faults}")));
    }

    private static double Round(double value)
    {
        if (value == 0 || !double.IsFinite(value))
            return 0;
        double scale = Math.Pow(10, Math.Floor(Math.Log10(Math.Abs(value))) - Digits + 1);
        return Math.Round(value / scale) * scale;
    }
}
