using Comparison.Wire;

namespace Comparison.Servers;

/// <summary>Who takes the processor's time, from when it is made.</summary>
internal sealed class CpuWatch(ServerProcess server)
{
    private readonly double? _busy = Machine.BusySeconds;
    private readonly TimeSpan _server = server.Usage.Cpu;
    private readonly TimeSpan _generator = Environment.CpuUsage.TotalTime;
    private readonly long _start = Clock.Now;

    public CpuTimes Stop()
    {
        double wall = (double)(Clock.Now - _start) / Clock.Second;
        double used = (server.Usage.Cpu - _server).TotalSeconds;
        double generator = (Environment.CpuUsage.TotalTime - _generator).TotalSeconds;
        return new CpuTimes(wall, used, generator, Math.Max(0, Machine.BusySeconds - _busy - used - generator ?? 0));
    }
}

/// <summary>Seconds.</summary>
/// <param name="Wall">How long it took.</param>
/// <param name="Server">Of the server and the processes that it has started.</param>
/// <param name="Generator">Of this program: near the wall time it was the limit, not the server.</param>
/// <param name="Others">Of everything else on the machine: more than a little, and the figures are worth little.</param>
internal sealed record CpuTimes(double Wall, double Server, double Generator, double Others);
