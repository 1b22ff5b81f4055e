using System.IO.Pipelines;
using Broker.Transports.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Broker.Transports.WebSockets;

/// <summary>From an accepted handshake to the pipe behind it.</summary>
internal static class WebSocketUpgrade
{
    /// <summary>Answers 101 and hands out the bytes that follow; <paramref name="endsWithRequest"/>: the server ends the connection with this request.</summary>
    public static async Task<IDuplexPipe> AcceptAsync(HttpContext context, HandshakeResult handshake, bool endsWithRequest)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.Upgrade = "websocket";
        headers.SecWebSocketAccept = handshake.Accept;
        if (handshake.Subprotocol is not null)
            headers.SecWebSocketProtocol = handshake.Subprotocol;

        // The rates are for HTTP and not asked of the pipe below, but for the end: Kestrel waits for a peer that never reads only
        // as long as the response's rate says, and without one forever, when the connection counts no more.
        if (context.Features.Get<IHttpMinResponseDataRateFeature>() is { } output)
            output.MinDataRate = endsWithRequest ? output.MinDataRate ?? new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5)) : null;
        if (context.Features.Get<SocketOutput>() is { } direct)
            direct.OutlivesInput = true;
        Stream stream = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync().ConfigureAwait(false);

        // Behind the upgrade the connection's own pipe is ours alone: no stream, no copy. Other servers give the stream only.
        return context.Features.Get<IConnectionTransportFeature>()?.Transport ?? new StreamPipe(stream);
    }

    /// <summary>A pipe over the upgraded stream.</summary>
    private sealed class StreamPipe(Stream stream) : IDuplexPipe
    {
        public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true, useZeroByteReads: true));

        public PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
    }
}
