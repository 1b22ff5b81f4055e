using Broker.Configuration;

namespace Broker.Tests.Configuration;

public class PrintableTextTests
{
    [Theory]
    [InlineData(null, "")]
    [InlineData("alice", "alice")]
    [InlineData("Zoë 日本 🙂", "Zoë 日本 🙂")]
    [InlineData("a\r\nFAKE LINE", "a??FAKE LINE")]
    [InlineData("a\u001b[31mred", "a?[31mred")]
    [InlineData("a\u2028b\u202Ec\u0085d\u200Be", "a?b?c?d?e")]
    public void It_stays_on_its_line(string? text, string expected) => PrintableText.Of(text).Should().Be(expected);

    [Fact]
    public void Half_a_character_is_not_shown() => PrintableText.Of("a\ud83d").Should().Be("a?");

    [Fact]
    public void It_is_not_longer_than_100_characters()
    {
        PrintableText.Of(new string('x', 100)).Should().HaveLength(100).And.EndWith("x");
        PrintableText.Of(new string('x', 5000)).Should().HaveLength(100).And.EndWith("...");
    }
}
