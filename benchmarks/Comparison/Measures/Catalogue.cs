using Comparison.Loads;

namespace Comparison.Measures;

/// <summary>All measures.</summary>
internal static class Catalogue
{
    private const string FanOut = "fan-out";
    private const string Latency = "latency";
    private const string Connections = "connections";

    public static IReadOnlyList<Measure> Measures { get; } =
    [
        new FlatOutMeasure("fan-out-100", "1 to 100, 256 B", new Load(1, 100, 256)),
        new FlatOutMeasure("fan-out-100-distinct", "1 to 100, 256 B, distinct ids", new Load(1, 100, 256) { HasDistinctIds = true }),
        new FlatOutMeasure("fan-out-1000", "1 to 1,000, 256 B", new Load(1, 1000, 256)),
        new FlatOutMeasure("fan-out-4k", "1 to 10, 4 KiB", new Load(1, 10, 4096)),
        new FlatOutMeasure("pairs", "100 pairs, 128 B", new Load(100, 100, 128) { IsPairs = true }),
        new PacedMeasure("paced", "1,000/s to 100, 128 B", new Load(1, 100, 128), 1000),
        new PacedMeasure("ticker", "ticker: 1,000/s over 500 topics to 1,000 wildcards, 128 B", new Load(1, 1000, 128) { WildcardTopics = 500 }, 1000),
        new ConnectionsMeasure(),
    ];

    /// <summary>The plots by name, and the measures in each.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<Measure>> Plots { get; } = new Dictionary<string, IReadOnlyList<Measure>>
    {
        [FanOut] = [.. Measures.OfType<FlatOutMeasure>()],
        [Latency] = [.. Measures.OfType<PacedMeasure>()],
        [Connections] = [.. Measures.OfType<ConnectionsMeasure>()],
    };
}
