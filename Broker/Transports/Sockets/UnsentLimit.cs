using System.Net.Sockets;

namespace Broker.Transports.Sockets;

/// <summary>Has the kernel take no more than it can send soon. What waits in its buffer, megabytes at need, cannot be replaced by something newer.</summary>
internal static class UnsentLimit
{
    // Linux, tcp(7) and include/uapi/linux/tcp.h. 16 KiB is what web servers set for HTTP/2, for the same reason.
    private const int TcpLevel = 6;
    private const int TcpNotSentLowAt = 25;
    private const int Bytes = 16 * 1024;

    /// <summary>Limits what the kernel holds unsent; does nothing where there is no such thing.</summary>
    public static void Set(Socket socket)
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            socket.SetRawSocketOption(TcpLevel, TcpNotSentLowAt, BitConverter.GetBytes(Bytes));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Gone meanwhile, or a Unix socket: it works as well without.
        }
    }
}
