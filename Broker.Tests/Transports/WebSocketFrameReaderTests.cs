using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Broker.Transports.WebSockets;
using static Broker.Tests.TestHost.ClientFrame;

namespace Broker.Tests.Transports;

/// <summary>RFC 6455, section 5: "In the WebSocket Protocol, data is transmitted using a sequence of frames."</summary>
public class WebSocketFrameReaderTests
{
    private const int Megabytes16 = 16 * 1024 * 1024;

    public static TheoryData<string> CaseNames => [.. AutobahnCases.All.Keys];

    [Theory]
    [MemberData(nameof(CaseNames))]
    public void A_case_of_Autobahn_reads_the_same_however_its_bytes_are_cut(string name)
    {
        var (bytes, expected) = AutobahnCases.All[name];
        FrameTrace.Of(bytes, Cut.Whole).Should().Equal(expected);
        FrameTrace.Of(bytes, Cut.ByteByByte).Should().Equal(expected);
        FrameTrace.Of(bytes, Cut.ByteSegments).Should().Equal(expected);

        // Every split point of what is short; of what is long, those around its ends, where the headers are.
        for (var split = 0; split <= bytes.Length; split += bytes.Length > 1000 && split == 40 ? bytes.Length - 80 : 1)
        {
            var trace = new FrameTrace(maxPayload: 7 + split);
            trace.Feed(new ReadOnlySequence<byte>(bytes, 0, split));
            trace.Feed(new ReadOnlySequence<byte>(bytes, split, bytes.Length - split));
            trace.Events.Should().Equal(expected, "cut at {0}", split);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(13)]
    public void One_call_delivers_no_more_than_it_may(int maxPayload)
    {
        var trace = new FrameTrace(maxPayload: maxPayload);
        var text = "one call delivers no more than it may, µ or not"u8.ToArray();
        trace.Feed(FrameTrace.Segments([.. Encode(Text, text.AsSpan(0, 20), fin: false), .. Encode(Continuation, text.AsSpan(20)), .. Encode(Ping, [])], 5));
        trace.Events.Should().Equal(FrameTrace.Message(true, text), "Ping");
    }

    [Fact]
    public void A_call_that_may_deliver_just_the_message_ends_it()
    {
        var input = new ReadOnlySequence<byte>(Encode(Text, "Hello"u8));
        new WebSocketFrameReader(100).Read(ref input, new ArrayBufferWriter<byte>(), 5).Should().Be(WebSocketRead.EndOfMessage);
        input.IsEmpty.Should().BeTrue();
    }

    [Fact]
    public void A_message_announced_too_large_is_refused_at_its_header_and_nothing_is_asked_of_the_writer()
    {
        // Without its masking key: the length alone decides.
        var header = Encode(Binary, [], announcedLength: 1L << 40)[..10];
        var input = new ReadOnlySequence<byte>(header);
        var reader = new WebSocketFrameReader(Megabytes16);
        reader.Read(ref input, new NoWriter(), int.MaxValue).Should().Be(WebSocketRead.Error);
        reader.Error.Should().Be(WebSocketError.MessageTooLarge);
    }

    [Fact]
    public void Fragments_count_together()
    {
        byte[] first = Encode(Text, new byte[60], fin: false), ping = Encode(Ping, new byte[125]), last = Encode(Continuation, new byte[40]);
        FrameTrace.Of([.. first, .. ping, .. last], Cut.ByteByByte, 100).Should().HaveCount(2).And.NotContain(e => e.StartsWith("Error"));
        FrameTrace.Of([.. first, .. Encode(Continuation, [], announcedLength: 41)], Cut.ByteByByte, 100).Should().Equal("Error MessageTooLarge");
        FrameTrace.Of([.. first, .. Encode(Continuation, [], announcedLength: long.MaxValue)], Cut.Whole, 100).Should().Equal("Error MessageTooLarge");
    }

    [Fact]
    public void A_message_that_follows_is_counted_anew()
    {
        var message = Encode(Binary, new byte[100]);
        FrameTrace.Of([.. message, .. message, .. message], Cut.Whole, 100).Should().HaveCount(3).And.NotContain(e => e.StartsWith("Error"));
    }

    [Theory]
    [InlineData("text with RSV1", 1, new byte[] { 0xC1 })]
    [InlineData("reserved opcode", 1, new byte[] { 0x83 })]
    [InlineData("continuation of nothing", 1, new byte[] { 0x80 })]
    [InlineData("fragmented ping", 1, new byte[] { 0x09 })]
    [InlineData("unmasked", 2, new byte[] { 0x81, 0x05 })]
    [InlineData("ping of more than 125", 2, new byte[] { 0x89, 0xFE })]
    [InlineData("top bit of the length", 3, new byte[] { 0x82, 0xFF, 0x80 })]
    [InlineData("length not minimal", 4, new byte[] { 0x82, 0xFE, 0x00, 0x7D })]
    public void A_violation_is_seen_at_its_first_byte(string violation, int at, byte[] bytes)
    {
        FrameTrace.Of(bytes.AsSpan(0, at - 1), Cut.ByteByByte).Should().BeEmpty();
        FrameTrace.Of(bytes, Cut.ByteByByte).Should().Equal(["Error Protocol"], violation);
    }

    [Theory]
    [InlineData("CEBAE1BDB9CF83CEBCCEB5F4", "90")] // 6.4.1: beyond U+10FFFF
    [InlineData("", "F5")]
    [InlineData("", "C0")]
    [InlineData("E0", "9F")]
    [InlineData("ED", "A0")]
    [InlineData("F0", "8F")]
    [InlineData("F09F", "41")]
    [InlineData("61", "80")]
    public void Bad_UTF8_is_seen_at_the_first_byte_that_no_continuation_could_save(string good, string bad)
    {
        // Autobahn 6.4: the rest of the message is never sent, and the peer waits for the close.
        var goodBytes = Convert.FromHexString(good);
        byte[] frame = Encode(Text, [.. goodBytes, .. Convert.FromHexString(bad), .. "never sent"u8]);
        var trace = new FrameTrace();
        trace.Feed(new ReadOnlySequence<byte>(frame, 0, 6 + goodBytes.Length));
        trace.Events.Should().BeEmpty();
        trace.Feed(new ReadOnlySequence<byte>(frame, 6 + goodBytes.Length, 1));
        trace.Events.Should().Equal("Error BadUtf8");
        trace.Unfinished.ToArray().Should().Equal(goodBytes, "no invalid byte is delivered");
    }

    [Fact]
    public void An_error_stays()
    {
        var trace = new FrameTrace();
        trace.Feed(new ReadOnlySequence<byte>([0x83]));
        var input = new ReadOnlySequence<byte>(Encode(Text, "Hello"u8));
        trace.Reader.Read(ref input, new NoWriter(), 10).Should().Be(WebSocketRead.Error);
        trace.Reader.Error.Should().Be(WebSocketError.Protocol);
    }

    [Fact]
    public void A_long_message_goes_through_a_writer_of_short_buffers()
    {
        var text = string.Concat(Enumerable.Repeat("κόσμε and ASCII, ", 5000));
        var payload = Encoding.UTF8.GetBytes(text);
        var pipe = new Pipe(new(pauseWriterThreshold: 0));
        var reader = new WebSocketFrameReader(Megabytes16);
        var input = FrameTrace.Segments(Encode(Text, payload, key: 0x01020304), 4093);
        reader.Read(ref input, pipe.Writer, int.MaxValue).Should().Be(WebSocketRead.EndOfMessage);
        pipe.Writer.Complete();
        pipe.Reader.TryRead(out var read).Should().BeTrue();
        Encoding.UTF8.GetString(read.Buffer.ToArray()).Should().Be(text);
    }

    [Fact]
    public void Random_messages_come_out_as_they_went_in()
    {
        var random = new Random(6455);
        for (var round = 0; round < 100; round++)
        {
            var bytes = new List<byte>();
            var expected = new List<string>();
            for (var n = random.Next(1, 6); n > 0; n--)
                AppendMessage(random, bytes, expected);

            var trace = new FrameTrace(maxPayload: random.Next(1, 5000));
            var all = bytes.ToArray();
            for (int at = 0, take; at < all.Length; at += take)
            {
                take = Math.Min(random.Next(1, random.Next(2, 9000)), all.Length - at);
                trace.Feed(FrameTrace.Segments(all.AsSpan(at, take), random.Next(1, 2000)));
            }

            trace.Events.Should().Equal(expected, "round {0}", round);
        }
    }

    [Fact]
    public void No_bytes_whatever_make_it_throw()
    {
        var random = new Random(20260101);
        for (var round = 0; round < 5_000; round++)
        {
            var bytes = new byte[random.Next(1, 60)];
            random.NextBytes(bytes);
            // Mostly near a valid frame, since random bytes die at the first header.
            if (random.Next(4) > 0)
            {
                byte[] opcodes = [0, 1, 2, 8, 9, 10];
                var frame = Encode(opcodes[random.Next(opcodes.Length)], bytes, random.Next(3) > 0, key: (uint)random.Next());
                frame[random.Next(frame.Length)] ^= (byte)(random.Next(3) == 0 ? 1 << random.Next(8) : 0);
                bytes = [.. Encode(Text, "é"u8, fin: random.Next(2) == 0), .. frame, .. frame];
            }

            var cut = FrameTrace.Of(bytes, Cut.Whole, 200);
            FrameTrace.Of(bytes, Cut.ByteByByte, 200).Should().Equal(cut, "bytes {0}", Convert.ToHexString(bytes));
        }
    }

    private static void AppendMessage(Random random, List<byte> bytes, List<string> expected)
    {
        var isText = random.Next(2) == 0;
        var payload = new byte[random.Next(4) == 0 ? random.Next(70_000) : random.Next(300)];
        random.NextBytes(payload);
        if (isText)
            payload = Encoding.UTF8.GetBytes(string.Concat(payload.Take(9000).Select(b => b < 128 ? ((char)b).ToString() : b < 200 ? "é" : "😀")));

        var opcode = isText ? Text : Binary;
        var at = 0;
        for (var fragments = random.Next(0, 4); fragments > 0; fragments--)
        {
            var take = random.Next(payload.Length - at + 1);
            bytes.AddRange(Encode(opcode, payload.AsSpan(at, take), fin: false, key: (uint)random.Next()));
            at += take;
            opcode = Continuation;
            if (random.Next(3) == 0)
            {
                bytes.AddRange(Encode(Ping, "between"u8, key: (uint)random.Next()));
                expected.Add("Ping between");
            }
        }

        bytes.AddRange(Encode(opcode, payload.AsSpan(at), key: (uint)random.Next()));
        expected.Add(FrameTrace.Message(isText, payload));
    }

    private sealed class NoWriter : IBufferWriter<byte>
    {
        public void Advance(int count) => throw new InvalidOperationException();

        public Memory<byte> GetMemory(int sizeHint = 0) => throw new InvalidOperationException();

        public Span<byte> GetSpan(int sizeHint = 0) => throw new InvalidOperationException();
    }
}
