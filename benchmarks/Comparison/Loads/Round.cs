using System.Text.Json.Serialization;
using Comparison.Servers;

namespace Comparison.Loads;

/// <summary>What one run of a measure came to.</summary>
internal sealed record Round
{
    public long Published { get; init; }

    public long Deliveries { get; init; }

    public required CpuTimes Seconds { get; init; }

    public double? P50Milliseconds { get; init; }

    public double? P99Milliseconds { get; init; }

    /// <summary>Connections that were opened and subscribed.</summary>
    public int? Connections { get; init; }

    public double? BytesPerConnection { get; init; }

    /// <summary>Messages that were still on their way when the time was up.</summary>
    public long Behind { get; init; }

    public required Faults Faults { get; init; }

    [JsonIgnore]
    public bool KeptUp => Behind == 0;

    [JsonIgnore]
    public double DeliveriesPerCpuSecond => Seconds.Server > 0 ? Deliveries / Seconds.Server : 0;

    [JsonIgnore]
    public double ConnectionsPerCpuSecond => Seconds.Server > 0 ? (Connections ?? 0) / Seconds.Server : 0;

    /// <summary>The share of one core that the server took.</summary>
    [JsonIgnore]
    public double CpuShare => Seconds.Wall > 0 ? Seconds.Server / Seconds.Wall : 0;
}
