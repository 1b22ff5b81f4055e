using System.Text;
using Broker.Routing;
using Broker.Stomp;

namespace Broker.Sessions;

/// <summary>What the headers of a SUBSCRIBE ask for, besides where and under which id.</summary>
internal readonly record struct SubscribeHeaders
{
    // A day: what is asked for beyond that waits as long.
    private const long LongestInterval = 24 * 60 * 60 * 1000;

    public AckMode Mode { get; private init; }

    /// <summary>The most that is given and unacknowledged; null: the default.</summary>
    public long? Prefetch { get; private init; }

    public bool NoLocal { get; private init; }

    /// <summary>The snapshot's end is to be marked.</summary>
    public bool MarksSnapshot { get; private init; }

    /// <summary>Where to begin in the stream; null: live.</summary>
    public StreamStart? Start { get; private init; }

    /// <summary>The epoch that <see cref="Start"/> is of; null: not said.</summary>
    public string? Epoch { get; private init; }

    /// <summary>The least time between two messages of a key, zero to conflate only what lags; null: not asked for.</summary>
    public TimeSpan? Conflation { get; private init; }

    /// <summary>The header whose value is the key, as STOMP 1.2 escapes it; empty: the destination is.</summary>
    public byte[] ConflationKey { get; private init; }

    /// <summary>Reads them, or says what is wrong.</summary>
    public static StompError TryRead(StompHeaders headers, out SubscribeHeaders read)
    {
        read = default;
        AckMode mode = AckMode.Auto;
        if (headers.TryGet(HeaderNames.Ack, out ReadOnlySpan<byte> ack) && !AckModes.TryParse(ack, out mode))
            return StompError.BadAckMode;
        if (!HeaderNumber.TryGet(headers, HeaderNames.PrefetchCount, out long? prefetch)
            || !HeaderNumber.TryGet(headers, HeaderNames.ActiveMqPrefetchSize, out long? activeMq)
            || !HeaderNumber.TryGet(headers, HeaderNames.XConflateMs, out long? interval))
            return StompError.BadNumber;
        if (headers.Contains(HeaderNames.Selector))
            return StompError.SelectorNotSupported;

        // What these ask for is not there yet: silence would break what the client relies on.
        if (IsTrue(headers, HeaderNames.Durable) || headers.Contains("activemq.subscriptionName"u8))
            return StompError.FeatureUnavailable;
        StreamStart? start = null;
        if (headers.TryGet(HeaderNames.XStreamOffset, out ReadOnlySpan<byte> offset))
        {
            if (!StreamStart.TryParse(offset, out StreamStart parsed))
                return StompError.BadStreamOffset;
            start = parsed;
        }

        read = new SubscribeHeaders
        {
            Mode = mode,
            Prefetch = prefetch ?? activeMq,
            NoLocal = IsTrue(headers, HeaderNames.NoLocal),
            MarksSnapshot = IsTrue(headers, HeaderNames.XSnapshot),
            Start = start,
            Epoch = headers.TryGet(HeaderNames.XStreamEpoch, out ReadOnlySpan<byte> epoch) ? Encoding.UTF8.GetString(epoch) : null,
            Conflation = interval is { } milliseconds ? TimeSpan.FromMilliseconds(Math.Min(milliseconds, LongestInterval)) : null,
            ConflationKey = headers.TryGet(HeaderNames.XConflateKey, out ReadOnlySpan<byte> key) ? Escaped(key) : [],
        };
        return StompError.None;
    }

    private static bool IsTrue(StompHeaders headers, ReadOnlySpan<byte> name) =>
        headers.TryGet(name, out ReadOnlySpan<byte> value) && value.SequenceEqual("true"u8);

    private static byte[] Escaped(ReadOnlySpan<byte> name)
    {
        byte[] escaped = new byte[2 * name.Length];
        return escaped[..HeaderEscaping.Escape(StompVersion.V12, name, escaped, isName: true)];
    }
}
