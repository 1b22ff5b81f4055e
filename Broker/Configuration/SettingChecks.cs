using System.Globalization;
using Microsoft.Extensions.Options;

namespace Broker.Configuration;

/// <summary>
/// Collects what is wrong with settings, so that all of it is reported together. Each sentence names the setting as
/// configuration writes it, its value, and what to set instead.
/// </summary>
internal sealed class SettingChecks
{
    private readonly List<string> _failures = [];

    /// <summary>The outcome: every failure, or success.</summary>
    public ValidateOptionsResult Result => _failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(_failures);

    /// <summary>The setting's name with the section in front, such as <c>Broker:Limits:FrameBytes</c>.</summary>
    public static string Name(string path) => $"{BrokerOptions.SectionName}:{path}";

    /// <summary>Notes a failure that shows the value; never for a secret.</summary>
    public void Fail(string path, string? value, string advice) =>
        _failures.Add(string.IsNullOrEmpty(value) ? $"{Name(path)} is empty; {advice}" : $"{Name(path)} is \"{PrintableText.Of(value)}\"; {advice}");

    /// <summary>Notes a failure without the value.</summary>
    public void FailUnseen(string path, string whatIsWrong) => _failures.Add($"{Name(path)} {whatIsWrong}");

    /// <summary>Checks a number against both bounds, inclusive.</summary>
    public void Range(string path, long value, long min, long max, string unit)
    {
        if (value < min)
            _failures.Add(Sentence(path, Text(value), $"it must be at least {Text(min)} {unit}."));
        else if (value > max)
            _failures.Add(Sentence(path, Text(value), $"it must be at most {Text(max)} {unit}."));
    }

    /// <summary>Checks a number that is off when zero.</summary>
    public void ZeroOrUpTo(string path, long value, long max, string unit)
    {
        if (value < 0)
            _failures.Add(Sentence(path, Text(value), $"it must be 0 (no limit) or at least 1 {unit}."));
        else
            Range(path, value, 0, max, unit);
    }

    /// <summary>Checks a time span against both bounds, inclusive.</summary>
    public void Range(string path, TimeSpan value, TimeSpan min, TimeSpan max)
    {
        if (value < min)
            _failures.Add(Sentence(path, Text(value), $"it must be at least {Text(min)}{SpanSyntax}."));
        else if (value > max)
            _failures.Add(Sentence(path, Text(value), $"it must be at most {Text(max)}{SpanSyntax}."));
    }

    /// <summary>Checks a time span that is off when zero, which means <paramref name="zero"/>.</summary>
    public void ZeroOrRange(string path, TimeSpan value, TimeSpan min, TimeSpan max, string zero = "never")
    {
        if (value < min && value != TimeSpan.Zero)
            _failures.Add(Sentence(path, Text(value), $"it must be 00:00:00 ({zero}) or at least {Text(min)}{SpanSyntax}."));
        else if (value != TimeSpan.Zero)
            Range(path, value, min, max);
    }

    /// <summary>Checks that one number is not above another setting's.</summary>
    public void NotAbove(string path, long value, string otherPath, long other, string why)
    {
        if (value > other)
            _failures.Add(Sentence(path, Text(value), $"it must be at most {Name(otherPath)}, which is {Text(other)}: {why}."));
    }

    /// <summary>Checks that one time span is below another setting's, or not above it.</summary>
    public void NotAbove(string path, TimeSpan value, string otherPath, TimeSpan other, bool orEqual, string why)
    {
        if (value > other || (value == other && !orEqual))
        {
            string bound = orEqual ? "at most" : "less than";
            _failures.Add(Sentence(path, Text(value), $"it must be {bound} {Name(otherPath)}, which is {Text(other)}: {why}."));
        }
    }

    // "Broker:ShutdownTimeout=5" is five days to the framework: the upper bounds catch it and this explains it.
    private const string SpanSyntax = " (hours:minutes:seconds; a number alone means days)";

    private static string Sentence(string path, string value, string advice) => $"{Name(path)} is {value}; {advice}";

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(TimeSpan value) => value.ToString("c", CultureInfo.InvariantCulture);
}
