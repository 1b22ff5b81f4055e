using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Comparison.Wire;

/// <summary>Linux' own. It waits to the microsecond, which <see cref="Socket.Select(System.Collections.IList, System.Collections.IList, System.Collections.IList, int)"/> does not.</summary>
internal sealed unsafe partial class Epoll : IPoller
{
    private const int MaxEvents = 256;
    private const int Readable = 1;
    private const int Writable = 4;

    // The kernel's struct is packed on x86-64 alone; the data is its last eight bytes.
    private static readonly int Stride = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    private readonly byte[] _events = GC.AllocateArray<byte>(MaxEvents * 16, pinned: true);
    private readonly int _descriptor = Create(0);

    private enum Operation
    {
        Add = 1,
        Remove = 2,
        Modify = 3,
    }

    public void Add(Socket socket, int slot) => Control(Operation.Add, socket, slot, Readable);

    public void WatchWriting(Socket socket, int slot, bool isWatched) =>
        Control(Operation.Modify, socket, slot, isWatched ? Readable | Writable : Readable);

    public void Remove(Socket socket, int slot) => Control(Operation.Remove, socket, slot, 0);

    public int Wait(long nanoseconds, Span<int> ready)
    {
        int count = Take(ready);
        if (count > 0 || nanoseconds <= 0)
            return count;
        var poll = new PollDescriptor { Descriptor = _descriptor, Events = Readable };
        var time = new Duration { Seconds = (nint)(nanoseconds / Clock.Second), Nanoseconds = (nint)(nanoseconds % Clock.Second) };
        return PollFor(&poll, 1, &time, null) > 0 ? Take(ready) : 0;
    }

    public void Dispose() => _ = Close(_descriptor);

    private int Take(Span<int> ready)
    {
        fixed (byte* events = _events)
        {
            int count = WaitFor(_descriptor, events, Math.Min(MaxEvents, ready.Length), 0);
            for (int i = 0; i < count; i++)
                ready[i] = *(int*)(events + ((i + 1) * Stride) - sizeof(long));
            return Math.Max(count, 0); // below zero: a signal came
        }
    }

    private void Control(Operation operation, Socket socket, int slot, int interest)
    {
        byte* one = stackalloc byte[16];
        *(int*)one = interest;
        *(long*)(one + Stride - sizeof(long)) = slot;
        if (Control(_descriptor, (int)operation, (int)socket.Handle, one) < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1")]
    private static partial int Create(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int Control(int epoll, int operation, int descriptor, byte* one);

    [LibraryImport("libc", EntryPoint = "epoll_wait")]
    private static partial int WaitFor(int epoll, byte* events, int maxEvents, int milliseconds);

    [LibraryImport("libc", EntryPoint = "ppoll")]
    private static partial int PollFor(PollDescriptor* descriptors, nuint count, Duration* time, void* signals);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Duration
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
