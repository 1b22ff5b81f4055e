using Broker.Configuration;
using Broker.Messaging;
using Broker.Stomp;

namespace Broker.Delivery;

/// <summary>
/// Flow control of a topic subscription in a client ack mode (SEMANTICS 6): at most <c>prefetch-count</c> messages are given
/// and not acknowledged; what is beyond waits here and counts to the outbox's bytes. Nothing is ever redelivered. Thread-safe.
/// </summary>
internal sealed class AckWindow(Subscription subscription, AckMode mode, int prefetch)
{
    private readonly Lock _gate = new();
    private readonly Queue<Waiting> _waiting = new();

    // Given and unsettled, where they can be settled in any order; empty in `client` mode, where a number is enough, and
    // without a limit, where nobody asks.
    private readonly HashSet<long> _unsettled = [];
    private IReadOnlyList<Message> _snapshot = [];
    private int _snapshotGiven;
    private long _waitingBytes;
    private long _given;
    private long _settled;
    private int _taken;
    private bool _isStarved;
    private bool _ended;

    /// <summary>The most that is given and unsettled; zero: no limit.</summary>
    public int Prefetch => prefetch;

    /// <summary>False when the next message would have to wait for an acknowledgement.</summary>
    public bool HasCredit
    {
        get
        {
            lock (_gate)
                return CanGive;
        }
    }

    private bool CanGive => prefetch == 0 || _taken < prefetch;

    // Nothing may overtake what waits, the rest of a snapshot first of all.
    private bool IsEmpty => _waiting.Count == 0 && _snapshotGiven == _snapshot.Count;

    public void Deliver(Publication publication, DirtyOutboxes dirty)
    {
        // All of a publication finds room or none of it: a commit is not cut in half. Outside the lock: making room may drop
        // what waits here.
        int size = subscription.SizeOf(publication);
        if (subscription.Outbox.TryReserve(size, publication) || subscription.Outbox.MakeRoom(subscription, size, publication.Count, publication.Policy))
            Take(publication, size, dirty);
    }

    /// <summary>The same, but false when there is no room.</summary>
    public bool TryDeliver(Publication publication, DirtyOutboxes dirty)
    {
        int size = subscription.SizeOf(publication);
        if (!subscription.Outbox.TryReserve(size, publication))
            return false;
        Take(publication, size, dirty);
        return true;
    }

    /// <summary>Gives a snapshot, as there is credit. Like any snapshot it takes no room.</summary>
    public void Deliver(Snapshot snapshot, DirtyOutboxes dirty)
    {
        lock (_gate)
        {
            _snapshot = snapshot.Messages;
            Refill(dirty);
        }
    }

    private void Take(Publication publication, int size, DirtyOutboxes dirty)
    {
        lock (_gate)
        {
            if (_ended)
            {
                subscription.Outbox.Release(size);
                return;
            }

            foreach (Message message in publication.Messages)
            {
                if (IsEmpty && CanGive)
                {
                    Give(message, dirty, isSnapshot: false);
                }
                else
                {
                    int waiting = subscription.SizeOf(message);
                    _waiting.Enqueue(new Waiting(message, publication.Policy));
                    _waitingBytes += waiting;
                    subscription.Outbox.Park(waiting);
                }
            }
        }
    }

    /// <summary>The number of the next delivery, when its frame is written.</summary>
    public long NextSequence()
    {
        lock (_gate)
        {
            long sequence = ++_given;
            if (mode == AckMode.ClientIndividual && prefetch != 0)
                _unsettled.Add(sequence);
            return sequence;
        }
    }

    /// <summary>An ACK or NACK; false when nothing of that number was ever given. What is settled already is ignored.</summary>
    public bool Settle(long sequence, DirtyOutboxes dirty)
    {
        lock (_gate)
        {
            if (sequence > _given)
                return false;
            if (mode == AckMode.Client)
            {
                if (sequence > _settled)
                {
                    _taken -= (int)(sequence - _settled);
                    _settled = sequence;
                }
            }
            else if (_unsettled.Remove(sequence))
            {
                _taken--;
            }

            Refill(dirty);
            return true;
        }
    }

    /// <summary>True when <paramref name="sequence"/> was given at some time.</summary>
    public bool WasGiven(long sequence)
    {
        lock (_gate)
            return sequence <= _given;
    }

    /// <summary>A message that had its credit left the outbox unsent: dropped or expired.</summary>
    public void Unsent(DirtyOutboxes? dirty)
    {
        lock (_gate)
        {
            _taken--;
            Refill(dirty);
        }
    }

    /// <summary>
    /// Credit for as many messages as there is, up to <paramref name="most"/>, for what waits elsewhere and is pulled. Where there is none, the
    /// subscription is asked to pull again once there is.
    /// </summary>
    public int TakeCredit(int most)
    {
        lock (_gate)
        {
            int credit = !IsEmpty ? 0 : prefetch == 0 ? most : Math.Min(most, Math.Max(0, prefetch - _taken));
            _taken += credit;
            _isStarved = credit == 0;
            return credit;
        }
    }

    /// <summary>Gives back credit that was not needed. Called by a drain.</summary>
    public void ReturnCredit(int credit)
    {
        lock (_gate)
        {
            _taken -= credit;
            Refill(dirty: null);
        }
    }

    /// <summary>Takes out what waits here of topics that conflate what is slow, or, where <paramref name="all"/> is true, all. Its room stays reserved.</summary>
    public List<Message> TakeOut(bool all)
    {
        var taken = new List<Message>();
        lock (_gate)
        {
            for (int i = _waiting.Count; i > 0; i--)
            {
                Waiting next = _waiting.Dequeue();
                if (all || next.Policy == SlowSubscriberPolicy.Conflate)
                    taken.Add(Unpark(next));
                else
                    _waiting.Enqueue(next);
            }
        }

        return taken;
    }

    /// <summary>Drops the oldest waiting message and gives its room back; returns how much, zero when none waits.</summary>
    public int DropWaiting()
    {
        lock (_gate)
        {
            if (!_waiting.TryDequeue(out Waiting oldest))
                return 0;
            int size = subscription.SizeOf(Unpark(oldest));
            subscription.Outbox.Release(size);
            return size;
        }
    }

    /// <summary>Bytes of what waits here.</summary>
    public long WaitingBytes
    {
        get
        {
            lock (_gate)
                return _waitingBytes;
        }
    }

    public void End()
    {
        lock (_gate)
        {
            _ended = true;
            _snapshot = [];
            _snapshotGiven = 0;
            while (_waiting.TryDequeue(out Waiting waiting))
                subscription.Outbox.Release(subscription.SizeOf(Unpark(waiting)));
        }
    }

    private void Refill(DirtyOutboxes? dirty)
    {
        if (_ended)
            return;
        while (CanGive && _snapshotGiven < _snapshot.Count)
            Give(_snapshot[_snapshotGiven++], dirty, isSnapshot: true);
        if (_snapshotGiven == _snapshot.Count && _snapshotGiven > 0)
        {
            _snapshot = [];
            _snapshotGiven = 0;
        }

        while (CanGive && _snapshotGiven == _snapshot.Count && _waiting.TryDequeue(out Waiting waiting))
            Give(Unpark(waiting), dirty, isSnapshot: false);
        if (!_isStarved || !CanGive || !IsEmpty)
            return;
        _isStarved = false;
        subscription.RequestPull(dirty);
    }

    private Message Unpark(in Waiting waiting)
    {
        int size = subscription.SizeOf(waiting.Message);
        _waitingBytes -= size;
        subscription.Outbox.Park(-size);
        return waiting.Message;
    }

    private void Give(Message message, DirtyOutboxes? dirty, bool isSnapshot)
    {
        _taken++;
        var entry = new OutboxEntry(message, subscription, subscription.SizeOf(message), IsSnapshot: isSnapshot);
        if (isSnapshot)
            subscription.Outbox.EnqueueSnapshot(entry, dirty);
        else
            subscription.Outbox.Enqueue(entry, dirty);
    }

    private readonly record struct Waiting(Message Message, SlowSubscriberPolicy Policy);
}
