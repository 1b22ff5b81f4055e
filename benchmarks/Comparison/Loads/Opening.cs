using Comparison.Protocols;
using Comparison.Wire;

namespace Comparison.Loads;

/// <summary>Connects many clients, so many at a time.</summary>
internal static class Opening
{
    private const int AtATime = 64;

    /// <summary>Ends when all are ready or closed, or the time is up, and returns how many are ready.</summary>
    public static int Open(EventLoop loop, IReadOnlyList<Client> clients, TimeSpan bound)
    {
        long end = Clock.Now + Clock.Of(bound);
        int opened = 0;
        var underWay = new List<Client>(AtATime);
        while (Clock.Now < end && (opened < clients.Count || underWay.Count > 0))
        {
            while (opened < clients.Count && underWay.Count < AtATime)
            {
                underWay.Add(clients[opened]);
                clients[opened++].Open();
            }

            loop.Poll(Clock.Second / 10);
            underWay.RemoveAll(static client => client.State is ClientState.Ready or ClientState.Closed);
        }

        return clients.Count(static client => client.State == ClientState.Ready);
    }
}
