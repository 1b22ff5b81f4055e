using System.Buffers;
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

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Lying_in_segments_changes_nothing(int segmentSize)
    {
        foreach ((StompVersion version, byte[] stream) in Samples.All)
        {
            string whole = Feed.Read(stream, version);
            Feed.Read(stream, version, segmentSize: segmentSize).Should().Be(whole, Describe(stream));
            Feed.Read(stream, version, Enumerable.Range(0, stream.Length), segmentSize).Should().Be(whole, Describe(stream));
        }
    }

    [Fact]
    public void Lying_otherwise_at_each_arrival_changes_nothing()
    {
        foreach ((StompVersion version, byte[] stream) in Samples.All)
        {
            string whole = Feed.Read(stream, version);
            for (int cut = 1; cut < stream.Length; cut++)
            {
                Relaid(stream, version, cut, before: 0, after: 1).Should().Be(whole, "of {0} cut at {1}", Describe(stream), cut);
                Relaid(stream, version, cut, before: 1, after: 0).Should().Be(whole, "of {0} cut at {1}", Describe(stream), cut);
                Relaid(stream, version, cut, before: 5, after: 3).Should().Be(whole, "of {0} cut at {1}", Describe(stream), cut);
            }
        }
    }

    [Fact]
    public void Empty_segments_change_nothing()
    {
        byte[] stream = Feed.Bytes("SEND\ndestination:/topic/a\n\nbody\0");
        var first = new Feed.Segment(ReadOnlyMemory<byte>.Empty, 0);
        Feed.Segment last = first;
        foreach (int at in Enumerable.Range(0, stream.Length))
            last = last.Append(stream.AsMemory(at, 1)).Append(ReadOnlyMemory<byte>.Empty);
        var input = new ReadOnlySequence<byte>(first, 0, last, 0);
        var parser = new StompParser(new StompLimits()) { Version = StompVersion.V12 };

        parser.Read(ref input, out StompFrame frame).Should().Be(StompParseResult.Frame);
        frame.Body.ToArray().Should().Equal("body"u8.ToArray());
        input.IsEmpty.Should().BeTrue();
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
                Feed.Read(stream[..length], version, segmentSize: 1).Should().Be(Feed.Read(stream[..length], version));
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
            string segmented = Feed.Read(stream, version, cuts, 1 + random.Next(9), used);
            if (split != whole || segmented != whole)
                Assert.Fail($"{Describe(stream)} cut at {string.Join(',', cuts)}: {whole} or {split} or {segmented}");
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

    private static string Relaid(byte[] stream, StompVersion version, int cut, int before, int after)
    {
        var parser = new StompParser(new StompLimits()) { Version = version };
        ReadOnlySequence<byte> input = Feed.Segments(stream.AsMemory(0, cut), before);
        string first = Feed.Drain(parser, ref input);
        if (parser.Error != StompError.None)
            return first;
        input = Feed.Segments(stream.AsMemory(cut - (int)input.Length), after);
        return first + Feed.Drain(parser, ref input) + (parser.Error == StompError.None ? Feed.Waiting(parser, input) : string.Empty);
    }

    private static string Describe(byte[] stream) => System.Text.Encoding.Latin1.GetString(stream)
        .Replace("\0", "^@", StringComparison.Ordinal)
        .Replace("\r", "^M", StringComparison.Ordinal)
        .Replace("\n", "^J", StringComparison.Ordinal);
}
