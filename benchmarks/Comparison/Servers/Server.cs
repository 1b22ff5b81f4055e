using Comparison.Protocols;

namespace Comparison.Servers;

/// <summary>How a program is started.</summary>
internal sealed record Launch(string Program, IReadOnlyList<string> Arguments)
{
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}

/// <summary>A server that can be compared, and how it is started.</summary>
internal abstract class Server
{
    /// <summary>What it is called on the command line and in the results.</summary>
    public abstract string Key { get; }

    /// <summary>What it is called in tables and plots.</summary>
    public virtual string Title => Key;

    /// <summary>True for the broker of this repository.</summary>
    public virtual bool IsOurs => false;

    public virtual bool IsTls => false;

    /// <summary>Where it takes WebSockets.</summary>
    public virtual string Path => "/ws";

    public virtual Protocol Protocol { get; } = new Stomp();

    /// <summary>How to install it; null when it is.</summary>
    public abstract string? HowToInstall { get; }

    /// <summary>Writes what it needs into a folder of its own, and tells how to start it so that it listens on a port of this machine.</summary>
    public abstract Launch Prepare(string folder, int port);

    /// <summary>Ends what it left behind. Called when its processes are gone.</summary>
    public virtual void CleanUp(Launch launch)
    {
    }
}
