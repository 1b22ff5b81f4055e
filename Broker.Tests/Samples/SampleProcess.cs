using System.Collections.Concurrent;
using System.Diagnostics;

namespace Broker.Tests.Samples;

/// <summary>A sample as its user runs it: a process of its own, started from a folder that has nothing to do with it.</summary>
internal sealed class SampleProcess : IAsyncDisposable
{
    private const string Listening = "Now listening on: ";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly DirectoryInfo _elsewhere;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly TaskCompletionSource<string> _url = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SampleProcess(string assembly)
    {
        _elsewhere = Directory.CreateTempSubdirectory("sample-");
        _process = new Process { StartInfo = Dotnet(_elsewhere.FullName, assembly, "--urls", "http://127.0.0.1:0"), EnableRaisingEvents = true };

        // What the sample keeps for its user is kept there too.
        _process.StartInfo.Environment["HOME"] = _elsewhere.FullName;
        _process.OutputDataReceived += (_, line) => Read(line.Data);
        _process.ErrorDataReceived += (_, line) => Read(line.Data);
        _process.Exited += (_, _) => _url.TrySetException(new InvalidOperationException($"It ended:\n{string.Join('\n', _output)}"));
    }

    /// <summary>Where it listens, such as <c>http://127.0.0.1:41234</c>.</summary>
    public string Url => _url.Task.Result;

    public int Port => new Uri(Url).Port;

    /// <summary>The root of the sources, with the solution in it.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Debug or Release, as these tests.</summary>
    public static string Configuration { get; } = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    /// <summary>Starts what the build made of it.</summary>
    public static Task<SampleProcess> StartAsync(string name) =>
        StartInAsync(Path.Combine(Root, "samples", name, "bin", Configuration, Path.GetFileName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))), name);

    /// <summary>Starts what lies in this folder.</summary>
    public static async Task<SampleProcess> StartInAsync(string folder, string name)
    {
        var sample = new SampleProcess(Path.Combine(folder, name + ".dll"));
        sample._process.Start();
        sample._process.BeginOutputReadLine();
        sample._process.BeginErrorReadLine();
        try
        {
            await sample._url.Task.WaitAsync(Patience);
            return sample;
        }
        catch
        {
            await sample.DisposeAsync();
            throw;
        }
    }

    /// <summary>Publishes it, as it was built, to a folder.</summary>
    public static async Task PublishAsync(string name, string folder)
    {
        using var publish = Process.Start(Dotnet(
            Root, "publish", Path.Combine("samples", name), "--no-build", "--configuration", Configuration, "--output", folder, "--nologo"))!;
        Task<string> output = publish.StandardOutput.ReadToEndAsync();
        Task<string> errors = publish.StandardError.ReadToEndAsync();
        await publish.WaitForExitAsync().WaitAsync(Patience);
        publish.ExitCode.Should().Be(0, "{0}{1}", await output, await errors);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _elsewhere.Delete(recursive: true);
    }

    private static ProcessStartInfo Dotnet(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("ASPNETCORE_", StringComparison.Ordinal) || name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        return start;
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "StompBroker.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("These tests run inside the sources.");
    }

    private void Read(string? line)
    {
        if (line is null)
            return;
        _output.Enqueue(line);
        int at = line.IndexOf(Listening, StringComparison.Ordinal);
        if (at >= 0)
            _url.TrySetResult(line[(at + Listening.Length)..].Trim());
    }
}
