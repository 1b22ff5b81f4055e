using Comparison.Measures;
using Comparison.Servers;

namespace Comparison;

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    public static string Usage(IEnumerable<string> servers, IEnumerable<string> measures) => $"""
        dotnet run -c Release --project benchmarks/Comparison [-- OPTIONS]
          --servers A,B    only these: {string.Join(", ", servers)}
          --measures A,B   only these: {string.Join(", ", measures)}
          --quick          one short round each: to see that all works, not to compare
          --output FOLDER  where comparison.json and the table, comparison.md, go (artifacts/comparison)
          --plots FOLDER   where the plots go (where the results go)
          --keep           keep what comparison.json has of other servers and measures, and plot all of it
          --broker FILE    another build of the broker
        """;

    public string[]? Servers { get; private init; }

    public string[]? Measures { get; private init; }

    public Effort Effort { get; private init; } = Effort.Full;

    public string Output { get; private init; } = Path.Combine("artifacts", "comparison");

    public string? Plots { get; private init; }

    public bool Keeps { get; private init; }

    public string Broker { get; private init; } = OurBroker.Built;

    /// <summary>Reads the command line; null when it is not understood.</summary>
    public static Options? Parse(ReadOnlySpan<string> arguments)
    {
        var options = new Options();
        while (!arguments.IsEmpty)
        {
            Options? next = arguments switch
            {
                ["--quick", ..] => options with { Effort = Effort.Quick },
                ["--keep", ..] => options with { Keeps = true },
                ["--servers", string list, ..] => options with { Servers = list.Split(',') },
                ["--measures", string list, ..] => options with { Measures = list.Split(',') },
                ["--output", string folder, ..] => options with { Output = folder },
                ["--plots", string folder, ..] => options with { Plots = folder },
                ["--broker", string file, ..] => options with { Broker = Path.GetFullPath(file) },
                _ => null,
            };
            if (next is null)
                return null;
            arguments = arguments[arguments[0] is "--quick" or "--keep" ? 1.. : 2..];
            options = next;
        }

        return options;
    }
}
