using Broker.Configuration;
using Broker.Security;

namespace Broker.Tests.Security;

/// <summary>SEMANTICS: "bound to any other address without authentication it refuses to start and says which setting to add".</summary>
public class ListenRuleTests
{
    [Theory]
    [InlineData("http://localhost:15674")]
    [InlineData("http://LOCALHOST:15674")]
    [InlineData("https://localhost:15674")]
    [InlineData("http://127.0.0.1:1")]
    [InlineData("http://127.8.9.10:1")]
    [InlineData("http://[::1]:2")]
    [InlineData("http://[::ffff:127.0.0.1]:2")]
    [InlineData("http://unix:/run/stomp.sock")]
    [InlineData("http://pipe:/stomp")]
    public void What_only_this_machine_reaches_is_loopback(string address)
    {
        ListenRule.AllLoopback([address]).Should().BeTrue();
        ListenRule.Refusal([address], new BrokerOptions()).Should().BeNull();
    }

    [Theory]
    [InlineData("http://[::]:80")]
    [InlineData("http://0.0.0.0:80")]
    [InlineData("http://+:80")]
    [InlineData("https://*:443")]
    [InlineData("http://host:80")]
    [InlineData("http://foo.localhost:80")]
    [InlineData("http://localhost.example.com:80")]
    [InlineData("http://127.0.0.1.example.com:80")]
    [InlineData("http://192.0.2.1:80")]
    [InlineData("http://[2001:db8::1]:80")]
    [InlineData("http://<file handle: 5>")]
    [InlineData("nonsense")]
    public void What_others_may_reach_is_refused_and_the_text_says_which_setting_to_add(string address)
    {
        ListenRule.AllLoopback(["http://localhost:1", address]).Should().BeFalse();
        ListenRule.Refusal(["http://localhost:1", address], new BrokerOptions()).Should()
            .Contain(address).And.NotContain("http://localhost:1,")
            .And.Contain("Broker:Users:0:Login").And.Contain("Broker:Users:0:PasscodeHash").And.Contain("hash-passcode")
            .And.Contain("Broker:AllowAnonymous=true");
    }

    [Fact]
    public void An_address_that_says_nothing_is_not_safe()
    {
        ListenRule.AllLoopback([""]).Should().BeFalse();
        ListenRule.Refusal([""], new BrokerOptions()).Should().NotBeNull();
    }

    [Fact]
    public void Users_or_a_deliberate_setting_lift_the_rule()
    {
        var users = new BrokerOptions();
        users.Users.Add(new UserOptions { Login = "alice", PasscodeHash = "x" });
        ListenRule.Refusal(["http://0.0.0.0:80"], users).Should().BeNull();
        ListenRule.Refusal(["http://0.0.0.0:80"], new BrokerOptions { AllowAnonymous = true }).Should().BeNull();
    }

    [Fact]
    public void Where_nothing_listens_nobody_is_reached() => ListenRule.AllLoopback([]).Should().BeTrue();
}
