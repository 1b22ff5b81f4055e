using Broker.Stomp;

namespace Broker.Tests.Stomp;

/// <summary>"One table in the code holds condition, text and close code" (section 10).</summary>
public class ErrorTableTests
{
    private static readonly StompError[] All = [.. Enum.GetValues<StompError>().Where(error => error != StompError.None)];

    [Fact]
    public void Every_error_has_a_short_message_and_a_body_that_says_what_to_do()
    {
        foreach (StompError error in All)
        {
            StompErrorText text = StompErrors.Get(error);
            text.Message.Should().MatchRegex("^[A-Za-z0-9 -]{4,40}$", "{0} stands unescaped in a header", error);
            text.Body.Should().EndWith(".").And.NotContain("  ");
            text.Body.Length.Should().BeGreaterThan(15);
            text.Body.All(char.IsAscii).Should().BeTrue();
            Enum.IsDefined(text.Condition).Should().BeTrue();
        }
    }

    [Fact]
    public void No_two_errors_look_the_same()
    {
        All.Select(error => StompErrors.Get(error).Message).Should().OnlyHaveUniqueItems();
        All.Select(error => StompErrors.Get(error).Body).Should().OnlyHaveUniqueItems();
    }

    [Theory]
    [InlineData(StompError.HeartBeatTimeout, "heart-beat timeout", StompCloseCondition.ProtocolError)]
    [InlineData(StompError.SlowConsumer, "slow consumer", StompCloseCondition.SlowConsumer)]
    [InlineData(StompError.NotPermitted, "not permitted", StompCloseCondition.PolicyViolation)]
    [InlineData(StompError.LoginFailed, "login failed", StompCloseCondition.PolicyViolation)]
    [InlineData(StompError.LoginTimeout, "login timeout", StompCloseCondition.ProtocolError)]
    [InlineData(StompError.UnknownCommand, "unknown command", StompCloseCondition.ProtocolError)]
    [InlineData(StompError.CommandTooLong, "command too long", StompCloseCondition.PolicyViolation)]
    [InlineData(StompError.QueueFull, "queue full", StompCloseCondition.PolicyViolation)]
    [InlineData(StompError.DestinationTooLong, "destination too long", StompCloseCondition.PolicyViolation)]
    [InlineData(StompError.FrameTooLarge, "frame too large", StompCloseCondition.TooLarge)]
    [InlineData(StompError.ServerError, "server error", StompCloseCondition.Internal)]
    public void Messages_that_clients_look_for_are_fixed(StompError error, string message, StompCloseCondition condition)
    {
        StompErrors.Get(error).Message.Should().Be(message);
        StompErrors.Get(error).Condition.Should().Be(condition);
    }

    [Theory]
    [InlineData(StompError.BadDestination)]
    [InlineData(StompError.DestinationUnavailable)]
    public void A_bad_destination_is_told_the_valid_prefixes(StompError error) =>
        StompErrors.Get(error).Body.Should().ContainAll("/topic/", "/queue/", "/temp-queue/");

    [Fact]
    public void No_error_has_no_text() =>
        FluentActions.Invoking(() => StompErrors.Get(StompError.None)).Should().Throw<ArgumentOutOfRangeException>();
}
