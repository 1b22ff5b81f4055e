using System.Text;
using Broker.Configuration;
using Broker.Messaging;
using Broker.Stomp;
using Microsoft.Extensions.Options;

namespace Broker.Routing;

/// <summary>
/// Checks the patterns of <see cref="BrokerOptions.Topics"/> and <see cref="BrokerOptions.Streams"/> by the same rules as those of
/// clients, and that no message belongs to two streams.
/// </summary>
internal sealed class TopicsValidator : IValidateOptions<BrokerOptions>
{
    public ValidateOptionsResult Validate(string? name, BrokerOptions options)
    {
        var failures = new List<string>();
        var topics = new List<(string Path, DestinationPattern Pattern, SlowSubscriberPolicy Policy)>();
        for (int i = 0; i < options.Topics.Count; i++)
        {
            if (Check($"Topics:{i}:Pattern", options.Topics[i]?.Pattern, options.Limits, failures) is { } pattern)
                topics.Add(($"Topics:{i}:SlowSubscriber", pattern, options.Topics[i].SlowSubscriber));
        }

        var streams = new List<(string Path, DestinationPattern Pattern)>();
        for (int i = 0; i < options.Streams.Count; i++)
        {
            string path = $"Streams:{i}:Pattern";
            if (Check(path, options.Streams[i]?.Pattern, options.Limits, failures) is not { } pattern)
                continue;
            foreach ((string otherPath, DestinationPattern other) in streams)
            {
                if (pattern.Overlaps(other))
                    failures.Add($"{SettingChecks.Name(path)} is \"{PrintableText.Of(options.Streams[i].Pattern)}\", which overlaps {SettingChecks.Name(otherPath)}: "
                        + "some topic would be in both, and its messages have one offset. Narrow one of the patterns, or make both streams one.");
            }

            if (DroppedBy(topics, pattern) is { } topicPath)
            {
                failures.Add($"{SettingChecks.Name(topicPath)} is drop-oldest for topics of {SettingChecks.Name(path)}: a subscriber of a stream must not miss a message unseen. "
                    + "Set disconnect, after which a client resumes without a gap, or conflate.");
            }

            streams.Add((path, pattern));
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    /// <summary>The entry that drops messages of some topic of a stream: the first entry that matches a topic counts.</summary>
    private static string? DroppedBy(List<(string Path, DestinationPattern Pattern, SlowSubscriberPolicy Policy)> topics, DestinationPattern stream)
    {
        foreach ((string path, DestinationPattern pattern, SlowSubscriberPolicy policy) in topics)
        {
            if (policy == SlowSubscriberPolicy.DropOldest && pattern.Overlaps(stream))
                return path;
            if (pattern.Contains(stream))
                return null;
        }

        return null;
    }

    /// <summary>The pattern; null, with the reason among the failures, when it is none.</summary>
    private static DestinationPattern? Check(string path, string? text, LimitOptions limits, List<string> failures)
    {
        byte[] destination = Encoding.UTF8.GetBytes(text ?? "");
        StompError error = Destination.CheckSubscribe(destination, limits, out _);
        if (error == StompError.None && Destination.KindOf(destination) != DestinationKind.Topic)
            error = StompError.BadDestination;
        if (error == StompError.None)
            return new DestinationPattern(destination);
        failures.Add($"{SettingChecks.Name(path)} is \"{PrintableText.Of(text)}\", which no destination can match. {StompErrors.Get(error).Body}");
        return null;
    }
}
