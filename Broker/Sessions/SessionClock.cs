using Broker.Configuration;
using Broker.Delivery;
using Broker.Stomp;

namespace Broker.Sessions;

/// <summary>What the sweep has to do about a session.</summary>
internal enum SweepAction : byte
{
    None,
    Beat,
    Ping,
    LoginTimeout,
    FrameTimeout,
    PeerLost,
}

/// <summary>
/// When a session was last heard of and last spoke. The session's thread only counts; the one sweep compares counts and
/// keeps the times, so that no frame costs a look at a clock.
/// </summary>
internal sealed class SessionClock(long now)
{
    /// <summary>Below this interval a client's timers are taken at their word (SEMANTICS 4).</summary>
    private static readonly TimeSpan PatientFrom = TimeSpan.FromSeconds(5);

    /// <summary>What a background tab's throttled timers get, one a minute, with a margin.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    // Of the session's thread; read by the sweep.
    private long _stompBytesIn;
    private long _frames;
    private volatile bool _isHeld;
    private volatile bool _isInFrame;
    private volatile bool _isLoggedIn;

    // Of the sweep.
    private long _seenStompIn, _seenIn, _seenOut, _seenFrames = -1;
    private long _lastStompIn = now, _lastIn = now, _lastOut = now, _lastPing = now, _frameSince = now, _lastSweep = now;
    private readonly long _opened = now;

    public long StompBytesIn
    {
        get => _stompBytesIn;
        set => Volatile.Write(ref _stompBytesIn, value);
    }

    public long Frames
    {
        get => _frames;
        set => Volatile.Write(ref _frames, value);
    }

    /// <summary>Bytes of an unfinished frame that were counted and are still in the buffer.</summary>
    public int Unparsed { get; set; }

    /// <summary>The broker does not read from this client: its clocks stand still.</summary>
    public bool IsHeld
    {
        get => _isHeld;
        set => _isHeld = value;
    }

    public bool IsInFrame
    {
        get => _isInFrame;
        set => _isInFrame = value;
    }

    public bool IsLoggedIn
    {
        get => _isLoggedIn;
        set => _isLoggedIn = value;
    }

    /// <summary>The agreed intervals in ms; zero: none. Set before <see cref="IsLoggedIn"/>.</summary>
    public HeartBeat Beats { get; set; }

    /// <summary>Called by the sweep alone, at least every <paramref name="period"/>.</summary>
    public SweepAction Check(long now, TimeSpan period, BrokerOptions options, ITransport transport, Outbox outbox, TimeProvider time)
    {
        long previous = _lastSweep;
        _lastSweep = now;
        Look(now, previous, transport, outbox);

        if (!_isLoggedIn)
            return !_isHeld && time.GetElapsedTime(_opened, now) >= options.Limits.LoginTimeout ? SweepAction.LoginTimeout : SweepAction.None;
        if (_isInFrame && time.GetElapsedTime(_frameSince, now) >= options.Limits.FrameTimeout)
            return SweepAction.FrameTimeout;

        TimeSpan silence = time.GetElapsedTime(_lastIn, now);
        if (silence >= options.HeartBeat.PeerTimeout || IsHeartBeatLost(silence, time.GetElapsedTime(_lastStompIn, now)))
            return SweepAction.PeerLost;

        TimeSpan outgoing = TimeSpan.FromMilliseconds(Beats.Outgoing);
        if (Beats.Outgoing > 0 && outbox.IsIdle && time.GetElapsedTime(_lastOut, now) + period >= outgoing)
            return SweepAction.Beat;

        if (IsPingDue(now, options, time))
        {
            _lastPing = now;
            return SweepAction.Ping;
        }

        return SweepAction.None;
    }

    private void Look(long now, long previous, ITransport transport, Outbox outbox)
    {
        long stompIn = Volatile.Read(ref _stompBytesIn), bytesIn = transport.BytesReceived, stompOut = outbox.StompEntries, frames = Volatile.Read(ref _frames);
        if (stompIn != _seenStompIn || _isHeld)
            (_seenStompIn, _lastStompIn) = (stompIn, now);
        if (bytesIn != _seenIn || _isHeld)
            (_seenIn, _lastIn) = (bytesIn, now);
        if (frames != _seenFrames || !_isInFrame || _isHeld)
            (_seenFrames, _frameSince) = (frames, now);

        // They went out some time since the sweep before: the earliest moment is the safe one.
        if (stompOut != _seenOut)
            (_seenOut, _lastOut) = (stompOut, previous);
    }

    private bool IsHeartBeatLost(TimeSpan silence, TimeSpan stompSilence)
    {
        if (Beats.Incoming == 0)
            return false;
        TimeSpan interval = TimeSpan.FromMilliseconds(Beats.Incoming);
        TimeSpan three = 3 * interval;
        if (interval < PatientFrom)
            return stompSilence >= three;
        return silence >= three || stompSilence >= (three > Patience ? three : Patience);
    }

    private bool IsPingDue(long now, BrokerOptions options, TimeProvider time)
    {
        TimeSpan sincePing = time.GetElapsedTime(_lastPing, now);
        if (time.GetElapsedTime(_lastIn, now) >= options.HeartBeat.PingAfter && sincePing >= options.HeartBeat.PingAfter)
            return true;
        TimeSpan interval = TimeSpan.FromMilliseconds(Beats.Incoming);
        return interval >= PatientFrom && time.GetElapsedTime(_lastStompIn, now) >= interval && sincePing >= interval;
    }
}
