using Broker.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Broker.Security;

/// <summary>Registers what is built in for security.</summary>
internal static class SecurityRegistration
{
    /// <summary>Adds <see cref="ConfiguredUsers"/> and the check of their settings.</summary>
    public static IServiceCollection AddConfiguredUsers(this IServiceCollection services)
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<BrokerOptions>, UsersValidator>());
        services.TryAddSingleton<ConfiguredUsers>();
        return services;
    }
}
