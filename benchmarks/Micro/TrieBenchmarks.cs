using System.Text;
using BenchmarkDotNet.Attributes;
using Broker.Routing;

namespace Micro;

/// <summary>Which of 100,000 patterns match a topic. A topic asks once, and again when a pattern has come or gone.</summary>
public class TrieBenchmarks
{
    private const int Patterns = 100_000;
    private const int Exchanges = 100;

    private readonly SubscriptionTrie _trie = new();
    private readonly HashSet<SubscriberSet> _matches = [];
    private readonly byte[] _usual = "quotes.x7.s4207"u8.ToArray();
    private readonly byte[] _none = "orders.x7.s4207"u8.ToArray();
    private readonly byte[] _deep = "logs.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o"u8.ToArray();
    private readonly byte[] _added = "quotes.x7.s4207.added.#"u8.ToArray();

    [GlobalSetup]
    public void Fill()
    {
        for (int i = 0; i < Patterns; i++)
        {
            _trie.Add(Encoding.ASCII.GetBytes((i % 5) switch
            {
                0 => $"quotes.x{i % Exchanges}.s{i}",
                1 => $"quotes.*.s{i}",
                2 => $"quotes.x{i % Exchanges}.s{i}.#",
                3 => $"#.s{i}.closed",
                _ => $"logs.#.m{i}",
            }), out _);
        }

        foreach (string pattern in (string[])["quotes.#", "quotes.*.*", "quotes.x7.*", "quotes.x7.s4207", "quotes.>"])
            _trie.Add(Encoding.ASCII.GetBytes(pattern), out _);
    }

    [Benchmark(Description = "match: 5 of 100,000 patterns, 3 segments")]
    public int Usual() => Match(_usual);

    [Benchmark(Description = "match: none of 100,000 patterns, 3 segments")]
    public int None() => Match(_none);

    [Benchmark(Description = "match: none of 100,000 patterns, 16 segments")]
    public int Deep() => Match(_deep);

    [Benchmark(Description = "a pattern added to 100,000 and removed")]
    public bool Change()
    {
        _trie.Add(_added, out bool isNew);
        _trie.Remove(_added);
        return isNew;
    }

    private int Match(byte[] name)
    {
        _matches.Clear();
        _trie.Match(name, _matches);
        return _matches.Count;
    }
}
