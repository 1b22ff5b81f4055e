using System.Text;
using Broker.Messaging;
using Broker.Routing;

namespace Broker.Tests.Routing;

/// <summary>
/// SEMANTICS 5: <c>*</c> one segment; <c>#</c> or <c>**</c> zero or more, anywhere, at most two of them; <c>&gt;</c> zero or more, last only;
/// <c>/topic/a.b</c> and <c>/topic/a/b</c> are two topics that the same patterns match.
/// </summary>
public class DestinationPatternTests
{
    // Of the patterns; names have one letter more, which stands for all that no pattern names.
    private static readonly string[] Letters = ["a", "b*"];
    private static readonly string[] BothSeparators = [".", "/"];
    private static readonly string[] OneSeparator = ["."];

    // Separated in every way where a plain topic of the test can be the same.
    private static readonly string[] Names =
        [.. Enumerable.Range(1, 4).SelectMany(n => AllNames(n, BothSeparators)), .. Enumerable.Range(5, 2).SelectMany(n => AllNames(n, OneSeparator))];

    [Theory]
    [InlineData("/topic/a.*", "/topic/a/b", true)]
    [InlineData("/topic/a.b", "/topic/a/b", false)]
    [InlineData("/topic/a.b", "/topic/a.b", true)]
    [InlineData("/topic/a*", "/topic/ab", false)]
    [InlineData("/topic/a*", "/topic/a*", true)]
    [InlineData("/topic/#", "/topic/a", true)]
    [InlineData("/topic/#", "/queue/a", false)]
    [InlineData("/topic/a.>", "/topic/a", true)]
    [InlineData("/topic/a.>", "/topic/b", false)]
    [InlineData("/topic/#.a.#", "/topic/x.a", true)]
    [InlineData("/topic/#.a.#", "/topic/x.y", false)]
    public void It_matches_as_a_subscription_does(string pattern, string name, bool expected) => Make(pattern).Matches(Encoding.UTF8.GetBytes(name)).Should().Be(expected);

    [Theory]
    [InlineData("/topic/#", "/topic/>", true)]
    [InlineData("/topic/*.#", "/topic/#", true)]
    [InlineData("/topic/*.*.#", "/topic/#", false)]
    [InlineData("/topic/a.#", "/topic/a", true)]
    [InlineData("/topic/a.#", "/topic/a.*.b.>", true)]
    [InlineData("/topic/a.*", "/topic/a.#", false)]
    [InlineData("/topic/a.*", "/topic/a.**", false)]
    [InlineData("/topic/a.*", "/topic/a.a*", true)]
    [InlineData("/topic/a", "/topic/*", false)]
    [InlineData("/topic/a.b", "/topic/a/b", false)]
    public void It_contains_what_matches_nothing_else(string outer, string inner, bool expected) => Make(outer).Contains(Make(inner)).Should().Be(expected);

    [Theory]
    [InlineData("/topic/#", "/topic/>", true)]
    [InlineData("/topic/a.*", "/topic/*.b", true)]
    [InlineData("/topic/a.#", "/topic/#.b", true)]
    [InlineData("/topic/a.*", "/topic/b.#", false)]
    [InlineData("/topic/a.*.#", "/topic/a", false)]
    [InlineData("/topic/a.b", "/topic/a/b", false)]
    [InlineData("/topic/a.b", "/topic/a.>", true)]
    public void It_overlaps_what_shares_a_topic(string one, string other, bool expected)
    {
        Make(one).Overlaps(Make(other)).Should().Be(expected);
        Make(other).Overlaps(Make(one)).Should().Be(expected);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void It_agrees_with_all_short_names(int seed)
    {
        var random = new Random(seed);
        string[] patterns = [.. Enumerable.Range(0, 300).Select(_ => PatternOracle.Pattern(random, 4, Letters)).Distinct()];
        bool[][] matched = [.. patterns.Select(pattern => Names.Select(name => Oracle(pattern, name)).ToArray())];
        DestinationPattern[] made = [.. patterns.Select(pattern => Make("/topic/" + pattern))];
        byte[][] destinations = [.. Names.Select(name => Encoding.UTF8.GetBytes("/topic/" + name))];
        for (int i = 0; i < patterns.Length; i++)
        {
            for (int n = 0; n < Names.Length; n++)
            {
                if (made[i].Matches(destinations[n]) != matched[i][n])
                    Assert.Fail($"{patterns[i]} matches {Names[n]}: expected {matched[i][n]}");
            }

            for (int j = 0; j < patterns.Length; j++)
            {
                bool contains = true, overlaps = false;
                for (int n = 0; n < Names.Length; n++)
                {
                    contains &= matched[i][n] || !matched[j][n];
                    overlaps |= matched[i][n] && matched[j][n];
                }

                if (made[i].Contains(made[j]) != contains)
                    Assert.Fail($"{patterns[i]} contains {patterns[j]}: expected {contains}");
                if (made[i].Overlaps(made[j]) != overlaps)
                    Assert.Fail($"{patterns[i]} overlaps {patterns[j]}: expected {overlaps}");
            }
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void It_matches_what_the_subscriptions_of_a_topic_match(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 400; i++)
        {
            string pattern = PatternOracle.Pattern(random);
            if (!PatternOracle.IsPattern(pattern))
                continue;
            var trie = new SubscriptionTrie();
            trie.Add(Encoding.UTF8.GetBytes(pattern), out _);
            DestinationPattern made = Make("/topic/" + pattern);
            for (int n = 0; n < 50; n++)
            {
                string name = PatternOracle.Name(random);
                var matches = new HashSet<SubscriberSet>();
                trie.Match(Encoding.UTF8.GetBytes(name), matches);
                made.Matches(Encoding.UTF8.GetBytes("/topic/" + name)).Should().Be(matches.Count == 1, "{0} and {1}", pattern, name);
            }
        }
    }

    [Fact]
    public void Matching_allocates_nothing()
    {
        DestinationPattern pattern = Make("/topic/#.b.*.#.z");
        byte[] name = "/topic/a.b.c.b.d.e.z"u8.ToArray();
        pattern.Matches(name).Should().BeTrue();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            pattern.Matches(name);
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(1000);
    }

    [Fact]
    public void Patterns_of_as_many_segments_as_can_be_configured_are_compared()
    {
        string stars = string.Concat(Enumerable.Repeat("*.", 60));
        DestinationPattern longest = Make($"/topic/{stars}#"), inner = Make($"/topic/#.{stars}#.>");
        longest.Contains(inner).Should().BeTrue();
        inner.Contains(longest).Should().BeTrue();
        longest.Overlaps(Make("/topic/a.#")).Should().BeTrue();
        Make("/topic/" + string.Concat(Enumerable.Repeat("*.", 1023)) + "*").Overlaps(Make("/topic/" + string.Concat(Enumerable.Repeat("a.", 1022)) + "*")).Should().BeFalse();
    }

    // TopicTable keeps who listens to one topic by its bytes, and only patterns by their segments.
    private static bool Oracle(string pattern, string name) => PatternOracle.IsPattern(pattern) ? PatternOracle.Matches(pattern, name) : pattern == name;

    private static DestinationPattern Make(string destination) => new(Encoding.UTF8.GetBytes(destination));

    private static IEnumerable<string> AllNames(int segments, string[] separators)
    {
        string[] letters = [.. Letters, "c"];
        return segments == 1
            ? letters
            : AllNames(segments - 1, separators).SelectMany(name => separators.SelectMany(separator => letters.Select(letter => name + separator + letter)));
    }
}
