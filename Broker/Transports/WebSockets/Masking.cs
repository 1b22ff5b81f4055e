using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Broker.Transports.WebSockets;

/// <summary>The masking of RFC 6455, section 5.3. A key is held as its four bytes lie in memory.</summary>
internal static class Masking
{
    /// <summary>
    /// Copies the bytes XORed with the key, which applies to the first byte from its first. Returns whether the copy is all
    /// ASCII: seen in the same pass, it spares most texts a validation of their own.
    /// </summary>
    public static bool Copy(ReadOnlySpan<byte> source, Span<byte> destination, uint key)
    {
        // The loads and stores below are unchecked; this is their check.
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, source.Length);
        ref var from = ref MemoryMarshal.GetReference(source);
        ref var to = ref MemoryMarshal.GetReference(destination);
        var length = (nuint)source.Length;
        nuint at = 0;

        var seen = Vector128<byte>.Zero;
        var keys = Vector128.Create(key).AsByte();
        for (; length - at >= (nuint)Vector128<byte>.Count; at += (nuint)Vector128<byte>.Count)
        {
            var clear = Vector128.LoadUnsafe(ref from, at) ^ keys;
            clear.StoreUnsafe(ref to, at);
            seen |= clear;
        }

        var seenTail = 0UL;
        if (length - at >= sizeof(ulong))
        {
            var clear = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref from, at)) ^ (key | ((ulong)key << 32));
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref to, at), clear);
            seenTail = clear;
            at += sizeof(ulong);
        }

        // `at` is a multiple of four here: the key still applies from its first byte.
        for (; at < length; at++)
        {
            var clear = (byte)(Unsafe.Add(ref from, at) ^ (byte)key);
            Unsafe.Add(ref to, at) = clear;
            seenTail |= clear;
            key = Rotate(key, 1);
        }

        return (seen.ExtractMostSignificantBits() | (seenTail & 0x8080_8080_8080_8080)) == 0;
    }

    /// <summary>The key for what follows so many bytes.</summary>
    public static uint Rotate(uint key, int bytes)
    {
        var bits = (bytes & 3) * 8;
        return BitConverter.IsLittleEndian ? BitOperations.RotateRight(key, bits) : BitOperations.RotateLeft(key, bits);
    }
}
