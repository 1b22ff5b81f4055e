using System.Threading.Channels;

namespace Broker.Delivery;

/// <summary>
/// The entries of an outbox, in order: a channel, and in front of it what had to be taken out to drop an entry from the middle.
/// Anybody may write; takers and droppers exclude each other.
/// </summary>
internal sealed class OutboxQueue
{
    // Bounded in name only: the outbox bounds the bytes. This kind of channel takes no memory before its first entry.
    private readonly Channel<OutboxEntry> _channel = Channel.CreateBounded<OutboxEntry>(
        new BoundedChannelOptions(int.MaxValue) { AllowSynchronousContinuations = true });

    private readonly Lock _taking = new();

    // Null but after a drop. What was dropped, or taken, is left as a hole.
    private List<OutboxEntry>? _front;
    private int _frontStart;

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
                taking += next.Bytes;
            }
        }

        return count;
    }

    /// <summary>Takes out the oldest entry of a subscription, wherever it is.</summary>
    public bool TryDropOldest(Subscription subscription, out OutboxEntry oldest)
    {
        lock (_taking)
        {
            _front ??= [];
            while (_channel.Reader.TryRead(out OutboxEntry entry))
                _front.Add(entry);
            for (int i = _frontStart; i < _front.Count; i++)
            {
                if (!ReferenceEquals(_front[i].Subscription, subscription))
                    continue;
                oldest = _front[i];
                _front[i] = default;
                return true;
            }
        }

        oldest = default;
        return false;
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
            _frontStart = 0;
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
        if (_frontStart >= 1024 && _frontStart * 2 >= _front.Count)
        {
            _front.RemoveRange(0, _frontStart);
            _frontStart = 0;
        }
    }
}
