using Broker.Stomp;

namespace Broker.Sessions;

/// <summary>One timer for all sessions: heart-beats out, pings, and every time-out; and of what topics and queues keep for a time.</summary>
internal sealed class HeartBeatSweep : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(10);

    // Who reads does not get what is too old anyway: this gives its memory back.
    private static readonly TimeSpan Tidying = TimeSpan.FromSeconds(1);

    private readonly SessionEnvironment _environment;
    private readonly ITimer _timer;
    private TimeSpan _period = Longest;
    private long _tidied;
    private int _running;
    private int _tidying;

    public HeartBeatSweep(SessionEnvironment environment)
    {
        _environment = environment;
        _timer = environment.Time.CreateTimer(static state => ((HeartBeatSweep)state!).Sweep(), this, _period, _period);
        Require(environment.Options.HeartBeat.Outgoing);
    }

    /// <summary>Sweeps often enough for beats at this interval: one goes out up to one period early, a quarter of the shortest interval there is.</summary>
    public void Require(TimeSpan interval)
    {
        TimeSpan quarter = interval / 4;
        if (quarter <= TimeSpan.Zero || quarter >= _period)
            return;
        _period = quarter < Shortest ? Shortest : quarter;
        _timer.Change(_period, _period);
    }

    public void Dispose() => _timer.Dispose();

    private void Sweep(Session session, long now)
    {
        try
        {
            session.Sweep(now, _period);
        }
        catch (Exception exception)
        {
            session.Fault(exception); // it ends; the sweep and the others go on
        }
    }

    private void Tidy()
    {
        try
        {
            _environment.Topics.Retained.RemoveExpired(_environment.Time.GetUtcNow().ToUnixTimeMilliseconds());
            _environment.Topics.Streams.Trim();
            _environment.Queues.Tidy();
        }
        finally
        {
            Volatile.Write(ref _tidying, 0);
        }
    }

    private void Sweep()
    {
        if (Interlocked.Exchange(ref _running, 1) != 0)
            return;
        try
        {
            long now = _environment.Time.GetTimestamp();
            foreach (Session session in _environment.Sessions.All)
                Sweep(session, now);
            if (_environment.Time.GetElapsedTime(_tidied, now) >= Tidying && Interlocked.Exchange(ref _tidying, 1) == 0)
            {
                _tidied = now;
                ThreadPool.UnsafeQueueUserWorkItem(static sweep => sweep.Tidy(), this, preferLocal: false); // no beat waits for it
            }
        }
        finally
        {
            Volatile.Write(ref _running, 0);
        }
    }
}

internal sealed partial class Session
{
    private readonly SessionClock _clock;

    /// <summary>Called by the sweep.</summary>
    public void Sweep(long now, TimeSpan period)
    {
        if (CloseReason != Messaging.CloseReason.None)
            return;
        switch (_clock.Check(now, period, _environment.Options, _transport, Outbox, _environment.Time))
        {
            case SweepAction.Beat:
                Outbox.EnqueueStomp(ReplyWriter.HeartBeat, 0, dirty: null);
                break;
            case SweepAction.Ping:
                Outbox.EnqueueControl(ReplyWriter.Ping, dirty: null);
                break;
            case SweepAction.LoginTimeout:
                Close(StompError.LoginTimeout);
                break;
            case SweepAction.FrameTimeout:
                Close(StompError.FrameTimeout);
                break;
            case SweepAction.PeerLost:
                Close(StompError.HeartBeatTimeout);
                break;
        }
    }
}
