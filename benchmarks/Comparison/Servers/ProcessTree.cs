using System.Diagnostics;
using System.Globalization;

namespace Comparison.Servers;

/// <summary>What processes have used so far, and hold now.</summary>
internal readonly record struct Usage(TimeSpan Cpu, long ResidentBytes);

/// <summary>A process and, where the system tells of them (Linux' /proc), all that it has started.</summary>
internal sealed class ProcessTree(Process root)
{
    // Of processes that are gone, so that the sum never falls.
    private readonly Dictionary<int, TimeSpan> _cpu = [];

    public Usage Read()
    {
        long resident = 0;
        foreach (int id in Members())
        {
            try
            {
                using var process = Process.GetProcessById(id);
                _cpu[id] = process.TotalProcessorTime;
                resident += process.WorkingSet64;
            }
            catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
            {
                // It has just ended.
            }
        }

        return new Usage(_cpu.Values.Aggregate(TimeSpan.Zero, static (sum, one) => sum + one), resident);
    }

    private HashSet<int> Members()
    {
        var members = new HashSet<int> { root.Id };
        if (!OperatingSystem.IsLinux())
            return members;
        List<(int Id, int Parent)> all = [];
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out int id) && ParentOf(folder) is { } parent)
                all.Add((id, parent));
        }

        for (int count = 0; count != members.Count;)
        {
            count = members.Count;
            members.UnionWith(all.Where(process => members.Contains(process.Parent)).Select(static process => process.Id));
        }

        return members;
    }

    // "ID (NAME) STATE PARENT ...", and the name may have anything in it.
    private static int? ParentOf(string folder)
    {
        try
        {
            string status = File.ReadAllText(Path.Combine(folder, "stat"));
            return int.Parse(status[(status.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
