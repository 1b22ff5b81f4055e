using System.Diagnostics.Metrics;
using Broker.Diagnostics;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>What can be read off a broker from outside.</summary>
internal static class BrokerReadings
{
    /// <summary>A number of the broker's meter, all its labels together or one of them.</summary>
    public static long ReadMetric(this MemoryBroker broker, string name, string? label = null) => broker.Metrics.Read(name, label);

    /// <inheritdoc cref="ReadMetric"/>
    public static long Read(this BrokerMetrics metrics, string name, string? label = null)
    {
        long sum = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (ReferenceEquals(instrument.Meter, metrics.Meter) && instrument.Name == name)
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, labels, _) =>
        {
            bool isAsked = label is null;
            foreach (KeyValuePair<string, object?> pair in labels)
                isAsked |= Equals(pair.Value, label);
            sum += isAsked ? value : 0;
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return sum;
    }

    /// <summary>All numbers of the broker's meter, the labels of each together.</summary>
    public static Dictionary<string, long> ReadAll(this BrokerMetrics metrics)
    {
        var numbers = new Dictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (ReferenceEquals(instrument.Meter, metrics.Meter))
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => numbers[instrument.Name] = numbers.GetValueOrDefault(instrument.Name) + value);
        listener.Start();
        listener.RecordObservableInstruments();
        return numbers;
    }

    /// <summary>Lets the broker's threads run until something is so; fails after 10 s.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (!condition())
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
