using System.Text.Json.Serialization;

namespace Comparison.Loads;

/// <summary>What must not happen, counted; and the first of it in the server's words.</summary>
internal sealed record Faults(long Lost, long Duplicated, long Reordered, long Wrong, long Errors, long Closed, string[] Words)
{
    [JsonIgnore]
    public bool IsNone => (Lost | Duplicated | Reordered | Wrong | Errors | Closed) == 0;

    /// <summary>What came since then.</summary>
    public Faults Since(Faults earlier) => new(
        Lost - earlier.Lost, Duplicated - earlier.Duplicated, Reordered - earlier.Reordered, Wrong - earlier.Wrong, Errors - earlier.Errors, Closed - earlier.Closed, Words);

    public override string ToString()
    {
        (long Count, string Name)[] all =
        [
            (Lost, "lost"), (Duplicated, "duplicated"), (Reordered, "reordered"), (Wrong, "wrong"), (Errors, "errors"), (Closed, "connections closed"),
        ];
        string counts = string.Join(", ", all.Where(static fault => fault.Count > 0).Select(static fault => $"{fault.Count:N0} {fault.Name}"));
        return Words.Length == 0 ? counts : $"{counts} (\"{Words[0]}\")";
    }
}
