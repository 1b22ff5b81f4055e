using System.Text;
using Broker.Stomp;

namespace Broker.Tests.Stomp;

/// <summary>Feeds a parser as a connection would, and writes down what came of it.</summary>
internal static class Feed
{
    /// <summary>
    /// What a parser makes of a stream that arrives in pieces ending at the cuts, each time seen at another place in memory.
    /// </summary>
    public static string Read(byte[] stream, StompVersion version, IEnumerable<int>? cuts = null, StompLimits? limits = null)
    {
        var parser = new StompParser(limits ?? new StompLimits()) { Version = version };
        var record = new StringBuilder();
        ReadOnlySpan<byte> input = default;
        int consumed = 0;
        foreach (int arrived in (cuts ?? []).Append(stream.Length))
        {
            input = stream.AsSpan(consumed, arrived - consumed);
            record.Append(Drain(parser, ref input));
            if (parser.Error != StompError.None)
                return record.ToString();
            consumed = arrived - input.Length;
        }
        return record.Append(Waiting(parser, input)).ToString();
    }

    /// <summary>All frames in the input, and the error if there is one.</summary>
    public static string Drain(StompParser parser, ref ReadOnlySpan<byte> input)
    {
        var record = new StringBuilder();
        while (true)
        {
            switch (parser.Read(ref input, out StompFrame frame))
            {
                case StompParseResult.Frame:
                    Describe(frame, record);
                    break;
                case StompParseResult.Error:
                    return record.Append(Describe(parser)).ToString();
                default:
                    return record.ToString();
            }
        }
    }

    /// <summary>What a parser without an error waits for.</summary>
    public static string Waiting(StompParser parser, ReadOnlySpan<byte> input) =>
        $"more, {input.Length} left, {(parser.InFrame ? "in a frame" : "between frames")}";

    /// <summary>The same, from text.</summary>
    public static string Read(string stream, StompVersion version = StompVersion.V12, StompLimits? limits = null) =>
        Read(Bytes(stream), version, limits: limits);

    /// <summary>
    /// Text as bytes: UTF-8, but <c>U+0080</c> to <c>U+00FF</c> stand for single octets, so that invalid UTF-8 can be written.
    /// </summary>
    public static byte[] Bytes(string text) =>
        text.Any(letter => letter > '\u00FF') ? Encoding.UTF8.GetBytes(text) : Encoding.Latin1.GetBytes(text);

    private static void Describe(in StompFrame frame, StringBuilder record)
    {
        record.Append(frame.Command);
        for (int i = 0; i < frame.Headers.Count; i++)
        {
            StompHeader header = frame.Headers[i];
            record.Append($" [{Encoding.UTF8.GetString(header.Name)}={Encoding.UTF8.GetString(header.Value)}]");
        }
        record.Append(" <").Append(Encoding.Latin1.GetString(frame.Body)).Append(">; ");
    }

    private static string Describe(StompParser parser) =>
        parser.TryGetErrorReceipt(out ReadOnlySpan<byte> receipt)
            ? $"{parser.Error}, receipt {Encoding.UTF8.GetString(receipt)}"
            : parser.Error.ToString();
}
