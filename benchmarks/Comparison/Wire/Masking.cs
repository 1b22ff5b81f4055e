using System.Runtime.InteropServices;

namespace Comparison.Wire;

/// <summary>The masking of RFC 6455, section 5.3.</summary>
internal static class Masking
{
    /// <summary>Copies bytes XORed with a key, which lies in memory as it is sent.</summary>
    public static void Copy(ReadOnlySpan<byte> source, Span<byte> destination, uint key)
    {
        ulong twice = key | ((ulong)key << 32);
        ReadOnlySpan<ulong> from = MemoryMarshal.Cast<byte, ulong>(source);
        Span<ulong> to = MemoryMarshal.Cast<byte, ulong>(destination)[..from.Length];
        for (int i = 0; i < from.Length; i++)
            to[i] = from[i] ^ twice;
        Span<byte> keys = stackalloc byte[sizeof(uint)];
        MemoryMarshal.Write(keys, key);
        for (int i = from.Length * sizeof(ulong); i < source.Length; i++)
            destination[i] = (byte)(source[i] ^ keys[i % sizeof(uint)]);
    }
}
