using System.Net.Sockets;

namespace Comparison.Wire;

/// <summary>Tells which of many sockets have something to read, or room to write. A socket is known by its slot.</summary>
internal interface IPoller : IDisposable
{
    /// <summary>Watches a socket for something to read.</summary>
    void Add(Socket socket, int slot);

    /// <summary>Watches it for room to write too, or not any more.</summary>
    void WatchWriting(Socket socket, int slot, bool isWatched);

    void Remove(Socket socket, int slot);

    /// <summary>Waits for so many nanoseconds at most and tells the slots of some that are ready.</summary>
    int Wait(long nanoseconds, Span<int> ready);
}
