using System.Buffers;
using System.Text;
using Broker.Delivery;
using Broker.Messaging;
using Broker.Routing;
using Broker.Stomp;

namespace Broker.Sessions;

/// <summary>The frames of the broker's own: CONNECTED, RECEIPT, ERROR, each a complete transport frame.</summary>
internal static class ReplyWriter
{
    /// <summary>A heart-beat: a message of one LF.</summary>
    public static byte[] HeartBeat { get; } = WireFrame.Create(WireFrame.Text, "\n"u8);

    public static byte[] Ping { get; } = WireFrame.Create(WireFrame.Ping, []);

    public static byte[] Connected(StompVersion version, string session, HeartBeat heartBeat, string? userName)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        var writer = new StompWriter(buffer, version);
        writer.Begin(StompCommand.Connected);
        writer.Header(HeaderNames.Version, Text(version));
        writer.Header(HeaderNames.Session, Encoding.ASCII.GetBytes(session));
        writer.Header(HeaderNames.Server, SessionEnvironment.Server);
        Span<byte> beats = stackalloc byte[Stomp.HeartBeat.MaxBytes];
        heartBeat.TryFormat(beats, out int written);
        writer.Header(HeaderNames.HeartBeat, beats[..written]);
        if (userName is not null)
            writer.PercentEncodedHeader(HeaderNames.UserName, Encoding.UTF8.GetBytes(userName));
        writer.EndHeaders();
        writer.End();
        writer.Flush();
        return WireFrame.Create(WireFrame.Text, buffer.WrittenSpan);
    }

    /// <summary>The RECEIPT of a SUBSCRIBE, which may tell of a stream.</summary>
    public static byte[] Receipt(StompVersion version, ReadOnlySpan<byte> id, StreamPosition? stream)
    {
        var buffer = new ArrayBufferWriter<byte>(128);
        if (stream is null)
        {
            Receipt(buffer, version, id);
            return buffer.WrittenSpan.ToArray();
        }

        var writer = new StompWriter(buffer, version);
        writer.Begin(StompCommand.Receipt);
        writer.Header(HeaderNames.ReceiptId, id);
        writer.Header(HeaderNames.XStreamEpoch, Encoding.ASCII.GetBytes(stream.Epoch));
        writer.Header(HeaderNames.XStreamOffset, stream.Next);
        if (stream.Recovered is { } recovered)
            writer.Header(HeaderNames.XRecovered, recovered ? "true"u8 : "false"u8);
        writer.EndHeaders();
        writer.End();
        writer.Flush();
        return WireFrame.Create(WireFrame.Text, buffer.WrittenSpan);
    }

    public static void Receipt(ArrayBufferWriter<byte> output, StompVersion version, ReadOnlySpan<byte> id)
    {
        ReadOnlySpan<byte> start = "RECEIPT\nreceipt-id:"u8;
        Span<byte> span = output.GetSpan(WireFrame.MaxHeaderLength + start.Length + (2 * id.Length) + 3);

        // The header's length depends on the payload's, which escaping decides: write the payload behind the longest header.
        Span<byte> payload = span[WireFrame.MaxHeaderLength..];
        start.CopyTo(payload);
        int length = start.Length + HeaderEscaping.Escape(version, id, payload[start.Length..], isName: false);
        "\n\n\0"u8.CopyTo(payload[length..]);
        length += 3;
        Span<byte> header = stackalloc byte[WireFrame.MaxHeaderLength];
        int headerLength = WireFrame.WriteHeader(header, WireFrame.Text, length);
        payload[..length].CopyTo(span[headerLength..]);
        header[..headerLength].CopyTo(span);
        output.Advance(headerLength + length);
    }

    /// <summary>An ERROR; <paramref name="receipt"/> of the offending frame is empty when it had none.</summary>
    public static byte[] Error(StompError error, StompVersion version, ReadOnlySpan<byte> receipt, bool hasReceipt)
    {
        StompErrorText text = StompErrors.Get(error);
        byte[] body = Encoding.UTF8.GetBytes(text.Body);
        var buffer = new ArrayBufferWriter<byte>(512);
        var writer = new StompWriter(buffer, version);
        writer.Begin(StompCommand.Error);
        writer.Header(HeaderNames.Message, Encoding.ASCII.GetBytes(text.Message));
        if (error == StompError.NoCommonVersion)
            writer.Header(HeaderNames.Version, "1.0,1.1,1.2"u8);
        if (hasReceipt)
            writer.Header(HeaderNames.ReceiptId, receipt);
        writer.Header(HeaderNames.ContentType, "text/plain"u8);
        writer.Header(HeaderNames.ContentLength, body.Length);
        writer.EndHeaders();
        writer.Body(body);
        writer.End();
        writer.Flush();
        return WireFrame.Create(WireFrame.Text, buffer.WrittenSpan);
    }

    /// <summary>The close frame of a reason; empty where none is sent.</summary>
    public static byte[] Close(CloseReason reason)
    {
        if (reason.Code() == 0)
            return [];
        Span<byte> payload = stackalloc byte[2 + 123];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(payload, reason.Code());
        int length = Encoding.ASCII.GetBytes(reason.Text(), payload[2..]);
        return WireFrame.Create(WireFrame.Close, payload[..(2 + length)]);
    }

    public static ReadOnlySpan<byte> Text(StompVersion version) => version switch
    {
        StompVersion.V12 => "1.2"u8,
        StompVersion.V11 => "1.1"u8,
        _ => "1.0"u8,
    };
}
