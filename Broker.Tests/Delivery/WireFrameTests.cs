using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Broker.Delivery;
using Broker.Messaging;
using Broker.Sessions;

namespace Broker.Tests.Delivery;

/// <summary>RFC 6455, section 5.1: "A server MUST NOT mask any frames that it sends to the client."</summary>
public class WireFrameTests
{
    public static TheoryData<int, string> Headers => new()
    {
        { 0, "8100" },
        { 1, "8101" },
        { 125, "817D" },
        { 126, "817E007E" },
        { 127, "817E007F" },
        { 65535, "817EFFFF" },
        { 65536, "817F0000000000010000" },
        { 100_000, "817F00000000000186A0" },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    [InlineData(int.MaxValue, "817F000000007FFFFFFF")]
    public void A_header_is_final_unmasked_and_as_short_as_can_be(int payload, string expected) =>
        Convert.ToHexString(Header(WireFrame.Text, payload)).Should().Be(expected);

    [Theory]
    [InlineData(WireFrame.Text, "8100")]
    [InlineData(WireFrame.Binary, "8200")]
    [InlineData(WireFrame.Close, "8800")]
    [InlineData(WireFrame.Ping, "8900")]
    [InlineData(WireFrame.Pong, "8A00")]
    public void A_header_names_its_opcode(byte opcode, string expected) =>
        Convert.ToHexString(Header(opcode, 0)).Should().Be(expected);

    [Theory]
    [MemberData(nameof(Headers))]
    public void A_frame_is_its_header_and_its_payload(int payload, string header)
    {
        byte[] bytes = Payload(payload);
        byte[] frame = WireFrame.Create(WireFrame.Text, bytes);
        frame.AsSpan().SequenceEqual([.. Convert.FromHexString(header), .. bytes]).Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(Headers))]
    public void A_length_is_read_back_and_the_payload_is_next(int payload, string header)
    {
        var reader = new SequenceReader<byte>(new ReadOnlySequence<byte>(WireFrame.Create(WireFrame.Text, Payload(payload))));
        WireFrame.TryReadLength(ref reader, out long length).Should().BeTrue();
        length.Should().Be(payload);
        reader.Consumed.Should().Be(header.Length / 2);
        reader.Remaining.Should().Be(payload);
    }

    [Theory]
    [MemberData(nameof(Headers))]
    public void No_length_is_read_from_a_part_of_a_header(int payload, string header)
    {
        byte[] whole = Header(WireFrame.Text, payload);
        whole.Should().HaveCount(header.Length / 2);
        for (int cut = 0; cut < whole.Length; cut++)
        {
            var reader = new SequenceReader<byte>(new ReadOnlySequence<byte>(whole, 0, cut));
            WireFrame.TryReadLength(ref reader, out _).Should().BeFalse("{0} of {1} bytes are there", cut, whole.Length);
        }
    }

    [Fact]
    public void A_close_is_its_code_and_text_and_fits_a_control_frame()
    {
        CloseReason[] withCode = [.. Enum.GetValues<CloseReason>().Except([CloseReason.None, CloseReason.ConnectionLost])];
        withCode.Should().NotBeEmpty();
        foreach (CloseReason reason in withCode)
        {
            byte[] frame = ReplyWriter.Close(reason);
            frame[0].Should().Be(0x88, "{0}", reason);
            frame[1].Should().BeLessThanOrEqualTo(125, "{0}: RFC 6455, section 5.5", reason);
            frame.Should().HaveCount(2 + frame[1], "{0}", reason);
            reason.Code().Should().BeGreaterThanOrEqualTo(1000, "{0}", reason);
            BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(2)).Should().Be(reason.Code(), "{0}", reason);
            new UTF8Encoding(false, true).GetString(frame, 4, frame.Length - 4).Should().Be(reason.Text(), "{0}", reason);
        }
    }

    [Fact]
    public void Where_nobody_is_to_be_told_there_is_no_close()
    {
        ReplyWriter.Close(CloseReason.None).Should().BeEmpty();
        ReplyWriter.Close(CloseReason.ConnectionLost).Should().BeEmpty();
    }

    private static byte[] Header(byte opcode, int payload)
    {
        var header = new byte[WireFrame.MaxHeaderLength];
        return header[..WireFrame.WriteHeader(header, opcode, payload)];
    }

    private static byte[] Payload(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)('a' + (i % 26)))];
}
