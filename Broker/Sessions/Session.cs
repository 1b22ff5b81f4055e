using System.Diagnostics.CodeAnalysis;
using Broker.Delivery;
using Broker.Messaging;
using Broker.Routing;
using Broker.Stomp;

namespace Broker.Sessions;

/// <summary>
/// One STOMP connection: its state machine, its subscriptions and transactions. One task reads, parses and handles its frames
/// (<see cref="RunAsync"/>); what other threads may do says so.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A token source without a timer or a wait handle has nothing to dispose, and other threads may still cancel it.")]
internal sealed partial class Session : IOutboxOwner
{
    private readonly SessionEnvironment _environment;
    private readonly ITransport _transport;
    private readonly ReceiveBuffer _input = new();
    private readonly Publisher _publisher;
    private readonly string? _principal;
    private readonly StompParser _parser;
    private State _state;
    private CancellationTokenSource? _ending;
    private int _end; // reason, and the error above it: one word, so that nobody sees the one without the other
    private byte[]? _closeReceipt;

    /// <param name="environment">What it shares with the others.</param>
    /// <param name="transport">The way to the peer.</param>
    /// <param name="peer">The peer's address.</param>
    /// <param name="principal">The user that the application has authenticated; null: CONNECT says who it is.</param>
    public Session(SessionEnvironment environment, ITransport transport, string peer, string? principal = null)
    {
        _principal = principal;
        _environment = environment;
        _transport = transport;
        Number = environment.Sessions.NextNumber();
        Id = $"{environment.Epoch}-{Number}";
        Peer = peer;
        _parser = new StompParser(environment.FrameLimits);
        _publisher = new Publisher(
            environment.Topics, new StallBudget(environment.Limits.PublisherStall, environment.Limits.PublisherStallWindow, environment.Time), environment.Metrics, environment.Time);
        Outbox = new Outbox(transport.Output, this, environment.Limits, environment.Metrics, environment.Time, transport.BytesPerWrite);
        _clock = new SessionClock(environment.Time.GetTimestamp());
        if (environment.Limits.SendsPerSecond > 0)
            _sendRate = new SendRate(environment.Limits.SendsPerSecond, environment.Time);
    }

    private enum State : byte
    {
        /// <summary>CONNECT is awaited.</summary>
        Opening,

        /// <summary>CONNECTED was sent.</summary>
        Connected,

        /// <summary>Nothing is processed any more.</summary>
        Ended,
    }

    private enum Step : byte
    {
        /// <summary>All input was used.</summary>
        NeedInput,

        /// <summary>A slow subscriber holds this publisher.</summary>
        Hold,

        /// <summary>CONNECT came: check who it is.</summary>
        Login,

        /// <summary>The client has more to take than may wait for it: read on when it has.</summary>
        Throttle,

        /// <summary>The connection ends.</summary>
        End,
    }

    public long Number { get; }

    /// <summary>CONNECTED's <c>session</c>; unique across restarts.</summary>
    public string Id { get; }

    /// <summary>The peer's address, for the log.</summary>
    public string Peer { get; }

    public Outbox Outbox { get; }

    /// <summary>Who it is; null before CONNECTED and for a client without a name.</summary>
    public string? UserName { get; private set; }

    /// <summary>True from CONNECTED to the end. Thread-safe.</summary>
    public bool IsConnected => _state == State.Connected && CloseReason == CloseReason.None;

    public StompVersion Version => _parser.Version;

    public CloseReason CloseReason => (CloseReason)(Volatile.Read(ref _end) & 0xFF);

    private StompError CloseError => (StompError)(Volatile.Read(ref _end) >> 8);

    /// <summary>Thread-safe.</summary>
    public void Close(StompError error) => Close(CloseReasons.From(error), error);

    /// <summary>Ends the connection without an ERROR. Thread-safe.</summary>
    public void Close(CloseReason reason) => Close(reason, StompError.None);

    /// <summary>Thread-safe.</summary>
    public void ConnectionLost() => Close(CloseReason.ConnectionLost);

    /// <summary>Thread-safe.</summary>
    public bool IsTracing => _environment.Log.IsEnabled(LogLevel.Trace);

    /// <summary>Thread-safe.</summary>
    public void TraceSent(string command, int frames, long bytes) => LogSent(_environment.Log, Id, command, frames, bytes);

    /// <summary>Thread-safe.</summary>
    public void Fault(Exception exception)
    {
        LogFault(exception, Id);
        Close(CloseReason.ServerError);
    }

    /// <summary>Serves the connection until it ends; then everything that it held is released. The transport closes with <see cref="CloseReason"/>.</summary>
    public async Task RunAsync()
    {
        _environment.Sessions.Add(this);
        try
        {
            await ReceiveAsync().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            LogFault(exception, Id);
            TryEnd(CloseReason.ServerError, StompError.ServerError);
        }
        finally
        {
            await EndAsync().ConfigureAwait(false);
        }
    }

    private async Task ReceiveAsync()
    {
        while (CloseReason == CloseReason.None)
        {
            CloseReason ended = await _transport.ReceiveAsync(_input).ConfigureAwait(false);
            if (ended != CloseReason.None)
            {
                TryEnd(ended, StompError.None);
                break;
            }

            _clock.StompBytesIn += _input.Count - _clock.Unparsed;
            Step step;
            while ((step = Process()) != Step.NeedInput)
            {
                if (step == Step.End)
                    break;
                _clock.IsHeld = true;
                await GoOnAfterAsync(step).ConfigureAwait(false);
                _clock.IsHeld = false;
            }

            _clock.Unparsed = _input.Count;
            _clock.IsInFrame = _parser.InFrame;
            CountInput();
            _publisher.Dirty.Drain();
            if (step == Step.NeedInput && (Outbox.IsFull || _sendRate is not null))
                await ThrottleAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask GoOnAfterAsync(Step step)
    {
        switch (step)
        {
            case Step.Login:
                await LoginAsync().ConfigureAwait(false);
                break;
            case Step.Throttle:
                _publisher.Dirty.Drain();
                await ThrottleAsync().ConfigureAwait(false);
                break;
            default:
                await PublishHeldAsync().ConfigureAwait(false);
                break;
        }
    }

    /// <summary>Handles all complete frames at hand.</summary>
    private Step Process()
    {
        while (CloseReason == CloseReason.None)
        {
            ReadOnlySpan<byte> unread = _input.Unread;
            int before = unread.Length;
            StompParseResult result = _parser.Read(ref unread, out StompFrame frame);
            if (result == StompParseResult.Frame && !MayHandle(frame))
            {
                // What was published before must be out first, and it has to wait: read the frame again after that.
                _parser.Unread();
                return Step.Hold;
            }

            Step step = result switch
            {
                StompParseResult.Frame => Handle(frame),
                StompParseResult.Error => FailParse(),
                _ => Step.NeedInput,
            };
            _input.Consume(before - unread.Length);
            if (result == StompParseResult.Frame)
                _clock.Frames++;
            if (result != StompParseResult.Frame)
                return step == Step.NeedInput && !TryPublishBatch() ? Step.Hold : step;
            if (step != Step.NeedInput)
                return step;
        }

        return Step.End;
    }

    private Step FailParse()
    {
        byte[]? receipt = _parser.TryGetErrorReceipt(out ReadOnlySpan<byte> value) ? value.ToArray() : null;
        return Fail(_parser.Error, receipt);
    }

    private Step Fail(StompError error, in StompFrame frame) =>
        Fail(error, frame.Command != StompCommand.Connect && frame.Headers.TryGet(HeaderNames.Receipt, out ReadOnlySpan<byte> receipt) ? receipt.ToArray() : null);

    private Step Fail(StompError error, byte[]? receipt)
    {
        if (TryEnd(CloseReasons.From(error), error))
            _closeReceipt = receipt;
        return Step.End;
    }

    private bool TryEnd(CloseReason reason, StompError error) =>
        Interlocked.CompareExchange(ref _end, (int)reason | ((int)error << 8), 0) == 0;

    private void Close(CloseReason reason, StompError error)
    {
        TryEnd(reason, error);
        _transport.Wake();
        if (Volatile.Read(ref _ending) is { } ending)
            ThreadPool.UnsafeQueueUserWorkItem(static ending => ending.Cancel(), ending, preferLocal: false); // the caller may hold a topic's lock
    }

    /// <summary>Cancelled when the session ends, for what it waits for besides its input.</summary>
    private CancellationToken Ending
    {
        get
        {
            if (_ending is null)
            {
                Volatile.Write(ref _ending, new CancellationTokenSource());
                Thread.MemoryBarrier();
                if (CloseReason != CloseReason.None)
                    _ending.Cancel();
            }

            return _ending.Token;
        }
    }

    /// <summary>Does not read on while this connection does not take what it is owed, or sends faster than it may.</summary>
    private async Task ThrottleAsync()
    {
        _clock.IsHeld = true;
        while (Outbox.IsFull && CloseReason == CloseReason.None)
        {
            if (Outbox.StalledFor >= _environment.Limits.PublisherStallWindow)
                Close(StompError.SlowConsumer);
            else
                await Outbox.WaitWhileFullAsync().ConfigureAwait(false);
        }

        if (_sendRate is not null && _sendRate.Delay is { Ticks: > 0 } delay)
        {
            if (_sendRate.IsExcessive)
                Close(StompError.RateExceeded);
            else
                await Task.Delay(delay, _environment.Time, Ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _clock.IsHeld = false;
    }

    private async Task EndAsync()
    {
        try
        {
            // The frames before the one that ended it count: what they published goes out, their receipts precede the ERROR.
            if (CloseReason is not (CloseReason.ConnectionLost or CloseReason.ServerError) && !TryPublishBatch())
                await PublishHeldAsync().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            LogFault(exception, Id);
        }
        finally
        {
            Release();
        }
    }

    private void Release()
    {
        _state = State.Ended;
        _environment.Sessions.Remove(this);
        EndSubscriptions();
        _publisher.Dirty.Drain();
        _input.Clear();
    }

    private void EndSubscriptions()
    {
        UnsubscribeAll();
        _environment.Metrics.AddSubscriptions(-_subscriptions.Count);
        _subscriptions.Clear();
        ReleaseTempQueues();
    }

    /// <summary>The last bytes of the connection: the ERROR, if there is one, and the close frame, if one is sent.</summary>
    public byte[] Farewell()
    {
        byte[] close = ReplyWriter.Close(CloseReason);
        return CloseError == StompError.None
            ? close
            : [.. ReplyWriter.Error(CloseError, Version, _closeReceipt, _closeReceipt is not null), .. close];
    }
}
