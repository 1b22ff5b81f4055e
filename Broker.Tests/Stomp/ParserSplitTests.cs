using Broker.Stomp;

namespace Broker.Tests.Stomp;

/// <summary>"many frames in one message; one frame over many messages, split at any byte" (section 2).</summary>
public class ParserSplitTests
{
    [Fact]
    public void A_split_at_any_byte_changes_nothing()
    {
        foreach ((StompVersion version, byte[] stream) in Samples.All)
        {
            string whole = Feed.Read(stream, version);
            for (int cut = 0; cut <= stream.Length; cut++)
                Feed.Read(stream, version, [cut]).Should().Be(whole, "of {0} cut at {1}", Describe(stream), cut);
        }
    }

    [Fact]
    public void Arriving_byte_by_byte_changes_nothing()
    {
        foreach ((StompVersion version, byte[] stream) in Samples.All)
            Feed.Read(stream, version, Enumerable.Range(0, stream.Length)).Should().Be(Feed.Read(stream, version), Describe(stream));
    }

    [Fact]
    public void Lying_otherwise_at_each_arrival_changes_nothing()
    {
        foreach ((StompVersion version, byte[] stream) in Samples.All)
        {
            string whole = Feed.Read(stream, version);
            for (int cut = 1; cut < stream.Length; cut++)
                Relaid(stream, version, cut).Should().Be(whole, "of {0} cut at {1}", Describe(stream), cut);
        }
    }

    [Fact]
    public void A_stream_that_repeats_itself_reads_as_often()
    {
        foreach ((StompVersion version, string text) in Samples.WellFormed)
        {
            string once = Frames(Feed.Read(text, version));
            Frames(Feed.Read(text + text + text, version)).Should().Be(once + once + once, "of {0}", Describe(Feed.Bytes(text)));
        }

        static string Frames(string read) => read[..read.IndexOf("more, ", StringComparison.Ordinal)];
    }

    [Fact]
    public void A_SEND_with_the_headers_of_the_one_before_says_so_and_no_other()
    {
        const string First = "SEND\ndestination:/topic/a\n\n1\0";
        (string Next, bool Repeats)[] cases =
        [
            ("SEND\ndestination:/topic/a\n\n2 longer\0", true),
            ("\n\nSEND\ndestination:/topic/a\n\n\0", true),
            ("SEND\ndestination:/topic/b\n\n1\0", false),
            ("SEND\ndestination:/topic/a\nx:y\n\n1\0", false),
            ("SEND\ndestination:/topic/a\r\n\r\n1\0", false),
            ("BEGIN\ntransaction:t\n\n\0SEND\ndestination:/topic/a\n\n1\0", false),
        ];
        foreach ((string next, bool repeats) in cases)
            LastRepeats(First + next).Should().Be(repeats, "of {0}", next);
        LastRepeats("SEND\nk:\\c\n\n\0SEND\nk:\\c\n\n\0").Should().BeFalse("what was decoded is not kept");
    }

    [Fact]
    public void A_frame_that_is_read_again_does_not_repeat_itself()
    {
        var parser = new StompParser(new StompLimits()) { Version = StompVersion.V12 };
        byte[] stream = Feed.Bytes("SEND\ndestination:/topic/a\n\n1\0");
        ReadOnlySpan<byte> input = stream;
        parser.Read(ref input, out _);

        parser.Unread();
        input = stream;
        parser.Read(ref input, out StompFrame frame).Should().Be(StompParseResult.Frame);

        frame.IsRepeat.Should().BeFalse();
    }

    [Fact]
    public void A_repeat_that_trickles_in_reads_the_same_and_keeps_its_limits()
    {
        const string Frame = "SEND\ndestination:/topic/a\n\nbody\0";
        byte[] stream = Feed.Bytes(Frame + Frame + "SEND\ndestination:/topic/a\n\n" + Samples.Times('x', 100));
        var limits = new StompLimits { FrameBytes = 60 };

        string whole = Feed.Read(stream, StompVersion.V12, limits: limits);

        whole.Should().EndWith("FrameTooLarge");
        Feed.Read(stream, StompVersion.V12, Enumerable.Range(0, stream.Length), limits).Should().Be(whole);
    }

    private static bool LastRepeats(string stream)
    {
        var parser = new StompParser(new StompLimits()) { Version = StompVersion.V12 };
        ReadOnlySpan<byte> input = Feed.Bytes(stream);
        bool last = false;
        while (parser.Read(ref input, out StompFrame frame) == StompParseResult.Frame)
            last = frame.IsRepeat;
        return last;
    }

    [Fact]
    public void Every_truncated_frame_needs_more()
    {
        foreach ((StompVersion version, string text) in Samples.WellFormed)
        {
            byte[] stream = Feed.Bytes(text);
            for (int length = 0; length <= stream.Length; length++)
            {
                Feed.Read(stream[..length], version).Should().Contain("more, ");
                Feed.Read(stream[..length], version, Enumerable.Range(0, length)).Should().Be(Feed.Read(stream[..length], version));
            }
        }
    }

    [Fact]
    public void Mutated_streams_never_throw_and_read_the_same_however_split()
    {
        (StompVersion Version, byte[] Stream)[] samples = [.. Samples.All];
        byte[] letters = Feed.Bytes("\0\0\r\n\n\n::\\\\ncrx19 A\u00ff\u00c3");
        var limits = new StompLimits { CommandBytes = 12, Headers = 3, HeaderLineBytes = 40, FrameBytes = 90 };
        var random = new Random(20_240_917);
        for (int round = 0; round < 6000; round++)
        {
            (StompVersion version, byte[] sample) = samples[random.Next(samples.Length)];
            byte[] stream = Mutate(sample, random, letters);
            int[] cuts = [.. Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(stream.Length + 1)).Order()];
            StompLimits used = round % 2 == 0 ? limits : new StompLimits();
            string whole = Feed.Read(stream, version, limits: used);
            string split = Feed.Read(stream, version, cuts, limits: used);
            if (split != whole)
                Assert.Fail($"{Describe(stream)} cut at {string.Join(',', cuts)}: {whole} or {split}");
        }
    }

    private static byte[] Mutate(byte[] sample, Random random, byte[] letters)
    {
        var stream = sample.ToList();
        for (int change = random.Next(1, 5); change > 0; change--)
        {
            int at = random.Next(stream.Count + 1);
            switch (random.Next(5))
            {
                case 0 when at < stream.Count:
                    stream[at] = letters[random.Next(letters.Length)];
                    break;
                case 1 when at < stream.Count:
                    stream.RemoveAt(at);
                    break;
                case 2:
                    stream.InsertRange(at, sample[..random.Next(sample.Length)]);
                    break;
                case 3:
                    stream.InsertRange(at, Enumerable.Repeat(letters[random.Next(letters.Length)], random.Next(30)));
                    break;
                default:
                    stream.Insert(at, letters[random.Next(letters.Length)]);
                    break;
            }
        }
        return [.. stream];
    }

    private static string Relaid(byte[] stream, StompVersion version, int cut)
    {
        var parser = new StompParser(new StompLimits()) { Version = version };
        ReadOnlySpan<byte> input = stream.AsSpan(0, cut);
        string first = Feed.Drain(parser, ref input);
        if (parser.Error != StompError.None)
            return first;
        input = stream.AsSpan(cut - input.Length);
        return first + Feed.Drain(parser, ref input) + (parser.Error == StompError.None ? Feed.Waiting(parser, input) : string.Empty);
    }

    private static string Describe(byte[] stream) => System.Text.Encoding.Latin1.GetString(stream)
        .Replace("\0", "^@", StringComparison.Ordinal)
        .Replace("\r", "^M", StringComparison.Ordinal)
        .Replace("\n", "^J", StringComparison.Ordinal);
}
