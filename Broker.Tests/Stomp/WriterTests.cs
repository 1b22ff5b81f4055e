using System.Buffers;
using System.Text;
using Broker.Stomp;

namespace Broker.Tests.Stomp;

/// <summary>Frames out (section 2): LF only, escaped as the receiver's version has it.</summary>
public class WriterTests
{
    [Fact]
    public void A_frame_is_command_headers_empty_line_body_and_NUL()
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new StompWriter(output, StompVersion.V12);
        writer.Begin(StompCommand.Message);
        writer.Header(HeaderNames.Destination, "/topic/a:b"u8);
        writer.Header(HeaderNames.ContentLength, 4);
        writer.EndHeaders();
        writer.Body("bo"u8);
        writer.Body("dy"u8);
        writer.End();

        Text(output).Should().Be("MESSAGE\ndestination:/topic/a\\cb\ncontent-length:4\n\nbody\0");
    }

    [Fact]
    public void Numbers_are_written_whole()
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new StompWriter(output, StompVersion.V12);
        writer.Header("a"u8, long.MinValue);
        writer.Header("b"u8, long.MaxValue);
        writer.Flush();

        Text(output).Should().Be("a:-9223372036854775808\nb:9223372036854775807\n");
    }

    [Fact]
    public void CONNECTED_is_not_escaped_yet_cannot_be_broken()
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new StompWriter(output, StompVersion.V12);
        writer.Begin(StompCommand.Connected);
        writer.Header(HeaderNames.Session, "a:b\\c\nd:e"u8);
        writer.PercentEncodedHeader(HeaderNames.UserName, "me:\n"u8);
        writer.EndHeaders();
        writer.End();

        Text(output).Should().Be("CONNECTED\nsession:a:b\\c d:e\nuser-name:me%3A%0A\n\n\0");
    }

    [Theory]
    [InlineData(StompVersion.V10)]
    [InlineData(StompVersion.V11)]
    [InlineData(StompVersion.V12)]
    public void Nothing_in_a_header_can_smuggle_a_header_or_a_frame(StompVersion version)
    {
        string[] attacks =
            ["x\nevil:1", "x\r\nevil:1", "x\n\n\0MESSAGE\nevil:1\n\n\0", "x\0", "evil:1", "x\\nevil:1", "x\\", "\rx", "x\r", "\n\n"];
        foreach (string attack in attacks)
        {
            var output = new ArrayBufferWriter<byte>();
            var writer = new StompWriter(output, version);
            writer.Begin(StompCommand.Message);
            writer.Header(Encoding.UTF8.GetBytes("n" + attack), "1"u8);
            writer.Header(HeaderNames.Subscription, Encoding.UTF8.GetBytes(attack));
            writer.EndHeaders();
            writer.End();
            ReadOnlySpan<byte> input = output.WrittenSpan;
            var parser = new StompParser(new StompLimits()) { Version = version };

            parser.Read(ref input, out StompFrame frame).Should().Be(StompParseResult.Frame);
            frame.Headers.Count.Should().Be(2);
            frame.Headers.Contains("evil"u8).Should().BeFalse();
            input.IsEmpty.Should().BeTrue();
        }
    }

    [Fact]
    public void What_was_written_is_read_back_whatever_its_size()
    {
        var random = new Random(11);
        foreach (int size in new[] { 0, 1, 255, 256, 257, 5000, 70_000 })
        {
            byte[] body = new byte[size];
            random.NextBytes(body);
            byte[] value = Encoding.UTF8.GetBytes(Samples.Times('\n', size / 8));
            var output = new ArrayBufferWriter<byte>();
            var writer = new StompWriter(output, StompVersion.V12);
            writer.Begin(StompCommand.Send);
            writer.Header("x"u8, value);
            writer.Header(HeaderNames.ContentLength, size);
            writer.EndHeaders();
            writer.Body(body);
            writer.End();
            ReadOnlySpan<byte> input = output.WrittenSpan;
            var limits = new StompLimits { HeaderLineBytes = 100_000, FrameBytes = 1_000_000 };
            var parser = new StompParser(limits) { Version = StompVersion.V12 };

            parser.Read(ref input, out StompFrame frame).Should().Be(StompParseResult.Frame);
            frame.Headers[0].Value.SequenceEqual(value).Should().BeTrue();
            frame.Body.ToArray().AsSpan().SequenceEqual(body).Should().BeTrue();
        }
    }

    private static string Text(ArrayBufferWriter<byte> output) => Encoding.UTF8.GetString(output.WrittenSpan);
}
