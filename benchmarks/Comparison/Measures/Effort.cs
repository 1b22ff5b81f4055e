namespace Comparison.Measures;

/// <summary>How long a measure takes.</summary>
/// <param name="Rounds">How often it is repeated; the best counts.</param>
/// <param name="Time">How long a round takes.</param>
/// <param name="WarmUp">How long it is run before, for nothing.</param>
/// <param name="Connections">How many connections are opened to stay idle.</param>
internal sealed record Effort(int Rounds, TimeSpan Time, TimeSpan WarmUp, int Connections)
{
    /// <summary>About four minutes for a server.</summary>
    public static Effort Full { get; } = new(5, TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(2), 10_000);

    /// <summary>About half a minute, to see that all works.</summary>
    public static Effort Quick { get; } = new(1, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(0.5), 1_000);
}
