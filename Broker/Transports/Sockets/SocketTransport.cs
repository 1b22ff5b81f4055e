using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Broker.Transports.Sockets;

/// <summary>Listens on TCP for the server, in the place of its own transport, with connections that are one with their socket.</summary>
internal sealed class SocketTransport : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    // What the server's own transport has; the kernel's limit is mostly lower.
    private const int Backlog = 512;

    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(100);

    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        Socket socket;
        try
        {
            socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new AddressInUseException(exception.Message, exception); // by it the server tells this from an address that does not exist here
        }

        try
        {
            socket.Listen(Backlog);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        return new(new Listener(socket));
    }

    private sealed class Listener(Socket socket) : IConnectionListener
    {
        public EndPoint EndPoint { get; } = socket.LocalEndPoint!;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            while (true)
            {
                try
                {
                    Socket accepted = await socket.AcceptAsync(cancellationToken).ConfigureAwait(false);
                    try
                    {
                        accepted.NoDelay = true;
                        return new SocketConnection(accepted);
                    }
                    catch
                    {
                        accepted.Dispose();
                        throw;
                    }
                }
                catch (Exception exception) when (exception is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
                {
                    return null; // unbound
                }
                catch (SocketException exception) when (exception.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted)
                {
                    // It was gone before it was accepted.
                }
                catch (Exception exception) when (exception is not OperationCanceledException)
                {
                    // No handles or no memory left: it stays in the backlog until another connection ends; asking again at once would take a core.
                    await Task.Delay(Rest, cancellationToken).ConfigureAwait(false);
                }
            }
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            socket.Dispose();
            return default;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}
