using System.Buffers;
using Broker.Messaging;
using Broker.Stomp;

namespace Broker.Delivery;

/// <summary>Complete outgoing frames: WebSocket header, what differs per subscriber, and the shared part, copied together.</summary>
internal static class FrameEncoder
{
    /// <summary>The beginning of every MESSAGE of a subscription.</summary>
    public static byte[] SubscriptionPrefix(ReadOnlySpan<byte> id, StompVersion version)
    {
        ReadOnlySpan<byte> start = "MESSAGE\nsubscription:"u8;
        byte[] buffer = new byte[start.Length + (2 * id.Length) + 1];
        start.CopyTo(buffer);
        int length = start.Length + HeaderEscaping.Escape(version, id, buffer.AsSpan(start.Length), isName: false);
        buffer[length++] = (byte)'\n';
        return buffer.AsSpan(0, length).ToArray();
    }

    /// <summary>Writes one frame and returns its length.</summary>
    /// <param name="output">Where it goes.</param>
    /// <param name="prefix">What all frames of the subscription begin with.</param>
    /// <param name="own">What this delivery alone has, or the message's lead; mostly nothing.</param>
    /// <param name="message">What all subscribers share, the NUL included.</param>
    /// <param name="isText">Whether all of it is UTF-8.</param>
    public static int Write(IBufferWriter<byte> output, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> own, ReadOnlySpan<byte> message, bool isText)
    {
        Span<byte> head = output.GetSpan(WireFrame.MaxHeaderLength + prefix.Length + own.Length);
        int length = WireFrame.WriteHeader(head, isText ? WireFrame.Text : WireFrame.Binary, prefix.Length + own.Length + message.Length);
        prefix.CopyTo(head[length..]);
        length += prefix.Length;
        own.CopyTo(head[length..]);
        length += own.Length;
        if (head.Length - length >= message.Length)
        {
            message.CopyTo(head[length..]);
            output.Advance(length + message.Length);
        }
        else
        {
            output.Advance(length);
            output.Write(message);
        }

        return length + message.Length;
    }

    /// <summary>Writes the frames of messages that have the same bytes for every receiver, and returns their length. There must be room.</summary>
    public static int Write(Span<byte> destination, ReadOnlySpan<byte> prefix, ReadOnlySpan<Message> messages)
    {
        Span<byte> rest = destination;
        foreach (Message message in messages)
        {
            ReadOnlySpan<byte> lead = message.Lead, shared = message.Bytes;
            int length = WireFrame.WriteHeader(rest, message.IsText ? WireFrame.Text : WireFrame.Binary, prefix.Length + lead.Length + shared.Length);
            prefix.CopyTo(rest[length..]);
            length += prefix.Length;
            if (!lead.IsEmpty)
            {
                lead.CopyTo(rest[length..]);
                length += lead.Length;
            }

            shared.CopyTo(rest[length..]);
            rest = rest[(length + shared.Length)..];
        }

        return destination.Length - rest.Length;
    }

    /// <summary>A MESSAGE that is to be acknowledged: 1.2 names it in <c>ack</c>, older versions in a <c>message-id</c> of this delivery alone.</summary>
    public static int WriteToAcknowledge(IBufferWriter<byte> output, Subscription subscription, Message message, long sequence)
    {
        Span<byte> ackId = stackalloc byte[AckId.MaxLength];
        int ackLength = AckId.Format(ackId, subscription.AckPrefix, sequence);
        byte[] bytes = message.For(subscription.Version);
        ReadOnlySpan<byte> lead = message.Lead;
        if (subscription.Version == StompVersion.V12)
        {
            Span<byte> prefix = stackalloc byte[4 + AckId.MaxLength + 1 + lead.Length]; // a few short lines at the most
            "ack:"u8.CopyTo(prefix);
            ackId[..ackLength].CopyTo(prefix[4..]);
            prefix[4 + ackLength] = (byte)'\n';
            lead.CopyTo(prefix[(5 + ackLength)..]);
            return Write(output, subscription.Prefix, prefix[..(5 + ackLength + lead.Length)], bytes, message.IsText);
        }

        ReadOnlySpan<byte> id = message.Id;
        byte[] line = new byte[lead.Length + Message.IdPrefix.Length + id.Length + 1 + ackLength + 1];
        lead.CopyTo(line);
        int at = lead.Length;
        Message.IdPrefix.CopyTo(line.AsSpan(at));
        at += Message.IdPrefix.Length;
        id.CopyTo(line.AsSpan(at));
        at += id.Length;
        line[at++] = AckId.Mark;
        ackId[..ackLength].CopyTo(line.AsSpan(at));
        line[^1] = (byte)'\n';
        return Write(output, subscription.Prefix, line, bytes.AsSpan(message.IdLineLength), message.IsText);
    }
}
