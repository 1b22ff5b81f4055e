using System.Text;
using BenchmarkDotNet.Attributes;
using Broker.Stomp;

namespace Micro;

/// <summary>A SEND out of received bytes.</summary>
public class ParserBenchmarks
{
    private readonly StompParser _parser = new(new StompLimits()) { Version = StompVersion.V12 };
    private readonly byte[] _one = Send("/topic/quotes.ACME", "", 256);
    private readonly byte[] _two = [.. Send("/topic/quotes.ACME", "", 256), .. Send("/topic/quotes.EMCA", "", 256)];
    private readonly byte[] _escaped = [.. Send("/topic/quotes.ACME", "note:a\\cb\\nc\n", 256), .. Send("/topic/quotes.EMCA", "note:a\\cb\\nc\n", 256)];
    private readonly byte[] _large = Send("/topic/quotes.ACME", "", 4096);

    [Benchmark(Description = "parse: SEND, 256 B, headers as those before")]
    public int Repeated() => ReadAll(_one);

    [Benchmark(Description = "parse: SEND, 256 B, headers unlike those before", OperationsPerInvoke = 2)]
    public int Changing() => ReadAll(_two);

    [Benchmark(Description = "parse: SEND, 256 B, a header with escapes", OperationsPerInvoke = 2)]
    public int Escaped() => ReadAll(_escaped);

    [Benchmark(Description = "parse: SEND, 4 KiB, headers as those before")]
    public int Large() => ReadAll(_large);

    internal static byte[] Send(string destination, string headers, int bodyBytes) =>
        Encoding.ASCII.GetBytes($"SEND\ndestination:{destination}\ncontent-type:application/json\n{headers}content-length:{bodyBytes}\n\n{new string('x', bodyBytes)}\0");

    private int ReadAll(byte[] bytes)
    {
        int length = 0;
        ReadOnlySpan<byte> rest = bytes;
        while (_parser.Read(ref rest, out StompFrame frame) == StompParseResult.Frame)
            length += frame.Body.Length;
        return length;
    }
}
