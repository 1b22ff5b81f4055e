using Broker.Messaging;
using Broker.Stomp;

namespace Broker.Sessions;

/// <summary>What the headers of a SEND ask for, whoever sends: a client or the application.</summary>
internal static class SendHeaders
{
    /// <summary>Gives the time of expiry, in Unix milliseconds, zero for never, and what becomes of the retained value; or says what is wrong.</summary>
    public static StompError TryRead(in StompFrame send, TimeProvider time, out long expiresAt, out RetainAction retain)
    {
        StompHeaders headers = send.Headers;
        expiresAt = 0;
        retain = RetainAction.None;
        if (headers.TryGet(HeaderNames.Retain, out ReadOnlySpan<byte> word))
        {
            if (!word.SequenceEqual("set"u8) && !word.SequenceEqual("remove"u8))
                return StompError.BadRetain;
            retain = word.SequenceEqual("set"u8) && !send.Body.IsEmpty ? RetainAction.Set : RetainAction.Remove;
        }

        return TryGetExpiry(headers, time, out expiresAt) ? StompError.None : StompError.BadNumber;
    }

    /// <summary>The same for a SEND to a queue, which has no retained value. What a RECEIPT of a persistent message would promise is not there yet.</summary>
    public static StompError TryReadForQueue(in StompFrame send, TimeProvider time, bool isTemporary, out long expiresAt)
    {
        StompError error = TryRead(send, time, out expiresAt, out RetainAction retain);
        if (error == StompError.None && retain != RetainAction.None)
            return StompError.BadRetain;
        if (error == StompError.None && !isTemporary && send.Headers.TryGet(HeaderNames.Persistent, out ReadOnlySpan<byte> word) && word.SequenceEqual("true"u8))
            return StompError.FeatureUnavailable;
        return error;
    }

    // `expires` is a time, `expiration` a span from now; of both the earlier one counts.
    private static bool TryGetExpiry(StompHeaders headers, TimeProvider time, out long expiresAt)
    {
        expiresAt = 0;
        if (!HeaderNumber.TryGet(headers, HeaderNames.Expires, out long? expires) || !HeaderNumber.TryGet(headers, HeaderNames.Expiration, out long? expiration))
            return false;
        expiresAt = expires ?? 0;
        if (expiration is > 0 and long fromNow)
        {
            long now = time.GetUtcNow().ToUnixTimeMilliseconds();
            long at = fromNow > long.MaxValue - now ? long.MaxValue : now + fromNow;
            expiresAt = expiresAt == 0 ? at : Math.Min(expiresAt, at);
        }

        return true;
    }
}
