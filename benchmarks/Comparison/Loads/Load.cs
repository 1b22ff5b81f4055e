namespace Comparison.Loads;

/// <summary>Who publishes what to whom.</summary>
/// <param name="Publishers">How many publishers; with several topics each has its own.</param>
/// <param name="Subscribers">How many subscribers, in all.</param>
/// <param name="BodyBytes">The length of each body.</param>
internal sealed record Load(int Publishers, int Subscribers, int BodyBytes)
{
    /// <summary>Each subscriber calls its subscription something else, so that no two get the same bytes.</summary>
    public bool HasDistinctIds { get; init; }

    /// <summary>As many publishers as subscribers, each pair with a topic of its own.</summary>
    public bool IsPairs { get; init; }

    /// <summary>The one publisher goes through so many topics, and each subscriber has one wildcard for all of them; zero: one topic.</summary>
    public int WildcardTopics { get; init; }

    /// <summary>How many get each message.</summary>
    public int Fan => IsPairs ? 1 : Subscribers;

    /// <summary>Where a publisher sends; <paramref name="run"/> keeps runs apart.</summary>
    public IReadOnlyList<string> TopicsOf(int publisher, string run) =>
        WildcardTopics > 0 ? [.. Enumerable.Range(0, WildcardTopics).Select(topic => $"{run}.{topic}")]
        : IsPairs ? [$"{run}.{publisher}"]
        : [$"{run}.all"];

    /// <summary>What a subscriber subscribes to.</summary>
    public string SubscriptionOf(int subscriber, string run) =>
        WildcardTopics > 0 ? $"{run}.*" : IsPairs ? $"{run}.{subscriber}" : $"{run}.all";

    /// <summary>Whose messages a subscriber gets.</summary>
    public Range PublishersOf(int subscriber) => IsPairs ? subscriber..(subscriber + 1) : 0..Publishers;
}
