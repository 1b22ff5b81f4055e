using Comparison.Protocols;
using Comparison.Wire;

namespace Comparison.Loads;

/// <summary>Gets the messages of some publishers, and checks each.</summary>
internal sealed class Subscriber(EventLoop loop, Target target, Tally tally, string subscriptionId, string destination, int bodyBytes, Range publishers)
    : Client(loop, target, tally, subscriptionId)
{
    private readonly int _first = publishers.Start.Value;
    private readonly Sequence[] _sequences = new Sequence[publishers.End.Value - publishers.Start.Value];

    protected override string? Subscription => destination;

    public override void Deliver(ReadOnlySpan<byte> body, bool isOwn)
    {
        Tally.Deliveries++;
        if (!Body.TryRead(body, bodyBytes, out int publisher, out uint sequence) || (uint)(publisher - _first) >= _sequences.Length)
        {
            Tally.Wrong++;
            return;
        }

        if (!isOwn)
            Tally.Wrong++;
        _sequences[publisher - _first].Take(sequence, Tally);
        Tally.Latency?.Add(ReceivedAt - Body.Due(body));
    }
}
