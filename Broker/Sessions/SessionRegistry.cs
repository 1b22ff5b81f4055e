using System.Collections.Concurrent;
using System.Net;
using Broker.Messaging;

namespace Broker.Sessions;

/// <summary>All live sessions, and how many come from where. Thread-safe.</summary>
internal sealed class SessionRegistry
{
    private readonly ConcurrentDictionary<long, Session> _sessions = new();
    private readonly ConcurrentDictionary<IPAddress, int> _byAddress = new();
    private long _number;
    private int _count;
    private volatile bool _stopping;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Without a lock or a copy: who comes or goes meanwhile may be in it or not.</summary>
    public IEnumerable<Session> All => _sessions.Select(static entry => entry.Value);

    /// <summary>Bytes that wait in all outboxes. Looks at each session.</summary>
    public long OutboxBytes => All.Sum(static session => session.Outbox.Bytes);

    /// <summary>Takes a place for a connection; false when there is none, in all or for the address.</summary>
    public bool TryEnter(IPAddress? address, int limit, int limitPerAddress)
    {
        if (Interlocked.Increment(ref _count) > limit)
        {
            Interlocked.Decrement(ref _count);
            return false;
        }

        if (limitPerAddress == 0 || address is null)
            return true;
        if (_byAddress.AddOrUpdate(address, 1, static (_, count) => count + 1) <= limitPerAddress)
            return true;
        Leave(address, limitPerAddress);
        return false;
    }

    /// <summary>Gives a place back.</summary>
    public void Leave(IPAddress? address, int limitPerAddress)
    {
        Interlocked.Decrement(ref _count);
        if (limitPerAddress == 0 || address is null)
            return;
        int left = _byAddress.AddOrUpdate(address, 0, static (_, count) => count - 1);
        if (left <= 0)
            _byAddress.TryRemove(new KeyValuePair<IPAddress, int>(address, left));
    }

    public long NextNumber() => Interlocked.Increment(ref _number);

    public void Add(Session session)
    {
        _sessions[session.Number] = session;
        Interlocked.MemoryBarrier();
        if (_stopping)
            session.Close(CloseReason.GoingAway);
    }

    /// <summary>Tells all sessions to go, and those that are on their way in.</summary>
    public void Stop()
    {
        _stopping = true;
        Interlocked.MemoryBarrier();
        foreach (Session session in All)
            session.Close(CloseReason.GoingAway);
    }

    public void Remove(Session session) => _sessions.TryRemove(session.Number, out _);
}
