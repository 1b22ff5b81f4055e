using System.Collections.Concurrent;
using System.Globalization;

namespace Broker.Tests.Model;

/// <summary>
/// Where each message of a concurrent run is, as its clients know it. They say what they are about to do before they do it, so that nothing the broker rightly
/// does can come too early for the ledger. Thread-safe.
/// </summary>
internal sealed class QueueLedger(int nacks)
{
    private readonly ConcurrentDictionary<string, Entry> _entries = new();
    private readonly TaskCompletionSource _enough = new();
    private int _settled;
    private int _wanted = int.MaxValue;

    public int Count => _entries.Count;

    public int Settled => Volatile.Read(ref _settled);

    /// <summary>Deliveries that the broker said to be the first of their messages, per consumer: of each producer they must be in its order.</summary>
    public ConcurrentQueue<string> Faults { get; } = new();

    /// <summary>Completes once so many messages are settled, dead ones among them.</summary>
    public Task SettledAsync(int count)
    {
        Volatile.Write(ref _wanted, count);
        if (Settled >= count)
            _enough.TrySetResult();
        return _enough.Task;
    }

    public void Sending(string body, string queue)
    {
        if (!_entries.TryAdd(body, new Entry(queue)))
            Faults.Enqueue($"{body} is sent twice by the test itself");
    }

    /// <summary>A message came to a consumer; the ledger's number of it is remembered by who has to answer it.</summary>
    public void Given(string body, string queue, string consumer, int count, bool settles)
    {
        if (!_entries.TryGetValue(body, out Entry? entry))
        {
            Faults.Enqueue($"{consumer} got {body}, which nobody sent");
            return;
        }

        lock (entry)
        {
            if (entry.State != State.Queued || entry.Queue != queue)
                Faults.Enqueue($"{consumer} got {body} from {queue}, which is {entry}");
            if (count <= entry.Deliveries)
                Faults.Enqueue($"{consumer} got {body} as delivery {count.ToString(CultureInfo.InvariantCulture)}, and {entry.Deliveries} were seen before");
            entry.Deliveries = count;
            entry.Holder = consumer;
            entry.State = settles ? State.Settled : State.Held;
        }

        if (settles)
            Settle();
    }

    public void Acknowledging(string body, string consumer)
    {
        Entry entry = Held(body, consumer);
        lock (entry)
            entry.State = State.Settled;
        Settle();
    }

    /// <summary>It goes back, or dies: of this NACK or because it is not wanted again.</summary>
    public void Rejecting(string body, string consumer, bool requeue)
    {
        Entry entry = Held(body, consumer);
        bool dies;
        lock (entry)
        {
            dies = !requeue || ++entry.Nacks == nacks;
            entry.State = State.Queued;
            if (dies)
                (entry.Queue, entry.Deliveries, entry.Nacks, entry.IsDead) = (QueueModel.DeadLettersOf(entry.Queue), 0, 0, true);
        }

        if (dies)
            Settle();
    }

    /// <summary>It goes back because its consumer does not want to have anything any more.</summary>
    public void Returning(string body, string consumer)
    {
        Entry entry = Held(body, consumer);
        lock (entry)
            entry.State = State.Queued;
    }

    /// <summary>The messages that should still be in a queue.</summary>
    public string[] Left(string queue) =>
        [.. _entries.Where(pair => pair.Value.State == State.Queued && pair.Value.Queue == queue).Select(pair => pair.Key).Order(StringComparer.Ordinal)];

    /// <summary>Messages that a consumer has.</summary>
    public IEnumerable<string> HeldOnes => _entries.Where(pair => pair.Value.State == State.Held).Select(pair => $"{pair.Key} by {pair.Value.Holder}");

    private Entry Held(string body, string consumer)
    {
        Entry entry = _entries[body];
        lock (entry)
        {
            if (entry.State != State.Held || entry.Holder != consumer)
                Faults.Enqueue($"{consumer} answers {body}, which is {entry}");
        }

        return entry;
    }

    private void Settle()
    {
        if (Interlocked.Increment(ref _settled) >= Volatile.Read(ref _wanted))
            _enough.TrySetResult();
    }

    private enum State
    {
        Queued,
        Held,
        Settled,
    }

    private sealed class Entry(string queue)
    {
        public string Queue { get; set; } = queue;

        public State State { get; set; }

        public string? Holder { get; set; }

        public int Deliveries { get; set; }

        public int Nacks { get; set; }

        public bool IsDead { get; set; }

        public override string ToString() => $"{State} in {Queue}, last with {Holder ?? "nobody"}, delivered {Deliveries} times";
    }
}
