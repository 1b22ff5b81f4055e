using System.Globalization;
using Broker.Configuration;
using Microsoft.Extensions.Options;

namespace Broker.Tests.Configuration;

public class BrokerOptionsValidatorTests
{
    [Fact]
    public void The_defaults_are_valid() => Failures(_ => { }).Should().BeEmpty();

    [Fact]
    public void A_message_names_the_setting_its_value_and_what_to_set() =>
        Failures(o => o.Limits.FrameBytesBeforeConnected = 0).Should()
            .Equal("Broker:Limits:FrameBytesBeforeConnected is 0; it must be at least 1024 bytes.");

    [Fact]
    public void All_failures_are_reported_together() =>
        Failures(o =>
        {
            o.Path = "ws";
            o.Limits.Headers = 0;
            o.ShutdownTimeout = TimeSpan.FromSeconds(-1);
        }).Should().HaveCount(3);

    [Theory]
    [InlineData("")]
    [InlineData("ws")]
    [InlineData("/ws?x=1")]
    [InlineData("/ws#top")]
    [InlineData("/*")]
    [InlineData("/{any}")]
    [InlineData("/a b")]
    [InlineData("/a%20b")]
    [InlineData("/ws/")]
    [InlineData("//ws")]
    [InlineData("/ws\n")]
    public void A_path_that_is_no_plain_path_is_refused(string path) =>
        Failures(o => o.Path = path).Should().ContainSingle().Which.Should().StartWith("Broker:Path is ").And.NotContain("\n");

    [Theory]
    [InlineData("/")]
    [InlineData("/ws")]
    [InlineData("/api/v1/stomp")]
    public void A_plain_path_is_accepted(string path) => Failures(o => o.Path = path).Should().BeEmpty();

    [Theory]
    [InlineData("https://app.example.com")]
    [InlineData("http://localhost:3000")]
    [InlineData("http://192.0.2.1:8080")]
    [InlineData("http://[::1]:8080")]
    [InlineData("https://xn--bcher-kva.example")]
    [InlineData("capacitor://localhost")]
    [InlineData("chrome-extension://abcdefghijklmnop")]
    public void An_origin_as_browsers_send_it_is_accepted(string origin) => Failures(o => o.AllowedOrigins.Add(origin)).Should().BeEmpty();

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("*", "wildcards are not supported")]
    [InlineData("https://*.example.com", "wildcards are not supported")]
    [InlineData("null", "sandboxed")]
    [InlineData("app.example.com", "scheme://host[:port]")]
    [InlineData("localhost:3000", "scheme://host[:port]")]
    [InlineData("file:///x", "scheme://host[:port]")]
    [InlineData("https://", "scheme://host[:port]")]
    [InlineData("https://app.example.com/", ": https://app.example.com")]
    [InlineData("https://app.example.com/path?q", ": https://app.example.com")]
    [InlineData("https://App.Example.com", ": https://app.example.com")]
    [InlineData("https://app.example.com:443", ": https://app.example.com")]
    [InlineData("https://bücher.example", ": https://xn--bcher-kva.example")]
    public void An_origin_that_no_browser_sends_is_refused_with_advice(string origin, string advice) =>
        Failures(o => o.AllowedOrigins.Add(origin)).Should().ContainSingle().Which.Should().StartWith("Broker:AllowedOrigins:0 ").And.Contain(advice);

    [Fact]
    public void A_password_in_an_origin_is_not_shown() =>
        Failures(o => o.AllowedOrigins.Add("https://alice:s3cret@example.com")).Should().ContainSingle().Which.Should().NotContain("s3cret");

    [Fact]
    public void Every_number_and_time_has_a_lower_and_an_upper_bound()
    {
        foreach ((object owner, var property) in Scalars())
        {
            bool isTime = property.PropertyType == typeof(TimeSpan);
            bool isLong = property.PropertyType == typeof(long);
            foreach (object extreme in isTime ? [TimeSpan.FromTicks(-1), TimeSpan.MaxValue] : isLong ? [-1L, long.MaxValue] : new object[] { -1, int.MaxValue })
            {
                var options = new BrokerOptions();
                property.SetValue(OwnerIn(options, owner.GetType()), extreme);
                Failures(options).Should().Contain(failure => failure.Contains($":{property.Name} is ", StringComparison.Ordinal),
                    "{0} must not be {1}", property.Name, extreme);
            }
        }
    }

    [Fact]
    public void A_time_written_as_one_number_of_seconds_is_caught()
    {
        // The framework reads "1" as a day, and nobody means that.
        foreach ((object owner, var property) in Scalars().Where(p => p.Property.PropertyType == typeof(TimeSpan) && p.Owner is not StreamOptions))
        {
            var options = new BrokerOptions();
            property.SetValue(OwnerIn(options, owner.GetType()), TimeSpan.Parse("1", CultureInfo.InvariantCulture));
            Failures(options).Should().Contain(failure => failure.Contains($":{property.Name} is 1.00:00:00", StringComparison.Ordinal)
                && failure.Contains("a number alone means days", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Settings_that_contradict_each_other_are_refused_by_both_names()
    {
        Contradiction(o => o.Limits.FrameBytesBeforeConnected = 8 * 1024 * 1024, "Broker:Limits:FrameBytesBeforeConnected", "Broker:Limits:FrameBytes");
        Contradiction(o => o.Limits.DestinationBytes = 20_000, "Broker:Limits:DestinationBytes", "Broker:Limits:HeaderLineBytes");
        Contradiction(o => o.Limits.HeaderLineBytes = (o.Limits.FrameBytes = 64 * 1024) + 1, "Broker:Limits:HeaderLineBytes", "Broker:Limits:FrameBytes");
        Contradiction(o => o.Limits.PublisherStall = TimeSpan.FromSeconds(11), "Broker:Limits:PublisherStall", "Broker:Limits:PublisherStallWindow");
        Contradiction(o => o.HeartBeat.PingAfter = o.HeartBeat.PeerTimeout, "Broker:HeartBeat:PingAfter", "Broker:HeartBeat:PeerTimeout");
    }

    [Fact]
    public void A_publisher_may_be_held_for_the_whole_window_or_never()
    {
        Failures(o => o.Limits.PublisherStall = o.Limits.PublisherStallWindow).Should().BeEmpty();
        Failures(o => o.Limits.PublisherStall = TimeSpan.Zero).Should().BeEmpty();
    }

    [Fact]
    public void Heart_beats_may_be_off_and_must_not_be_too_frequent()
    {
        Failures(o => o.HeartBeat.Outgoing = o.HeartBeat.Incoming = TimeSpan.Zero).Should().BeEmpty();
        Failures(o => o.HeartBeat.Outgoing = TimeSpan.FromMilliseconds(100)).Should().BeEmpty();
        Failures(o => o.HeartBeat.Outgoing = TimeSpan.FromMilliseconds(99)).Should().ContainSingle()
            .Which.Should().Contain("00:00:00 (never) or at least 00:00:00.1000000");
    }

    [Theory]
    [InlineData("")]
    [InlineData("quotes")]
    [InlineData("/queue/quotes")]
    [InlineData("/topic")]
    [InlineData("/topic/")]
    [InlineData("/topic/a..b")]
    [InlineData("/topic/a/")]
    [InlineData("/topic/a\tb")]
    public void A_pattern_that_is_no_topic_is_refused(string pattern) =>
        Failures(o => o.Topics.Add(new TopicOptions { Pattern = pattern })).Should().ContainSingle().Which.Should().StartWith("Broker:Topics:0:Pattern is ");

    [Fact]
    public void A_pattern_that_is_there_twice_is_refused_since_the_second_never_counts() =>
        Failures(o =>
        {
            o.Topics.Add(new TopicOptions { Pattern = "/topic/a.*" });
            o.Topics.Add(new TopicOptions { Pattern = "/topic/a.*", SlowSubscriber = SlowSubscriberPolicy.DropOldest });
        }).Should().ContainSingle().Which.Should().StartWith("Broker:Topics:1:Pattern ").And.Contain("Broker:Topics:0");

    [Fact]
    public void A_policy_that_does_not_exist_is_refused() =>
        Failures(o => o.Topics.Add(new TopicOptions { Pattern = "/topic/a", SlowSubscriber = (SlowSubscriberPolicy)7 }))
            .Should().ContainSingle().Which.Should().Be("Broker:Topics:0:SlowSubscriber is not a policy; set disconnect, drop-oldest or conflate.");

    [Theory]
    [InlineData("")]
    [InlineData("quotes")]
    [InlineData("/queue/quotes")]
    [InlineData("/topic/a..b")]
    public void A_streams_pattern_that_is_no_topic_is_refused(string pattern) =>
        Failures(o => o.Streams.Add(new StreamOptions { Pattern = pattern })).Should().ContainSingle().Which.Should().StartWith("Broker:Streams:0:Pattern is ");

    [Fact]
    public void A_stream_may_keep_for_no_time_a_second_or_a_year_and_not_for_longer()
    {
        Age(TimeSpan.Zero).Should().BeEmpty();
        Age(TimeSpan.FromSeconds(1)).Should().BeEmpty();
        Age(TimeSpan.FromDays(365)).Should().BeEmpty();
        Age(TimeSpan.FromMilliseconds(999)).Should().ContainSingle()
            .Which.Should().StartWith("Broker:Streams:0:Age is 00:00:00.9990000; it must be 00:00:00 (no limit) or at least 00:00:01");
        Age(TimeSpan.FromDays(366)).Should().ContainSingle().Which.Should().StartWith("Broker:Streams:0:Age is 366.00:00:00; it must be at most 365.00:00:00");

        static IEnumerable<string> Age(TimeSpan age) => Failures(o => o.Streams.Add(new StreamOptions { Pattern = "/topic/a", Age = age }));
    }

    [Fact]
    public void What_all_clients_share_may_be_more_than_two_gigabytes() =>
        Failures(o =>
        {
            o.Limits.RetainedBytes = 8L << 30;
            o.Streams.Add(new StreamOptions { Pattern = "/topic/a", Bytes = 8L << 30 });
        }).Should().BeEmpty();

    private static void Contradiction(Action<BrokerOptions> change, string setting, string other) =>
        Failures(change).Should().ContainSingle().Which.Should().StartWith($"{setting} is ").And.Contain($"{other}, which is ");

    private static IEnumerable<(object Owner, System.Reflection.PropertyInfo Property)> Scalars()
    {
        var options = new BrokerOptions();
        Type[] types = [typeof(int), typeof(long), typeof(TimeSpan)];
        return new[] { options, options.HeartBeat, options.Limits, OwnerIn(options, typeof(StreamOptions)) }
            .SelectMany(owner => owner.GetType().GetProperties().Where(p => types.Contains(p.PropertyType)).Select(p => (owner, p)));
    }

    private static object OwnerIn(BrokerOptions options, Type type)
    {
        if (type == typeof(StreamOptions))
            options.Streams.Add(new StreamOptions { Pattern = "/topic/a" });
        return type == typeof(BrokerOptions) ? options : type == typeof(LimitOptions) ? options.Limits
            : type == typeof(HeartBeatOptions) ? options.HeartBeat : options.Streams[^1];
    }

    private static IEnumerable<string> Failures(Action<BrokerOptions> change)
    {
        var options = new BrokerOptions();
        change(options);
        return Failures(options);
    }

    private static IEnumerable<string> Failures(BrokerOptions options)
    {
        ValidateOptionsResult result = new BrokerOptionsValidator().Validate(null, options);
        return result.Failures ?? [];
    }
}
