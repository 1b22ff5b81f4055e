using System.Numerics;

namespace Comparison.Loads;

/// <summary>Durations by size, in buckets of a 64th of a power of two: no allocation, and within 1.6 %.</summary>
internal sealed class Histogram
{
    private const int Bits = 6;
    private const int PerPower = 1 << Bits;

    private readonly long[] _counts = new long[(64 - Bits) * PerPower];
    private long _count;

    public void Add(long nanoseconds)
    {
        _counts[BucketOf((ulong)Math.Max(nanoseconds, 0))]++;
        _count++;
    }

    public void Clear()
    {
        Array.Clear(_counts);
        _count = 0;
    }

    /// <summary>The duration that so many of a hundred do not exceed; null when there is none.</summary>
    public TimeSpan? Percentile(double percent)
    {
        if (_count == 0)
            return null;
        long rank = Math.Min(_count - 1, (long)(_count * percent / 100));
        int bucket = 0;
        for (long seen = _counts[0]; seen <= rank; seen += _counts[bucket])
            bucket++;
        return TimeSpan.FromMicroseconds(LowestOf(bucket) / 1000.0);
    }

    private static int BucketOf(ulong value)
    {
        if (value < PerPower)
            return (int)value;
        int power = BitOperations.Log2(value);
        return ((power - Bits + 1) << Bits) + (int)((value >> (power - Bits)) & (PerPower - 1));
    }

    private static ulong LowestOf(int bucket)
    {
        int power = bucket >> Bits;
        return power == 0 ? (ulong)bucket : (ulong)(PerPower + (bucket & (PerPower - 1))) << (power - 1);
    }
}
