using Broker.Configuration;
using Broker.Routing;

namespace Broker.Tests.Routing;

/// <summary>What only the rules of destinations can tell about configured patterns.</summary>
public class TopicsValidatorTests
{
    [Theory]
    [InlineData("/topic/a.>.b")]
    [InlineData("/topic/#.a.#.b.#")]
    public void A_pattern_that_a_client_may_not_use_is_refused_by_its_setting(string pattern) =>
        Failures(options =>
        {
            options.Topics.Add(new TopicOptions { Pattern = pattern });
            options.Streams.Add(new StreamOptions { Pattern = pattern });
        }).Should().SatisfyRespectively(
            topic => topic.Should().StartWith("Broker:Topics:0:Pattern is ").And.Contain(pattern),
            stream => stream.Should().StartWith("Broker:Streams:0:Pattern is ").And.Contain(pattern));

    [Theory]
    [InlineData("/topic/a.#", "/topic/a.b")]
    [InlineData("/topic/a", "/topic/a")]
    [InlineData("/topic/*.b", "/topic/a.*")]
    [InlineData("/topic/#", "/topic/x/y")]
    public void Two_streams_that_share_a_topic_are_refused_by_both_names(string first, string second) =>
        Failures(first, "/topic/elsewhere.*.of.all", second).Should().Contain(failure =>
            failure.StartsWith($"Broker:Streams:2:Pattern is \"{second}\", which overlaps Broker:Streams:0:Pattern: ", StringComparison.Ordinal)
            && failure.Contains("Narrow one of the patterns", StringComparison.Ordinal));

    [Fact]
    public void Streams_that_share_no_topic_are_accepted() =>
        Failures("/topic/a.#", "/topic/b.#", "/topic/c.*.x", "/topic/c.*.y", "/topic/d.e", "/topic/d/e").Should().BeEmpty();

    [Theory]
    [InlineData(true, "/topic/a.#")]
    [InlineData(true, "/topic/#")]
    [InlineData(true, "/topic/a.*.b")]
    [InlineData(false, "/topic/b.#")]
    public void A_streams_topics_are_not_dropped_from(bool isRefused, string pattern) =>
        Failures(options =>
        {
            options.Streams.Add(new StreamOptions { Pattern = "/topic/a.#" });
            options.Topics.Add(new TopicOptions { Pattern = "/topic/a.x", SlowSubscriber = SlowSubscriberPolicy.Conflate });
            options.Topics.Add(new TopicOptions { Pattern = pattern, SlowSubscriber = SlowSubscriberPolicy.DropOldest });
        }).Any(failure => failure.StartsWith("Broker:Topics:1:SlowSubscriber is drop-oldest for topics of Broker:Streams:0:Pattern", StringComparison.Ordinal)).Should().Be(isRefused);

    [Fact]
    public void An_entry_behind_one_for_all_topics_of_the_stream_does_not_count() =>
        Failures(options =>
        {
            options.Streams.Add(new StreamOptions { Pattern = "/topic/a.#" });
            options.Topics.Add(new TopicOptions { Pattern = "/topic/a.#" });
            options.Topics.Add(new TopicOptions { Pattern = "/topic/#", SlowSubscriber = SlowSubscriberPolicy.DropOldest });
        }).Should().BeEmpty();

    private static IEnumerable<string> Failures(params string[] streams) => Failures(options =>
    {
        foreach (string pattern in streams)
            options.Streams.Add(new StreamOptions { Pattern = pattern });
    });

    private static IEnumerable<string> Failures(Action<BrokerOptions> change)
    {
        var options = new BrokerOptions();
        change(options);
        return new TopicsValidator().Validate(null, options).Failures ?? [];
    }
}
