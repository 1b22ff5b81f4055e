using System.Text;
using Broker.Routing;

namespace Broker.Tests.Routing;

/// <summary>The trie against an oracle that tries every way to lay a pattern over a name (SEMANTICS 5).</summary>
public class SubscriptionTrieTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void It_matches_what_the_oracle_matches_while_patterns_come_and_go(int seed)
    {
        var random = new Random(seed);
        var trie = new SubscriptionTrie();
        var live = new Dictionary<string, SubscriberSet>();
        string[] names = [.. Enumerable.Range(0, 150).Select(_ => PatternOracle.Name(random)).Distinct()];
        for (int round = 0; round < 20; round++)
        {
            for (int i = 0; i < 60; i++)
            {
                string pattern = PatternOracle.Pattern(random);
                SubscriberSet set = trie.Add(Encoding.UTF8.GetBytes(pattern), out bool isNew);
                string key = PatternOracle.Key(pattern);
                isNew.Should().Be(!live.ContainsKey(key), "of {0}", pattern);
                if (!isNew)
                    live[key].Should().BeSameAs(set);
                live[key] = set;
            }

            foreach (string gone in live.Keys.Where(_ => random.Next(3) == 0).ToArray())
            {
                trie.Remove(Encoding.UTF8.GetBytes(gone));
                live.Remove(gone);
                trie.Find(Encoding.UTF8.GetBytes(gone)).Should().BeNull();
            }

            foreach (string name in names)
            {
                var matches = new HashSet<SubscriberSet>();
                trie.Match(Encoding.UTF8.GetBytes(name), matches);
                string[] found = [.. live.Where(p => matches.Contains(p.Value)).Select(p => p.Key).Order(StringComparer.Ordinal)];
                string[] expected = [.. live.Keys.Where(p => PatternOracle.Matches(p, name)).Order(StringComparer.Ordinal)];
                if (!found.SequenceEqual(expected) || matches.Count != expected.Length)
                    Assert.Fail($"{name}: expected {string.Join(' ', expected)}, found {string.Join(' ', found)} of {matches.Count}");
            }
        }
    }

    [Fact]
    public void Removing_every_pattern_leaves_it_as_it_was()
    {
        var random = new Random(7);
        var trie = new SubscriptionTrie();
        string[] patterns = [.. Enumerable.Range(0, 500).Select(_ => PatternOracle.Pattern(random)).DistinctBy(PatternOracle.Key)];
        foreach (string pattern in patterns)
            trie.Add(Encoding.UTF8.GetBytes(pattern), out _);
        foreach (string pattern in patterns)
            trie.Remove(Encoding.UTF8.GetBytes(pattern));

        foreach (string pattern in patterns)
        {
            trie.Find(Encoding.UTF8.GetBytes(pattern)).Should().BeNull();
            trie.Add(Encoding.UTF8.GetBytes(pattern), out bool isNew);
            isNew.Should().BeTrue();
            trie.Remove(Encoding.UTF8.GetBytes(pattern));
        }
    }

    [Fact]
    public void Removing_what_is_not_there_changes_nothing()
    {
        var trie = new SubscriptionTrie();
        SubscriberSet set = trie.Add("a.*.b"u8, out _);

        trie.Remove("a.*"u8);
        trie.Remove("a.*.b.c"u8);
        trie.Remove("x"u8);

        trie.Find("a/*/b"u8).Should().BeSameAs(set);
        var matches = new HashSet<SubscriberSet>();
        trie.Match("a.x.b"u8, matches);
        matches.Should().ContainSingle().Which.Should().BeSameAs(set);
    }

    [Fact]
    public void Names_of_more_segments_than_the_stack_holds_are_matched_too()
    {
        var trie = new SubscriptionTrie();
        trie.Add("#.z"u8, out _);
        var matches = new HashSet<SubscriberSet>();

        trie.Match(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("s.", 1000)) + "z"), matches);

        matches.Should().HaveCount(1);
    }
}
