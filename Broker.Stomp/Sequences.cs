using System.Buffers;

namespace Broker.Stomp;

/// <summary>What the parser asks of a sequence beside its own members.</summary>
internal static class Sequences
{
    /// <summary>
    /// The sequence from an offset on. New bytes come at the end, so the last segment is tried before all are walked: a frame that trickles
    /// in over many segments costs no walk per byte.
    /// </summary>
    public static ReadOnlySequence<byte> From(this in ReadOnlySequence<byte> input, long offset)
    {
        if (!input.IsSingleSegment && input.End.GetObject() is ReadOnlySequenceSegment<byte> last)
        {
            int end = input.End.GetInteger();
            long start = offset - (input.Length - end);
            if (start >= 0)
                return new ReadOnlySequence<byte>(last, (int)start, last, end);
        }
        return input.Slice(offset);
    }

    /// <summary>The byte at an offset, which must be within the sequence.</summary>
    public static byte At(this in ReadOnlySequence<byte> input, long offset)
    {
        ReadOnlySpan<byte> first = input.FirstSpan;
        if (offset < first.Length)
            return first[(int)offset];
        new SequenceReader<byte>(input.From(offset)).TryPeek(out byte value);
        return value;
    }
}
