using Broker.Configuration;
using Broker.Diagnostics;
using Broker.Messaging;
using Broker.Stomp;

namespace Broker.Delivery;

// What a topic's policy does about a subscription that has no room.
internal sealed partial class Outbox
{
    /// <summary>
    /// Makes room for messages of a subscription, oldest first, as the policy says, and reserves it. Returns how many of them, the
    /// oldest, find none even so; the others are the caller's to enqueue.
    /// </summary>
    public int MakeRoom(Subscription subscription, ReadOnlySpan<Message> messages, SlowSubscriberPolicy policy, out int reserved)
    {
        reserved = 0;
        if (policy == SlowSubscriberPolicy.Disconnect)
        {
            _skipMessages = true; // whatever finds room again by chance: the client sees no gap
            _owner.Close(StompError.SlowConsumer);
            return messages.Length;
        }

        int dropped = 0;
        int skipped = 0;
        while (true)
        {
            dropped += DropOldest(subscription, messages, ref skipped, out int size);
            if (size == 0 || TryReserve(size))
            {
                _metrics.AddDropped(DropReasons.SlowSubscriber, dropped + skipped);
                reserved = size;
                return skipped;
            }
        }
    }

    /// <summary>
    /// Drops as few unsent messages of the subscription as make room for the most of <paramref name="messages"/>, and returns how
    /// many. None when not even the newest would find room.
    /// </summary>
    private int DropOldest(Subscription subscription, ReadOnlySpan<Message> messages, ref int skipped, out int size)
    {
        long waiting = subscription.Window?.WaitingBytes ?? 0;
        long excess;
        int dropped = 0;
        int credits = 0;
        long freed = 0;
        lock (_taking)
        {
            _front ??= [];
            while (_channel.Reader.TryRead(out OutboxEntry entry))
                _front.Add(entry);
            long droppable = waiting;
            foreach (OutboxEntry entry in _front)
                droppable += ReferenceEquals(entry.Subscription, subscription) ? entry.Bytes : 0;

            long others = Math.Max(0, Bytes - droppable);
            size = Fit(subscription, messages, others == 0 ? Math.Max(_limit, subscription.SizeOf(messages[^1])) : _limit - others, out int misfits);
            skipped = Math.Max(skipped, misfits);
            excess = size == 0 ? 0 : Bytes + size - _limit;
            int kept = 0, next = 0;
            for (; next < _front.Count && freed < excess; next++)
            {
                OutboxEntry entry = _front[next];
                if (ReferenceEquals(entry.Subscription, subscription))
                {
                    credits += entry.Payload is Message ? 1 : 0;
                    if (DropSome(ref entry, excess, ref freed, ref dropped))
                        continue;
                }

                _front[kept++] = entry;
            }

            _front.RemoveRange(kept, next - kept);
        }

        Release(freed);
        while (credits-- > 0)
            subscription.Window!.Unsent(dirty: null);
        while (freed < excess && subscription.Window?.DropWaiting() is > 0 and int one)
        {
            freed += one;
            dropped++;
            Release(one);
        }

        return dropped;
    }

    /// <summary>How much of the newest of <paramref name="messages"/> has room; zero for none of them.</summary>
    private static int Fit(Subscription subscription, ReadOnlySpan<Message> messages, long room, out int misfits)
    {
        long size = 0;
        misfits = messages.Length;
        while (misfits > 0 && size + subscription.SizeOf(messages[misfits - 1]) <= room)
            size += subscription.SizeOf(messages[--misfits]);
        return (int)size;
    }

    /// <summary>Drops an entry's oldest messages until enough is freed; true when none is left.</summary>
    private static bool DropSome(ref OutboxEntry entry, long excess, ref long freed, ref int dropped)
    {
        if (entry.Payload is not Publication publication)
        {
            freed += entry.Bytes;
            dropped++;
            return true;
        }

        int first = entry.First, bytes = entry.Bytes;
        while (first < publication.Count && freed < excess)
        {
            int size = entry.Subscription!.SizeOf(publication.Messages[first++]);
            bytes -= size;
            freed += size;
            dropped++;
        }

        entry = entry with { First = first, Bytes = bytes };
        return first == publication.Count;
    }
}
