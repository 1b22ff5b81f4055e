using System.Globalization;

namespace Broker.Configuration;

/// <summary>What a log line or a message may show of a text that came from outside.</summary>
internal static class PrintableText
{
    private const int MaxLength = 100;

    /// <summary>
    /// The text on one line, at most 100 characters of it: what could end the line, steer a terminal or reorder what
    /// stands around it becomes <c>?</c>.
    /// </summary>
    public static string Of(string? text)
    {
        if (text is null)
            return "";
        string shown = text.Length <= MaxLength ? text : text[..(MaxLength - 3)] + "...";
        return shown.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0 ? shown : string.Create(shown.Length, shown, static (line, source) =>
        {
            for (int i = 0; i < line.Length; i++)
                line[i] = IsPrintable(source, i) ? source[i] : '?';
        });
    }

    private static bool IsPrintable(string text, int index) => CharUnicodeInfo.GetUnicodeCategory(text, index) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse)
        && (!char.IsSurrogate(text[index]) || IsPaired(text, index));

    private static bool IsPaired(string text, int index) => char.IsHighSurrogate(text[index])
        ? index + 1 < text.Length && char.IsLowSurrogate(text[index + 1])
        : index > 0 && char.IsHighSurrogate(text[index - 1]);
}
