using System.Buffers;

namespace Broker.Delivery;

// What queues assign is not in the outbox: its token is, and who reaches that in the drain takes what there is.
internal sealed partial class Outbox
{
    private const int DeliveriesPerWrite = 256;

    [ThreadStatic]
    private static QueueDelivery[]? _deliveries;

    private int PullFromQueue(Subscription subscription, ref long bytes)
    {
        QueueDelivery[] taken = _deliveries ?? new QueueDelivery[DeliveriesPerWrite];
        _deliveries = null; // what dies on the way may be delivered elsewhere by this thread
        int count = subscription.PullDeliveries(taken, SmallWrite);
        for (int i = 0; i < count; i++)
        {
            // A large one is the last that was taken, and leaves in slices.
            ArrayBufferWriter<byte>? large = taken[i].Message.Length > SmallWrite && _isAlone ? new(subscription.SizeOf(taken[i].Message) + QueueFrames.MaxOwn) : null;
            bytes += QueueFrames.Write(large ?? (IBufferWriter<byte>)_output, subscription, taken[i]);
            if (large is not null)
                _whole = large.WrittenMemory;
        }

        Array.Clear(taken, 0, count);
        _deliveries = taken;
        return count;
    }
}
