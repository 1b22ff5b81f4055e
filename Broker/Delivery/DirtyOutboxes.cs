namespace Broker.Delivery;

/// <summary>
/// The outboxes that one publisher has put something into since it last drained. It drains them when its own input runs dry,
/// so that many messages leave in one write. Belongs to one thread at a time.
/// </summary>
internal sealed class DirtyOutboxes
{
    // Measured: from about here on another core is woken soon enough to take its part.
    private const int SharedFrom = 128;

    private readonly List<Outbox> _outboxes = [];

    public void Add(Outbox outbox) => _outboxes.Add(outbox);

    /// <summary>Drains them; very many together with the other cores, which may be at it for a moment longer.</summary>
    public void Drain()
    {
        if (_outboxes.Count >= SharedFrom && Environment.ProcessorCount > 1)
        {
            new SharedDrain([.. _outboxes]).Run();
        }
        else
        {
            for (int i = 0; i < _outboxes.Count; i++)
                _outboxes[i].Drain();
        }

        _outboxes.Clear();
        if (_outboxes.Capacity > 4096)
            _outboxes.Capacity = 0;
    }

    /// <summary>A drain that several threads take pieces of, the publisher's own among them, which goes on alone where no other is free.</summary>
    private sealed class SharedDrain(Outbox[] outboxes) : IThreadPoolWorkItem
    {
        private const int Piece = 16;

        private int _next;

        public void Run()
        {
            for (int others = Math.Min(Environment.ProcessorCount - 1, outboxes.Length / SharedFrom); others > 0; others--)
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            Execute();
        }

        public void Execute()
        {
            int start;
            while ((start = Interlocked.Add(ref _next, Piece) - Piece) < outboxes.Length)
            {
                foreach (Outbox outbox in outboxes.AsSpan(start, Math.Min(Piece, outboxes.Length - start)))
                    outbox.Drain();
            }
        }
    }
}
