using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Broker.Transports.Sockets;

/// <summary>
/// A thread that waits for the input of many sockets and runs what waits for it, one after another, without a change of thread: for a
/// short frame that change costs more than all the rest. What it runs must not block. Input is received into the loop's own
/// buffer: a connection that waits holds none.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class EventLoop
{
    /// <summary>What one connection is read of at a time, and so how many bytes of messages leave together at the least.</summary>
    public const int BytesPerReceive = 256 * 1024;

    private static readonly EventLoop[] All = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(static _ => new EventLoop())];
    private static int _next;

    private readonly Epoll _epoll = new();
    private readonly ConcurrentQueue<SocketInput> _asked = new();
    private readonly Lock _gate = new();
    private readonly Stack<int> _free = new();
    private SocketInput?[] _inputs = new SocketInput?[64];
    private uint[] _generations = new uint[64];
    private byte[] _buffer = new byte[BytesPerReceive];
    private int _used;
    private int _isAwake;

    private EventLoop() => new Thread(Run) { IsBackground = true, Name = "Sockets" }.Start();

    /// <summary>The loop for the next connection: they take turns. They live as long as the process, one for each core.</summary>
    public static EventLoop Next => All[(uint)Interlocked.Increment(ref _next) % (uint)All.Length];

    /// <summary>Tells <paramref name="input"/> of what its socket receives, until <see cref="Remove"/>. Thread-safe.</summary>
    /// <returns>What to remove it by.</returns>
    public int Add(SocketInput input, Socket socket)
    {
        int slot;
        ulong key;
        lock (_gate)
        {
            if (!_free.TryPop(out slot))
                slot = _used++;
            if (slot == _inputs.Length)
            {
                Array.Resize(ref _generations, slot * 2);
                SocketInput?[] larger = new SocketInput?[slot * 2];
                _inputs.CopyTo(larger, 0);
                _inputs = larger;
            }

            _inputs[slot] = input;
            key = ((ulong)_generations[slot] << 32) | (uint)slot;
        }

        try
        {
            _epoll.Watch(socket.SafeHandle, key);
        }
        catch
        {
            Remove(slot);
            throw;
        }

        return slot;
    }

    /// <summary>To be called after the socket was closed, once. Thread-safe.</summary>
    public void Remove(int slot)
    {
        lock (_gate)
        {
            _inputs[slot] = null;
            _generations[slot]++; // an event that was fetched before is not the next one's
            _free.Push(slot);
        }
    }

    /// <summary>Has an input received that is known to have something. Thread-safe.</summary>
    public void Ask(SocketInput input)
    {
        _asked.Enqueue(input);
        if (Interlocked.Exchange(ref _isAwake, 1) == 0)
            _epoll.Wake();
    }

    private void Run()
    {
        while (true)
        {
            // Between these two lines somebody may ask: either it is seen here, or it wakes the wait.
            Volatile.Write(ref _isAwake, 0);
            Interlocked.MemoryBarrier();
            int count = _epoll.Wait(block: _asked.IsEmpty);
            Volatile.Write(ref _isAwake, 1);
            for (int i = 0; i < count; i++)
            {
                ulong key = _epoll.Event(i, out bool isEnd);
                if (key != Epoll.WakeKey && Find(key) is { } input)
                    Receive(input, isEnd);
            }

            // Not those who ask meanwhile: who has much to say lets others speak in between.
            for (int i = _asked.Count; i > 0 && _asked.TryDequeue(out SocketInput? input); i--)
                Receive(input, isEnd: false);
        }
    }

    // A fault must end this connection alone.
    private void Receive(SocketInput input, bool isEnd)
    {
        try
        {
            input.Receive(ref _buffer, isEnd);
        }
        catch (Exception)
        {
            _buffer = new byte[BytesPerReceive]; // who has the old one is not known
            input.Abort();
        }
    }

    private SocketInput? Find(ulong key)
    {
        int slot = (int)(uint)key;
        lock (_gate)
            return _generations[slot] == (uint)(key >> 32) ? _inputs[slot] : null;
    }
}
