using System.Text;
using Broker.Messaging;
using Broker.Stomp;

namespace Broker.Tests.Routing;

/// <summary>The meaning of patterns as plainly as it can be written, by trying every way to lay one over a name, and names and patterns to try it with.</summary>
internal static class PatternOracle
{
    private static readonly string[] Letters = ["a", "b", "ab", "a*"];
    private static readonly string[] Wildcards = ["*", "#", "**", ">"];

    public static string Name(Random random) => Join(random, random.Next(1, 6), () => Letters[random.Next(Letters.Length)]);

    /// <summary>A pattern or name that a SUBSCRIBE may use, of up to 5 segments.</summary>
    public static string Pattern(Random random) => Pattern(random, 5, Letters);

    public static string Pattern(Random random, int maxSegments, string[] letters)
    {
        while (true)
        {
            string pattern = Join(random, random.Next(1, maxSegments + 1),
                () => random.Next(2) == 0 ? letters[random.Next(letters.Length)] : Wildcards[random.Next(Wildcards.Length)]);
            if (Destination.CheckSubscribe(Encoding.UTF8.GetBytes("/topic/" + pattern), new(), out _) == StompError.None)
                return pattern;
        }
    }

    public static bool IsPattern(string name) => name.Split('.', '/').Any(Wildcards.Contains);

    /// <summary>The separators are one, and so are the two ways to write "zero or more".</summary>
    public static string Key(string pattern) => string.Join('.', pattern.Split('.', '/').Select(segment => segment == "**" ? "#" : segment));

    public static bool Matches(string pattern, string name) => Matches(Key(pattern).Split('.'), name.Split('.', '/'));

    private static string Join(Random random, int count, Func<string> segment)
    {
        var text = new StringBuilder(segment());
        for (int i = 1; i < count; i++)
            text.Append(random.Next(2) == 0 ? '.' : '/').Append(segment());
        return text.ToString();
    }

    private static bool Matches(ReadOnlySpan<string> pattern, ReadOnlySpan<string> name)
    {
        if (pattern.IsEmpty)
            return name.IsEmpty;
        if (pattern[0] is "#" or ">")
        {
            for (int take = 0; take <= name.Length; take++)
            {
                if (Matches(pattern[1..], name[take..]))
                    return true;
            }

            return false;
        }

        return !name.IsEmpty && (pattern[0] == "*" || pattern[0] == name[0]) && Matches(pattern[1..], name[1..]);
    }
}
