using System.Net.Sockets;

namespace Comparison.Wire;

/// <summary>All connections of the generator, on the one thread that calls <see cref="Poll"/>.</summary>
internal sealed class EventLoop : IDisposable
{
    private const int ReceiveBytes = 256 * 1024;

    private readonly IPoller _poller = OperatingSystem.IsLinux() ? new Epoll() : new SelectPoller();
    private readonly List<WebSocketConnection?> _connections = [];
    private readonly Stack<int> _free = [];
    private readonly int[] _ready = new int[256];

    /// <summary>What any connection receives into: it is done with it before the next one is looked at.</summary>
    public byte[] Buffer { get; } = GC.AllocateUninitializedArray<byte>(ReceiveBytes, pinned: true);

    /// <summary>When the bytes that are being read were received.</summary>
    public long ReceivedAt { get; set; }

    /// <summary>Takes a connection in and returns its slot.</summary>
    public int Add(WebSocketConnection connection, Socket socket)
    {
        if (!_free.TryPop(out int slot))
        {
            slot = _connections.Count;
            _connections.Add(null);
        }

        _connections[slot] = connection;
        _poller.Add(socket, slot);
        return slot;
    }

    public void WatchWriting(Socket socket, int slot, bool isWatched) => _poller.WatchWriting(socket, slot, isWatched);

    public void Remove(Socket socket, int slot)
    {
        _poller.Remove(socket, slot);
        _connections[slot] = null;
        _free.Push(slot);
    }

    /// <summary>Handles what there is to receive or has room to be sent; waits for it no longer than so many nanoseconds.</summary>
    public void Poll(long nanoseconds)
    {
        int count = _poller.Wait(nanoseconds, _ready);
        for (int i = 0; i < count; i++)
            _connections[_ready[i]]?.Ready();
    }

    public void PollFor(TimeSpan time)
    {
        long end = Clock.Now + Clock.Of(time);
        for (long now; (now = Clock.Now) < end;)
            Poll(end - now);
    }

    public void Dispose() => _poller.Dispose();
}
