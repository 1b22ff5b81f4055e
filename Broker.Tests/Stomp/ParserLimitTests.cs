using System.Diagnostics;
using Broker.Stomp;

namespace Broker.Tests.Stomp;

/// <summary>"A limit is enforced while bytes are scanned, before anything is buffered beyond it" (section 9).</summary>
public class ParserLimitTests
{
    private static readonly StompLimits Small = new() { CommandBytes = 9, Headers = 2, HeaderLineBytes = 10, FrameBytes = 60 };

    [Theory]
    [InlineData("SUBSCRIBE\n\n\0", "Subscribe <>; more, 0 left, between frames")]
    [InlineData("SUBSCRIBE\r\n\r\n\0", "Subscribe <>; more, 0 left, between frames")]
    [InlineData("SUBSCRIBE", "more, 9 left, in a frame")]
    [InlineData("SUBSCRIBE\r", "more, 10 left, in a frame")]
    [InlineData("SUBSCRIBEX", "CommandTooLong")]
    [InlineData("SUBSCRIBE\rX", "CommandTooLong")]
    [InlineData("DISCONNECT\n\n\0", "CommandTooLong")]
    public void A_command_may_have_as_many_bytes_as_the_limit_and_no_more(string stream, string outcome) =>
        Feed.Read(stream, limits: Small).Should().Be(outcome);

    [Theory]
    [InlineData("SEND\nname:12345\n\n\0", "Send [name=12345] <>; more, 0 left, between frames")]
    [InlineData("SEND\nname:12345\r\n\r\n\0", "Send [name=12345] <>; more, 0 left, between frames")]
    [InlineData("SEND\nname:12345\r", "more, 16 left, in a frame")]
    [InlineData("SEND\nname:12345", "more, 15 left, in a frame")]
    [InlineData("SEND\nname:123456", "HeaderLineTooLong")]
    [InlineData("SEND\nname:12345\rX", "HeaderLineTooLong")]
    [InlineData("SEND\nreceipt:1\nname:123456\n\n\0", "HeaderLineTooLong, receipt 1")]
    [InlineData("NOPE\nname:123456", "UnknownCommand")]
    public void A_header_line_may_have_as_many_bytes_as_the_limit_and_no_more(string stream, string outcome) =>
        Feed.Read(stream, limits: Small).Should().Be(outcome);

    [Theory]
    [InlineData("SEND\na:1\nb:2\n\n\0", "Send [a=1] [b=2] <>; more, 0 left, between frames")]
    [InlineData("SEND\na:1\nb:2\n\r\n\0", "Send [a=1] [b=2] <>; more, 0 left, between frames")]
    [InlineData("SEND\nreceipt:1\nb:2\nc", "TooManyHeaders, receipt 1")]
    [InlineData("SEND\na:1\nb:2\n\rc\n", "TooManyHeaders")]
    [InlineData("SEND\na:1\na:1\na:1\n\n\0", "TooManyHeaders")]
    [InlineData("SEND\nbad\nb:2\nc", "MalformedHeader")]
    public void A_frame_may_have_as_many_headers_as_the_limit_and_no_more(string stream, string outcome) =>
        Feed.Read(stream, limits: Small).Should().Be(outcome);

    [Fact]
    public void Unlimited_headers_grow_the_table()
    {
        string headers = string.Concat(Enumerable.Range(0, 100).Select(i => $"h{i}:{i}\n"));

        Feed.Read($"SEND\n{headers}\n\0").Should().Contain("[h0=0]").And.Contain("[h99=99]").And.EndWith("between frames");
        Feed.Read($"SEND\n{headers}x:y\n\n\0").Should().Be("TooManyHeaders");
    }

    [Theory]
    [InlineData(0, "Send <")]
    [InlineData(1, "FrameTooLarge")]
    public void A_frame_may_have_as_many_bytes_as_the_limit_its_NUL_included(int more, string outcome) =>
        Feed.Read($"SEND\n\n{Samples.Times('x', 60 - 7 + more)}\0", limits: Small).Should().StartWith(outcome);

    [Theory]
    [InlineData(35, "Send [")]
    [InlineData(36, "FrameTooLarge")]
    public void An_announced_body_counts_to_the_frame(int length, string outcome)
    {
        StompLimits limits = Small with { HeaderLineBytes = 20 };
        string head = $"SEND\ncontent-length:{length}\n\n";

        Feed.Read($"{head}{Samples.Times('x', length)}\0", limits: limits).Should().StartWith(outcome);
        if (outcome == "FrameTooLarge")
            Feed.Read(head, limits: limits).Should().Be(outcome, "it is known before any of the body has come");
    }

    [Fact]
    public void A_frame_without_end_is_refused_one_byte_beyond_the_limit()
    {
        Feed.Read($"SEND\nreceipt:1\n\n{Samples.Times('x', 60 - 16)}", limits: Small).Should().Be("more, 60 left, in a frame");
        Feed.Read($"SEND\nreceipt:1\n\n{Samples.Times('x', 61 - 16)}", limits: Small).Should().Be("FrameTooLarge, receipt 1");
    }

    [Fact]
    public void A_header_block_without_end_is_refused_by_the_frame_limit()
    {
        StompLimits limits = Small with { Headers = 1000 };
        string headers = string.Concat(Enumerable.Repeat("a:1\n", 20));

        Feed.Read($"SEND\n{headers}"[..60], limits: limits).Should().Be("more, 60 left, in a frame");
        Feed.Read($"SEND\n{headers}"[..61], limits: limits).Should().Be("FrameTooLarge");
        Feed.Read($"NOPE\n{headers}"[..61], limits: limits).Should().Be("UnknownCommand");
    }

    [Fact]
    public void The_frame_limit_can_be_raised_between_frames()
    {
        var parser = new StompParser(Small) { Version = StompVersion.V12, FrameBytes = 1000 };
        ReadOnlySpan<byte> input = Feed.Bytes($"SEND\n\n{Samples.Times('x', 900)}\0");

        parser.Read(ref input, out StompFrame frame).Should().Be(StompParseResult.Frame);
        frame.Body.Length.Should().Be(900);
    }

    // Read anew from its start at each byte, a megabyte would take hours.
    [Theory]
    [InlineData("SEND\n\n", 'x')]
    [InlineData("SEND\ncontent-length:1048576\n\n", 'x')]
    [InlineData("SEND\nlong:", 'x')]
    [InlineData("", '\n')]
    public void A_megabyte_that_trickles_in_byte_by_byte_is_scanned_once(string head, char filler)
    {
        const int Megabyte = 1024 * 1024;
        byte[] stream = Feed.Bytes(head + Samples.Times(filler, Megabyte));
        var parser = new StompParser(new StompLimits { HeaderLineBytes = 4 * Megabyte, FrameBytes = 4 * Megabyte });
        int consumed = 0;
        var watch = Stopwatch.StartNew();
        for (int arrived = 1; arrived <= stream.Length; arrived++)
        {
            ReadOnlySpan<byte> input = stream.AsSpan(consumed, arrived - consumed);
            if (parser.Read(ref input, out _) != StompParseResult.NeedMore)
                Assert.Fail($"not expected at {arrived}");
            consumed = arrived - input.Length;
        }

        watch.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void Frames_are_read_without_allocation()
    {
        const string Frame = "SEND\ndestination:/topic/a\nx:a\\cb\ncontent-length:4\n\nbody\0\n";
        byte[] stream = Feed.Bytes(string.Concat(Enumerable.Repeat(Frame, 100)));
        var parser = new StompParser(new StompLimits()) { Version = StompVersion.V12 };
        int frames = ReadAll(parser, stream);
        long before = GC.GetAllocatedBytesForCurrentThread();

        frames += ReadAll(parser, stream);

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().Be(0);
        frames.Should().Be(200);
    }

    private static int ReadAll(StompParser parser, byte[] stream)
    {
        ReadOnlySpan<byte> input = stream;
        int frames = 0;
        while (parser.Read(ref input, out _) == StompParseResult.Frame)
            frames++;
        return frames;
    }
}
