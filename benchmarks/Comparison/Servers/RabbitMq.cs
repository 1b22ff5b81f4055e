namespace Comparison.Servers;

/// <summary>RabbitMQ with Web-STOMP and nothing else: a node of its own, with its files, name and ports apart from one that may run here.</summary>
internal sealed class RabbitMq : Server
{
    // Debian's rabbitmq-server in the path changes the user and its folder; this is what it calls.
    private const string Debian = "/usr/lib/rabbitmq/bin/rabbitmq-server";

    public override string Key => "rabbitmq";

    public override string Title => "RabbitMQ Web-STOMP";

    public override string? HowToInstall => Program is null ? "apt-get install rabbitmq-server" : null;

    private static string? Program => File.Exists(Debian) ? Debian : Programs.Find("rabbitmq-server");

    public override Launch Prepare(string folder, int port)
    {
        string In(string name) => System.IO.Path.Combine(folder, name);
        File.WriteAllText(In("rabbitmq.conf"), $"""
            listeners.tcp = none
            stomp.listeners.tcp = none
            web_stomp.tcp.ip = 127.0.0.1
            web_stomp.tcp.port = {port}
            log.console = true
            log.console.level = warning
            log.file = false
            """);
        File.WriteAllText(In("enabled_plugins"), "[rabbitmq_web_stomp].\n");
        return new Launch(Program!, [])
        {
            Environment = new Dictionary<string, string>
            {
                ["HOME"] = folder,
                ["RABBITMQ_NODENAME"] = $"comparison{port}@localhost",
                ["RABBITMQ_CONFIG_FILE"] = In("rabbitmq"),
                ["RABBITMQ_ENABLED_PLUGINS_FILE"] = In("enabled_plugins"),
                ["RABBITMQ_MNESIA_BASE"] = In("mnesia"),
                ["RABBITMQ_LOG_BASE"] = In("log"),
                ["RABBITMQ_PID_FILE"] = In("pid"),
                ["RABBITMQ_GENERATED_CONFIG_DIR"] = In("config"),
                ["RABBITMQ_DIST_PORT"] = $"{Ports.Free()}",
                ["ERL_EPMD_PORT"] = $"{Ports.Free()}",
                ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            },
        };
    }

    // Erlang's port mapper is a daemon, and no child of the node that started it.
    public override void CleanUp(Launch launch)
    {
        if (Programs.Find("epmd") is { } mapper)
            Programs.Output(mapper, ["-kill"], launch.Environment);
    }
}
