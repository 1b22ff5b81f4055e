using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Broker.Security;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// The program from the outside: options come "with messages that name the setting", "a command [...] prints a hash for a passcode read
/// from stdin", and what stops the start is told in words.
/// </summary>
public sealed class StartTests
{
    private const int Sigterm = 15;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Settings_that_are_wrong_stop_the_start_and_all_are_named()
    {
        var (exit, output, error) = await RunAsync("", "--urls=http://127.0.0.1:0", "--Broker:Limits:FrameBytes=17", "--Broker:Path=ws", "--Broker:HeartBeat:PingAfter=00:02:00");
        exit.Should().Be(1);
        error.Should().ContainAll("Broker:Limits:FrameBytes", "Broker:Path", "Broker:HeartBeat:PingAfter");
        ShouldBeWords(error);
        output.Should().NotContain("Now listening");
    }

    [Theory]
    [InlineData("--Broker:Limits:FrameByts=1", "Broker:Limits:FrameByts is not a setting")]
    [InlineData("--Broker:Limits:FrameBytes=many", "Broker:Limits:FrameBytes is \"many\"")]
    [InlineData("--Broker:AllowedOrigins:0=*", "Broker:AllowedOrigins:0")]
    [InlineData("--Broker:Users:0:Login=alice", "Broker:Users:0:PasscodeHash")]
    [InlineData("--Broker:Topics:0:Pattern=/queue/a", "Broker:Topics:0:Pattern")]
    public async Task A_setting_that_is_wrong_is_named(string argument, string named)
    {
        var start = () => RunningBroker.StartAsync(argument[2..]);
        (await start.Should().ThrowAsync<Microsoft.Extensions.Options.OptionsValidationException>()).Which.Failures.Should().Contain(f => f.Contains(named, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--urls=http://0.0.0.0:0", "Broker:AllowAnonymous=true")]
    [InlineData("--urls=http://192.0.2.1:9", "192.0.2.1")]
    [InlineData("--urls=nonsense", "nonsense")]
    public async Task Where_it_cannot_or_must_not_listen_it_says_so_in_words_and_ends(string urls, string named)
    {
        var (exit, _, error) = await RunAsync("", urls);
        exit.Should().Be(1);
        error.Should().Contain(named);
        ShouldBeWords(error);
    }

    [Fact]
    public async Task It_does_not_start_on_half_of_localhost()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        string urls = $"http://localhost:{((IPEndPoint)other.LocalEndpoint).Port}";

        var (exit, _, error) = await RunAsync("", "--urls=" + urls);

        exit.Should().Be(1);
        error.Should().Contain("already in use").And.Contain(urls[(urls.LastIndexOf(':'))..]);
        ShouldBeWords(error);
    }

    [Fact]
    public async Task The_hash_that_hash_passcode_prints_lets_its_user_in()
    {
        var (exit, output, error) = await RunAsync("open sesame\n", "hash-passcode");
        (exit, error).Should().Be((0, ""));
        output.TrimEnd().Should().StartWith("pbkdf2-sha256$").And.NotContain("\n");
        PasscodeHash.TryParse(output.TrimEnd(), out var hash).Should().BeTrue();
        await using var broker = await RunningBroker.StartAsync("Broker:Users:0:Login=ali", "Broker:Users:0:PasscodeHash=" + hash!.Format());
        using var client = await StompTestClient.ConnectAsync(broker.Port, headers: [("login", "ali"), ("passcode", "open sesame")]);
        client.Connected!["user-name"].Should().Be("ali");
    }

    [Fact]
    public async Task SIGTERM_drains_and_the_process_ends_with_success()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        var test = TestContext.Current.CancellationToken;
        using var process = Start("--urls=http://127.0.0.1:0");
        try
        {
            process.StandardInput.Close();
            var error = process.StandardError.ReadToEndAsync(test);
            var port = await ReadPortAsync(process.StandardOutput, test).WaitAsync(Patience, test);
            var output = process.StandardOutput.ReadToEndAsync(test); // or it would block on a full pipe
            using var client = await StompTestClient.ConnectAsync(port);
            await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/a"), ("receipt", "r")]);
            await client.ReadFrameAsync("RECEIPT");

            Kill(process.Id, Sigterm).Should().Be(0);
            (await client.Socket.ReadCloseAsync()).Code.Should().Be(1001);
            await client.Socket.SendCloseAsync(1001);
            (await client.Socket.ReadToEndAsync()).End.Should().Be(StreamEnd.Fin);
            await process.WaitForExitAsync(test).WaitAsync(Patience, test);
            process.ExitCode.Should().Be(0, "it said: {0}{1}", await output, await error);
            (await error).Should().BeEmpty();
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    // Started from /, a watch of the tree below the working directory would be one of the whole machine: a second of start, and all the watches that a user may have.
    [Fact]
    public async Task Log_levels_follow_their_file_and_nothing_else_of_the_folder_is_watched()
    {
        var test = TestContext.Current.CancellationToken;
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        using var process = StartIn(folder.CreateSubdirectory("a/b").Parent!.FullName, "--urls=http://127.0.0.1:0");
        try
        {
            process.StandardInput.Close();
            int port = await ReadPortAsync(process.StandardOutput, test).WaitAsync(Patience, test);
            if (OperatingSystem.IsLinux())
                Directory.GetFiles($"/proc/{process.Id}/fdinfo").Where(IsWatch).Should().BeEmpty();

            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "a", "appsettings.json"), """{"Logging":{"LogLevel":{"Broker":"Trace"}}}""", test);
            Task<bool> isTraced = Task.Run(() => SaysAsync(process.StandardOutput, "trce: Broker.Sessions.Session", test), test);
            for (long start = Stopwatch.GetTimestamp(); !isTraced.IsCompleted && Stopwatch.GetElapsedTime(start) < Patience;)
            {
                using StompTestClient client = await StompTestClient.ConnectAsync(port); // something to log
                await Task.WhenAny(isTraced, Task.Delay(100, test));
            }

            isTraced.IsCompleted.Should().BeTrue("it looks every four seconds");
            (await isTraced).Should().BeTrue();
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
            folder.Delete(recursive: true);
        }

        static bool IsWatch(string info) => File.Exists(info) && File.ReadAllText(info).Contains("inotify wd", StringComparison.Ordinal);
    }

    private static void ShouldBeWords(string error) => error.Should().NotContain("   at ").And.NotContain("Exception").And.EndWith("\n");

    private static async Task<(int Exit, string Output, string Error)> RunAsync(string input, params string[] arguments)
    {
        var test = TestContext.Current.CancellationToken;
        using var process = Start(arguments);
        await process.StandardInput.WriteAsync(input.AsMemory(), test);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(test), error = process.StandardError.ReadToEndAsync(test);
        await process.WaitForExitAsync(test).WaitAsync(Patience, test);
        return (process.ExitCode, await output, await error);
    }

    private static Process Start(params string[] arguments) => StartIn(Path.GetTempPath(), arguments); // it starts from any

    private static Process StartIn(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet")
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(typeof(Program).Assembly.Location);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private static async Task<bool> SaysAsync(StreamReader output, string text, CancellationToken cancellation)
    {
        while (await output.ReadLineAsync(cancellation) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
                return true;
        }

        return false;
    }

    /// <summary>The port that it says it listens on.</summary>
    private static async Task<int> ReadPortAsync(StreamReader output, CancellationToken cancellation)
    {
        const string Listening = "Now listening on: ";
        while (await output.ReadLineAsync(cancellation) is { } line)
        {
            if (line.IndexOf(Listening, StringComparison.Ordinal) is >= 0 and var at)
                return new Uri(line[(at + Listening.Length)..].Trim()).Port;
        }

        throw new InvalidOperationException("It ended before it listened.");
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);
}
