namespace Broker.Delivery;

/// <summary>
/// The outboxes that one publisher has put something into since it last drained. It drains them when its own input runs dry,
/// so that many messages leave in one write. Belongs to one thread at a time.
/// </summary>
internal sealed class DirtyOutboxes
{
    private readonly List<Outbox> _outboxes = [];

    public void Add(Outbox outbox) => _outboxes.Add(outbox);

    public void Drain()
    {
        for (int i = 0; i < _outboxes.Count; i++)
            _outboxes[i].Drain();
        _outboxes.Clear();
        if (_outboxes.Capacity > 4096)
            _outboxes.Capacity = 0;
    }
}
