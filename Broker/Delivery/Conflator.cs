using Broker.Configuration;
using Broker.Diagnostics;
using Broker.Messaging;

namespace Broker.Delivery;

/// <summary>
/// The newest message of each key of one subscription, for as long as it may not or cannot be sent (SEMANTICS 12). With an interval all that waits
/// leaves together, then the subscription rests; without one messages wait only while the connection lags. What waits counts to
/// the outbox's bytes; the oldest is dropped when those are full. Thread-safe.
/// </summary>
internal sealed class Conflator
{
    private readonly Lock _gate = new();
    private readonly Subscription _subscription;
    private readonly ConflationClock _clock;
    private readonly BrokerMetrics _metrics;
    private readonly byte[] _keyHeader;
    private readonly ConflationMode _mode;
    private readonly long _interval;
    private readonly Queue<Waiting> _row = new();
    private readonly Dictionary<byte[], Waiting> _byKey = new(Utf8NameComparer.Instance);
    private int _round;
    private bool _isDue;
    private bool _ended;
    private long _restsUntil = long.MinValue;
    private long _scheduledFor;
    private long _scheduled; // zero: not

    /// <param name="subscription">Whose it is.</param>
    /// <param name="mode">When messages wait.</param>
    /// <param name="interval">The least time between two of a key.</param>
    /// <param name="keyHeader">The header that holds the key; empty: the destination is the key.</param>
    /// <param name="clock">Tells when the interval is over.</param>
    /// <param name="metrics">Counts what is conflated and what is dropped.</param>
    public Conflator(Subscription subscription, ConflationMode mode, TimeSpan interval, byte[] keyHeader, ConflationClock clock, BrokerMetrics metrics)
    {
        _subscription = subscription;
        _mode = mode;
        _interval = clock.Ticks(interval);
        _keyHeader = keyHeader;
        _clock = clock;
        _metrics = metrics;
    }

    /// <summary>True for a subscription that asked for it: then no publisher waits for it and nobody cuts it.</summary>
    public bool IsAsked => _mode != ConflationMode.WhereTopicsDo;

    /// <summary>True when what a stream replays goes through it.</summary>
    public bool TakesReplay => _mode == ConflationMode.ByInterval;

    private Outbox Outbox => _subscription.Outbox;

    /// <summary>Takes a publication: gives it to the outbox at once, or keeps what is newest of it.</summary>
    public void Deliver(Publication publication, DirtyOutboxes dirty)
    {
        if (!IsAsked && publication.Policy != SlowSubscriberPolicy.Conflate)
        {
            _subscription.Give(publication, dirty);
            return;
        }

        // One lock around the decision and the entry: several topics deliver here, and none may overtake what waits of it.
        lock (_gate)
        {
            if (_ended)
                return;
            if (_row.Count == 0 && _mode != ConflationMode.ByInterval && !IsLagging(publication) && _subscription.TryGive(publication, dirty))
                return;
            if (_row.Count == 0 && _mode != ConflationMode.ByInterval)
                TakeBack();
            foreach (Message message in publication.Messages)
                Keep(publication.Destination, message, 1);
            RequestRound(dirty);
        }
    }

    /// <summary>Keeps what is newest of messages that a stream replays.</summary>
    public void Keep(ReadOnlySpan<Message> messages)
    {
        lock (_gate)
        {
            foreach (Message message in messages)
                Keep(message.Destination, message, 1);
            RequestRound(dirty: null);
        }
    }

    /// <summary>The snapshot of the subscription was sent: the interval begins.</summary>
    public void Rest()
    {
        lock (_gate)
            _restsUntil = _clock.Now + _interval;
    }

    /// <summary>
    /// Takes what may leave now, oldest first, up to the size of <paramref name="into"/> and about so many bytes. Their room in the outbox,
    /// <paramref name="reserved"/>, goes over to the caller.
    /// </summary>
    public int Take(Span<Message> into, int maxBytes, out long reserved, out bool more)
    {
        int count = 0;
        reserved = 0;
        lock (_gate)
        {
            if (_isDue)
            {
                _isDue = false;
                _round = _row.Count;
            }

            bool wasRound = _round > 0;
            int may = _mode == ConflationMode.ByInterval ? _round : _row.Count;
            int credit = may == 0 ? 0 : _subscription.Window?.TakeCredit(Math.Min(may, into.Length)) ?? into.Length;
            bool starved = may > 0 && credit == 0;
            while (may > 0 && count < into.Length && credit > 0 && reserved < maxBytes)
            {
                Waiting next = _row.Dequeue();
                may--;
                if (next.Message is null)
                    continue;
                _byKey.Remove(next.Key);
                Outbox.Park(-next.Size);
                reserved += next.Size;
                into[count++] = next.Marked();
                credit--;
            }

            if (_subscription.Window is { } window && credit > 0)
                window.ReturnCredit(credit);
            more = may > 0 && !starved;
            if (_mode == ConflationMode.ByInterval)
            {
                _round = may;
                if (wasRound && may == 0)
                    _restsUntil = _clock.Now + _interval;
                Schedule();
            }
        }

        return count;
    }

    /// <summary>The rest is over.</summary>
    public void WakeUp(DirtyOutboxes dirty)
    {
        lock (_gate)
        {
            _scheduled = 0;
            RequestRound(dirty);
        }
    }

    public void End()
    {
        lock (_gate)
        {
            _ended = true;
            if (_scheduled != 0)
                _clock.Cancel(this, _scheduledFor, _scheduled);
            foreach (Waiting waiting in _row)
                Discard(waiting);
            _row.Clear();
            _byKey.Clear();
        }
    }

    // By the policy of a topic only a full outbox counts, which TryGive finds.
    private bool IsLagging(Publication publication) =>
        _mode == ConflationMode.WhileLagging && (Outbox.IsLagging || _subscription.Window is { HasCredit: false }) && publication.Count > 0;

    /// <summary>What waits in the outbox gives way to its own newest.</summary>
    private void TakeBack()
    {
        foreach (OutboxEntry entry in Outbox.TakeOut(_subscription, all: IsAsked))
        {
            var publication = (Publication)entry.Payload;
            Outbox.Release(entry.Bytes);
            foreach (Message message in publication.Messages[entry.First..])
                Keep(publication.Destination, message, 1);
        }

        while (_subscription.Window?.TakeWaiting() is { } message)
        {
            Outbox.Release(_subscription.SizeOf(message));
            Keep(message.Destination, message, 1);
        }
    }

    private void RequestRound(DirtyOutboxes? dirty)
    {
        if (_ended || _row.Count == 0)
            return;
        if (_mode != ConflationMode.ByInterval)
        {
            _subscription.RequestPull(dirty);
        }
        else if (_round == 0 && !_isDue && _clock.Now >= _restsUntil)
        {
            _isDue = true;
            _subscription.RequestPull(dirty);
        }
        else
        {
            Schedule();
        }
    }

    private void Schedule()
    {
        if (_scheduled != 0 || _isDue || _round > 0 || _row.Count == 0 || _ended)
            return;
        _scheduledFor = _restsUntil;
        _scheduled = _clock.Schedule(this, _restsUntil);
    }

    private void Keep(ReadOnlySpan<byte> destination, Message message, int count)
    {
        int size = _subscription.SizeOf(message);
        var byKey = _byKey.GetAlternateLookup<ReadOnlySpan<byte>>();
        ReadOnlySpan<byte> key = KeyOf(destination, message);
        if (byKey.TryGetValue(key, out Waiting? waiting))
        {
            _metrics.AddConflated(1);
            int more = size - waiting.Size;
            if (more <= 0 || Outbox.TryReserve(more))
            {
                if (more < 0)
                    Outbox.Release(-more);
                Outbox.Park(more);
                waiting.Replace(message, size, count);
                return;
            }

            count += waiting.Count;
            _byKey.Remove(waiting.Key);
            Discard(waiting);
        }

        while (!Outbox.TryReserve(size))
        {
            if (!TryDropOldest())
            {
                _metrics.AddDropped(DropReasons.SlowSubscriber, count);
                return;
            }
        }

        Outbox.Park(size);
        waiting = new Waiting(key.ToArray(), message, size, count);
        _row.Enqueue(waiting);
        _byKey.Add(waiting.Key, waiting);
    }

    private bool TryDropOldest()
    {
        while (_row.TryDequeue(out Waiting? oldest))
        {
            _round -= _round > 0 ? 1 : 0;
            if (oldest.Message is null)
                continue;
            _byKey.Remove(oldest.Key);
            _metrics.AddDropped(DropReasons.SlowSubscriber, oldest.Count);
            Discard(oldest);
            return true;
        }

        return false;
    }

    private void Discard(Waiting waiting)
    {
        if (waiting.Message is null)
            return;
        waiting.Message = null; // its place in the row stays
        Outbox.Park(-waiting.Size);
        Outbox.Release(waiting.Size);
    }

    private ReadOnlySpan<byte> KeyOf(ReadOnlySpan<byte> destination, Message message) =>
        _keyHeader.Length > 0 && message.TryGetLine(_keyHeader, out ReadOnlySpan<byte> value) ? value : destination;

    private sealed class Waiting(byte[] key, Message message, int size, int count)
    {
        public byte[] Key => key;

        public Message? Message { get; set; } = message;

        public int Size { get; private set; } = size;

        public int Count { get; private set; } = count;

        public void Replace(Message newer, int newSize, int more)
        {
            Message = newer;
            Size = newSize;
            Count += more;
        }

        public Message Marked() => Count == 1 ? Message! : Message!.With(System.Text.Encoding.ASCII.GetBytes($"x-conflated:{Count}\n"));
    }
}

/// <summary>When messages of a subscription wait to be conflated.</summary>
internal enum ConflationMode : byte
{
    /// <summary>While the outbox is full, those of topics whose policy is <c>conflate</c>.</summary>
    WhereTopicsDo,

    /// <summary>While the connection lags.</summary>
    WhileLagging,

    /// <summary>Until the interval is over.</summary>
    ByInterval,
}
