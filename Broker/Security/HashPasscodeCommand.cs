namespace Broker.Security;

/// <summary>
/// The command <c>hash-passcode</c>: reads a passcode from standard input, prints its hash. The passcode is never an argument,
/// which other users of the machine could see.
/// </summary>
internal static class HashPasscodeCommand
{
    /// <summary>The word on the command line that selects the command.</summary>
    public const string Name = "hash-passcode";

    /// <summary>How a person runs it from the source tree.</summary>
    public const string CommandLine = "dotnet run --project Broker -- " + Name;

    /// <summary>Runs the command; on a terminal it prompts and does not echo. Returns the exit code.</summary>
    public static int Run(TextReader stdin, TextWriter stdout, TextWriter stderr) =>
        ReferenceEquals(stdin, Console.In) && !Console.IsInputRedirected
            ? Prompt(stdout, stderr)
            : Print(stdin.ReadLine(), stdout, stderr);

    private static int Prompt(TextWriter stdout, TextWriter stderr)
    {
        stderr.Write("Passcode: ");
        stderr.Flush();
        string passcode = "";
        for (ConsoleKeyInfo key = Console.ReadKey(intercept: true); key.Key != ConsoleKey.Enter; key = Console.ReadKey(intercept: true))
        {
            if (key.Key != ConsoleKey.Backspace)
                passcode += key.KeyChar == '\0' ? "" : key.KeyChar;
            else if (passcode.Length > 0)
                passcode = passcode[..^1];
        }

        stderr.WriteLine();
        return Print(passcode, stdout, stderr);
    }

    private static int Print(string? passcode, TextWriter stdout, TextWriter stderr)
    {
        if (string.IsNullOrEmpty(passcode))
        {
            stderr.WriteLine($"No passcode was given. Type one when asked, or pipe it in: printf %s PASSCODE | {CommandLine}");
            return 1;
        }

        stdout.WriteLine(PasscodeHash.Create(passcode).Format());
        return 0;
    }
}
