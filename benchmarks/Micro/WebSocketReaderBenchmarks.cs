using System.Buffers;
using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Broker.Transports.WebSockets;

namespace Micro;

/// <summary>A client's masked text message out of received bytes, unmasked and checked to be UTF-8.</summary>
public class WebSocketReaderBenchmarks
{
    private readonly WebSocketFrameReader _reader = new(16 * 1024 * 1024);
    private readonly ArrayBufferWriter<byte> _payload = new(8 * 1024);
    private readonly ReadOnlySequence<byte> _small = new(Frame(ParserBenchmarks.Send("/topic/quotes.ACME", "", 256)));
    private readonly ReadOnlySequence<byte> _large = new(Frame(ParserBenchmarks.Send("/topic/quotes.ACME", "", 4096)));

    [Benchmark(Description = "WebSocket frame in: 256 B")]
    public int Small() => Read(_small);

    [Benchmark(Description = "WebSocket frame in: 4 KiB")]
    public int Large() => Read(_large);

    private int Read(ReadOnlySequence<byte> input)
    {
        _payload.ResetWrittenCount();
        if (_reader.Read(ref input, _payload, int.MaxValue) != WebSocketRead.EndOfMessage)
            throw new InvalidOperationException("The frame was not read.");
        return _payload.WrittenCount;
    }

    private static byte[] Frame(byte[] payload)
    {
        byte[] length = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)payload.Length);
        byte[] key = [0x12, 0x34, 0x56, 0x78];
        return [0x81, 0x80 | 126, .. length, .. key, .. payload.Select((octet, i) => (byte)(octet ^ key[i % 4]))];
    }
}
