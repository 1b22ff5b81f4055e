using System.Globalization;
using System.Runtime.InteropServices;
using Comparison;
using Comparison.Measures;
using Comparison.Reports;
using Comparison.Servers;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
Options? options = Options.Parse(args);
Server[] servers =
[
    new OurBroker(isTls: false, options?.Broker ?? OurBroker.Built),
    new OurBroker(isTls: true, options?.Broker ?? OurBroker.Built),
    new NatsServer(),
    new StompBrokerJs(),
    new RabbitMq(),
];
string[] serverKeys = [.. servers.Select(static server => server.Key)];
string[] measureKeys = [.. Catalogue.Measures.Select(static measure => measure.Key)];
if (options is null || !(options.Servers ?? []).All(serverKeys.Contains) || !(options.Measures ?? []).All(measureKeys.Contains))
{
    Console.Error.WriteLine(Options.Usage(serverKeys, measureKeys));
    return 2;
}

#if DEBUG
Console.WriteLine("This is a debug build, and so is the broker: dotnet run -c Release");
#endif
// Who interrupts this has no server left over: the runtime would end without its events.
PosixSignal[] signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP];
PosixSignalRegistration[] endings = [.. signals.Select(static signal => PosixSignalRegistration.Create(signal, static _ => Environment.Exit(1)))];
var cores = Cores.Split();
var file = ResultFile.Open(options.Output, options.Keeps);
Console.WriteLine($"{Machine.Description}; {cores}");
foreach (Server server in servers.Where(server => options.Servers?.Contains(server.Key) != false))
{
    if (server.HowToInstall is { } how)
    {
        Console.WriteLine($"{server.Title} is left out; to have it: {how}");
        continue;
    }

    foreach (Measure measure in Catalogue.Measures.Where(measure => options.Measures?.Contains(measure.Key) != false))
    {
        Console.Write($"{server.Title}: {measure.Title} ... ");
        Result result = measure.Run(server, cores, options.Effort);
        Console.WriteLine(Words.Of(measure, result));
        file.Put(result);
        file.Save();
    }
}

Array.ForEach(endings, static ending => ending.Dispose());
if (file.Results.Count == 0)
    return 1;
Console.WriteLine();
string table = Table.Of(Catalogue.Measures, servers, file.Results);
Console.WriteLine(table);
File.WriteAllText(Path.ChangeExtension(file.Path, "md"), $"{Machine.Description}; {cores}.\n\n{table}");
string plots = options.Plots ?? options.Output;
Directory.CreateDirectory(plots);
foreach ((string name, IReadOnlyList<Measure> measures) in Catalogue.Plots)
    File.WriteAllText(Path.Combine(plots, $"comparison-{name}.svg"), Plot.Of(measures, servers, file.Results));
Console.WriteLine($"{file.Path}; plots in {Path.GetFullPath(plots)}");

// What this broker promises must hold here too; what others do is only told.
return file.Results.Any(result => servers.Any(server => server.IsOurs && server.Key == result.Server) && (result.Failure is not null || result.Faults.Any())) ? 1 : 0;
