using Broker.Security;

namespace Broker.Tests.Security;

public class HashPasscodeCommandTests
{
    [Theory]
    [InlineData("correct horse\n")]
    [InlineData("correct horse\r\n")]
    [InlineData("correct horse")]
    [InlineData("correct horse\nanother line\n")]
    public void It_prints_the_hash_of_the_line_it_read_and_nothing_else(string input)
    {
        (int exit, string output, string error) = Run(input);
        exit.Should().Be(0);
        error.Should().BeEmpty();
        output.TrimEnd('\r', '\n').Should().NotContain("\n").And.NotContain("horse");
        PasscodeHash.TryParse(output.TrimEnd('\r', '\n'), out PasscodeHash? hash).Should().BeTrue();
        hash!.Iterations.Should().Be(PasscodeHash.DefaultIterations);
        hash.Verify("correct horse").Should().BeTrue();
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    public void Without_a_passcode_it_says_so_and_fails(string input)
    {
        (int exit, string output, string error) = Run(input);
        exit.Should().Be(1);
        output.Should().BeEmpty();
        error.Should().Contain("No passcode was given");
    }

    private static (int Exit, string Output, string Error) Run(string input)
    {
        using StringWriter output = new(), error = new();
        int exit = HashPasscodeCommand.Run(new StringReader(input), output, error);
        return (exit, output.ToString(), error.ToString());
    }
}
