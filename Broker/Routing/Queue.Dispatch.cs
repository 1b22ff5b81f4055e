using Broker.Delivery;
using Broker.Messaging;
using Broker.Stomp;

namespace Broker.Routing;

// Who gets what: all of it under the lock.
internal sealed partial class Queue
{
    // A ring of the consumers that can be given a message, from the one whose turn it is.
    private QueueConsumer? _ready;
    private List<DeadMessage>? _unburied; // found dead by a drain
    private bool _isShort; // which left more of them
    private int _readyCount;

    /// <summary>What a consumer's socket can take now, of what is assigned to it and then of what waits. See <see cref="IQueueConsumer.Take"/>.</summary>
    public int Take(QueueConsumer consumer, Span<QueueDelivery> into, int maxBytes, out bool more)
    {
        List<DeadMessage>? dead = null;
        long bytes = 0, settled = 0, now = 0;
        int count = 0, redelivered = 0;
        bool isShort, isFirst = false;
        lock (_gate)
        {
            more = false;
            if (consumer.HasEnded || _isGone)
                return 0;
            do
            {
                for (int i = consumer.Held.IndexFrom(consumer.Sent + 1); count < into.Length && bytes < maxBytes && i < consumer.Held.Span; i = consumer.Held.IndexFrom(consumer.Sent + 1))
                {
                    consumer.Held.TryGet(i, out long sequence, out QueueEntry entry);
                    int size = SizeOf(entry.Message);
                    consumer.Sent = sequence;
                    consumer.UnsentBytes -= size;
                    if (HasExpired(entry.Message, ref now))
                    {
                        consumer.Held.RemoveAt(i);
                        (dead ??= []).Add(new DeadMessage(entry.Message, DeathCause.Expired));
                        continue;
                    }

                    into[count++] = new QueueDelivery(entry.Message, sequence, entry.Deliveries + 1);
                    bytes += size;
                    redelivered += entry.Deliveries > 0 ? 1 : 0;
                    if (consumer.Mode == AckMode.Auto)
                    {
                        consumer.Held.RemoveAt(i); // sent is settled
                        _messages--;
                        settled += size;
                    }
                    else
                    {
                        consumer.Held.Replace(i, entry with { Deliveries = entry.Deliveries + 1 });
                        consumer.Unsettled++;
                        _unsettled++;
                    }
                }

                isShort = Refill(consumer, ref now, ref dead);
            }
            while (!isShort && count < into.Length && bytes < maxBytes && consumer.Assigned > consumer.Sent);

            more = consumer.Assigned > consumer.Sent;
            SetReady(consumer);
            _bytes -= settled;
            settled += CountOut(dead);
            if (dead is not null)
            {
                isFirst = _unburied is null;
                (_unburied ??= []).AddRange(dead);
                _isShort |= isShort;
            }
        }

        table.Release(settled);
        if (redelivered > 0)
            table.Metrics.AddRedelivered(redelivered);
        if (isFirst)
            ThreadPool.UnsafeQueueUserWorkItem(static queue => queue.Bury(), this, preferLocal: false);
        return count;
    }

    // On another thread, one at a time: who drains may hold the lock of a topic.
    private void Bury()
    {
        var dirty = new DirtyOutboxes();
        int buried = 0;
        while (true)
        {
            List<DeadMessage>? dead = null;
            bool goesOn = false;
            lock (_gate)
            {
                _unburied!.RemoveRange(0, buried);
                if (_unburied.Count > 0)
                {
                    dead = [.. _unburied];
                }
                else
                {
                    goesOn = _isShort;
                    (_unburied, _isShort) = (null, false);
                }
            }

            if (dead is null)
            {
                GoOn(goesOn);
                return;
            }

            table.Bury(this, dead, dirty);
            dirty.Drain();
            buried = dead.Count;
        }
    }

    private void Add(Message message, DirtyOutboxes dirty)
    {
        long place = _nextPlace++;
        if (_ready is { } consumer && _choosy.Count == 0 && _backlog.Count == 0 && message.ExpiresAt == 0)
        {
            Assign(consumer, new QueueEntry(message, place), dirty);
            EndTurn(consumer);
        }
        else
        {
            _backlog.Add(message, place);
        }
    }

    // Returns what it gives back of the room. What was settled before, or went back with its consumer, is ignored.
    private long Settle(in Settlement settlement, ref List<DeadMessage>? dead)
    {
        QueueConsumer consumer = settlement.Consumer;
        if (consumer.HasEnded || !ReferenceEquals(consumer.Queue, this))
            return 0;
        long bytes = 0;
        if (consumer.Mode == AckMode.Client)
        {
            while (consumer.Held.Count > 0 && consumer.Held.TryGet(0, out long sequence, out _) && sequence <= settlement.Sequence)
                bytes += Settle(consumer, 0, settlement.Verdict, ref dead);
        }
        else if (consumer.Held.IndexOf(settlement.Sequence) is >= 0 and int index)
        {
            bytes = Settle(consumer, index, settlement.Verdict, ref dead);
        }

        SetReady(consumer);
        return bytes;
    }

    private long Settle(QueueConsumer consumer, int index, Verdict verdict, ref List<DeadMessage>? dead)
    {
        consumer.Held.TryGet(index, out _, out QueueEntry entry);
        consumer.Held.RemoveAt(index);
        consumer.Unsettled--;
        _unsettled--;
        if (verdict == Verdict.Accept)
        {
            int size = SizeOf(entry.Message);
            _messages--;
            _bytes -= size;
            return size;
        }

        entry = entry with { Nacks = entry.Nacks + 1 };
        if (verdict == Verdict.Reject)
            (dead ??= []).Add(new DeadMessage(entry.Message, DeathCause.Rejected));
        else if (entry.Nacks >= table.Limits.NacksPerMessage)
            (dead ??= []).Add(new DeadMessage(entry.Message, DeathCause.DeliveryLimit));
        else
            Return(entry, consumer);
        return 0;
    }

    private void Return(in QueueEntry entry, QueueConsumer? refusedBy)
    {
        _backlog.Return(entry, refusedBy);
        foreach (QueueConsumer consumer in _choosy)
        {
            if (consumer.Wants(entry.Message))
                consumer.CameBack(entry.Place);
        }
    }

    /// <summary>Gives what waits to those who have room, by turns, until there is nothing or nobody; true when it stopped before, for so many had expired.</summary>
    private bool Dispatch(DirtyOutboxes dirty, ref List<DeadMessage>? dead)
    {
        long now = 0;
        int passed = 0;
        while (_ready is { } consumer && passed < _readyCount && _backlog.Count > 0)
        {
            if (!TryFindFor(consumer, out QueueEntry entry, out QueueConsumer? refusedBy))
            {
                _ready = consumer.Next;
                passed++;
                continue;
            }

            passed = 0;
            _backlog.TryTake(entry.Place, out _);
            if (HasExpired(entry.Message, ref now))
            {
                (dead ??= []).Add(new DeadMessage(entry.Message, DeathCause.Expired));
                if (dead.Count >= ExpiredAtATime)
                    return true;
                continue;
            }

            if (ReferenceEquals(refusedBy, consumer))
                consumer = AnotherFor(entry.Message, consumer);
            Assign(consumer, entry, dirty);
            EndTurn(consumer);
        }

        return false;
    }

    // The same for a consumer whose drain is under way: it takes at once, and nobody else has room for what waits.
    private bool Refill(QueueConsumer consumer, ref long now, ref List<DeadMessage>? dead)
    {
        while (consumer.HasRoom && _backlog.Count > 0 && TryFindFor(consumer, out QueueEntry entry, out _))
        {
            _backlog.TryTake(entry.Place, out _);
            if (!HasExpired(entry.Message, ref now))
            {
                Assign(consumer, entry);
                continue;
            }

            (dead ??= []).Add(new DeadMessage(entry.Message, DeathCause.Expired));
            if (dead.Count >= ExpiredAtATime)
                return true;
        }

        return false;
    }

    private bool TryFindFor(QueueConsumer consumer, out QueueEntry entry, out QueueConsumer? refusedBy)
    {
        if (!consumer.IsChoosy)
            return _backlog.TryFind(0, out entry, out refusedBy);
        while (consumer.TryTakeBack(out long place))
        {
            if (_backlog.TryFind(place, out entry, out refusedBy) && entry.Place == place)
                return true;
        }

        while (consumer.LookedUpTo < _nextPlace && _backlog.TryFind(consumer.LookedUpTo, out entry, out refusedBy))
        {
            consumer.LookedUpTo = entry.Place + 1; // who asks takes it
            if (consumer.Wants(entry.Message))
                return true;
        }

        (entry, refusedBy) = (default, null);
        return false;
    }

    private static QueueConsumer AnotherFor(Message message, QueueConsumer refused)
    {
        for (QueueConsumer other = refused.Next!; !ReferenceEquals(other, refused); other = other.Next!)
        {
            if (other.Wants(message))
                return other;
        }

        return refused;
    }

    // One token in the outbox is enough: who finds it takes all, and asks again while there is more.
    private static void Assign(QueueConsumer consumer, in QueueEntry entry, DirtyOutboxes dirty)
    {
        bool isAsked = consumer.Assigned > consumer.Sent;
        Assign(consumer, entry);
        if (!isAsked)
            consumer.Subscription.RequestPull(dirty);
    }

    private static void Assign(QueueConsumer consumer, in QueueEntry entry)
    {
        consumer.Held.Add(++consumer.Assigned, entry);
        consumer.UnsentBytes += SizeOf(entry.Message);
    }

    private void EndTurn(QueueConsumer consumer)
    {
        if (consumer.HasRoom && ReferenceEquals(_ready, consumer))
        {
            _ready = consumer.Next;
            return;
        }

        Unlink(consumer);
        SetReady(consumer);
    }

    private void SetReady(QueueConsumer consumer)
    {
        bool isReady = !consumer.HasEnded && consumer.HasRoom;
        if (isReady == consumer.Next is not null)
            return;
        if (isReady)
            LinkLast(consumer);
        else
            Unlink(consumer);
    }

    private void LinkLast(QueueConsumer consumer)
    {
        _readyCount++;
        if (_ready is null)
        {
            _ready = consumer.Next = consumer.Previous = consumer;
            return;
        }

        consumer.Next = _ready;
        consumer.Previous = _ready.Previous;
        consumer.Previous!.Next = consumer;
        _ready.Previous = consumer;
    }

    private void Unlink(QueueConsumer consumer)
    {
        _readyCount--;
        if (ReferenceEquals(_ready, consumer))
            _ready = ReferenceEquals(consumer.Next, consumer) ? null : consumer.Next;
        consumer.Next!.Previous = consumer.Previous;
        consumer.Previous!.Next = consumer.Next;
        consumer.Next = consumer.Previous = null;
    }

    private bool HasExpired(Message message, ref long now)
    {
        if (message.ExpiresAt == 0)
            return false;
        if (now == 0)
            now = table.Time.GetUtcNow().ToUnixTimeMilliseconds();
        return message.HasExpired(now);
    }
}
