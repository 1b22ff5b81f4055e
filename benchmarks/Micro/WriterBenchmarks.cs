using System.Buffers;
using BenchmarkDotNet.Attributes;
using Broker.Stomp;

namespace Micro;

/// <summary>Frames into a buffer.</summary>
public class WriterBenchmarks
{
    private readonly ArrayBufferWriter<byte> _output = new(8 * 1024);
    private readonly byte[] _body = new byte[256];

    [Benchmark(Description = "write: RECEIPT")]
    public int Receipt()
    {
        _output.ResetWrittenCount();
        var writer = new StompWriter(_output, StompVersion.V12);
        writer.Begin(StompCommand.Receipt);
        writer.Header("receipt-id"u8, "message-12345"u8);
        writer.EndHeaders();
        writer.End();
        return _output.WrittenCount;
    }

    [Benchmark(Description = "write: MESSAGE, 5 headers, 256 B")]
    public int Message()
    {
        _output.ResetWrittenCount();
        var writer = new StompWriter(_output, StompVersion.V12);
        writer.Begin(StompCommand.Message);
        writer.Header("subscription"u8, "sub-0"u8);
        writer.Header("message-id"u8, "5f3a91c2-17-4711"u8);
        writer.Header("destination"u8, "/topic/quotes.ACME"u8);
        writer.Header("content-type"u8, "application/json"u8);
        writer.Header("content-length"u8, _body.Length);
        writer.EndHeaders();
        writer.Body(_body);
        writer.End();
        return _output.WrittenCount;
    }
}
