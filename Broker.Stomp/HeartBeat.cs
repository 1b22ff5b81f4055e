using System.Buffers.Text;

namespace Broker.Stomp;

/// <summary>
/// What one side offers about heart-beats: the least time between two of its own, and the time in which it wants the other's.
/// STOMP 1.2, "Heart-beating". Immutable, thread-safe.
/// </summary>
/// <param name="Outgoing">Milliseconds between what this side can send; 0 means that it sends none.</param>
/// <param name="Incoming">Milliseconds in which this side wants to receive; 0 means that it wants none.</param>
public readonly record struct HeartBeat(int Outgoing, int Incoming)
{
    /// <summary>The most bytes that <see cref="TryFormat"/> writes.</summary>
    public const int MaxBytes = 21;

    /// <summary>
    /// Reads a <c>heart-beat</c> value: two runs of digits around one comma, nothing else; false otherwise. A number beyond
    /// <see cref="int.MaxValue"/> counts as that.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> value, out HeartBeat heartBeat)
    {
        heartBeat = default;
        int comma = value.IndexOf((byte)',');
        if (comma < 0 || !Digits.TryParse(value[..comma], out int outgoing) || !Digits.TryParse(value[(comma + 1)..], out int incoming))
            return false;
        heartBeat = new HeartBeat(outgoing, incoming);
        return true;
    }

    /// <summary>
    /// What a server and a client agree on, seen from the server: per direction the larger of the two numbers, and 0 where either has 0.
    /// </summary>
    public static HeartBeat Negotiate(HeartBeat client, HeartBeat server) =>
        new(Agree(server.Outgoing, client.Incoming), Agree(client.Outgoing, server.Incoming));

    /// <summary>Writes the value as it stands in a header; false when <paramref name="destination"/> is too short.</summary>
    public bool TryFormat(Span<byte> destination, out int written)
    {
        written = 0;
        if (!Utf8Formatter.TryFormat(Outgoing, destination, out int first) || first == destination.Length)
            return false;
        destination[first] = (byte)',';
        if (!Utf8Formatter.TryFormat(Incoming, destination[(first + 1)..], out int second))
            return false;
        written = first + 1 + second;
        return true;
    }

    private static int Agree(int sends, int wants) => sends == 0 || wants == 0 ? 0 : Math.Max(sends, wants);
}
