using System.Text.Json;
using Comparison.Measures;
using Comparison.Servers;

namespace Comparison.Reports;

/// <summary>The results as a file: all rounds of everything.</summary>
internal sealed class ResultFile
{
    private const string Name = "comparison.json";
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private readonly List<Result> _results;

    private ResultFile(string path, List<Result> results)
    {
        Path = path;
        _results = results;
    }

    public string Path { get; }

    public IReadOnlyList<Result> Results => _results;

    /// <summary>The file of a folder, empty unless it is to keep what it has.</summary>
    public static ResultFile Open(string folder, bool keeps)
    {
        Directory.CreateDirectory(folder);
        string path = System.IO.Path.Combine(System.IO.Path.GetFullPath(folder), Name);
        Content? content = keeps && File.Exists(path) ? JsonSerializer.Deserialize<Content>(File.ReadAllText(path), Format) : null;
        return new ResultFile(path, content?.Results ?? []);
    }

    /// <summary>Adds a result, in the place of an earlier one.</summary>
    public void Put(Result result)
    {
        _results.RemoveAll(earlier => earlier.Server == result.Server && earlier.Measure == result.Measure);
        _results.Add(result);
    }

    public void Save() => File.WriteAllText(Path, JsonSerializer.Serialize(new Content(Machine.Description, _results), Format));

    private sealed record Content(string Machine, List<Result> Results);
}
