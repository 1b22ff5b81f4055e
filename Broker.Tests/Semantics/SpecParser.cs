using System.Text;

namespace Broker.Tests.Semantics;

/// <summary>A frame as its receiver understands it: the headers decoded, in order, repeats included.</summary>
internal sealed record SpecFrame(string Command, IReadOnlyList<(string Name, string Value)> Headers, byte[] Body)
{
    /// <summary>The first header of a name counts.</summary>
    public string? this[string name] => Headers.Where(h => h.Name == name).Select(h => h.Value).FirstOrDefault();
}

/// <summary>
/// A receiver written after the texts of STOMP 1.0, 1.1 and 1.2, which shares no code with the broker and forgives nothing: a message is
/// one frame, lines end in LF, and only the escapes of its version are escapes.
/// </summary>
internal static class SpecParser
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static SpecFrame Parse(ReadOnlySpan<byte> message, string version)
    {
        int at = 0;
        string command = Line(message, ref at);
        bool escaped = version != "1.0" && command != "CONNECTED";
        var headers = new List<(string, string)>();
        while (Line(message, ref at) is { Length: > 0 } line)
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0)
                throw new FormatException($"No colon in the header line '{line}'.");
            string name = line[..colon], value = line[(colon + 1)..];
            if (escaped && value.Contains(':', StringComparison.Ordinal))
                throw new FormatException($"A bare colon in the value of '{line}'.");
            headers.Add(escaped ? (Unescape(name, version), Unescape(value, version))
                : version == "1.0" ? (name.Trim(' '), value.Trim(' '))
                : (name, value));
        }

        if (headers.Any(h => h.Item1.Length == 0))
            throw new FormatException("A header without a name.");
        var frame = new SpecFrame(command, headers, []);
        ReadOnlySpan<byte> rest = message[at..];
        int length = frame["content-length"] is { } text ? int.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : rest.IndexOf((byte)0);
        if (length + 1 != rest.Length || rest[length] != 0)
            throw new FormatException($"The body of {length} bytes is not followed by NUL and the end of the message.");
        return frame with { Body = rest[..length].ToArray() };
    }

    private static string Line(ReadOnlySpan<byte> message, ref int at)
    {
        int length = message[at..].IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = length < 0 ? throw new FormatException("A line without its end.") : message.Slice(at, length);
        at += length + 1;
        if (line.ContainsAny((byte)'\r', (byte)0))
            throw new FormatException("A bare CR or a NUL in the header block.");
        return Strict.GetString(line);
    }

    private static string Unescape(string text, string version)
    {
        var plain = new StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            plain.Append(text[i] != '\\' ? text[i] : (++i < text.Length ? text[i] : '\0') switch
            {
                'n' => '\n',
                'c' => ':',
                '\\' => '\\',
                'r' when version == "1.2" => '\r',
                _ => throw new FormatException($"An escape that STOMP {version} does not define in '{text}'."),
            });
        }

        return plain.ToString();
    }
}
