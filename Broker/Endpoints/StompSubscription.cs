using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using Broker.Delivery;
using Broker.Messaging;
using Broker.Routing;
using Broker.Sessions;
using Broker.Stomp;

namespace Broker.Endpoints;

/// <summary>
/// A subscription of the application, live until it is disposed, its enumeration ends, or its token is cancelled. Enumerate it
/// once: <c>await foreach (StompMessage message in broker.Subscribe("/topic/#"))</c>.
/// </summary>
public sealed class StompSubscription : IAsyncEnumerable<StompMessage>, IAsyncDisposable, IOutboxOwner
{
    // An outbox like a client's, whose bytes are read in the same process: one way for all subscribers, slow ones included.
    private readonly SessionEnvironment _environment;
    private readonly Pipe _pipe = new();
    private readonly StompParser _parser;
    private readonly Subscription _subscription;
    private readonly CancellationToken _stop;
    private readonly DirtyOutboxes _dirty = new(); // of who opens it, then of who enumerates
    private QueueConsumer? _consumer;
    private CancellationTokenRegistration _stopping;
    private volatile StompError _error;
    private int _ended;

    internal StompSubscription(SessionEnvironment environment, byte[] destination, CancellationToken stop)
    {
        _stop = stop;
        _environment = environment;

        // A frame of the broker's own making is within no limit of a client's: headers are added to it.
        _parser = new StompParser(new StompLimits { Headers = int.MaxValue, HeaderLineBytes = int.MaxValue / 2 }) { Version = StompVersion.V12, FrameBytes = int.MaxValue };
        Destination = destination;
        DestinationError = Messaging.Destination.CheckSubscribe(destination, environment.Limits, out bool isPattern);
        var outbox = new Outbox(_pipe.Writer, this, environment.Limits, environment.Metrics, environment.Time);
        int number = Messaging.Destination.KindOf(destination) == DestinationKind.Queue ? 1 : 0; // a queue's messages are acknowledged
        _subscription = new Subscription(outbox, number, "0"u8.ToArray(), destination, isPattern, StompVersion.V12, AckMode.Auto, 0, noLocalTo: null);
        if (environment.Topics.Conflates)
            _subscription.Conflate(ConflationMode.WhereTopicsDo, TimeSpan.Zero, keyHeader: [], environment.Conflation, environment.Metrics);
    }

    private byte[] Destination { get; }

    private StompError DestinationError { get; }

    /// <summary>Makes it live, or says why it cannot be.</summary>
    internal StompError Open()
    {
        if (DestinationError != StompError.None)
            return DestinationError;
        DestinationKind kind = Messaging.Destination.KindOf(Destination);
        if (kind != DestinationKind.Topic)
            return kind == DestinationKind.Queue ? OpenQueue() : StompError.DestinationUnavailable; // a temporary one is a connection's
        StompError error = _environment.Topics.Subscribe(_subscription);
        if (error != StompError.None)
            return error;
        _environment.Metrics.AddSubscriptions(1);
        Beginning beginning = _environment.Topics.Begin(_subscription, request: null, end: null, _environment.Time.GetUtcNow().ToUnixTimeMilliseconds());
        var dirty = new DirtyOutboxes();
        _subscription.Open(receipt: null, dirty, beginning.Snapshot);
        dirty.Drain();
        _stopping = _stop.UnsafeRegister(static self => ((StompSubscription)self!).Stop(), this);
        return StompError.None;
    }

    private StompError OpenQueue()
    {
        if (_environment.Queues.GetOrAdd(Destination) is not { } queue)
            return StompError.TooManyDestinations;
        _environment.Metrics.AddSubscriptions(1);
        _consumer = _environment.Queues.Subscribe(
            queue, queue => new QueueConsumer(queue, _subscription, AckMode.ClientIndividual, _environment.Limits.PrefetchCount), _dirty);
        _dirty.Drain();
        _stopping = _stop.UnsafeRegister(static self => ((StompSubscription)self!).Stop(), this);
        return StompError.None;
    }

    void IOutboxOwner.Close(StompError error) => Close(error);

    void IOutboxOwner.Fault(Exception exception) => Close(StompError.ServerError);

    void IOutboxOwner.ConnectionLost()
    {
        // The reader is this object: it ends the subscription before it ends the pipe.
    }

    private void Close(StompError error)
    {
        _error = error;
        _pipe.Reader.CancelPendingRead();

        // Called by a topic that is publishing; and there may be nobody who enumerates.
        ThreadPool.UnsafeQueueUserWorkItem(static subscription => subscription.End(), this, preferLocal: false);
    }

    /// <summary>The messages, in the order of each topic or of the queue; ends by disposal or cancellation, or with a <see cref="StompBrokerException"/> when the application did not keep up.</summary>
    public IAsyncEnumerator<StompMessage> GetAsyncEnumerator(CancellationToken cancellationToken = default) => ReadAllAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);

    /// <summary>Ends it, and the enumeration if there is one. Thread-safe.</summary>
    public ValueTask DisposeAsync()
    {
        Stop();
        return ValueTask.CompletedTask;
    }

    private async IAsyncEnumerable<StompMessage> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                _stop.ThrowIfCancellationRequested();
                ReadResult result = await _pipe.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                ReadOnlySequence<byte> bytes = result.Buffer;
                while (!HasGivenBack && TryReadMessage(ref bytes, out StompMessage? message))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    yield return message!;
                    Acknowledge(message!);
                }

                _pipe.Reader.AdvanceTo(bytes.Start, bytes.End);
                if (_error != StompError.None)
                    throw new StompBrokerException($"{StompErrors.Get(_error).Message}: the subscriber to {Encoding.UTF8.GetString(Destination)} did not keep up.");
                if (Volatile.Read(ref _ended) != 0 && !_stop.IsCancellationRequested)
                    yield break; // disposed
            }
        }
        finally
        {
            End();
            await _pipe.Reader.CompleteAsync().ConfigureAwait(false);
        }
    }

    // What it was given of a queue and has not read is another's by then.
    private bool HasGivenBack => _consumer is not null && Volatile.Read(ref _ended) != 0;

    private void Stop()
    {
        End();
        _pipe.Reader.CancelPendingRead();
    }

    private void End()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
            return;
        _stopping.Dispose();
        if (_consumer is null)
        {
            _environment.Topics.Unsubscribe(_subscription);
        }
        else
        {
            var dirty = new DirtyOutboxes();
            _consumer.End(dirty);
            dirty.Drain();
        }

        _environment.Metrics.AddSubscriptions(-1);
    }

    // Who asks for the next one is done with this one.
    private void Acknowledge(StompMessage message)
    {
        if (_consumer is null || !AckId.TryParse(Encoding.ASCII.GetBytes(message["ack"] ?? ""), session: [], out _, out long sequence))
            return;
        _consumer.Queue.TryApply([new Settlement(_consumer, sequence, Verdict.Accept)], [], isReserved: false, _dirty);
        _dirty.Drain();
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
        ReadOnlySpan<byte> whole = payload.IsSingleSegment ? payload.FirstSpan : payload.ToArray();
        if (_parser.Read(ref whole, out StompFrame frame) != StompParseResult.Frame)
            return false;
        var headers = new KeyValuePair<string, string>[frame.Headers.Count];
        for (int i = 0; i < headers.Length; i++)
            headers[i] = new(Encoding.UTF8.GetString(frame.Headers[i].Name), Encoding.UTF8.GetString(frame.Headers[i].Value));
        message = new StompMessage(headers, frame.Body.ToArray());
        return true;
    }
}
