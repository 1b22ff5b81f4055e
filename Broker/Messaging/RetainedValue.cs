using Broker.Configuration;

namespace Broker.Messaging;

/// <summary>The last value of a topic. Immutable but for a cache; thread-safe.</summary>
/// <param name="message">As it was published.</param>
/// <param name="destination">The topic's name.</param>
/// <param name="policy">The topic's policy.</param>
/// <param name="position">The number of the topic's message that it is.</param>
/// <param name="offset">Its offset in the topic's stream, if it has one.</param>
internal sealed class RetainedValue(Message message, byte[] destination, SlowSubscriberPolicy policy, long position, long offset)
{
    private Message? _marked;

    public byte[] Destination => destination;

    public SlowSubscriberPolicy Policy => policy;

    public long Position => position;

    public long Offset => offset;

    public long ExpiresAt => message.ExpiresAt;

    /// <summary>What it counts as against the limit: the objects around the bytes are not for free.</summary>
    public long Bytes => BytesOf(message);

    /// <summary>The message as a snapshot has it.</summary>
    public Message Marked => _marked ??= message.With("retained:true\n"u8);

    public static long BytesOf(Message message) => message.Bytes.Length + 256;
}
