using System.ComponentModel;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace Broker.Configuration;

/// <summary>
/// Compares a configuration section with the tree of options: are its keys settings, and can its values be read? The binder
/// refuses such things too, yet one at a time and an unknown key without its path, and it passes over a value where a
/// section belongs (<c>Broker:Users=alice</c>).
/// </summary>
internal static class SectionShape
{
    /// <summary>
    /// Adds a sentence for every key under <paramref name="section"/> that does not fit <paramref name="type"/>. Text is not
    /// shown: it may be a secret.
    /// </summary>
    public static void Check(IConfigurationSection section, Type type, List<string> failures)
    {
        if (ElementType(type) is { } element)
        {
            CheckNoValue(section, "a list", failures);
            foreach (IConfigurationSection entry in section.GetChildren())
            {
                if (int.TryParse(entry.Key, out _))
                    Check(entry, element, failures);
                else
                    failures.Add($"{entry.Path} is not a setting; {section.Path} is a list, whose entries are {section.Path}:0 and so on.");
            }
        }
        else if (IsSection(type))
        {
            CheckNoValue(section, "a section", failures);
            PropertyInfo[] settings = type.GetProperties();
            foreach (IConfigurationSection child in section.GetChildren())
            {
                if (Array.Find(settings, s => s.Name.Equals(child.Key, StringComparison.OrdinalIgnoreCase)) is { } setting)
                    Check(child, setting.PropertyType, failures);
                else
                    failures.Add($"{child.Path} is not a setting; those of {section.Path} are {string.Join(", ", settings.Select(s => s.Name))}.");
            }
        }
        else if (section.GetChildren().Any())
        {
            failures.Add($"{section.Path} is a section or a list; it must be one value.");
        }
        else
        {
            CheckValue(section, type, failures);
        }
    }

    private static void CheckValue(IConfigurationSection section, Type type, List<string> failures)
    {
        if (section.Value is null || type == typeof(string))
            return;
        try
        {
            TypeDescriptor.GetConverter(type).ConvertFromInvariantString(section.Value);
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or OverflowException)
        {
            string advice = Advice(type) ?? exception.Message;
            failures.Add($"{section.Path} is \"{PrintableText.Of(section.Value)}\"; {advice}");
        }
    }

    private static string? Advice(Type type) =>
        type == typeof(int) ? $"it must be a whole number, such as 1024, and at most {int.MaxValue}."
        : type == typeof(long) ? $"it must be a whole number, such as 1024, and at most {long.MaxValue}."
        : type == typeof(bool) ? "it must be true or false."
        : type == typeof(TimeSpan) ? "it must be a time, written hours:minutes:seconds, such as 00:00:05."
        : null;

    private static void CheckNoValue(IConfigurationSection section, string kind, List<string> failures)
    {
        // An empty list or object in JSON is an empty value here. A value of the whole section is an environment variable BROKER
        // of somebody else's.
        if (!string.IsNullOrEmpty(section.Value) && section.Path.Contains(':', StringComparison.Ordinal))
            failures.Add($"{section.Path} has a value; it is {kind}, whose settings begin with {section.Path}: and a name or number.");
    }

    private static bool IsSection(Type type) => type.IsClass && type != typeof(string);

    private static Type? ElementType(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IList<>) ? type.GenericTypeArguments[0] : null;
}
