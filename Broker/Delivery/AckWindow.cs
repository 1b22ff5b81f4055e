using System.Diagnostics.CodeAnalysis;
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
    private readonly Queue<Message> _waiting = new();

    // Given and unsettled, where they can be settled in any order; empty in `client` mode, where a number is enough, and
    // without a limit, where nobody asks.
    private readonly HashSet<long> _unsettled = [];
    private long _given;
    private long _settled;
    private int _taken;
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

    public void Deliver(Publication publication, SlowSubscriberPolicy policy, DirtyOutboxes dirty)
    {
        // All of a publication finds room or none of it: a commit is not cut in half. Outside the lock: making room may drop
        // what waits here.
        int size = subscription.SizeOf(publication);
        if (!subscription.Outbox.TryReserve(size, publication) && !subscription.Outbox.MakeRoom(subscription, size, publication.Count, policy))
            return;
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
                    subscription.Outbox.Park(subscription.SizeOf(message));
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

    /// <summary>Drops the oldest waiting message and gives its room back; false when none waits.</summary>
    public bool DropWaiting()
    {
        lock (_gate)
        {
            if (!TryUnpark(out Message? message))
                return false;
            subscription.Outbox.Release(subscription.SizeOf(message));
            return true;
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
    }

    private bool TryUnpark([NotNullWhen(true)] out Message? message)
    {
        if (!_waiting.TryDequeue(out message))
            return false;
        subscription.Outbox.Park(-subscription.SizeOf(message));
        return true;
    }

    private void Give(Message message, DirtyOutboxes? dirty)
    {
        _taken++;
        subscription.Outbox.Enqueue(new OutboxEntry(message, subscription, subscription.SizeOf(message)), dirty);
    }
}
