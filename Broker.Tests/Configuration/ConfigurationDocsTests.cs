using System.ComponentModel;
using System.Globalization;
using Broker.Configuration;

namespace Broker.Tests.Configuration;

/// <summary>docs/configuration.md names every option with its default.</summary>
public class ConfigurationDocsTests
{
    private static readonly Dictionary<string, string> Documented = ReadTable();

    public static TheoryData<string, string> Settings()
    {
        var settings = new TheoryData<string, string>();
        foreach ((string name, string value) in Leaves("Broker", new BrokerOptions()))
            settings.Add(name, value);
        return settings;
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void Every_option_is_in_the_table_with_its_default(string name, string expected) =>
        Documented.Should().Contain(name, expected);

    [Fact]
    public void The_table_names_no_setting_that_does_not_exist() =>
        Documented.Keys.Should().BeEquivalentTo(Leaves("Broker", new BrokerOptions()).Select(setting => setting.Name));

    private static IEnumerable<(string Name, string Default)> Leaves(string path, object options)
    {
        foreach (var property in options.GetType().GetProperties())
        {
            string name = $"{path}:{property.Name}";
            object? value = property.GetValue(options);
            if (property.PropertyType == typeof(IList<string>))
                yield return ($"{name}:N", "none");
            else if (property.PropertyType.IsGenericType)
                foreach (var leaf in Leaves($"{name}:N", Activator.CreateInstance(property.PropertyType.GenericTypeArguments[0])!))
                    yield return leaf;
            else if (property.PropertyType.IsClass && property.PropertyType != typeof(string))
                foreach (var leaf in Leaves(name, value!))
                    yield return leaf;
            else
                yield return (name, Text(value!));
        }
    }

    private static string Text(object value) => value switch
    {
        "" => "required",
        bool flag => flag ? "true" : "false",
        Enum => TypeDescriptor.GetConverter(value.GetType()).ConvertToInvariantString(value)!,
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static Dictionary<string, string> ReadTable() => File.ReadLines(Path.Combine(Root(), "docs", "configuration.md"))
        .Where(line => line.StartsWith("| `Broker:", StringComparison.Ordinal))
        .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
        .ToDictionary(cells => cells[1].Trim('`'), cells => cells[2].Trim('`'));

    private static string Root()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "StompBroker.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("StompBroker.sln is in no folder above the tests.");
    }
}
