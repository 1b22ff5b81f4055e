using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>One running broker with default settings for all tests of a class, each of which uses topics of its own.</summary>
public sealed class SharedBroker : IAsyncLifetime
{
    private RunningBroker? _broker;

    internal RunningBroker Broker => _broker!;

    public int Port => Broker.Port;

    public async ValueTask InitializeAsync() => _broker = await RunningBroker.StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (_broker is not null)
            await _broker.DisposeAsync();
    }
}
