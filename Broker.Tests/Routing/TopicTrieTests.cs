using System.Globalization;
using System.Text;
using Broker.Routing;

namespace Broker.Tests.Routing;

/// <summary>Names found by pattern: the same matches as those of <see cref="SubscriptionTrie"/>, the other way round (SEMANTICS 5).</summary>
public class TopicTrieTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void It_finds_what_the_oracle_matches_while_names_come_and_go(int seed)
    {
        var random = new Random(seed);
        var trie = new TopicTrie<string>();
        var live = new Dictionary<string, string>();
        for (int round = 0; round < 20; round++)
        {
            for (int i = 0; i < 60; i++)
            {
                string name = PatternOracle.Name(random);
                string item = $"{name} of round {round}";
                trie.Add(Encoding.UTF8.GetBytes(name), item);
                live[name] = item;
            }

            foreach ((string name, string item) in live.Where(_ => random.Next(3) == 0).ToArray())
            {
                trie.Remove(Encoding.UTF8.GetBytes(name), item).Should().BeTrue();
                live.Remove(name);
            }

            trie.Count.Should().Be(live.Count);
            for (int i = 0; i < 100; i++)
            {
                string pattern = PatternOracle.Pattern(random);
                string[] expected = [.. live.Where(p => PatternOracle.Matches(pattern, p.Key)).Select(p => p.Value).Order(StringComparer.Ordinal)];
                string[] found = [.. Collect(trie, pattern).Where(item => PatternOracle.Matches(pattern, live.Single(p => p.Value == item).Key)).Order(StringComparer.Ordinal)];
                if (!found.SequenceEqual(expected))
                    Assert.Fail($"{pattern}: expected {string.Join(", ", expected)}; found {string.Join(", ", found)}");
            }
        }
    }

    [Fact]
    public void Two_ways_to_separate_are_two_items()
    {
        var trie = new TopicTrie<string>();
        trie.Add("a.b"u8, "dot");
        trie.Add("a/b"u8, "slash");

        Collect(trie, "a.*").Should().BeEquivalentTo("dot", "slash");
        trie.Remove("a/b"u8, "slash").Should().BeTrue();
        Collect(trie, "a/*").Should().Equal("dot");
    }

    [Fact]
    public void An_item_is_found_once_though_two_wildcards_can_be_laid_over_it_in_many_ways()
    {
        var trie = new TopicTrie<string>();
        trie.Add("a.a.a.a.a"u8, "x");
        Collect(trie, "#.a.#").Should().Equal("x");
        Collect(trie, "#.#.>").Should().Equal("x");
    }

    [Fact]
    public void A_name_has_one_item_and_a_former_one_does_not_remove_it()
    {
        var trie = new TopicTrie<string>();
        trie.Add("a.b"u8, "old");
        trie.Add("a.b"u8, "new");
        trie.Count.Should().Be(1);

        trie.Remove("a.b"u8, "old").Should().BeFalse();
        trie.Remove("a"u8, "new").Should().BeFalse();
        trie.Remove("a.b.c"u8, "new").Should().BeFalse();
        trie.Remove("a/b"u8, "new").Should().BeFalse();
        Collect(trie, "#").Should().Equal("new");

        trie.Remove("a.b"u8, "new").Should().BeTrue();
        trie.Count.Should().Be(0);
        Collect(trie, "#").Should().BeEmpty();
    }

    [Fact]
    public void A_narrow_pattern_does_not_look_at_all_names()
    {
        var trie = new TopicTrie<string>();
        for (int i = 0; i < 100_000; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"quotes.{i / 10}.{i % 10}.last");
            trie.Add(Encoding.UTF8.GetBytes(name), name);
        }

        // What is looked at is noted first, which takes memory: more than this for a thousandth of the names.
        var found = new List<string>(16);
        long before = GC.GetAllocatedBytesForCurrentThread();
        trie.Collect("quotes.77.*.last"u8, found);
        trie.Collect("quotes.78.#"u8, found);
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(4096);
        found.Should().HaveCount(20);
    }

    [Fact]
    public void Names_of_as_many_segments_as_can_be_configured_are_found()
    {
        var trie = new TopicTrie<string>();
        byte[] name = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("s/", 1023)) + "z");
        trie.Add(name, "x");
        Collect(trie, "#.s.#.z").Should().Equal("x");
        trie.Remove(name, "x").Should().BeTrue();
        Collect(trie, "#").Should().BeEmpty();
    }

    private static List<string> Collect(TopicTrie<string> trie, string pattern)
    {
        var found = new List<string>();
        trie.Collect(Encoding.UTF8.GetBytes(pattern), found);
        return found;
    }
}
