using System.Threading.Channels;
using Broker.Configuration;
using Broker.Messaging;

namespace Broker.Delivery;

/// <summary>
/// The entries of an outbox, in order: a channel, and in front of it what had to be taken out to drop an entry from the middle.
/// Anybody may write; takers and droppers exclude each other.
/// </summary>
internal sealed class OutboxQueue
{
    private const int MaxHoles = 1024;

    // Bounded in name only: the outbox bounds the bytes. This kind of channel takes no memory before its first entry.
    private readonly Channel<OutboxEntry> _channel = Channel.CreateBounded<OutboxEntry>(
        new BoundedChannelOptions(int.MaxValue) { AllowSynchronousContinuations = true });

    private readonly Lock _taking = new();

    // Null but after a drop. What was dropped, or taken, is left as a hole.
    private List<OutboxEntry>? _front;
    private int _frontStart;
    private int _holes;

    public void Write(in OutboxEntry entry) => _channel.Writer.TryWrite(entry);

    /// <summary>Takes entries up to the size of the array and about so many bytes; a larger entry comes alone.</summary>
    public int Take(OutboxEntry[] taken, int bytes)
    {
        int count = 0;
        long taking = 0;
        lock (_taking)
        {
            while (count < taken.Length && TryPeek(out OutboxEntry next) && (count == 0 || taking + next.Bytes <= bytes))
            {
                Remove();
                taken[count++] = next;
                taking += next.Payload is PendingPull ? bytes : next.Bytes; // what is pulled fills a write by itself
            }
        }

        return count;
    }

    /// <summary>Bytes of all entries of a subscription.</summary>
    public long BytesOf(Subscription subscription)
    {
        long bytes = 0;
        lock (_taking)
        {
            List<OutboxEntry> front = Gather();
            for (int i = _frontStart; i < front.Count; i++)
                bytes += ReferenceEquals(front[i].Subscription, subscription) && IsLoose(front[i]) ? front[i].Bytes : 0;
        }

        return bytes;
    }

    /// <summary>
    /// Takes out the oldest messages of a subscription, wherever they are, until so many bytes are free or there are none. Returns
    /// how many; <paramref name="given"/> of them had the credit of an acknowledgement.
    /// </summary>
    public int DropOldest(Subscription subscription, long excess, out long freed, out int given)
    {
        int dropped = 0;
        freed = 0;
        given = 0;
        lock (_taking)
        {
            List<OutboxEntry> front = Gather();
            for (int i = _frontStart; i < front.Count && freed < excess; i++)
            {
                OutboxEntry entry = front[i];
                if (!ReferenceEquals(entry.Subscription, subscription) || !IsLoose(entry))
                    continue;
                if (entry.Payload is Publication publication && TryCut(ref entry, publication, excess, ref freed, ref dropped))
                {
                    front[i] = entry;
                    continue;
                }

                if (entry.Payload is Message)
                {
                    given++;
                    dropped++;
                    freed += entry.Bytes;
                }

                front[i] = default;
                _holes++;
            }
        }

        return dropped;
    }

    /// <summary>Takes out all publications of a subscription whose topics conflate what is slow, or, where <paramref name="all"/> is true, all.</summary>
    public List<OutboxEntry> TakeOut(Subscription subscription, bool all)
    {
        var taken = new List<OutboxEntry>();
        lock (_taking)
        {
            List<OutboxEntry> front = Gather();
            for (int i = _frontStart; i < front.Count; i++)
            {
                if (!ReferenceEquals(front[i].Subscription, subscription) || front[i] is not { IsSnapshot: false, Payload: Publication publication }
                    || !(all || publication.Policy == SlowSubscriberPolicy.Conflate))
                    continue;
                taken.Add(front[i]);
                front[i] = default;
                _holes++;
            }
        }

        return taken;
    }

    // What may be dropped: neither a snapshot, nor the place of what is pulled.
    private static bool IsLoose(in OutboxEntry entry) => entry is { IsSnapshot: false, Payload: Message or Publication };

    /// <summary>Drops a publication's oldest messages; false when none is left.</summary>
    private static bool TryCut(ref OutboxEntry entry, Publication publication, long excess, ref long freed, ref int dropped)
    {
        int first = entry.First, bytes = entry.Bytes;
        for (; first < publication.Count && freed < excess; first++)
        {
            int size = entry.Subscription!.SizeOf(publication.Messages[first]);
            bytes -= size;
            freed += size;
            dropped++;
        }

        entry = entry with { First = first, Bytes = bytes };
        return first < publication.Count;
    }

    private List<OutboxEntry> Gather()
    {
        _front ??= [];
        while (_channel.Reader.TryRead(out OutboxEntry entry))
            _front.Add(entry);
        if (_holes > MaxHoles && _holes > _front.Count / 2)
        {
            _front.RemoveAll(static entry => entry.Payload is null);
            _frontStart = _holes = 0;
        }

        return _front;
    }

    private bool TryPeek(out OutboxEntry next)
    {
        if (_front is not null)
        {
            for (; _frontStart < _front.Count; _frontStart++)
            {
                next = _front[_frontStart];
                if (next.Payload is not null)
                    return true;
            }

            _front = null;
            _frontStart = _holes = 0;
        }

        return _channel.Reader.TryPeek(out next);
    }

    private void Remove()
    {
        if (_front is null)
        {
            _channel.Reader.TryRead(out _);
            return;
        }

        _front[_frontStart++] = default;
        _holes++;
        if (_frontStart >= MaxHoles && _frontStart * 2 >= _front.Count)
        {
            _front.RemoveRange(0, _frontStart);
            _holes -= _frontStart;
            _frontStart = 0;
        }
    }
}
