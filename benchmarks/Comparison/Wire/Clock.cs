using System.Diagnostics;

namespace Comparison.Wire;

/// <summary>Nanoseconds since the program started.</summary>
internal static class Clock
{
    public const long Second = 1_000_000_000;

    private static readonly long Start = Stopwatch.GetTimestamp();
    private static readonly double PerTick = (double)Second / Stopwatch.Frequency;

    public static long Now => (long)((Stopwatch.GetTimestamp() - Start) * PerTick);

    public static long Of(TimeSpan time) => (long)(time.TotalSeconds * Second);
}
