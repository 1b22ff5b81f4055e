using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using Broker.Delivery;
using Broker.Sessions;
using Broker.Stomp;

namespace Broker.Endpoints;

/// <summary>
/// A subscription of the application: an outbox like a client's, whose bytes are read in the same process. One way for all
/// subscribers, slow ones included.
/// </summary>
internal sealed class InProcessSubscription : IOutboxOwner
{
    private readonly SessionEnvironment _environment;
    private readonly Pipe _pipe = new();
    private readonly StompParser _parser;
    private readonly Subscription _subscription;
    private volatile StompError _error;
    private int _ended;

    public InProcessSubscription(SessionEnvironment environment, byte[] destination)
    {
        _environment = environment;

        // A frame of the broker's own making is within no limit of a client's: headers are added to it.
        _parser = new StompParser(new StompLimits { Headers = int.MaxValue, HeaderLineBytes = int.MaxValue / 2 }) { Version = StompVersion.V12, FrameBytes = int.MaxValue };
        Destination = destination;
        DestinationError = Messaging.Destination.CheckSubscribe(destination, environment.Limits, out bool isPattern);
        var outbox = new Outbox(_pipe.Writer, this, environment.Limits, environment.Metrics, environment.Time);
        _subscription = new Subscription(outbox, 1, "0"u8.ToArray(), destination, isPattern, StompVersion.V12, AckMode.Auto, 0, noLocalTo: null);
    }

    private byte[] Destination { get; }

    private StompError DestinationError { get; }

    /// <summary>Makes it live, or says why it cannot be.</summary>
    public StompError Open()
    {
        if (DestinationError != StompError.None)
            return DestinationError;
        StompError error = _environment.Topics.Subscribe(_subscription);
        if (error != StompError.None)
            return error;
        _environment.Metrics.AddSubscriptions(1);
        _subscription.Open(receipt: null, new DirtyOutboxes());
        return StompError.None;
    }

    public void Close(StompError error)
    {
        _error = error;
        _pipe.Reader.CancelPendingRead();

        // Called by a topic that is publishing; and there may be nobody who enumerates.
        ThreadPool.UnsafeQueueUserWorkItem(static subscription => subscription.End(), this, preferLocal: false);
    }

    public void Fault(Exception exception) => Close(StompError.ServerError);

    public void ConnectionLost()
    {
        // The reader is this object: it ends the subscription before it ends the pipe.
    }

    public async IAsyncEnumerable<StompMessage> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                ReadResult result = await _pipe.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                ReadOnlySequence<byte> bytes = result.Buffer;
                while (TryReadMessage(ref bytes, out StompMessage? message))
                    yield return message!;
                _pipe.Reader.AdvanceTo(bytes.Start, bytes.End);
                if (_error != StompError.None)
                    throw new StompBrokerException($"{StompErrors.Get(_error).Message}: the subscriber to {Encoding.UTF8.GetString(Destination)} did not keep up.");
            }
        }
        finally
        {
            End();
            await _pipe.Reader.CompleteAsync().ConfigureAwait(false);
        }
    }

    private void End()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
            return;
        _environment.Topics.Unsubscribe(_subscription);
        _environment.Metrics.AddSubscriptions(-1);
    }

    /// <summary>Takes one whole frame off the bytes.</summary>
    private bool TryReadMessage(ref ReadOnlySequence<byte> bytes, out StompMessage? message)
    {
        message = null;
        var reader = new SequenceReader<byte>(bytes);
        if (!WireFrame.TryReadLength(ref reader, out long length) || reader.Remaining < length)
            return false;
        ReadOnlySequence<byte> payload = bytes.Slice(reader.Position, length);
        bytes = bytes.Slice(payload.End);
        if (_parser.Read(ref payload, out StompFrame frame) != StompParseResult.Frame)
            return false;
        var headers = new KeyValuePair<string, string>[frame.Headers.Count];
        for (int i = 0; i < headers.Length; i++)
            headers[i] = new(Encoding.UTF8.GetString(frame.Headers[i].Name), Encoding.UTF8.GetString(frame.Headers[i].Value));
        message = new StompMessage(headers, frame.Body.ToArray());
        return true;
    }
}
