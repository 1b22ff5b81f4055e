using System.Diagnostics;
using System.Globalization;
using System.Numerics;

namespace Comparison.Servers;

/// <summary>Keeps the server on one core and this program on the others, where there are others and the system lets it.</summary>
internal sealed class Cores
{
    private readonly long _server;

    private Cores(long server) => _server = server;

    public bool AreApart => _server != 0;

    /// <summary>How many there are for both.</summary>
    public static int Count { get; } = Environment.ProcessorCount;

    /// <summary>Takes this program off the first core. To be called before it has threads that matter: they inherit it.</summary>
    public static Cores Split()
    {
        bool canPin = OperatingSystem.IsWindows() || (OperatingSystem.IsLinux() && Programs.Find("taskset") is not null);
        if (!canPin || Environment.ProcessorCount < 2)
            return new Cores(0);
        using var self = Process.GetCurrentProcess();
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsWindows())
            return new Cores(0);
        long all = self.ProcessorAffinity;
        long first = all & -all;
        self.ProcessorAffinity = (nint)(all & ~first);
        return new Cores(first);
    }

    /// <summary>The command line by which a program starts on the server's core.</summary>
    public Launch Pinned(Launch launch) => AreApart && OperatingSystem.IsLinux()
        ? launch with
        {
            Program = Programs.Find("taskset")!,
            Arguments = ["-c", BitOperations.TrailingZeroCount(_server).ToString(CultureInfo.InvariantCulture), launch.Program, .. launch.Arguments],
        }
        : launch;

    /// <summary>The same for a process that runs, where its threads follow it.</summary>
    public void Pin(Process process)
    {
        if (AreApart && OperatingSystem.IsWindows())
            process.ProcessorAffinity = (nint)_server;
    }

    public override string ToString() =>
        AreApart ? $"server on core {BitOperations.TrailingZeroCount(_server)}, generator on the others" : "server and generator share all cores";
}
