using Comparison.Protocols;

namespace Comparison.Servers;

/// <summary>stomp-broker-js in node, as its README starts it.</summary>
internal sealed class StompBrokerJs : Server
{
    private readonly Lazy<string?> _modules = new(FindModules);

    public override string Key => "stomp-broker-js";

    public override Protocol Protocol { get; } = new Stomp(answersSubscribe: false);

    public override string? HowToInstall =>
        Programs.Find("node") is null ? "node is needed, then npm install -g stomp-broker-js@1.3.0"
        : _modules.Value is null ? "npm install -g stomp-broker-js@1.3.0 (or into a folder, with NODE_PATH set to its node_modules)"
        : null;

    public override Launch Prepare(string folder, int port)
    {
        string file = System.IO.Path.Combine(folder, "server.js");
        File.WriteAllText(file, $$"""
            const server = require('http').createServer();
            const StompServer = require('stomp-broker-js');
            new StompServer({ server, path: '/ws' });
            server.listen({{port}}, '127.0.0.1');
            """);
        return new Launch(Programs.Find("node")!, [file]) { Environment = new Dictionary<string, string> { ["NODE_PATH"] = _modules.Value! } };
    }

    /// <summary>A folder of modules with this one in it.</summary>
    private static string? FindModules()
    {
        string own = Environment.GetEnvironmentVariable("NODE_PATH") ?? "";
        string? global = Programs.Find("npm") is { } npm ? Programs.Output(npm, ["root", "-g"]) : null;
        return own.Split(System.IO.Path.PathSeparator).Append(global ?? "")
            .FirstOrDefault(static folder => folder.Length > 0 && Directory.Exists(System.IO.Path.Combine(folder, "stomp-broker-js")));
    }
}
