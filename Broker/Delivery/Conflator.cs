using System.Text;
using Broker.Configuration;
using Broker.Diagnostics;
using Broker.Messaging;

namespace Broker.Delivery;

/// <summary>
/// The newest message of each key of one subscription, for as long as it may not or cannot be sent (SEMANTICS 12). With an interval all that waits
/// leaves together, then the subscription rests; without one messages wait only while the connection lags. What waits in all conflators of a
/// connection is bounded as its outbox is: beyond that the oldest is dropped, or, in a stream, the connection closed. Thread-safe.
/// </summary>
/// <remarks>
/// Messages leave in rounds: all that wait when one begins, so that no busy key starves another. Those of a stream leave in the order
/// of their offsets, so that who resumes behind the last one it saw misses none: a newer one goes to the end of the row, and
/// one whose round has begun is not replaced. Others are replaced where they stand, until the last moment.
/// </remarks>
internal sealed class Conflator
{
    // A burst of keys does not leave its room behind.
    private const int KeptCapacity = 256;

    // To a socket that lags little is given at once: what it was given cannot be replaced.
    private const int LaggingBytes = 8 * 1024;

    private readonly Lock _gate = new();
    private readonly Subscription _subscription;
    private readonly ConflationClock _clock;
    private readonly BrokerMetrics _metrics;
    private readonly byte[] _keyHeader;
    private readonly ConflationMode _mode;
    private readonly long _interval;
    private readonly Dictionary<byte[], Waiting> _byKey = new(Utf8NameComparer.Instance);
    private Waiting? _first;
    private Waiting? _last;
    private long _entered;
    private long _roundEnd; // who entered no later is of the round
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
            if (_first is null && _mode != ConflationMode.ByInterval)
            {
                if (!IsLagging && _subscription.TryGive(publication, dirty))
                    return;
                TakeBack();
            }

            foreach (Message message in publication.Messages)
                Keep(publication.Destination, message);
            RequestRound(dirty);
        }
    }

    /// <summary>Keeps what is newest of messages that a stream replays.</summary>
    public void Keep(ReadOnlySpan<Message> messages)
    {
        lock (_gate)
        {
            foreach (Message message in messages)
                Keep(message.Destination, message);
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
    /// Takes what may leave now, in its order, up to the size of <paramref name="into"/> and about so many bytes. Their room in the outbox,
    /// <paramref name="reserved"/>, goes over to the caller.
    /// </summary>
    public int Take(Span<Message> into, int maxBytes, out long reserved, out bool more)
    {
        int count = 0;
        reserved = 0;
        more = false;
        lock (_gate)
        {
            if (_isDue || (_mode != ConflationMode.ByInterval && !IsInRound))
                _roundEnd = _entered;
            _isDue = false;
            if (!IsInRound)
                return 0;
            int credit = _subscription.Window?.TakeCredit(into.Length) ?? into.Length;
            bool isStarved = credit == 0;
            long most = _mode == ConflationMode.ByInterval ? maxBytes : Math.Min(maxBytes, LaggingBytes);
            while (IsInRound && credit > count && reserved < most)
            {
                Waiting next = _first!;
                Remove(next);
                Outbox.MoveConflated(next.Size);
                reserved += next.Size;
                into[count++] = next.Marked();
            }

            if (credit > count)
                _subscription.Window?.ReturnCredit(credit - count);
            if (_first is null && _byKey.Capacity > KeptCapacity)
                _byKey.TrimExcess();
            more = _first is not null && !isStarved && (IsInRound || _mode != ConflationMode.ByInterval);
            EndRound();
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
            while (_first is not null)
                Discard(_first);
        }
    }

    private bool IsInRound => _first is not null && _first.Number <= _roundEnd;

    // By the policy of a topic only a full outbox counts, which TryGive finds.
    private bool IsLagging =>
        _mode == ConflationMode.WhileLagging && (Outbox.IsLagging || _subscription.Window is { HasCredit: false });

    /// <summary>What waits in the outbox gives way to its own newest.</summary>
    private void TakeBack()
    {
        foreach (OutboxEntry entry in Outbox.TakeOut(_subscription, all: IsAsked))
        {
            var publication = (Publication)entry.Payload;
            Outbox.Release(entry.Bytes);
            foreach (Message message in publication.Messages[entry.First..])
                Keep(publication.Destination, message);
        }

        foreach (Message message in _subscription.Window?.TakeOut(all: IsAsked) ?? [])
        {
            Outbox.Release(_subscription.SizeOf(message));
            Keep(message.Destination, message);
        }
    }

    private void EndRound()
    {
        if (_mode != ConflationMode.ByInterval || IsInRound)
            return;
        _restsUntil = _clock.Now + _interval;
        Schedule();
    }

    private void RequestRound(DirtyOutboxes? dirty)
    {
        if (_ended || _first is null)
            return;
        if (_mode != ConflationMode.ByInterval)
        {
            _subscription.RequestPull(dirty);
        }
        else if (!IsInRound && !_isDue && _clock.Now >= _restsUntil)
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
        if (_scheduled != 0 || _isDue || IsInRound || _first is null || _ended)
            return;
        _scheduledFor = _restsUntil;
        _scheduled = _clock.Schedule(this, _restsUntil);
    }

    private void Keep(ReadOnlySpan<byte> destination, Message message)
    {
        int count = 1;
        int size = _subscription.SizeOf(message);
        var byKey = _byKey.GetAlternateLookup<ReadOnlySpan<byte>>();
        ReadOnlySpan<byte> key = KeyOf(destination, message);
        if (byKey.TryGetValue(key, out Waiting? older) && !(message.HasOffset && older.Number <= _roundEnd))
        {
            _metrics.AddConflated(1);
            Outbox.ReleaseConflated(older.Size);
            if (!message.HasOffset && Outbox.TryReserveConflated(size))
            {
                older.Replace(message, size);
                return;
            }

            count += older.Count;
            Remove(older);
        }

        while (!Outbox.TryReserveConflated(size))
        {
            if (message.HasOffset)
            {
                Outbox.Overrun(); // who resumes must not be told that nothing is missing
                return;
            }

            if (!TryDropOldest())
            {
                _metrics.AddDropped(DropReasons.SlowSubscriber, count);
                return;
            }
        }

        Add(new Waiting(older?.Key ?? key.ToArray(), message, size, count, ++_entered));
    }

    private void Add(Waiting waiting)
    {
        waiting.Before = _last;
        if (_last is null)
            _first = waiting;
        else
            _last.Behind = waiting;
        _last = waiting;
        _byKey[waiting.Key] = waiting;
    }

    private void Remove(Waiting waiting)
    {
        if (waiting.Before is null)
            _first = waiting.Behind;
        else
            waiting.Before.Behind = waiting.Behind;
        if (waiting.Behind is null)
            _last = waiting.Before;
        else
            waiting.Behind.Before = waiting.Before;
        if (_byKey.TryGetValue(waiting.Key, out Waiting? newest) && ReferenceEquals(newest, waiting))
            _byKey.Remove(waiting.Key);
    }

    private void Discard(Waiting waiting)
    {
        Remove(waiting);
        Outbox.ReleaseConflated(waiting.Size);
    }

    private bool TryDropOldest()
    {
        if (_first is not { } oldest)
            return false;
        bool wasInRound = IsInRound;
        _metrics.AddDropped(DropReasons.SlowSubscriber, oldest.Count);
        Discard(oldest);
        if (wasInRound)
            EndRound();
        return true;
    }

    private ReadOnlySpan<byte> KeyOf(ReadOnlySpan<byte> destination, Message message)
    {
        if (_keyHeader.Length == 0)
            return destination;
        return message.TryGetLine(_keyHeader, out ReadOnlySpan<byte> value) ? value : (byte[])[0, .. destination]; // no header's value begins so
    }

    /// <summary>The newest message of a key, in the row.</summary>
    private sealed class Waiting(byte[] key, Message message, int size, int count, long number)
    {
        public byte[] Key => key;

        public int Size { get; private set; } = size;

        public int Count { get; private set; } = count;

        /// <summary>When it entered the row.</summary>
        public long Number => number;

        public Waiting? Before { get; set; }

        public Waiting? Behind { get; set; }

        public void Replace(Message newer, int newSize)
        {
            message = newer;
            Size = newSize;
            Count++;
        }

        public Message Marked() => Count == 1 ? message : message.With(Encoding.ASCII.GetBytes($"x-conflated:{Count}\n"));
    }
}
