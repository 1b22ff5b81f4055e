namespace Broker.Messaging;

/// <summary>The last value of a topic. Immutable but for a cache; thread-safe.</summary>
/// <param name="message">As it was published.</param>
/// <param name="destination">The topic's name.</param>
/// <param name="position">The number of the topic's message that it is.</param>
/// <param name="offset">Its offset in the topic's stream, if it has one.</param>
internal sealed class RetainedValue(Message message, byte[] destination, long position, long offset)
{
    private const int ObjectBytes = 512;
    private const int SegmentBytes = 320;

    private Message? _marked;

    public byte[] Destination => destination;

    public long Position => position;

    public long Offset => offset;

    public long ExpiresAt => message.ExpiresAt;

    /// <summary>What it counts as against the limit.</summary>
    public long Bytes => BytesOf(message, destination);

    /// <summary>The message as a snapshot has it.</summary>
    public Message Marked => _marked ??= message.With("retained:true\n"u8);

    /// <summary>The bytes of a message that is retained, those of the objects around it, and what its name takes where patterns find it.</summary>
    public static long BytesOf(Message message, byte[] destination) =>
        message.Bytes.Length + ObjectBytes + (SegmentBytes * (1 + destination.AsSpan(Messaging.Destination.TopicPrefix.Length).CountAny((byte)'.', (byte)'/')));
}
