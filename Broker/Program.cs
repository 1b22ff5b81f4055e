using System.Net.Sockets;
using Broker.Configuration;
using Broker.Endpoints;
using Broker.Security;
using Broker.Transports.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Broker;

/// <summary>The stand-alone broker.</summary>
internal static class Program
{
    internal static async Task<int> Main(string[] args)
    {
        if (args is [HashPasscodeCommand.Name])
            return HashPasscodeCommand.Run(Console.In, Console.Out, Console.Error);
        string? urls = null;
        try
        {
            WebApplication app = Build(args);
            urls = app.Configuration["urls"];
            await app.RunAsync().ConfigureAwait(false);
            return 0;
        }
        catch (Exception exception) when (exception is OptionsValidationException or InvalidOperationException or IOException or SocketException or FormatException)
        {
            // What an operator can mend is told in words; a stack trace would hide it.
            await Console.Error.WriteLineAsync(exception switch
            {
                OptionsValidationException invalid => string.Join('\n', invalid.Failures),
                SocketException => $"The broker cannot listen on {urls} (--urls): {exception.Message}.",
                _ => exception.Message,
            }).ConfigureAwait(false);
            return 1;
        }
    }

    /// <summary>The application as it runs; tests build it too.</summary>
    internal static WebApplication Build(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder([WithoutWatch, .. args]);
        WatchSettings(builder.Configuration);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Configuration.Sources.Insert(0, new Microsoft.Extensions.Configuration.Memory.MemoryConfigurationSource { InitialData = Defaults });
        builder.WebHost.ConfigureKestrel(static kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ConfigureEndpointDefaults(static endpoint => endpoint.Use(static next => connection =>
                connection is SocketConnection socket ? socket.ServeAsync(next) : next(connection)));
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(10); // governs a silent connection too
        });
        builder.Services.AddOptions<BrokerOptions>().BindBroker(builder.Configuration);
        builder.Services.AddSingleton<IConnectionListenerFactory, SocketTransport>();
        builder.Services.AddStompBroker();
        builder.Services.AddOptions<HostOptions>().Configure<IOptions<BrokerOptions>>(static (host, broker) =>
            host.ShutdownTimeout = broker.Value.ShutdownTimeout + AfterShutdown);
        configure?.Invoke(builder);
        WebApplication app = builder.Build();
        app.Use(static (context, next) => NotFound.AnswerAsync(context, next));
        app.MapStompBroker();
        app.MapBrokerDiagnostics();
        app.MapBrokerConsole();
        return app;
    }

    // The framework would watch the whole tree below the working directory for changed settings: started from /, all of the machine's.
    private const string WithoutWatch = "--hostBuilder:reloadConfigOnChange=false";

    // Looks at the files themselves instead, every few seconds.
    private static void WatchSettings(ConfigurationManager configuration)
    {
        foreach (JsonConfigurationSource file in configuration.Sources.OfType<JsonConfigurationSource>().ToArray())
        {
            if (file.FileProvider is not PhysicalFileProvider folder)
                continue;
            int place = configuration.Sources.IndexOf(file);
            configuration.Sources[place] = new JsonConfigurationSource
            {
                Path = file.Path!,
                Optional = file.Optional,
                ReloadOnChange = true,
                FileProvider = new PhysicalFileProvider(folder.Root) { UsePollingFileWatcher = true, UseActivePolling = true },
            };
        }
    }

    // For the connections' last two lingers, and for what else is hosted; the framework's own 30 s would cut a longer drain short.
    private static readonly TimeSpan AfterShutdown = TimeSpan.FromSeconds(10);

    /// <summary>What holds unless a file, the environment or the command line says otherwise.</summary>
    private static readonly Dictionary<string, string?> Defaults = new()
    {
        ["urls"] = "http://localhost:15674",
        ["Logging:LogLevel:Default"] = "Information",

        // ASP.NET Core logs query strings at Information, and a token may be in one.
        ["Logging:LogLevel:Microsoft.AspNetCore"] = "Warning",
    };
}
