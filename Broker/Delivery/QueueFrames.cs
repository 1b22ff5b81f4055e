using System.Buffers;
using System.Buffers.Text;
using Broker.Messaging;
using Broker.Stomp;

namespace Broker.Delivery;

/// <summary>
/// The MESSAGE frames of queues: as those of topics, with <c>redelivered</c> and <c>x-delivery-count</c> on each, between what the
/// subscription and what the message has.
/// </summary>
internal static class QueueFrames
{
    /// <summary>The most that these two and an <c>ack</c> take.</summary>
    public const int MaxOwn = 160;

    // Nearly every message is delivered once.
    private static ReadOnlySpan<byte> FirstTime => "redelivered:false\nx-delivery-count:1\n"u8;

    private static ReadOnlySpan<byte> AgainStart => "redelivered:true\nx-delivery-count:"u8;

    private static ReadOnlySpan<byte> AckStart => "ack:"u8;

    /// <summary>Writes one frame and returns its length. A <see cref="Subscription.Number"/> of zero has nothing to be acknowledged by.</summary>
    public static int Write(IBufferWriter<byte> output, Subscription subscription, in QueueDelivery delivery)
    {
        Message message = delivery.Message;
        Span<byte> own = stackalloc byte[MaxOwn];
        int length = 0;
        if (subscription.Number > 0 && subscription.Version == StompVersion.V12)
        {
            AckStart.CopyTo(own);
            length = AckStart.Length + AckId.Format(own[AckStart.Length..], subscription.AckPrefix, delivery.Sequence);
            own[length++] = (byte)'\n';
        }

        if (delivery.Count == 1)
        {
            FirstTime.CopyTo(own[length..]);
            length += FirstTime.Length;
        }
        else
        {
            AgainStart.CopyTo(own[length..]);
            length += AgainStart.Length;
            Utf8Formatter.TryFormat(delivery.Count, own[length..], out int digits);
            length += digits;
            own[length++] = (byte)'\n';
        }

        // Not kept with the message, which may wait for long: only its own bytes are accounted for.
        ReadOnlySpan<byte> bytes = message.HasEscapes && subscription.Version != StompVersion.V12
            ? MessageEncoder.Reencode(message, subscription.Version)
            : message.Bytes;
        return subscription.Number == 0 || subscription.Version == StompVersion.V12
            ? FrameEncoder.Write(output, subscription.Prefix, own[..length], bytes, message.IsText)
            : WriteNamed(output, subscription, own[..length], delivery, bytes);
    }

    // 1.0 and 1.1 name the delivery in its message-id.
    private static int WriteNamed(IBufferWriter<byte> output, Subscription subscription, ReadOnlySpan<byte> own, in QueueDelivery delivery, ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> id = delivery.Message.Id;
        Span<byte> ackId = stackalloc byte[AckId.MaxLength];
        ackId = ackId[..AckId.Format(ackId, subscription.AckPrefix, delivery.Sequence)];
        byte[] lines = [.. own, .. Message.IdPrefix, .. id, AckId.Mark, .. ackId, (byte)'\n'];
        return FrameEncoder.Write(output, subscription.Prefix, lines, bytes[delivery.Message.IdLineLength..], delivery.Message.IsText);
    }
}
