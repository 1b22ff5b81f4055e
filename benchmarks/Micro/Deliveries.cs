using System.Diagnostics.Metrics;
using System.IO.Pipelines;
using System.Text;
using Broker.Configuration;
using Broker.Delivery;
using Broker.Diagnostics;
using Broker.Messaging;
using Broker.Routing;
using Broker.Stomp;
using Microsoft.Extensions.DependencyInjection;

namespace Micro;

/// <summary>A topic, its subscribers, each with an outbox, and transports that take whatever they are given at once.</summary>
internal sealed class Deliveries : IOutboxOwner
{
    private const int BodyBytes = 256;
    private static readonly byte[] Name = "/topic/quotes.ACME"u8.ToArray();

    private readonly Topic _topic;
    private readonly DirtyOutboxes _dirty = new();
    private readonly Message[] _messages = [.. Enumerable.Range(0, 64).Select(static _ => Message(BodyBytes))];

    public Deliveries(int subscribers, bool hasDistinctIds)
    {
        var options = new BrokerOptions();
        var topics = new TopicTable(options, TimeProvider.System);
        var metrics = new BrokerMetrics(new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>());
        for (int i = 0; i < subscribers; i++)
        {
            var outbox = new Outbox(new Drain(), this, options.Limits, metrics, TimeProvider.System);
            byte[] id = Encoding.ASCII.GetBytes(hasDistinctIds ? $"sub-{i}" : "sub-0");
            var subscription = new Subscription(outbox, number: 0, id, Name, isPattern: false, StompVersion.V12, AckMode.Auto, prefetch: 0, noLocalTo: null);
            topics.Subscribe(subscription);
            subscription.Open(receipt: null, _dirty);
        }

        _topic = topics.GetOrAdd(Name)!;
    }

    public static Message Message(int bodyBytes)
    {
        var parser = new StompParser(new StompLimits()) { Version = StompVersion.V12 };
        ReadOnlySpan<byte> send = ParserBenchmarks.Send("/topic/quotes.ACME", "", bodyBytes);
        parser.Read(ref send, out StompFrame frame);
        return MessageEncoder.Encode(frame, "5f3a91c2-17-4711"u8, default, expiresAt: 0, RetainAction.None);
    }

    /// <summary>Publishes so many messages at once, as a publisher does whose input ran dry behind them, and sends all that is owed.</summary>
    public void Publish(int count)
    {
        if (!_topic.TryPublish(new Publication(_messages[..count], source: null), patient: false, _dirty, out _))
            throw new InvalidOperationException("The topic was forgotten.");
        _dirty.Drain();
    }

    public void Close(StompError error) => throw new InvalidOperationException(error.ToString());

    public void Fault(Exception exception) => throw exception;

    public void ConnectionLost() => throw new InvalidOperationException("The connection was lost.");

    /// <summary>A transport that copies nothing further.</summary>
    private sealed class Drain : PipeWriter
    {
        private readonly byte[] _buffer = new byte[128 * 1024];
        private int _written;

        public override void Advance(int bytes) => _written += bytes;

        public override Memory<byte> GetMemory(int sizeHint = 0) => _buffer.AsMemory(_written);

        public override Span<byte> GetSpan(int sizeHint = 0) => _buffer.AsSpan(_written);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            _written = 0;
            return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, isCompleted: false));
        }

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) => FlushAsync(cancellationToken);

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }
}
