using Comparison.Protocols;

namespace Comparison.Servers;

/// <summary>nats-server with its WebSocket listener, which speaks the protocol of NATS.</summary>
internal sealed class NatsServer : Server
{
    public override string Key => "nats-server";

    public override string Path => "/";

    public override Protocol Protocol { get; } = new Nats();

    public override string? HowToInstall => Programs.Find(Key) is null ? "apt-get install nats-server" : null;

    public override Launch Prepare(string folder, int port)
    {
        string file = System.IO.Path.Combine(folder, "nats.conf");
        File.WriteAllText(file, $$"""
            listen: "127.0.0.1:-1"
            websocket { listen: "127.0.0.1:{{port}}", no_tls: true }
            """);
        return new Launch(Programs.Find(Key)!, ["-c", file]);
    }
}
