using System.Diagnostics.CodeAnalysis;
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
    private readonly Queue<Message> _waiting = new();

    // Given and unsettled, where they can be settled in any order; empty in `client` mode, where a number is enough, and
    // without a limit, where nobody asks.
    private readonly HashSet<long> _unsettled = [];
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
                if (_waiting.Count == 0 && CanGive)
                {
                    Give(message, dirty);
                }
                else
                {
                    _waiting.Enqueue(message);
                    int waiting = subscription.SizeOf(message);
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
            int credit = _waiting.Count > 0 ? 0 : prefetch == 0 ? most : Math.Min(most, Math.Max(0, prefetch - _taken));
            _taken += credit;
            _isStarved = credit == 0;
            return credit;
        }
    }

    /// <summary>Gives back credit that was not needed.</summary>
    public void ReturnCredit(int credit)
    {
        lock (_gate)
            _taken -= credit;
    }

    /// <summary>Takes the oldest message that waits here; its room stays reserved. Null when none does.</summary>
    public Message? TakeWaiting()
    {
        lock (_gate)
            return TryUnpark(out Message? message) ? message : null;
    }

    /// <summary>Drops the oldest waiting message and gives its room back; returns how much, zero when none waits.</summary>
    public int DropWaiting()
    {
        lock (_gate)
        {
            if (!TryUnpark(out Message? message))
                return 0;
            int size = subscription.SizeOf(message);
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
            while (TryUnpark(out Message? message))
                subscription.Outbox.Release(subscription.SizeOf(message));
        }
    }

    private void Refill(DirtyOutboxes? dirty)
    {
        while (CanGive && !_ended && TryUnpark(out Message? message))
            Give(message, dirty);
        if (!_isStarved || !CanGive || _ended)
            return;
        _isStarved = false;
        subscription.RequestPull(dirty);
    }

    private bool TryUnpark([NotNullWhen(true)] out Message? message)
    {
        if (!_waiting.TryDequeue(out message))
            return false;
        int size = subscription.SizeOf(message);
        _waitingBytes -= size;
        subscription.Outbox.Park(-size);
        return true;
    }

    private void Give(Message message, DirtyOutboxes? dirty)
    {
        _taken++;
        subscription.Outbox.Enqueue(new OutboxEntry(message, subscription, subscription.SizeOf(message)), dirty);
    }
}
