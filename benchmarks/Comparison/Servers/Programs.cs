using System.Diagnostics;

namespace Comparison.Servers;

/// <summary>What is installed on this machine.</summary>
internal static class Programs
{
    // Where servers lie that are not for everybody's path.
    private static readonly string[] Elsewhere = OperatingSystem.IsWindows() ? [] : ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"];

    /// <summary>The path of a program; null when there is none of that name.</summary>
    public static string? Find(string name)
    {
        string file = OperatingSystem.IsWindows() ? name + ".exe" : name;
        string[] folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator), .. Elsewhere];
        return folders.Where(static folder => folder.Length > 0).Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);
    }

    /// <summary>Runs a program to its end and returns what it wrote; null when it could not or failed.</summary>
    public static string? Output(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        using Process? process = Process.Start(start);
        if (process is null)
            return null;
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output.Trim() : null;
    }
}
