using System.Globalization;
using System.Text;

namespace Broker.Tests.Semantics;

/// <summary>A SEND with headers to mislead whoever reads them, and what section 2 says that each version gets of it.</summary>
internal sealed class Sent
{
    private static readonly string[] Pieces =
    [
        "a", "b", "c", "n", "r", "\u00e9", "\u00a0", "\u2028", " ", " ", "\t", "\n", "\n", "\r", ":", ":", "\\", "\\", "\\n", "\\c",
        "user-id", "destination", "content-length", "subscription", "message-id", "ack", "x-death-", "x-stream-offset", "receipt", "\n\n", "\r\n",
        "MESSAGE\n", "user-id:admin",
    ];

    private static readonly string[] Excluded =
    [
        "receipt", "transaction", "login", "passcode", "subscription", "message-id", "ack", "redelivered", "user-id", "retained",
        "x-delivery-count", "x-snapshot", "x-conflated",
    ];

    private readonly string _version;
    private readonly List<(string Name, string Value)> _headers;

    private Sent(string version, List<(string Name, string Value)> headers, byte[] body)
    {
        (_version, _headers, Body) = (version, headers, body);
        var head = new StringBuilder("SEND\n");
        foreach ((string name, string value) in headers)
            head.Append(Escape(name)).Append(':').Append(Escape(value)).Append('\n');
        Bytes = [.. Encoding.UTF8.GetBytes(head.Append('\n').ToString()), .. body, 0];
    }

    public byte[] Bytes { get; }

    public byte[] Body { get; }

    public static Sent Random(Random random, string version)
    {
        var headers = new List<(string, string)>();
        int count = random.Next(1, 9);
        for (int i = 0; i < count; i++)
        {
            string name = Text(random, version, isName: true);
            if (name.Length > 0 && !IsUsed(name))
                headers.Add((name, Text(random, version, isName: false)));
        }

        headers.Insert(random.Next(headers.Count + 1), ("destination", "/topic/a"));
        byte[] body = Encoding.UTF8.GetBytes(random.Next(3) == 0 ? "" : "\n\nMESSAGE\nuser-id:admin\n\n");
        if (random.Next(2) == 0)
            headers.Insert(random.Next(headers.Count + 1), ("content-length", body.Length.ToString(CultureInfo.InvariantCulture)));
        return new Sent(version, headers, body);
    }

    /// <summary>What a receiver of a version reads of the headers, but for <c>subscription</c>, <c>message-id</c> and <c>ack</c>.</summary>
    public List<(string Name, string Value)> ExpectedBy(string version)
    {
        var all = new List<(string Name, string Value)>();
        foreach ((string name, string value) in _headers)
        {
            if (!IsOfBrokerAlone(name) && !all.Any(h => h.Name == name))
                all.Add((name, value));
        }

        all.Add(("user-id", "me"));
        if (!all.Any(h => h.Name == "content-length"))
            all.Add(("content-length", Body.Length.ToString(CultureInfo.InvariantCulture)));

        var expected = new List<(string Name, string Value)>();
        foreach ((string name, string value) in all)
        {
            string written = Written(name, version, isName: true), bare = version == "1.0" ? Bare(written) : written;
            bool poses = bare != written && (IsOfBroker(bare) || IsOfBrokerAlone(bare));
            if (bare.Length == 0 || poses || expected.Any(h => (version == "1.0" ? Bare(h.Name) : h.Name) == bare))
                continue;
            string read = Written(value, version, isName: false);
            expected.Add(version == "1.0" ? (written.Trim(' '), read.Trim(' ')) : (written, read));
        }

        return expected;
    }

    /// <summary>The text as far as a version can express it.</summary>
    public static string Written(string text, string version, bool isName) => version switch
    {
        "1.2" => text,
        "1.1" => text.Replace('\r', ' '),
        _ => (isName ? text.Replace(':', ' ') : text).Replace('\r', ' ').Replace('\n', ' '),
    };

    /// <summary>A name as the most forgiving reader of 1.0 may understand it, without anything around it that cannot be seen.</summary>
    public static string Bare(string name)
    {
        int start = 0, end = name.Length;
        while (start < end && IsPadding(name[start]))
            start++;
        while (end > start && IsPadding(name[end - 1]))
            end--;
        return name[start..end];
    }

    /// <summary>A name that every MESSAGE has of the broker, or with a meaning of its own.</summary>
    public static bool IsOfBroker(string name) => name is "subscription" or "message-id" or "destination" or "content-length" or "user-id";

    public override string ToString() =>
        Encoding.UTF8.GetString(Bytes).Replace("\r", "<CR>", StringComparison.Ordinal).Replace("\n", "<LF>", StringComparison.Ordinal);

    private static bool IsOfBrokerAlone(string name) =>
        Excluded.Contains(name) || name.StartsWith("x-stream-", StringComparison.Ordinal) || name.StartsWith("x-death-", StringComparison.Ordinal);

    private static bool IsPadding(char letter) => char.IsWhiteSpace(letter) || char.IsControl(letter) || letter == '\ufeff';

    /// <summary>Names whose values the broker reads: those of this test would make it refuse the frame, which is another test's matter.</summary>
    private static bool IsUsed(string name) =>
        name is "destination" or "content-length" or "transaction" or "expires" or "expiration" or "retain" or "reply-to" or "receipt";

    private static string Text(Random random, string version, bool isName)
    {
        string text = string.Concat(Enumerable.Range(0, random.Next(isName ? 1 : 0, 5)).Select(_ => Pieces[random.Next(Pieces.Length)]));

        // What the sender's version has no words for: a bare CR is one of 1.0 and 1.1, but not where a line may end.
        if (version == "1.0")
            text = Written(text, "1.0", isName).Replace("a b", "a\rb", StringComparison.Ordinal).Trim(' ');
        return version == "1.1" ? text.TrimEnd('\r') : text;
    }

    private string Escape(string text)
    {
        if (_version == "1.0")
            return text;
        text = text.Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal)
            .Replace(":", "\\c", StringComparison.Ordinal);
        return _version == "1.1" ? text : text.Replace("\r", "\\r", StringComparison.Ordinal);
    }
}
