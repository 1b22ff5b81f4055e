using Broker.Configuration;
using Broker.Messaging;
using Broker.Stomp;

namespace Broker.Routing;

/// <summary>Which topics have a retained value, found by pattern, and what all of them take (SEMANTICS 12). Thread-safe.</summary>
internal sealed class RetainedTable(LimitOptions limits)
{
    // Looks through all values; often enough for who waits for room.
    private const int RestMilliseconds = 100;

    // More than all publishers are likely to have at hand at once.
    private const int TightMessages = 1000;
    private const int TightBytes = 32 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Lock _looking = new();
    private readonly TopicTrie<Topic> _topics = new();
    private readonly HashSet<Topic> _indexed = [];
    private long _count;
    private long _bytes;
    private long _firstExpiry = long.MaxValue;
    private long _lookedAt = long.MinValue;
    private int _version;

    public long Count => Volatile.Read(ref _count);

    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>
    /// True when little room is left: then each value is published by itself, so that a refusal is one frame's.
    /// </summary>
    public bool IsTight => Count > limits.RetainedMessages - TightMessages || Bytes > limits.RetainedBytes - TightBytes;

    /// <summary>Changes whenever a topic comes to those of <see cref="Match"/>.</summary>
    public int Version => Volatile.Read(ref _version);

    /// <summary>Whether a topic may keep a message as its value, as things are: known before it is published, while its frame can still be refused.</summary>
    public StompError Check(Topic topic, Message message, long nowUnixMs)
    {
        if (message.Retain != RetainAction.Set)
            return StompError.None;
        long bytes = RetainedValue.BytesOf(message, topic.Name);
        if (HasRoom(topic, bytes))
            return StompError.None;
        RemoveExpired(nowUnixMs);
        return HasRoom(topic, bytes) ? StompError.None : StompError.TooManyRetained;
    }

    /// <summary>Whether the values that several topics would have afterwards find room together: those of a transaction.</summary>
    public StompError Check(IReadOnlyList<(Topic Topic, List<Message> Messages)> sends, long nowUnixMs)
    {
        if (!sends.Any(static send => send.Messages.Any(static message => message.Retain == RetainAction.Set)))
            return StompError.None;
        RemoveExpired(nowUnixMs);
        long count = Count, bytes = Bytes;
        foreach ((Topic topic, List<Message> messages) in sends)
        {
            if (messages.FindLast(static message => message.Retain != RetainAction.None) is not { } last)
                continue;
            RetainedValue? old = topic.Retained;
            int isSet = last.Retain == RetainAction.Set ? 1 : 0;
            count += isSet - (old is null ? 0 : 1);
            bytes += (isSet * RetainedValue.BytesOf(last, topic.Name)) - (old?.Bytes ?? 0);
        }

        return count > limits.RetainedMessages || bytes > limits.RetainedBytes ? StompError.TooManyRetained : StompError.None;
    }

    /// <summary>A topic is about to have a value, or to lose it. Called under the topic's lock.</summary>
    public void Add(Topic topic)
    {
        if (topic.Retained is not null)
            return;
        lock (_gate)
        {
            if (!_indexed.Add(topic))
                return;
            _topics.Add(NameOf(topic), topic);
            _version++;
        }
    }

    /// <summary>A topic has another value, or none; false when it may not, for there are as many as may be. Called under the topic's lock.</summary>
    public bool TryReplace(Topic topic, RetainedValue? old, RetainedValue? value)
    {
        lock (_gate)
        {
            long count = _count + (value is null ? 0 : 1) - (old is null ? 0 : 1);
            long bytes = _bytes + (value?.Bytes ?? 0) - (old?.Bytes ?? 0);
            if (value is not null && (count > limits.RetainedMessages || bytes > limits.RetainedBytes) && (count > _count || bytes > _bytes))
                return false;
            Volatile.Write(ref _count, count);
            Volatile.Write(ref _bytes, bytes);
            if (value is { ExpiresAt: > 0 })
                _firstExpiry = Math.Min(_firstExpiry, value.ExpiresAt);
            else if (value is null && _indexed.Remove(topic))
                _topics.Remove(NameOf(topic), topic);
            return true;
        }
    }

    /// <summary>The topics that match a pattern and may have a value. The pattern is a whole destination.</summary>
    public List<Topic> Match(byte[] pattern)
    {
        var topics = new List<Topic>();
        lock (_gate)
            _topics.Collect(pattern.AsSpan(Destination.TopicPrefix.Length), topics);
        var matching = new DestinationPattern(pattern);
        topics.RemoveAll(topic => !matching.Matches(topic.Name)); // not under the lock, for publishers wait for that
        return topics;
    }

    /// <summary>Forgets values whose time is over; looks for them only when there is one.</summary>
    public void RemoveExpired(long nowUnixMs)
    {
        lock (_looking)
        {
            if (Volatile.Read(ref _firstExpiry) > nowUnixMs || nowUnixMs - RestMilliseconds < _lookedAt)
                return;
            _lookedAt = nowUnixMs;
            Look(nowUnixMs);
        }
    }

    private void Look(long nowUnixMs)
    {
        Topic[] topics;
        lock (_gate)
        {
            _firstExpiry = long.MaxValue;
            topics = [.. _indexed];
        }

        long first = long.MaxValue;
        foreach (Topic topic in topics)
        {
            if (topic.Retained is { ExpiresAt: > 0 } && topic.Read(nowUnixMs) is { ExpiresAt: > 0 and long expiresAt })
                first = Math.Min(first, expiresAt);
        }

        lock (_gate)
            _firstExpiry = Math.Min(_firstExpiry, first);
    }

    private bool HasRoom(Topic topic, long bytes)
    {
        RetainedValue? old = topic.Retained;
        return Count + (old is null ? 1 : 0) <= limits.RetainedMessages && Bytes + bytes - (old?.Bytes ?? 0) <= limits.RetainedBytes;
    }

    private static ReadOnlySpan<byte> NameOf(Topic topic) => topic.Name.AsSpan(Destination.TopicPrefix.Length);
}
