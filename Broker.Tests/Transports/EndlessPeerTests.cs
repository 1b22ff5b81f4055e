using System.IO.Pipelines;
using Broker.Configuration;
using Broker.Delivery;
using Broker.Diagnostics;
using Broker.Messaging;
using Broker.Stomp;
using Broker.Tests.Diagnostics;
using Broker.Transports.WebSockets;

namespace Broker.Tests.Transports;

/// <summary>A peer that sends faster than its bytes are thrown away: no read ever waits for it.</summary>
public sealed class EndlessPeerTests
{
    [Fact]
    public async Task It_gets_the_last_bytes_and_its_connection_ends()
    {
        var test = TestContext.Current.CancellationToken;
        var toPeer = new Pipe();
        var pipe = new EndlessPipe(toPeer.Writer);
        var limits = new LimitOptions { LingerTimeout = TimeSpan.FromMilliseconds(20) };
        using var meters = new TestMeterFactory();
        var outbox = new Outbox(toPeer.Writer, new Nobody(), limits, new BrokerMetrics(meters), TimeProvider.System);
        var transport = new WebSocketTransport(pipe, () => { }, limits, TimeProvider.System) { Outbox = () => outbox };
        var closed = Task.Run(() => transport.CloseAsync(outbox, CloseReason.ProtocolError, [1, 2, 3], TimeSpan.FromSeconds(2)), test);

        (await toPeer.Reader.ReadAtLeastAsync(3, test).AsTask().WaitAsync(TimeSpan.FromSeconds(10), test)).Buffer.Length.Should().Be(3);
        await closed.WaitAsync(TimeSpan.FromSeconds(10), test);
    }

    private sealed class Nobody : IOutboxOwner
    {
        public void Close(StompError error)
        {
        }

        public void ConnectionLost()
        {
        }

        public void Fault(Exception exception)
        {
        }
    }

    private sealed class EndlessPipe(PipeWriter output) : PipeReader, IDuplexPipe
    {
        private static readonly byte[] Line = TestHost.ClientFrame.Encode(TestHost.ClientFrame.Text, "\n"u8);

        public PipeReader Input => this;

        public PipeWriter Output => output;

        public override void AdvanceTo(SequencePosition consumed)
        {
        }

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
        }

        public override void CancelPendingRead()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
            new(new ReadResult(new(Line), isCanceled: false, isCompleted: false));

        public override bool TryRead(out ReadResult result)
        {
            result = new ReadResult(new(Line), isCanceled: false, isCompleted: false);
            return true;
        }
    }
}
