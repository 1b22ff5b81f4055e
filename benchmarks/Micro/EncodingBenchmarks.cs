using System.Buffers;
using BenchmarkDotNet.Attributes;
using Broker.Delivery;
using Broker.Messaging;
using Broker.Stomp;

namespace Micro;

/// <summary>What is made of a SEND: the message that all subscribers share, once, and the frame for each subscription id.</summary>
public class EncodingBenchmarks
{
    private readonly byte[] _send = ParserBenchmarks.Send("/topic/quotes.ACME", "", 256);
    private readonly StompParser _parser = new(new StompLimits()) { Version = StompVersion.V12 };
    private readonly ArrayBufferWriter<byte> _output = new(8 * 1024);
    private readonly byte[] _prefix = FrameEncoder.SubscriptionPrefix("sub-0"u8, StompVersion.V12);
    private readonly Message _message = Deliveries.Message(256);

    [Benchmark(Description = "encode: SEND of 256 B to the shared message, parsing included")]
    public object Message()
    {
        ReadOnlySpan<byte> input = _send;
        _parser.Read(ref input, out StompFrame frame);
        return MessageEncoder.Encode(frame, "5f3a91c2-17-4711"u8, default, expiresAt: 0, RetainAction.None);
    }

    [Benchmark(Description = "encode: WebSocket frame of a MESSAGE of 256 B for one subscription id")]
    public int Frame()
    {
        _output.ResetWrittenCount();
        return FrameEncoder.Write(_output, _prefix, default, _message.Bytes, _message.IsText);
    }
}
