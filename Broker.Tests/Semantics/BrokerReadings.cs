using System.Diagnostics.Metrics;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>What can be read off a broker from outside.</summary>
internal static class BrokerReadings
{
    /// <summary>A number of the broker's meter, all its labels together.</summary>
    public static long ReadMetric(this MemoryBroker broker, string name)
    {
        long sum = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (ReferenceEquals(instrument.Meter, broker.Metrics.Meter) && instrument.Name == name)
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => sum += value);
        listener.Start();
        listener.RecordObservableInstruments();
        return sum;
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
