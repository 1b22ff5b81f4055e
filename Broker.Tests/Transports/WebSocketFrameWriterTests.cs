using System.Text;
using Broker.Transports.WebSockets;

namespace Broker.Tests.Transports;

/// <summary>RFC 6455, section 5.1: "A server MUST NOT mask any frames that it sends to the client."</summary>
public class WebSocketFrameWriterTests
{
    [Theory]
    [InlineData(0, "8100")]
    [InlineData(125, "817D")]
    [InlineData(126, "817E007E")]
    [InlineData(65535, "817EFFFF")]
    [InlineData(65536, "817F0000000000010000")]
    [InlineData(int.MaxValue, "817F000000007FFFFFFF")]
    public void A_header_is_final_unmasked_and_as_short_as_can_be(int payload, string expected)
    {
        var header = new byte[WebSocketFrameWriter.MaxHeaderLength];
        var length = WebSocketFrameWriter.WriteHeader(header, payload, WebSocketOpcode.Text);
        Convert.ToHexString(header, 0, length).Should().Be(expected);
        WebSocketFrameWriter.HeaderLength(payload).Should().Be(length);
    }

    [Theory]
    [InlineData(1000, "", "880203E8")]
    [InlineData(1002, "bad", "880503EA626164")]
    [InlineData(1005, "not on the wire", "8800")]
    public void A_close_has_its_code_and_reason(int code, string reason, string expected) =>
        Convert.ToHexString(Close(code, reason)).Should().Be(expected);

    [Theory]
    [InlineData(123, "", 123)]
    [InlineData(124, "", 123)]
    [InlineData(122, "é", 122)]
    [InlineData(121, "é", 123)]
    [InlineData(120, "😀", 120)]
    [InlineData(119, "😀", 123)]
    [InlineData(121, "é and more", 123)]
    public void A_reason_is_cut_between_characters(int ascii, string then, int expected)
    {
        var reason = new string('a', ascii) + then;
        var frame = Close(1008, reason);
        frame[1].Should().Be((byte)(expected + 2));
        frame.Should().HaveCount(expected + 4);
        reason.Should().StartWith(new UTF8Encoding(false, true).GetString(frame, 4, expected));
    }

    private static byte[] Close(int code, string reason)
    {
        var frame = new byte[WebSocketFrameWriter.MaxCloseFrame];
        return frame[..WebSocketFrameWriter.WriteClose(frame, code, Encoding.UTF8.GetBytes(reason))];
    }
}
