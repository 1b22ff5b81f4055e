using System.Net.Sockets;

namespace Comparison.Wire;

/// <summary>What every system has. It waits in whole milliseconds: for less it does not wait at all.</summary>
internal sealed class SelectPoller : IPoller
{
    private readonly Dictionary<Socket, int> _slots = [];
    private readonly HashSet<Socket> _writing = [];
    private readonly List<Socket> _read = [];
    private readonly List<Socket> _write = [];

    public void Add(Socket socket, int slot) => _slots.Add(socket, slot);

    public void WatchWriting(Socket socket, int slot, bool isWatched)
    {
        if (isWatched)
            _writing.Add(socket);
        else
            _writing.Remove(socket);
    }

    public void Remove(Socket socket, int slot)
    {
        _slots.Remove(socket);
        _writing.Remove(socket);
    }

    public int Wait(long nanoseconds, Span<int> ready)
    {
        if (_slots.Count == 0)
        {
            Thread.Sleep((int)(nanoseconds / 1_000_000));
            return 0;
        }

        _read.Clear();
        _read.AddRange(_slots.Keys);
        _write.Clear();
        _write.AddRange(_writing);
        Socket.Select(_read, _write, null, (int)Math.Min(nanoseconds / 1000, 1_000_000));
        int count = 0;
        foreach (Socket socket in _read)
            count = Tell(socket, ready, count);
        foreach (Socket socket in _write)
            count = Tell(socket, ready, count);
        return count;
    }

    // What does not fit is told the next time.
    private int Tell(Socket socket, Span<int> ready, int count)
    {
        if (count < ready.Length)
            ready[count++] = _slots[socket];
        return count;
    }

    public void Dispose()
    {
    }
}
