using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Broker.Tests.Samples;

/// <summary>A cable between a browser and a server, which can be cut and mended: a TCP proxy on a port of its own.</summary>
internal sealed class Cable : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Socket, bool> _open = new();
    private TcpListener _listener;
    private Task _accepting;

    public Cable(int to)
    {
        To = to;
        _listener = new TcpListener(IPAddress.Loopback, 0);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync(_listener);
    }

    public int Port { get; }

    /// <summary>The port of the server that new connections lead to.</summary>
    public int To { get; set; }

    public string Url => $"http://127.0.0.1:{Port}";

    /// <summary>Ends all that goes through it; nothing new is let in.</summary>
    public async Task CutAsync()
    {
        _listener.Stop();
        await _accepting;
        foreach (Socket socket in _open.Keys)
            socket.Close(0);
    }

    public void Mend()
    {
        _listener = new TcpListener(IPAddress.Loopback, Port);
        _listener.Start();
        _accepting = AcceptAsync(_listener);
    }

    public async ValueTask DisposeAsync() => await CutAsync();

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
                _ = CarryAsync(await listener.AcceptSocketAsync());
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Cut.
        }
    }

    private async Task CarryAsync(Socket near)
    {
        using var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        near.NoDelay = true;
        _open[near] = _open[far] = true;
        try
        {
            await far.ConnectAsync(IPAddress.Loopback, To);
            await Task.WhenAny(CopyAsync(near, far), CopyAsync(far, near));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Cut.
        }
        finally
        {
            _open.TryRemove(near, out _);
            _open.TryRemove(far, out _);
            near.Dispose();
        }
    }

    private static async Task CopyAsync(Socket from, Socket to)
    {
        var bytes = new byte[16 * 1024];
        try
        {
            for (int count; (count = await from.ReceiveAsync(bytes)) > 0;)
                await to.SendAsync(bytes.AsMemory(0, count));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // One side is gone; the other follows.
        }
    }
}
