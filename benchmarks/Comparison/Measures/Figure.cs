using Comparison.Loads;

namespace Comparison.Measures;

/// <summary>One number that a round has.</summary>
/// <param name="Title">What it is of; empty where the measure's own title says it.</param>
/// <param name="Unit">What it counts.</param>
/// <param name="Value">The number; null when the round has none.</param>
internal sealed record Figure(string Title, string Unit, Func<Round, double?> Value)
{
    public static Figure DeliveriesPerCpuSecond { get; } = new("", "deliveries per CPU second", static round => round.DeliveriesPerCpuSecond);

    public static Figure CpuShare { get; } = new("CPU", "% of a core", static round => 100 * round.CpuShare);

    public static Figure P50 { get; } = new("median latency", "ms", static round => round.P50Milliseconds);

    public static Figure P99 { get; } = new("p99 latency", "ms", static round => round.P99Milliseconds);

    public static Figure ConnectionsPerCpuSecond { get; } = new("connected and subscribed", "connections per CPU second", static round => round.ConnectionsPerCpuSecond);

    public static Figure KibibytesPerConnection { get; } = new("memory", "KiB per idle connection", static round => round.BytesPerConnection / 1024);
}
