using Broker.Configuration;
using Broker.Security;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Broker.Tests.Security;

public class UsersValidatorTests
{
    private static readonly string Hash = PasscodeHash.Decoy(PasscodeHash.MinIterations).Format();

    [Fact]
    public void No_users_and_proper_users_are_valid()
    {
        Failures().Should().BeEmpty();
        Failures(("alice", Hash), ("Alice", Hash), ("zoë smith", Hash)).Should().BeEmpty();
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("al\nice", "control characters")]
    [InlineData(" alice", "spaces")]
    [InlineData("bob", "Broker:Users:0:Login is the same")]
    public void A_login_that_cannot_be_used_is_refused(string login, string advice) =>
        Failures(("bob", Hash), (login, Hash)).Should().ContainSingle().Which.Should().StartWith("Broker:Users:1:Login is ").And.Contain(advice).And.NotContain("\n");

    [Theory]
    [InlineData("")]
    [InlineData("s3cret")]
    [InlineData("pbkdf2-sha256$1$s3cret$s3cret")]
    public void A_hash_that_is_none_is_refused_by_its_index_and_not_shown(string hash) =>
        Failures(("bob", Hash), ("alice", hash)).Should().ContainSingle().Which.Should()
            .StartWith("Broker:Users:1:PasscodeHash is ").And.Contain("hash-passcode").And.NotContain("s3cret");

    [Fact]
    public void All_failures_are_reported_together() => Failures(("", "x"), ("bob", "x"), ("bob", Hash)).Should().HaveCount(4);

    [Fact]
    public void They_are_reported_together_with_those_of_the_other_options_at_the_start()
    {
        var settings = new Dictionary<string, string?>
        {
            ["Broker:Path"] = "ws",
            ["Broker:Users:0:Login"] = "alice",
            ["Broker:Users:0:PasscodeHash"] = "s3cret",
        };
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddOptions<BrokerOptions>().BindBroker(new ConfigurationBuilder().AddInMemoryCollection(settings).Build()).ValidateOnStart();
        services.AddConfiguredUsers();
        using ServiceProvider provider = services.BuildServiceProvider();
        Action start = () => provider.GetRequiredService<IStartupValidator>().Validate();
        start.Should().Throw<OptionsValidationException>().Which.Message.Should()
            .Contain("Broker:Path").And.Contain("Broker:Users:0:PasscodeHash").And.NotContain("s3cret");
    }

    [Fact]
    public async Task Registered_users_can_log_in()
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.Configure<BrokerOptions>(options => options.Users.Add(new UserOptions
        {
            Login = "alice",
            PasscodeHash = PasscodeHash.Create("right", PasscodeHash.MinIterations).Format(),
        }));
        services.AddConfiguredUsers();
        await using ServiceProvider provider = services.BuildServiceProvider();
        (await provider.GetRequiredService<ConfiguredUsers>().AuthenticateAsync("alice", "right", TestContext.Current.CancellationToken))
            .UserName.Should().Be("alice");
    }

    private static IEnumerable<string> Failures(params (string Login, string Hash)[] users)
    {
        var options = new BrokerOptions();
        foreach ((string login, string hash) in users)
            options.Users.Add(new UserOptions { Login = login, PasscodeHash = hash });
        return new UsersValidator().Validate(null, options).Failures ?? [];
    }
}
