using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Broker.Transports.Sockets;

/// <summary>
/// Puts a <see cref="SocketOutput"/> in the place of the server's output pipe, below everything else: TLS, where there is TLS, writes into it.
/// A connection without a socket (another transport) is left as it is.
/// </summary>
internal static class SocketOutputMiddleware
{
    // For what a peer has not taken when everything above has ended: about what the kernel itself waits for.
    private static readonly TimeSpan LastBytes = TimeSpan.FromSeconds(5);

    public static void UseSocketOutput(this IConnectionBuilder connections) => connections.Use(next => connection =>
        connection.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket ? ServeAsync(connection, socket, next) : next(connection));

    private static async Task ServeAsync(ConnectionContext connection, Socket socket, ConnectionDelegate next)
    {
        IDuplexPipe original = connection.Transport;
        var output = new SocketOutput(socket);
        connection.Transport = new Duplex(original.Input, output);
        connection.Features.Set(output);
        using var closed = new CancellationTokenSource();
        await using CancellationTokenRegistration closing = connection.ConnectionClosed.UnsafeRegister(
            _ =>
            {
                if (!output.OutlivesInput)
                    closed.Cancel();
            },
            state: null);
        connection.ConnectionClosed = closed.Token;
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            await output.CompleteAsync().ConfigureAwait(false);
            if (!output.Sending.IsCompleted)
                await output.Sending.WaitAsync(LastBytes).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            connection.Transport = original;
        }
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
