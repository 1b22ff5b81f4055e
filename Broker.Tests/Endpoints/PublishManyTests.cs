using System.IO.Pipelines;
using System.Text;
using Broker.Delivery;
using Broker.Endpoints;
using Broker.Stomp;
using Broker.Tests.TestHost;

namespace Broker.Tests.Endpoints;

/// <summary>Many messages in one call of the application.</summary>
public sealed class PublishManyTests
{
    private static readonly string[] Topics = ["a", "b", "b", "b", "c", "a"];

    [Fact]
    public async Task A_subscriber_of_a_pattern_gets_all_topics_of_a_call_in_order_and_in_one_write()
    {
        await using var broker = new MemoryBroker();
        var application = new StompBroker(broker.Environment);
        var client = new CountingWriter();
        Subscribe(broker, client, "/topic/#");

        await application.PublishAsync(
            [.. Topics.Select((topic, i) => new OutgoingMessage($"/topic/{topic}", Encoding.UTF8.GetBytes($"body {i}")))], TestContext.Current.CancellationToken);

        client.Flushes.Should().Be(1);
        string text = await client.ReadAsync();
        int[] places = [.. Topics.Select((topic, i) => text.IndexOf($"body {i}", StringComparison.Ordinal))];
        places.Should().BeInAscendingOrder().And.OnlyContain(place => place > 0);
    }

    [Fact]
    public async Task What_stands_before_a_refused_message_is_published_and_nothing_after_it()
    {
        await using var broker = new MemoryBroker();
        var application = new StompBroker(broker.Environment);
        var client = new CountingWriter();
        Subscribe(broker, client, "/topic/#");

        Func<Task> publish = async () => await application.PublishAsync(
            [new("/topic/a", "first"u8.ToArray()), new("/topic/b", "second"u8.ToArray()), new("/topic/*", "refused"u8.ToArray()), new("/topic/b", "third"u8.ToArray())],
            TestContext.Current.CancellationToken);

        await publish.Should().ThrowAsync<StompBrokerException>();
        (await client.ReadAsync()).Should().Contain("first").And.Contain("second").And.NotContain("refused").And.NotContain("third");
    }

    private static void Subscribe(MemoryBroker broker, CountingWriter client, string pattern)
    {
        var outbox = new Outbox(client, client, broker.Environment.Limits, broker.Metrics, broker.Time);
        var subscription = new Subscription(
            outbox, 1, "0"u8.ToArray(), Encoding.UTF8.GetBytes(pattern), isPattern: true, StompVersion.V12, AckMode.Auto, 0, noLocalTo: null);
        broker.Environment.Topics.Subscribe(subscription).Should().Be(StompError.None);
        subscription.Open(receipt: null, new DirtyOutboxes());
    }

    /// <summary>A socket's sending side that counts how often it is used.</summary>
    private sealed class CountingWriter : PipeWriter, IOutboxOwner
    {
        private readonly Pipe _pipe = new();

        public int Flushes { get; private set; }

        public async Task<string> ReadAsync()
        {
            ReadResult result = await _pipe.Reader.ReadAsync(TestContext.Current.CancellationToken);
            return Encoding.UTF8.GetString(result.Buffer);
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            Flushes++;
            return _pipe.Writer.FlushAsync(cancellationToken);
        }

        public override void Advance(int bytes) => _pipe.Writer.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => _pipe.Writer.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => _pipe.Writer.GetSpan(sizeHint);

        public override void CancelPendingFlush() => _pipe.Writer.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => _pipe.Writer.Complete(exception);

        public void Close(StompError error) => throw new InvalidOperationException($"Closed: {error}");

        public void Fault(Exception exception) => throw new InvalidOperationException("Fault", exception);

        public void ConnectionLost() => throw new InvalidOperationException("Lost.");
    }
}
