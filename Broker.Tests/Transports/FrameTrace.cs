using System.Buffers;
using System.Text;
using Broker.Transports.WebSockets;

namespace Broker.Tests.Transports;

/// <summary>How a test cuts the bytes that it gives to a reader.</summary>
internal enum Cut
{
    Whole,
    ByteByByte,
    ByteSegments,
}

/// <summary>Drives a <see cref="WebSocketFrameReader"/> and writes down what it says, one short line per event.</summary>
internal sealed class FrameTrace(long maxMessageBytes = 16 * 1024 * 1024, int maxPayload = int.MaxValue)
{
    private readonly WebSocketFrameReader _reader = new(maxMessageBytes);
    private readonly ArrayBufferWriter<byte> _message = new();
    private readonly List<string> _events = [];

    public IReadOnlyList<string> Events => _events;

    public WebSocketFrameReader Reader => _reader;

    /// <summary>Payload of the message that has not ended.</summary>
    public ReadOnlySpan<byte> Unfinished => _message.WrittenSpan;

    public static IReadOnlyList<string> Of(ReadOnlySpan<byte> bytes, Cut cut, long maxMessageBytes = 16 * 1024 * 1024)
    {
        var trace = new FrameTrace(maxMessageBytes);
        if (cut == Cut.ByteByByte)
        {
            foreach (var b in bytes)
                trace.Feed(new ReadOnlySequence<byte>([b]));
        }
        else
        {
            trace.Feed(cut == Cut.Whole ? new ReadOnlySequence<byte>(bytes.ToArray()) : Segments(bytes, 1));
        }

        return trace.Events;
    }

    /// <summary>Gives the input as one call's would come from a pipe, and expects all of it to be used unless the reader fails.</summary>
    public void Feed(ReadOnlySequence<byte> input)
    {
        while (true)
        {
            var before = _message.WrittenCount;
            var read = _reader.Read(ref input, _message, maxPayload);
            (_message.WrittenCount - before).Should().BeLessThanOrEqualTo(maxPayload);
            switch (read)
            {
                case WebSocketRead.NeedMore:
                    input.IsEmpty.Should().BeTrue("all input is consumed when more is needed");
                    return;
                case WebSocketRead.Error:
                    if (_events.LastOrDefault()?.StartsWith("Error", StringComparison.Ordinal) != true)
                        _events.Add($"Error {_reader.Error}");
                    return;
                case WebSocketRead.EndOfMessage:
                    _events.Add(Message(_reader.IsText, _message.WrittenSpan));
                    _message.ResetWrittenCount();
                    break;
                case WebSocketRead.Close:
                    _events.Add($"Close {_reader.CloseCode} {Show(_reader.Control.Length > 2 ? _reader.Control[2..] : default)}".TrimEnd());
                    break;
                case WebSocketRead.Ping or WebSocketRead.Pong:
                    _events.Add($"{read} {Show(_reader.Control)}".TrimEnd());
                    break;
            }
        }
    }

    public static string Message(bool isText, ReadOnlySpan<byte> payload) => $"{(isText ? "Text" : "Binary")} {Show(payload)}".TrimEnd();

    public static ReadOnlySequence<byte> Segments(ReadOnlySpan<byte> bytes, int size)
    {
        var first = new Segment(ReadOnlyMemory<byte>.Empty, null);
        var last = first;
        for (; !bytes.IsEmpty; bytes = bytes[Math.Min(size, bytes.Length)..])
            last = new Segment(bytes[..Math.Min(size, bytes.Length)].ToArray(), last);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    /// <summary>Short ASCII as it is, other short bytes in hexadecimal, long ones by length and a hash.</summary>
    private static string Show(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 200)
        {
            var hash = new HashCode();
            hash.AddBytes(bytes);
            return $"{bytes.Length}#{hash.ToHashCode()}";
        }

        return bytes.ContainsAnyExceptInRange((byte)' ', (byte)'~') ? Convert.ToHexString(bytes) : Encoding.ASCII.GetString(bytes);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is null)
                return;
            RunningIndex = previous.RunningIndex + previous.Memory.Length;
            previous.Next = this;
        }
    }
}
