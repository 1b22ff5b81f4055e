using BenchmarkDotNet.Attributes;

namespace Micro;

/// <summary>From a topic's message to the bytes that each of 100 transports is given, per delivery.</summary>
public class OutboxBenchmarks
{
    private const int Subscribers = 100;
    private const int Batch = 64;

    private readonly Deliveries _same = new(Subscribers, hasDistinctIds: false);
    private readonly Deliveries _distinct = new(Subscribers, hasDistinctIds: true);

    [Benchmark(Description = "outbox: one message of 256 B, one subscription id", OperationsPerInvoke = Subscribers)]
    public void Same() => _same.Publish(1);

    [Benchmark(Description = "outbox: one message of 256 B, distinct ids", OperationsPerInvoke = Subscribers)]
    public void Distinct() => _distinct.Publish(1);

    [Benchmark(Description = "outbox: 64 messages of 256 B at once, one subscription id", OperationsPerInvoke = Subscribers * Batch)]
    public void SameBatch() => _same.Publish(Batch);

    [Benchmark(Description = "outbox: 64 messages of 256 B at once, distinct ids", OperationsPerInvoke = Subscribers * Batch)]
    public void DistinctBatch() => _distinct.Publish(Batch);
}
