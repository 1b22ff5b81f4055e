namespace Broker.Sessions;

/// <summary>A token bucket of one second for SEND frames. Belongs to the session's thread.</summary>
internal sealed class SendRate(int perSecond, TimeProvider time)
{
    private static readonly TimeSpan Excessive = TimeSpan.FromSeconds(10);

    private double _tokens = perSecond;
    private long _at = time.GetTimestamp();

    /// <summary>How long the socket must not be read before the next SEND is due.</summary>
    public TimeSpan Delay
    {
        get
        {
            long now = time.GetTimestamp();
            _tokens = Math.Min(perSecond, _tokens + (time.GetElapsedTime(_at, now).TotalSeconds * perSecond));
            _at = now;
            return _tokens >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_tokens / perSecond);
        }
    }

    /// <summary>True when what was sent at once would take longer than 10 s at the rate allowed.</summary>
    public bool IsExcessive => Delay > Excessive;

    public void Take() => _tokens--;
}
