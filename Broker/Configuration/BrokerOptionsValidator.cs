using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Options;

namespace Broker.Configuration;

/// <summary>
/// Checks every option but the users, whose hashes only the folder Security can read, and reports all failures together.
/// </summary>
internal sealed class BrokerOptionsValidator : IValidateOptions<BrokerOptions>
{
    // Below this a timer tells more about the machine's load than about the peer.
    private static readonly TimeSpan ShortestTime = TimeSpan.FromMilliseconds(100);

    // Less than a day, since "1" in configuration is a day and never meant.
    private static readonly TimeSpan LongestTime = TimeSpan.FromHours(12);

    private static readonly SearchValues<char> NotInPath = SearchValues.Create("?#*{}\\%");

    // Ages of messages are days where other times are not, so "1" passes as the day that it is to the framework.
    private static readonly TimeSpan ShortestAge = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestAge = TimeSpan.FromDays(365);

    // Of one client. What all share is bounded by the machines there are.
    private const int MaxBytes = 1 << 30;
    private const long MaxSharedBytes = 1L << 40;

    private const int MaxTopics = 100_000_000;

    public ValidateOptionsResult Validate(string? name, BrokerOptions options)
    {
        var checks = new SettingChecks();
        CheckPath(checks, options.Path);
        for (int i = 0; i < options.AllowedOrigins.Count; i++)
            CheckOrigin(checks, $"AllowedOrigins:{i}", options.AllowedOrigins[i]);
        CheckHeartBeat(checks, options.HeartBeat);
        CheckFrameLimits(checks, options.Limits);
        CheckSessionLimits(checks, options.Limits);
        CheckSharedLimits(checks, options.Limits);
        CheckTopics(checks, options.Topics);
        CheckStreams(checks, options.Streams);
        checks.Range("ShutdownTimeout", options.ShutdownTimeout, TimeSpan.Zero, TimeSpan.FromHours(1));
        return checks.Result;
    }

    private static void CheckPath(SettingChecks checks, string? path)
    {
        const string example = "such as /ws.";
        if (string.IsNullOrEmpty(path) || path[0] != '/')
            checks.Fail("Path", path, "it must be a path that begins with '/', " + example);
        else if (path.AsSpan().ContainsAny(NotInPath) || path.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)))
            checks.Fail("Path", path, "it must be a plain path without query, fragment, wildcard, escape or space, " + example);
        else if (path.Contains("//", StringComparison.Ordinal) || (path.Length > 1 && path[^1] == '/'))
            checks.Fail("Path", path, "it must have no empty segment and no '/' at its end, " + example);
    }

    private static void CheckOrigin(SettingChecks checks, string path, string? origin)
    {
        const string example = "such as https://app.example.com or http://192.0.2.1:8080.";
        if (string.IsNullOrEmpty(origin))
            checks.Fail(path, origin, "it must be an origin, " + example);
        else if (origin.Contains('@', StringComparison.Ordinal))
            checks.FailUnseen(path, "has a '@'; an origin has no user name and no password. Set scheme://host[:port], " + example);
        else if (origin.Contains('*', StringComparison.Ordinal))
            checks.Fail(path, origin, "wildcards are not supported, since then pages of any site could use a visitor's access to this broker. "
                + "List each origin, " + example);
        else if (origin == "null")
            checks.Fail(path, origin, "files and sandboxed frames of any site send that as their origin. Serve the page over http or https "
                + "and list its origin, " + example);
        else if (!Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri) || uri.Host.Length == 0
            || !origin.StartsWith($"{uri.Scheme}://", StringComparison.OrdinalIgnoreCase))
            checks.Fail(path, origin, "it must be scheme://host[:port], " + example);
        else if (Origin(uri) is var canonical && origin != canonical)
            checks.Fail(path, origin, $"set it as browsers send it, in lower case and without path or default port: {PrintableText.Of(canonical)}");
    }

    private static string Origin(Uri uri)
    {
        string host = uri.HostNameType == UriHostNameType.IPv6 ? uri.Host : uri.IdnHost;
        return uri.IsDefaultPort ? $"{uri.Scheme}://{host}" : $"{uri.Scheme}://{host}:{uri.Port}";
    }

    private static void CheckHeartBeat(SettingChecks checks, HeartBeatOptions heartBeat)
    {
        checks.ZeroOrRange("HeartBeat:Outgoing", heartBeat.Outgoing, ShortestTime, LongestTime);
        checks.ZeroOrRange("HeartBeat:Incoming", heartBeat.Incoming, ShortestTime, LongestTime);
        checks.Range("HeartBeat:PingAfter", heartBeat.PingAfter, ShortestTime, LongestTime);
        checks.Range("HeartBeat:PeerTimeout", heartBeat.PeerTimeout, ShortestTime, LongestTime);
        checks.NotAbove("HeartBeat:PingAfter", heartBeat.PingAfter, "HeartBeat:PeerTimeout", heartBeat.PeerTimeout, orEqual: false,
            "a client must have been asked before it counts as gone");
    }

    private static void CheckFrameLimits(SettingChecks checks, LimitOptions limits)
    {
        checks.Range("Limits:FrameBytesBeforeConnected", limits.FrameBytesBeforeConnected, 1024, MaxBytes, "bytes");
        checks.Range("Limits:FrameBytes", limits.FrameBytes, 1024, MaxBytes, "bytes");
        checks.NotAbove("Limits:FrameBytesBeforeConnected", limits.FrameBytesBeforeConnected, "Limits:FrameBytes", limits.FrameBytes,
            "a stranger may not send more than a client");
        checks.Range("Limits:WebSocketMessageBytes", limits.WebSocketMessageBytes, 1024, MaxBytes, "bytes");
        // The longest command of the protocol is UNSUBSCRIBE.
        checks.Range("Limits:CommandBytes", limits.CommandBytes, "UNSUBSCRIBE".Length, 1024, "bytes");
        checks.Range("Limits:Headers", limits.Headers, 10, 10_000, "headers");
        checks.Range("Limits:HeaderLineBytes", limits.HeaderLineBytes, 256, 1 << 20, "bytes");
        checks.NotAbove("Limits:HeaderLineBytes", limits.HeaderLineBytes, "Limits:FrameBytes", limits.FrameBytes, "a header is part of its frame");
        checks.Range("Limits:DestinationBytes", limits.DestinationBytes, 16, 64 * 1024, "bytes");
        checks.NotAbove("Limits:DestinationBytes", limits.DestinationBytes, "Limits:HeaderLineBytes", limits.HeaderLineBytes,
            "a destination is sent in a header");
        checks.Range("Limits:DestinationSegments", limits.DestinationSegments, 1, 1024, "segments");
    }

    private static void CheckSessionLimits(SettingChecks checks, LimitOptions limits)
    {
        checks.Range("Limits:Subscriptions", limits.Subscriptions, 1, 1_000_000, "subscriptions");
        checks.Range("Limits:TempQueues", limits.TempQueues, 1, 1_000_000, "queues");
        checks.Range("Limits:PrefetchCount", limits.PrefetchCount, 1, 1_000_000, "messages");
        checks.Range("Limits:LoginTimeout", limits.LoginTimeout, ShortestTime, TimeSpan.FromHours(1));
        checks.Range("Limits:FrameTimeout", limits.FrameTimeout, ShortestTime, TimeSpan.FromHours(1));
        checks.ZeroOrUpTo("Limits:ConnectionsPerAddress", limits.ConnectionsPerAddress, 10_000_000, "connections");
        checks.ZeroOrUpTo("Limits:SendsPerSecond", limits.SendsPerSecond, 10_000_000, "frames per second");
        checks.Range("Limits:Transactions", limits.Transactions, 1, 10_000, "transactions");
        checks.Range("Limits:TransactionFrames", limits.TransactionFrames, 1, 1_000_000, "frames");
        checks.Range("Limits:TransactionBytes", limits.TransactionBytes, 1024, MaxBytes, "bytes");
        checks.Range("Limits:OutboxBytes", limits.OutboxBytes, 1024, MaxBytes, "bytes");
        checks.Range("Limits:PublisherStall", limits.PublisherStall, TimeSpan.Zero, TimeSpan.FromHours(1));
        checks.Range("Limits:PublisherStallWindow", limits.PublisherStallWindow, ShortestTime, TimeSpan.FromHours(1));
        checks.NotAbove("Limits:PublisherStall", limits.PublisherStall, "Limits:PublisherStallWindow", limits.PublisherStallWindow, orEqual: true,
            "a publisher cannot be held for longer than the window lasts");
        checks.Range("Limits:LingerTimeout", limits.LingerTimeout, TimeSpan.Zero, TimeSpan.FromMinutes(1));
    }

    private static void CheckSharedLimits(SettingChecks checks, LimitOptions limits)
    {
        checks.Range("Limits:Connections", limits.Connections, 1, 10_000_000, "connections");
        checks.Range("Limits:Destinations", limits.Destinations, 1, MaxTopics, "topics");
        checks.Range("Limits:RetainedMessages", limits.RetainedMessages, 1, MaxTopics, "messages");
        checks.Range("Limits:RetainedBytes", limits.RetainedBytes, 1024, MaxSharedBytes, "bytes");
        checks.Range("Limits:QueueMessages", limits.QueueMessages, 1, MaxTopics, "messages");
        checks.Range("Limits:QueueBytes", limits.QueueBytes, 1024, MaxSharedBytes, "bytes");
        checks.Range("Limits:TotalQueueBytes", limits.TotalQueueBytes, 1024, MaxSharedBytes, "bytes");
        checks.Range("Limits:Queues", limits.Queues, 1, 10_000_000, "queues");
        checks.Range("Limits:NacksPerMessage", limits.NacksPerMessage, 1, 1_000_000, "NACKs");
    }

    private static void CheckTopics(SettingChecks checks, IList<TopicOptions> topics)
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < topics.Count; i++)
        {
            string path = $"Topics:{i}:Pattern";
            string? pattern = topics[i]?.Pattern;
            if (CheckPattern(checks, path, pattern) && !seen.TryAdd(pattern, i))
                checks.Fail(path, pattern,
                    $"{SettingChecks.Name($"Topics:{seen[pattern]}")} has the same and is the one that counts. Remove one of them.");

            if (topics[i] is { } topic && !Enum.IsDefined(topic.SlowSubscriber))
                checks.FailUnseen($"Topics:{i}:SlowSubscriber", "is not a policy; set disconnect, drop-oldest or conflate.");
        }
    }

    /// <summary>Checks each stream by itself; that no two overlap only the folder Routing can tell.</summary>
    private static void CheckStreams(SettingChecks checks, IList<StreamOptions> streams)
    {
        for (int i = 0; i < streams.Count; i++)
        {
            CheckPattern(checks, $"Streams:{i}:Pattern", streams[i]?.Pattern);
            if (streams[i] is not { } stream)
                continue;
            checks.Range($"Streams:{i}:Messages", stream.Messages, 1, 100_000_000, "messages");
            checks.Range($"Streams:{i}:Bytes", stream.Bytes, 1024, MaxSharedBytes, "bytes");
            checks.ZeroOrRange($"Streams:{i}:Age", stream.Age, ShortestAge, LongestAge, "no limit");
        }
    }

    private static bool CheckPattern(SettingChecks checks, string path, [NotNullWhen(true)] string? pattern)
    {
        const string prefix = "/topic/";
        if (pattern is null || !pattern.StartsWith(prefix, StringComparison.Ordinal))
            checks.Fail(path, pattern, "it must be a topic or a pattern of topics that begins with /topic/, such as /topic/quotes.*");
        else if (pattern[prefix.Length..].Split('.', '/').Any(segment => segment.Length == 0) || pattern.Any(char.IsControl))
            checks.Fail(path, pattern, "its name must have no empty segment and no control character, as in /topic/quotes.*");
        else
            return true;
        return false;
    }
}
