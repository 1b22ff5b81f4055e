using System.Text;
using Broker.Configuration;
using Broker.Messaging;

namespace Broker.Routing;

/// <summary>The streams that are configured, and which topics are theirs. Immutable; the histories are thread-safe.</summary>
internal sealed class StreamTable(BrokerOptions options, TimeProvider time)
{
    private readonly (DestinationPattern Pattern, StreamLog Log)[] _streams =
    [
        .. options.Streams.Select(stream => (new DestinationPattern(Encoding.UTF8.GetBytes(stream.Pattern)), new StreamLog(stream, time))),
    ];

    /// <summary>Messages that all streams keep.</summary>
    public long Count => _streams.Sum(static stream => (long)stream.Log.Count);

    /// <summary>Bytes that all streams keep.</summary>
    public long Bytes => _streams.Sum(static stream => stream.Log.Bytes);

    /// <summary>The stream that a topic belongs to; null for none. No two streams have a topic in common.</summary>
    public StreamLog? Of(byte[] topic)
    {
        foreach ((DestinationPattern pattern, StreamLog log) in _streams)
        {
            if (pattern.Matches(topic))
                return log;
        }

        return null;
    }

    /// <summary>The stream that a subscription to a topic or pattern lies within, and what it wants of it; null for none.</summary>
    public SubscribedStream? Around(byte[] destination)
    {
        if (_streams.Length == 0)
            return null;
        var wanted = new DestinationPattern(destination);
        foreach ((DestinationPattern pattern, StreamLog log) in _streams)
        {
            if (pattern.Contains(wanted))
                return new SubscribedStream(log, wanted.Contains(pattern) ? null : wanted);
        }

        return null;
    }

    /// <summary>Forgets what is too old.</summary>
    public void Trim()
    {
        foreach ((_, StreamLog log) in _streams)
            log.Trim();
    }
}

/// <summary>A stream as one subscription sees it.</summary>
/// <param name="Log">Its history.</param>
/// <param name="Filter">What the subscription wants of it; null: all.</param>
internal sealed record SubscribedStream(StreamLog Log, DestinationPattern? Filter);
