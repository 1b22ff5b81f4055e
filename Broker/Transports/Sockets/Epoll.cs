using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Broker.Transports.Sockets;

/// <summary>The kernel's word on which sockets have something to read (Linux, epoll(7)), and a way to wake who waits for it.</summary>
[SupportedOSPlatform("linux")]
internal sealed partial class Epoll
{
    // uapi/linux/eventpoll.h and asm-generic/fcntl.h: the same on every architecture that .NET runs on.
    private const uint In = 0x001, Error = 0x008, HangUp = 0x010, PeerHangUp = 0x2000, EdgeTriggered = 1u << 31;
    private const int CloseOnExec = 0x80000, NonBlocking = 0x800, Add = 1, Interrupted = 4;

    // struct epoll_event is packed on x86-64, and nowhere else.
    private static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int KeyAt = EventSize - sizeof(ulong);

    private readonly int _epoll = Checked(EpollCreate(CloseOnExec));
    private readonly int _wake = Checked(EventFd(0, CloseOnExec | NonBlocking));
    private readonly byte[] _events = GC.AllocateArray<byte>(EventsPerWait * EventSize, pinned: true);

    public Epoll() => Register(_wake, WakeKey, In | EdgeTriggered);

    public const int EventsPerWait = 256;

    /// <summary>What an event of <see cref="Wake"/> is keyed by.</summary>
    public const ulong WakeKey = ulong.MaxValue;

    /// <summary>From here on each arrival of bytes, and of the end, is an event with this key, until the socket is closed.</summary>
    public void Watch(SafeHandle socket, ulong key)
    {
        bool added = false;
        try
        {
            socket.DangerousAddRef(ref added);
            Register((int)socket.DangerousGetHandle(), key, In | PeerHangUp | EdgeTriggered);
        }
        finally
        {
            if (added)
                socket.DangerousRelease();
        }
    }

    /// <summary>Waits for events, for ever or not at all, and returns how many there are.</summary>
    public int Wait(bool block)
    {
        int count = EpollWait(_epoll, ref _events[0], EventsPerWait, block ? -1 : 0);
        if (count >= 0)
            return count;
        int error = Marshal.GetLastPInvokeError();
        return error == Interrupted ? 0 : throw new Win32Exception(error);
    }

    /// <summary>An event of the last wait; <paramref name="isEnd"/>: the peer sends nothing more, or is gone.</summary>
    public ulong Event(int index, out bool isEnd)
    {
        ReadOnlySpan<byte> bytes = _events.AsSpan(index * EventSize, EventSize);
        isEnd = (MemoryMarshal.Read<uint>(bytes) & (PeerHangUp | HangUp | Error)) != 0;
        return MemoryMarshal.Read<ulong>(bytes[KeyAt..]);
    }

    /// <summary>Ends a wait. Thread-safe.</summary>
    public void Wake()
    {
        ulong one = 1;
        Write(_wake, ref one, sizeof(ulong)); // it fails only when the count is full, and then it is awake
    }

    private void Register(int descriptor, ulong key, uint events)
    {
        Span<byte> bytes = stackalloc byte[16];
        MemoryMarshal.Write(bytes, events);
        MemoryMarshal.Write(bytes[KeyAt..], key);
        Checked(EpollControl(_epoll, Add, descriptor, ref bytes[0]));
    }

    private static int Checked(int result) => result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError());

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollControl(int epoll, int operation, int descriptor, ref byte @event);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int EpollWait(int epoll, ref byte events, int maxEvents, int timeout);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFd(uint count, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int descriptor, ref ulong bytes, nint length);
}
