using Broker.Delivery;

namespace Broker.Routing;

/// <summary>
/// The subscriptions of one topic or one pattern. Writers change a list; readers take an immutable snapshot, made when it is
/// first asked for after a change, so that a storm of subscribers costs one copy per publish and not one each. Thread-safe.
/// </summary>
internal sealed class SubscriberSet
{
    private readonly Lock _gate = new();
    private readonly List<Subscription> _members = [];
    private Subscription[]? _snapshot = [];

    public int Count => _members.Count;

    public Subscription[] Snapshot
    {
        get
        {
            Subscription[]? snapshot = Volatile.Read(ref _snapshot);
            if (snapshot is not null)
                return snapshot;
            lock (_gate)
                return _snapshot ??= [.. _members];
        }
    }

    public void Add(Subscription subscription)
    {
        lock (_gate)
        {
            subscription.Slot = _members.Count;
            _members.Add(subscription);
            Volatile.Write(ref _snapshot, null);
        }
    }

    /// <summary>Removes a member; true when none is left.</summary>
    public bool Remove(Subscription subscription)
    {
        lock (_gate)
        {
            int slot = subscription.Slot;
            if (slot >= _members.Count || !ReferenceEquals(_members[slot], subscription))
                return _members.Count == 0;
            Subscription last = _members[^1];
            _members[slot] = last;
            last.Slot = slot;
            _members.RemoveAt(_members.Count - 1);
            Volatile.Write(ref _snapshot, null);
            return _members.Count == 0;
        }
    }
}
