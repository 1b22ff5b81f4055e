using Broker.Transports.WebSockets;

namespace Broker.Tests.Transports;

public class OriginPolicyTests
{
    [Theory]
    [InlineData("*")]
    [InlineData("null")]
    [InlineData("")]
    [InlineData("app.example.com")]
    [InlineData("https://*.example.com")]
    [InlineData("https://app.example.com/path")]
    [InlineData("https://app.example.com:99999")]
    [InlineData("https://user@app.example.com")]
    [InlineData("https://")]
    public void An_entry_that_could_never_match_is_refused_at_start(string entry)
    {
        var act = () => new OriginPolicy(["https://good.example", entry], () => false);
        act.Should().Throw<ArgumentException>().WithMessage($"Broker:AllowedOrigins has '{entry}'*https://app.example.com*");
    }
}
