using BenchmarkDotNet.Attributes;
using Broker.Stomp;

namespace Micro;

/// <summary>A header's value of 48 bytes, with nothing to escape and with four escapes.</summary>
public class EscapingBenchmarks
{
    private readonly byte[] _plain = "quotes of all instruments of the exchange today."u8.ToArray();
    private readonly byte[] _special = "quotes:of\\all:instruments\nof the exchange today."u8.ToArray();
    private readonly byte[] _escaped = "quotes\\cof\\\\all\\cinstruments\\nof the exchange."u8.ToArray();
    private readonly byte[] _destination = new byte[128];

    [Benchmark(Description = "escape: nothing to escape")]
    public int Plain() => HeaderEscaping.Escape(StompVersion.V12, _plain, _destination, isName: false);

    [Benchmark(Description = "escape: four characters")]
    public int Special() => HeaderEscaping.Escape(StompVersion.V12, _special, _destination, isName: false);

    [Benchmark(Description = "unescape: no escape")]
    public bool UnescapePlain() => HeaderEscaping.TryUnescape(StompVersion.V12, _plain, _destination, out _);

    [Benchmark(Description = "unescape: four escapes")]
    public bool Unescape() => HeaderEscaping.TryUnescape(StompVersion.V12, _escaped, _destination, out _);
}
