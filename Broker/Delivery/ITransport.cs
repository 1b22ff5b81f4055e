using System.IO.Pipelines;
using Broker.Messaging;

namespace Broker.Delivery;

/// <summary>The way to one peer: STOMP bytes in, whole frames out, and an end with a reason.</summary>
internal interface ITransport
{
    /// <summary>Where the outbox writes complete transport frames.</summary>
    PipeWriter Output { get; }

    /// <summary>
    /// How many bytes the output is best given at once. More is cheaper; but of an output that does not tell how much of a write is still to be taken
    /// (<see cref="PipeWriter.UnflushedBytes"/>), a slow peer is only seen to move when all of it is.
    /// </summary>
    int BytesPerWrite { get; }

    /// <summary>Bytes that came from the peer, of any kind, ever. Read by the sweep: any of them is a sign of life.</summary>
    long BytesReceived { get; }

    /// <summary>
    /// Appends STOMP bytes, waiting for some; <see cref="CloseReason.None"/> when there are any. Else why nothing more will come; also
    /// <see cref="CloseReason.None"/>, with nothing appended, when woken by <see cref="Wake"/>.
    /// </summary>
    ValueTask<CloseReason> ReceiveAsync(ReceiveBuffer buffer);

    /// <summary>
    /// From here on as little as can be waits below the outbox, where nothing newer can take its place. Where the transport has no such
    /// choice it does nothing.
    /// </summary>
    void KeepFresh();

    /// <summary>Ends a wait in <see cref="ReceiveAsync"/>, or the next one. Thread-safe.</summary>
    void Wake();
}
