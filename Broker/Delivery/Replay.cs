using Broker.Messaging;

namespace Broker.Delivery;

/// <summary>
/// Where a subscription stands that catches up with its stream. Belongs to the subscription, under its lock. The first messages are
/// taken at once, unless the client owes too much: in a full stream they are the next to go, and the verdict that nothing is missing has been given.
/// </summary>
internal sealed class Replay
{
    // At a thousand messages a second the subscription has a second to begin.
    private const int HeadMessages = 1024;
    private const int HeadBytes = 256 * 1024;

    private readonly StreamLog _log;
    private readonly DestinationPattern? _filter;
    private readonly Subscription _subscription;
    private readonly Message[] _head;
    private int _taken;
    private long _next;

    /// <summary>To be made under the stream's order.</summary>
    /// <param name="log">The stream's history.</param>
    /// <param name="next">The offset to begin with.</param>
    /// <param name="filter">What the subscription wants of the stream; null: all of it.</param>
    /// <param name="subscription">Who catches up.</param>
    public Replay(StreamLog log, long next, DestinationPattern? filter, Subscription subscription)
    {
        _log = log;
        _next = next;
        _filter = filter;
        _subscription = subscription;
        var head = new Message[Math.Min(HeadMessages, log.Next - next)];
        head = head[..ReadLog(head, HeadBytes, out _, out _)];
        _head = subscription.Outbox.TryReserveAside(SizeOf(head)) ? head : [];
        if (_head.Length < head.Length)
            _next = next;
    }

    /// <summary>The offset to go on with in the history.</summary>
    public long Next => _next;

    /// <summary>
    /// Reads some messages and returns how many; none does not mean that there are no more. <paramref name="reserved"/> of the outbox's room
    /// goes over to the caller.
    /// </summary>
    public int Read(Span<Message> into, int maxBytes, out long reserved, out bool atEnd, out bool isLost)
    {
        reserved = 0;
        if (_taken == _head.Length)
            return ReadLog(into, maxBytes, out atEnd, out isLost);
        atEnd = isLost = false;
        int count = 0;
        for (int bytes = 0; _taken < _head.Length && count < into.Length && bytes < maxBytes; _taken++)
        {
            into[count++] = _head[_taken];
            bytes += _head[_taken].Length;
        }

        reserved = SizeOf(into[..count]);
        return count;
    }

    /// <summary>Gives back the room of what was not read.</summary>
    public void End() => _subscription.Outbox.ReleaseAside(SizeOf(_head.AsSpan(_taken)));

    private int SizeOf(ReadOnlySpan<Message> messages)
    {
        int size = 0;
        foreach (Message message in messages)
            size += _subscription.SizeOf(message);
        return size;
    }

    private int ReadLog(Span<Message> into, int maxBytes, out bool atEnd, out bool isLost)
    {
        int count = _log.Read(ref _next, into, _filter, maxBytes, out atEnd, out isLost);
        if (_subscription.OwnIds.Length == 0)
            return count;
        int kept = 0;
        for (int i = 0; i < count; i++)
        {
            if (!into[i].Id.StartsWith(_subscription.OwnIds))
                into[kept++] = into[i];
        }

        into[kept..count].Clear();
        return kept;
    }
}
