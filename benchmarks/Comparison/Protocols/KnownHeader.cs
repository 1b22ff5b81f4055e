using System.Text;

namespace Comparison.Protocols;

/// <summary>
/// How the header blocks of a subscription's MESSAGEs begin, and end from the length on: all in the same way, where a server puts the subscription
/// first and the message's id in between. Spares most of the reading.
/// </summary>
internal sealed class KnownHeader(string subscriptionId)
{
    // With another end each time there is nothing to know.
    private const int MaxLessons = 4;

    private readonly byte[] _start = Encoding.ASCII.GetBytes($"MESSAGE\nsubscription:{subscriptionId}\n");
    private byte[] _end = [];
    private int _bodyLength;
    private int _lessons;

    /// <summary>Finds the end of a block, and the length of what follows; false when it is none of those.</summary>
    public bool TryRead(ReadOnlySpan<byte> bytes, out int length, out int bodyLength)
    {
        length = 0;
        bodyLength = _bodyLength;
        if (_end.Length == 0 || !bytes.StartsWith(_start))
            return false;
        length = bytes.IndexOf("\n\n"u8) + 2;
        return bytes[..length].EndsWith(_end);
    }

    /// <summary>Learns from a whole block, the empty line included.</summary>
    public void Learn(ReadOnlySpan<byte> block, int bodyLength)
    {
        if (_lessons++ >= MaxLessons)
            return;
        _end = block[block.IndexOf("\ncontent-length:"u8)..].ToArray();
        _bodyLength = bodyLength;
    }
}
