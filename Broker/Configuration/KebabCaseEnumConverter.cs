using System.ComponentModel;
using System.Globalization;
using System.Text.Json;

namespace Broker.Configuration;

/// <summary>
/// Lets configuration name a value as the documents do (<c>drop-oldest</c>) or as the code does (<c>DropOldest</c>), in any case.
/// Numbers and lists, which the framework's converter takes, are no names of a policy and are refused.
/// </summary>
internal sealed class KebabCaseEnumConverter(Type type) : EnumConverter(type)
{
    public override object? ConvertFrom(ITypeDescriptorContext? context, CultureInfo? culture, object value)
    {
        if (value is not string text)
            return base.ConvertFrom(context, culture, value);
        text = text.Trim();
        foreach (string name in Enum.GetNames(EnumType))
        {
            if (text.Equals(name, StringComparison.OrdinalIgnoreCase) || text.Equals(Kebab(name), StringComparison.OrdinalIgnoreCase))
                return Enum.Parse(EnumType, name);
        }

        throw new FormatException($"it must be one of: {string.Join(", ", Enum.GetNames(EnumType).Select(Kebab))}.");
    }

    public override object? ConvertTo(ITypeDescriptorContext? context, CultureInfo? culture, object? value, Type destinationType) =>
        destinationType == typeof(string) && value is not null && Enum.GetName(EnumType, value) is { } name
            ? Kebab(name)
            : base.ConvertTo(context, culture, value, destinationType);

    private static string Kebab(string name) => JsonNamingPolicy.KebabCaseLower.ConvertName(name);
}
