using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Broker.Configuration;

/// <summary>Reads <see cref="BrokerOptions"/> from configuration.</summary>
internal static class ConfigurationBinding
{
    /// <summary>
    /// Binds the section <c>Broker</c> and validates what it says. A key that is no setting, and a value that cannot be
    /// read, fail as <see cref="OptionsValidationException"/> too, each named in full. The section is read once: a file
    /// edited later concerns the next start, not the broker that runs.
    /// </summary>
    public static OptionsBuilder<BrokerOptions> BindBroker(this OptionsBuilder<BrokerOptions> builder, IConfiguration configuration)
    {
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<BrokerOptions>, BrokerOptionsValidator>());
        return builder.Configure(options => Bind(configuration.GetSection(BrokerOptions.SectionName), options));
    }

    private static void Bind(IConfigurationSection section, BrokerOptions options)
    {
        var failures = new List<string>();
        SectionShape.Check(section, typeof(BrokerOptions), failures);
        if (failures.Count > 0)
            throw new OptionsValidationException(Options.DefaultName, typeof(BrokerOptions), failures);
        // Should anything still not fit: without this option the binder skips list entries that it cannot read.
        section.Bind(options, static binder => binder.ErrorOnUnknownConfiguration = true);
    }
}
