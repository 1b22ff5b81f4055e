using System.Net;

namespace Comparison.Wire;

/// <summary>Where a server listens on this machine.</summary>
internal sealed record Endpoint(int Port, string Path, bool IsTls)
{
    public IPEndPoint Address { get; } = new(IPAddress.Loopback, Port);
}
