using System.Collections.Concurrent;
using System.Text;
using Broker.Configuration;
using Broker.Delivery;
using Broker.Messaging;
using Broker.Stomp;

namespace Broker.Routing;

/// <summary>
/// All topics by name, and all pattern subscriptions. A topic caches the patterns that match it until a pattern comes or goes.
/// Topics without a subscriber of their own are a cache too, swept by second chance. Thread-safe.
/// </summary>
internal sealed class TopicTable
{
    private const int IdleTopics = 16 * 1024;
    private const int RestMilliseconds = 1000;

    // More than one batch can name.
    private const int TightTopics = 8 * 1024;

    private readonly ConcurrentDictionary<byte[], Topic> _topics = new(Utf8NameComparer.Instance);
    private readonly ConcurrentDictionary<byte[], Topic>.AlternateLookup<ReadOnlySpan<byte>> _byName;
    private readonly SubscriptionTrie _patterns = new();
    private readonly Lock _patternGate = new();
    private readonly Lock _sweepGate = new();
    private readonly LimitOptions _limits;
    private readonly TimeProvider _time;
    private readonly List<(SubscriptionTrie Pattern, SlowSubscriberPolicy Policy)> _policies = [];
    private int _patternVersion;
    private int _count;
    private int _sweepAt = IdleTopics;
    private long _sweepNotBefore;

    public TopicTable(BrokerOptions options, TimeProvider time)
    {
        _byName = _topics.GetAlternateLookup<ReadOnlySpan<byte>>();
        _limits = options.Limits;
        _time = time;
        Retained = new RetainedTable(options.Limits);
        Streams = new StreamTable(options, time);
        Conflates = options.Topics.Any(static topic => topic.SlowSubscriber == SlowSubscriberPolicy.Conflate);
        foreach (TopicOptions topic in options.Topics)
        {
            var pattern = new SubscriptionTrie();
            pattern.Add(NameOf(Encoding.UTF8.GetBytes(topic.Pattern)), out _);
            _policies.Add((pattern, topic.SlowSubscriber));
        }
    }

    /// <summary>The topics' last values.</summary>
    public RetainedTable Retained { get; }

    /// <summary>The topics' histories.</summary>
    public StreamTable Streams { get; }

    /// <summary>True when some topic's policy is to conflate what a slow subscriber is owed.</summary>
    public bool Conflates { get; }

    /// <summary>Changes whenever a pattern gets its first subscriber or loses its last.</summary>
    public int PatternVersion => Volatile.Read(ref _patternVersion);

    public int Count => Volatile.Read(ref _count);

    /// <summary>True when little room is left for topics: a publisher's are then used one at a time, so that those not listened to can make room.</summary>
    public bool IsTight => Count > _limits.Destinations - TightTopics;

    /// <summary>The topic of a checked destination; null when there are as many as may be.</summary>
    public Topic? GetOrAdd(ReadOnlySpan<byte> destination)
    {
        if (_byName.TryGetValue(destination, out Topic? topic))
            return topic;
        if (Count >= _sweepAt || Count >= _limits.Destinations)
            Sweep();
        return Count < _limits.Destinations ? Add(destination) : null;
    }

    /// <summary>The topic that took the place of one that was forgotten while a publisher held it, whatever the limit says.</summary>
    public Topic Renew(Topic forgotten) => _byName.TryGetValue(forgotten.Name, out Topic? topic) ? topic : Add(forgotten.Name);

    private Topic Add(ReadOnlySpan<byte> destination)
    {
        byte[] name = destination.ToArray();
        var made = new Topic(name, PolicyOf(name), Streams.Of(name), this);
        Topic topic = _topics.GetOrAdd(name, made);
        if (ReferenceEquals(topic, made))
            Interlocked.Increment(ref _count);
        return topic;
    }

    /// <summary>Makes a subscription live before it returns.</summary>
    public StompError Subscribe(Subscription subscription)
    {
        if (subscription.IsPattern)
        {
            lock (_patternGate)
            {
                if (_patterns.Count >= _limits.Destinations)
                    return StompError.TooManyDestinations;
                _patterns.Add(NameOf(subscription.Destination), out bool isNew).Add(subscription);
                if (isNew)
                    Interlocked.Increment(ref _patternVersion);
            }

            return StompError.None;
        }

        while (GetOrAdd(subscription.Destination) is { } topic)
        {
            if (topic.TryAdd(subscription))
                return StompError.None;
        }

        return StompError.TooManyDestinations;
    }

    /// <summary>Finds what a subscription begins with. To be called once it is live, and before it opens.</summary>
    /// <param name="subscription">The subscription.</param>
    /// <param name="request">Where it begins in its stream; null: it is none of a stream's history.</param>
    /// <param name="end">The message that marks the end of an empty snapshot; null: the end is not marked.</param>
    /// <param name="nowUnixMs">The time by which retained values expire.</param>
    public Beginning Begin(Subscription subscription, StreamRequest? request, Message? end, long nowUnixMs)
    {
        if (request is null)
            return new Beginning(Snapshot(ReadRetained(TopicsOf(subscription), subscription, nowUnixMs), end));

        // What takes long comes before the lock for which the stream's publishers wait; a topic that came meanwhile has it done again.
        request.LookForLast();
        int version = Retained.Version;
        List<Topic> topics = TopicsOf(subscription);
        lock (request.Stream.Log.Order)
        {
            if (Retained.Version != version)
                topics = TopicsOf(subscription);
            long start = request.Place(out StreamPosition position);
            List<RetainedValue> values = position.Recovered == true ? [] : ReadRetained(topics, subscription, nowUnixMs);
            values.RemoveAll(value => value.Offset >= start); // those it will be replayed
            return new Beginning(Snapshot(values, end), new Replay(request.Stream.Log, start, request.Stream.Filter, subscription), position);
        }
    }

    private static Snapshot? Snapshot(List<RetainedValue> values, Message? end) => values.Count == 0 && end is null ? null : new Snapshot(values, end);

    private List<Topic> TopicsOf(Subscription subscription) =>
        subscription.IsPattern ? Retained.Match(subscription.Destination)
        : _topics.TryGetValue(subscription.Destination, out Topic? topic) ? [topic] : [];

    private static List<RetainedValue> ReadRetained(List<Topic> topics, Subscription subscription, long nowUnixMs)
    {
        var values = new List<RetainedValue>(topics.Count);
        foreach (Topic topic in topics)
        {
            if (topic.Read(nowUnixMs) is { } value && !(subscription.OwnIds.Length > 0 && value.Marked.Id.StartsWith(subscription.OwnIds)))
                values.Add(value);
        }

        return values;
    }

    /// <summary>Ends a subscription; what waits for it is skipped, unless its connection closes and is still to have it.</summary>
    public void Unsubscribe(Subscription subscription, bool skipWaiting = true)
    {
        subscription.End(skipWaiting);
        if (!subscription.IsPattern)
        {
            if (_topics.TryGetValue(subscription.Destination, out Topic? topic))
                topic.Remove(subscription);
            Volatile.Write(ref _sweepNotBefore, 0); // there may be one to forget now
            return;
        }

        lock (_patternGate)
        {
            ReadOnlySpan<byte> name = NameOf(subscription.Destination);
            if (_patterns.Find(name) is { } set && set.Remove(subscription))
            {
                _patterns.Remove(name);
                Interlocked.Increment(ref _patternVersion);
            }
        }
    }

    /// <summary>The sets of all who listen to a topic: its own first, unless it is empty, then the patterns that match it.</summary>
    public SubscriberSet[] Match(Topic topic, SubscriberSet exact, out int version)
    {
        var matches = new HashSet<SubscriberSet>();
        if (exact.Count > 0)
            matches.Add(exact);
        lock (_patternGate)
        {
            version = _patternVersion;
            _patterns.Match(NameOf(topic.Name), matches);
        }

        return [.. matches];
    }

    private static ReadOnlySpan<byte> NameOf(byte[] destination) => destination.AsSpan(Destination.TopicPrefix.Length);

    private SlowSubscriberPolicy PolicyOf(byte[] name)
    {
        var matches = new HashSet<SubscriberSet>();
        lock (_policies)
        {
            foreach ((SubscriptionTrie pattern, SlowSubscriberPolicy policy) in _policies)
            {
                pattern.Match(NameOf(name), matches);
                if (matches.Count > 0)
                    return policy;
            }
        }

        return SlowSubscriberPolicy.Disconnect;
    }

    private void Sweep()
    {
        lock (_sweepGate)
        {
            if ((Count < _sweepAt && Count < _limits.Destinations) || Environment.TickCount64 < _sweepNotBefore)
                return;
            Retained.RemoveExpired(_time.GetUtcNow().ToUnixTimeMilliseconds());
            ForgetUnused();
            if (Count >= _limits.Destinations)
                ForgetUnused(); // at the limit there is no second chance: what nobody listens to makes room
            _sweepAt = Count + IdleTopics;

            // All are subscribed to: who asks for more is refused, and does not make the table be searched each time.
            if (Count >= _limits.Destinations)
                _sweepNotBefore = Environment.TickCount64 + RestMilliseconds;
        }
    }

    private void ForgetUnused()
    {
        foreach ((byte[] name, Topic topic) in _topics)
        {
            if (topic.TryRetire() && _topics.TryRemove(name, out _))
                Interlocked.Decrement(ref _count);
        }
    }
}
