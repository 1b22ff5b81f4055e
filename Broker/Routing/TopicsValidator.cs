using System.Text;
using Broker.Configuration;
using Broker.Messaging;
using Broker.Stomp;
using Microsoft.Extensions.Options;

namespace Broker.Routing;

/// <summary>Checks the patterns of <see cref="BrokerOptions.Topics"/> by the same rules as those of clients.</summary>
internal sealed class TopicsValidator : IValidateOptions<BrokerOptions>
{
    public ValidateOptionsResult Validate(string? name, BrokerOptions options)
    {
        var failures = new List<string>();
        for (int i = 0; i < options.Topics.Count; i++)
        {
            StompError error = Destination.CheckSubscribe(Encoding.UTF8.GetBytes(options.Topics[i].Pattern), options.Limits, out _);
            if (error != StompError.None)
                failures.Add($"Broker:Topics:{i}:Pattern is \"{PrintableText.Of(options.Topics[i].Pattern)}\", which no destination can match. {StompErrors.Get(error).Body}");
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
