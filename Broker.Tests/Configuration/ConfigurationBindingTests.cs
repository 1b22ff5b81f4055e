using System.Text;
using Broker.Configuration;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Broker.Tests.Configuration;

public class ConfigurationBindingTests
{
    [Fact]
    public void Nothing_configured_leaves_the_defaults()
    {
        BrokerOptions options = Bind();
        options.Path.Should().Be("/ws");
        options.Users.Should().BeEmpty();
        options.Limits.FrameBytes.Should().Be(4 * 1024 * 1024);
    }

    [Fact]
    public void Nested_objects_and_lists_are_filled()
    {
        BrokerOptions options = Bind(
            ("Broker:Path", "/stomp"), ("Broker:AllowAnonymous", "true"), ("Broker:Limits:FrameBytes", "2048"),
            ("Broker:Limits:FrameBytesBeforeConnected", "1024"), ("Broker:Limits:HeaderLineBytes", "1024"),
            ("Broker:HeartBeat:Outgoing", "00:00:05"), ("Broker:AllowedOrigins:0", "https://a.example"), ("Broker:AllowedOrigins:1", "https://b.example"),
            ("Broker:Users:0:Login", "alice"), ("Broker:Users:0:PasscodeHash", "x"), ("Broker:Topics:0:Pattern", "/topic/a.*"),
            ("Broker:Limits:RetainedBytes", "8589934592"), ("Broker:Streams:0:Pattern", "/topic/a.#"), ("Broker:Streams:0:Messages", "10"),
            ("Broker:Streams:0:Bytes", "8589934592"), ("Broker:Streams:0:Age", "30.00:00:00"));
        options.Path.Should().Be("/stomp");
        options.AllowAnonymous.Should().BeTrue();
        options.Limits.FrameBytes.Should().Be(2048);
        options.HeartBeat.Outgoing.Should().Be(TimeSpan.FromSeconds(5));
        options.AllowedOrigins.Should().Equal("https://a.example", "https://b.example");
        options.Users.Should().ContainSingle().Which.Login.Should().Be("alice");
        options.Topics.Should().ContainSingle().Which.SlowSubscriber.Should().Be(SlowSubscriberPolicy.Disconnect);
        options.Limits.RetainedBytes.Should().Be(8L << 30);
        options.Streams.Should().ContainSingle().Which.Should()
            .BeEquivalentTo(new StreamOptions { Pattern = "/topic/a.#", Messages = 10, Bytes = 8L << 30, Age = TimeSpan.FromDays(30) });
    }

    [Theory]
    [InlineData("drop-oldest", SlowSubscriberPolicy.DropOldest)]
    [InlineData("DropOldest", SlowSubscriberPolicy.DropOldest)]
    [InlineData("Drop-Oldest", SlowSubscriberPolicy.DropOldest)]
    [InlineData("conflate", SlowSubscriberPolicy.Conflate)]
    [InlineData(" disconnect ", SlowSubscriberPolicy.Disconnect)]
    public void Policies_are_read_as_the_documents_and_as_the_code_write_them(string text, SlowSubscriberPolicy expected) =>
        Bind(("Broker:Topics:0:Pattern", "/topic/a"), ("Broker:Topics:0:SlowSubscriber", text)).Topics[0].SlowSubscriber.Should().Be(expected);

    [Theory]
    [InlineData("1")]
    [InlineData("7")]
    [InlineData("drop-newest")]
    [InlineData("disconnect,drop-oldest")]
    public void A_policy_that_is_none_fails_and_the_message_lists_the_policies(string text) =>
        Failure(("Broker:Topics:0:Pattern", "/topic/a"), ("Broker:Topics:0:SlowSubscriber", text))
            .Should().Contain("Broker:Topics:0:SlowSubscriber").And.Contain("disconnect, drop-oldest, conflate");

    [Theory]
    [InlineData("Broker:AllowAnonymos", "true", "Broker:AllowAnonymos is not a setting")]
    [InlineData("Broker:Limits:FrameByts", "5", "Broker:Limits:FrameByts is not a setting")]
    [InlineData("Broker:Users:0:Name", "alice", "Broker:Users:0:Name is not a setting")]
    [InlineData("Broker:Users:Login", "alice", "Broker:Users:Login is not a setting")]
    [InlineData("Broker:Path:0", "/ws", "Broker:Path is a section or a list")]
    [InlineData("Broker:Users", "alice", "Broker:Users has a value")]
    [InlineData("Broker:Users:0", "alice", "Broker:Users:0 has a value")]
    [InlineData("Broker:Limits", "5", "Broker:Limits has a value")]
    [InlineData("Broker:AllowedOrigins", "https://a.example", "Broker:AllowedOrigins has a value")]
    [InlineData("Broker:Limits:FrameBytes", "4MB", "Broker:Limits:FrameBytes is \"4MB\"; it must be a whole number")]
    [InlineData("Broker:Limits:FrameBytes", "99999999999", "Broker:Limits:FrameBytes is \"99999999999\"; it must be a whole number")]
    [InlineData("Broker:Limits:FrameBytes", "", "Broker:Limits:FrameBytes is \"\"; it must be a whole number")]
    [InlineData("Broker:Limits:RetainedBytes", "8GB", "Broker:Limits:RetainedBytes is \"8GB\"; it must be a whole number")]
    [InlineData("Broker:Streams", "/topic/a", "Broker:Streams has a value")]
    [InlineData("Broker:Streams:0:Offset", "1", "Broker:Streams:0:Offset is not a setting")]
    [InlineData("Broker:ShutdownTimeout", "5s", "Broker:ShutdownTimeout is \"5s\"; it must be a time")]
    [InlineData("Broker:AllowAnonymous", "yes", "Broker:AllowAnonymous is \"yes\"; it must be true or false")]
    public void A_key_or_value_that_does_not_fit_fails_by_its_full_name(string key, string value, string expected) =>
        Failure((key, value)).Should().Contain(expected);

    [Fact]
    public void All_keys_and_values_that_do_not_fit_are_reported_together() =>
        Failure(("Broker:AllowAnonymos", "true"), ("Broker:Limits:FrameByts", "5"), ("Broker:Limits:Headers", "many"))
            .Should().Contain("AllowAnonymos").And.Contain("FrameByts").And.Contain("Headers");

    [Fact]
    public void A_misspelt_key_stops_the_start()
    {
        using ServiceProvider services = Services(("Broker:AllowAnonymos", "true"));
        Action start = () => services.GetRequiredService<IStartupValidator>().Validate();
        start.Should().Throw<OptionsValidationException>().WithMessage("*Broker:AllowAnonymos*");
    }

    [Fact]
    public void A_passcode_under_a_key_that_is_no_setting_is_not_shown()
    {
        Failure(("Broker:Users:0:Passcode", "s3cret")).Should().Contain("Broker:Users:0:Passcode").And.NotContain("s3cret");
        Failure(("Broker:Users:0", "alice:s3cret")).Should().NotContain("s3cret");
        Failure(("Broker:Users:alice", "s3cret")).Should().NotContain("s3cret");
    }

    [Theory]
    [InlineData("""{ "Broker": { "AllowedOrigins": [], "Users": [], "Limits": {} } }""")]
    [InlineData("""{ "Broker": {} }""")]
    public void Empty_lists_and_objects_in_json_leave_the_defaults(string json) =>
        Options(FromJson(json)).AllowedOrigins.Should().BeEmpty();

    [Theory]
    [InlineData("""{ "Broker": { "Path": null } }""", "Broker:Path")]
    [InlineData("""{ "Broker": { "AllowedOrigins": [ null ] } }""", "Broker:AllowedOrigins:0")]
    [InlineData("""{ "Broker": { "Topics": [ null ] } }""", "Broker:Topics:0")]
    [InlineData("""{ "Broker": { "Topics": [ {} ] } }""", "Broker:Topics:0")]
    [InlineData("""{ "Broker": { "Streams": [ null ] } }""", "Broker:Streams:0")]
    public void A_null_in_json_is_reported_by_name(string json, string name)
    {
        Action bind = () => _ = Options(FromJson(json));
        bind.Should().Throw<OptionsValidationException>().WithMessage($"*{name}*");
    }

    [Fact]
    public void An_environment_variable_with_the_name_of_the_section_is_somebody_elses() =>
        Bind(("BROKER", "tcp://192.0.2.1:1883"), ("Broker:Path", "/x")).Path.Should().Be("/x");

    [Fact]
    public void A_key_is_known_whatever_its_case() => Bind(("broker:PATH", "/x")).Path.Should().Be("/x");

    [Fact]
    public void What_is_edited_later_does_not_concern_the_broker_that_runs()
    {
        IConfigurationRoot configuration = new ConfigurationBuilder().AddInMemoryCollection().Build();
        using ServiceProvider services = Services(configuration);
        var monitor = services.GetRequiredService<IOptionsMonitor<BrokerOptions>>();
        monitor.CurrentValue.Path.Should().Be("/ws");
        configuration["Broker:AllowAnonymos"] = "true";
        configuration.Reload();
        monitor.CurrentValue.Path.Should().Be("/ws");
    }

    private static string Failure(params (string Key, string Value)[] settings)
    {
        Action bind = () => Bind(settings);
        return bind.Should().Throw<OptionsValidationException>().Which.Message;
    }

    private static BrokerOptions Bind(params (string Key, string Value)[] settings)
    {
        using ServiceProvider services = Services(settings);
        return services.GetRequiredService<IOptions<BrokerOptions>>().Value;
    }

    private static BrokerOptions Options(IConfiguration configuration)
    {
        using ServiceProvider services = Services(configuration);
        return services.GetRequiredService<IOptions<BrokerOptions>>().Value;
    }

    private static ServiceProvider Services(params (string Key, string Value)[] settings) =>
        Services(new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => KeyValuePair.Create(s.Key, (string?)s.Value))).Build());

    private static ServiceProvider Services(IConfiguration configuration)
    {
        var services = new ServiceCollection();
        services.AddOptions<BrokerOptions>().BindBroker(configuration).ValidateOnStart();
        return services.BuildServiceProvider();
    }

    private static IConfigurationRoot FromJson(string json) =>
        new ConfigurationBuilder().AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes(json))).Build();
}
