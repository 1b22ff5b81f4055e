using System.Diagnostics.Metrics;

namespace Broker.Tests.Diagnostics;

/// <summary>Makes meters and disposes of them, so that tests see nothing of each other.</summary>
internal sealed class TestMeterFactory : IMeterFactory
{
    private readonly List<Meter> _meters = [];

    public Meter Create(MeterOptions options)
    {
        options.Scope = this;
        _meters.Add(new Meter(options));
        return _meters[^1];
    }

    public void Dispose() => _meters.ForEach(meter => meter.Dispose());
}
