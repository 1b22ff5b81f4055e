using System.Text.Json.Serialization;
using Comparison.Loads;

namespace Comparison.Measures;

/// <summary>What a measure came to with a server.</summary>
internal sealed record Result
{
    public required string Measure { get; init; }

    public required string Server { get; init; }

    /// <summary>The server's own name and version.</summary>
    public string? ServerName { get; init; }

    public DateTimeOffset At { get; init; } = DateTimeOffset.UtcNow;

    /// <summary>The rounds that count; the best of them is the result.</summary>
    public IReadOnlyList<Round> Rounds { get; init; } = [];

    /// <summary>Which of the rounds is the best; null when none is any good.</summary>
    public int? Best { get; init; }

    /// <summary>Why there is no figure.</summary>
    public string? Failure { get; init; }

    [JsonIgnore]
    public Round? BestRound => Best is { } best ? Rounds[best] : null;

    /// <summary>What went wrong in any round.</summary>
    [JsonIgnore]
    public IEnumerable<Faults> Faults => Rounds.Select(static round => round.Faults).Where(static faults => !faults.IsNone);
}
