namespace Broker.Tests;

public class ScaffoldTests
{
    [Fact]
    public void Versions_are_ordered() => ((int)Broker.Stomp.StompVersion.V12).Should().BeGreaterThan((int)Broker.Stomp.StompVersion.V10);
}
