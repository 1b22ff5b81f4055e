using System.Text;
using Broker.Stomp;

namespace Broker.Tests.Stomp;

/// <summary>What a frame is (section 2), and what is wrong with one that is none.</summary>
public class ParserGrammarTests
{
    [Theory]
    [InlineData("CONNECT", StompCommand.Connect)]
    [InlineData("STOMP", StompCommand.Connect)]
    [InlineData("SEND", StompCommand.Send)]
    [InlineData("SUBSCRIBE", StompCommand.Subscribe)]
    [InlineData("UNSUBSCRIBE", StompCommand.Unsubscribe)]
    [InlineData("ACK", StompCommand.Ack)]
    [InlineData("NACK", StompCommand.Nack)]
    [InlineData("BEGIN", StompCommand.Begin)]
    [InlineData("COMMIT", StompCommand.Commit)]
    [InlineData("ABORT", StompCommand.Abort)]
    [InlineData("DISCONNECT", StompCommand.Disconnect)]
    [InlineData("CONNECTED", StompCommand.Connected)]
    [InlineData("MESSAGE", StompCommand.Message)]
    [InlineData("RECEIPT", StompCommand.Receipt)]
    [InlineData("ERROR", StompCommand.Error)]
    public void Every_command_of_clients_and_servers_is_read(string word, StompCommand command)
    {
        Feed.Read($"{word}\n\n\0").Should().Be($"{command} <>; more, 0 left, between frames");
        Feed.Read($"{word.ToLowerInvariant()}\n\n\0").Should().Be("UnknownCommand");
        Feed.Read($"{word[..^1]}X\n\n\0").Should().Be("UnknownCommand");
        Feed.Read($"{word}X\n\n\0").Should().Be("UnknownCommand");
    }

    [Fact]
    public void What_is_malformed_is_named_with_the_receipt_that_it_carried()
    {
        foreach ((StompVersion version, string stream, string outcome) in Samples.Malformed)
            Feed.Read(stream, version).Should().Be(outcome, "of {0}", stream);
    }

    [Fact]
    public void What_is_well_formed_is_read_to_its_end()
    {
        foreach ((StompVersion version, string stream) in Samples.WellFormed)
            Feed.Read(stream, version).Should().EndWith("; more, 0 left, between frames", "of {0}", stream);
    }

    [Theory]
    [InlineData(StompVersion.V10, " a : b c ", "[a=b c]")]
    [InlineData(StompVersion.V11, " a : b c ", "[ a = b c ]")]
    [InlineData(StompVersion.V12, " a : b c ", "[ a = b c ]")]
    [InlineData(StompVersion.V10, "a:   ", "[a=]")]
    [InlineData(StompVersion.V10, "a:b\\nc", "[a=b\\nc]")]
    [InlineData(StompVersion.V11, "a:b\\nc\\cd\\\\", "[a=b\nc:d\\]")]
    [InlineData(StompVersion.V12, "a\\c1:\\r\\n", "[a:1=\r\n]")]
    [InlineData(StompVersion.V12, "a:b:c", "[a=b:c]")]
    [InlineData(StompVersion.V12, "a:b\r", "[a=b]")]
    [InlineData(StompVersion.V10, "a:b\rc\r", "[a=b\rc]")]
    [InlineData(StompVersion.V11, "a:b\r\r", "[a=b\r]")]
    [InlineData(StompVersion.V12, "a:€", "[a=€]")]
    [InlineData(StompVersion.V12, "a:", "[a=]")]
    public void Headers_are_decoded_as_their_version_has_it(StompVersion version, string line, string header) =>
        Feed.Read($"SEND\n{line}\n\n\0", version).Should().StartWith($"Send {header} <>");

    [Theory]
    [InlineData("CONNECT")]
    [InlineData("CONNECTED")]
    public void What_comes_before_a_version_is_known_is_never_unescaped(string command) =>
        Feed.Read($"{command}\nlogin:a\\nb\\x\n\n\0", StompVersion.V12).Should().Contain("[login=a\\nb\\x]");

    [Fact]
    public void Of_repeated_headers_the_first_counts()
    {
        StompFrame frame = One("SEND\na:1\nb:2\na:3\nB:4\n\n\0");

        frame.Headers.TryGet("a"u8, out ReadOnlySpan<byte> value).Should().BeTrue();
        Encoding.UTF8.GetString(value).Should().Be("1");
        frame.Headers.Count.Should().Be(4);
        frame.Headers.IsRepeat(0).Should().BeFalse();
        frame.Headers.IsRepeat(1).Should().BeFalse();
        frame.Headers.IsRepeat(2).Should().BeTrue();
        frame.Headers.IsRepeat(3).Should().BeFalse();
        frame.Headers.Contains("c"u8).Should().BeFalse();
        frame.Headers.TryGet("c"u8, out _).Should().BeFalse();
    }

    [Fact]
    public void A_repeat_is_seen_through_escapes() => One("SEND\na\\cb:1\na\\cb:2\n\n\0").Headers.IsRepeat(1).Should().BeTrue();

    [Fact]
    public void Content_length_lets_a_body_contain_NUL() =>
        Feed.Read("SEND\ncontent-length:3\n\n\0\0\0\0").Should().Be("Send [content-length=3] <\0\0\0>; more, 0 left, between frames");

    [Fact]
    public void A_lone_CR_between_frames_waits_for_its_LF_and_begins_no_frame() =>
        Feed.Read("SEND\n\n\0\r").Should().Be("Send <>; more, 1 left, between frames");

    [Fact]
    public void A_frame_begins_with_its_first_byte()
    {
        Feed.Read("\n\n").Should().Be("more, 0 left, between frames");
        Feed.Read("\n\nS").Should().Be("more, 1 left, in a frame");
    }

    [Fact]
    public void After_an_error_every_read_comes_to_the_same_error()
    {
        var parser = new StompParser(new StompLimits());
        ReadOnlySpan<byte> input = Feed.Bytes("NOPE\nreceipt:1\n\n\0");
        parser.Read(ref input, out _).Should().Be(StompParseResult.Error);
        input = Feed.Bytes("SEND\n\n\0");

        parser.Read(ref input, out _).Should().Be(StompParseResult.Error);
        parser.Error.Should().Be(StompError.UnknownCommand);
        parser.InFrame.Should().BeFalse();
    }

    [Fact]
    public void A_version_set_between_two_frames_holds_for_the_second()
    {
        var parser = new StompParser(new StompLimits());
        ReadOnlySpan<byte> input = Feed.Bytes("CONNECT\nlogin: a\n\n\0SEND\nx: a\\n\n\n\0");
        parser.Read(ref input, out StompFrame connect).Should().Be(StompParseResult.Frame);
        connect.Headers[0].Value.ToArray().Should().Equal("a"u8.ToArray());
        parser.Version = StompVersion.V12;

        parser.Read(ref input, out StompFrame send).Should().Be(StompParseResult.Frame);
        send.Headers[0].Value.ToArray().Should().Equal(" a\n"u8.ToArray());
    }

    private static StompFrame One(string stream)
    {
        ReadOnlySpan<byte> input = Feed.Bytes(stream);
        var parser = new StompParser(new StompLimits()) { Version = StompVersion.V12 };
        parser.Read(ref input, out StompFrame frame).Should().Be(StompParseResult.Frame);
        return frame;
    }
}
