using System.Globalization;
using System.Runtime.InteropServices;

namespace Comparison.Servers;

/// <summary>What is measured on.</summary>
internal static class Machine
{
    // The unit of /proc/stat, whatever the kernel's own.
    private const double TicksPerSecond = 100;

    /// <summary>Processor, cores, system and runtime in a line.</summary>
    public static string Description { get; } =
        $"{Processor}, {Cores.Count} cores, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}";

    /// <summary>The seconds that all processes of all cores took so far; null where the system does not tell.</summary>
    public static double? BusySeconds
    {
        get
        {
            if (!OperatingSystem.IsLinux())
                return null;
            string[] fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return fields[1..4].Sum(static ticks => double.Parse(ticks, CultureInfo.InvariantCulture)) / TicksPerSecond; // user, nice, system
        }
    }

    private static string Processor
    {
        get
        {
            const string key = "model name";
            string? line = OperatingSystem.IsLinux() ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(static line => line.StartsWith(key, StringComparison.Ordinal)) : null;
            return line is null ? RuntimeInformation.ProcessArchitecture.ToString() : line[(line.IndexOf(':') + 1)..].Trim();
        }
    }
}
