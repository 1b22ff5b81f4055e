using Comparison.Wire;

namespace Comparison.Loads;

/// <summary>When what is published.</summary>
internal abstract class Pace
{
    /// <summary>How many messages were published so far.</summary>
    public long Sent { get; protected set; }

    /// <summary>How many should have been by now.</summary>
    public virtual long Due => Sent;

    /// <summary>True when nothing more will be published.</summary>
    public bool IsOver { get; protected set; }

    /// <summary>Publishes what there is to be, and returns for how many nanoseconds there will be nothing more.</summary>
    /// <param name="publishers">Who publishes.</param>
    /// <param name="arrived">How many of the messages have arrived everywhere.</param>
    public abstract long Publish(ReadOnlySpan<Publisher> publishers, long arrived);
}

/// <summary>As fast as the server takes it.</summary>
/// <param name="messages">So many in all.</param>
/// <param name="time">For so long at the most.</param>
/// <param name="lead">No more than so many that have not arrived yet.</param>
internal sealed class FlatOut(long messages, TimeSpan time, long lead) : Pace
{
    private const int BatchBytes = 32 * 1024;

    private readonly long _end = Clock.Now + Clock.Of(time);
    private int _turn;

    public override long Publish(ReadOnlySpan<Publisher> publishers, long arrived)
    {
        bool isHeldUp = true;
        long limit = Math.Min(messages, arrived + lead);
        _turn++;
        for (int i = 0; i < publishers.Length && Sent < limit; i++)
        {
            Publisher publisher = publishers[(int)((uint)(_turn + i) % (uint)publishers.Length)];
            if (!publisher.IsUp)
                continue;
            for (; publisher.Unsent < BatchBytes && Sent < limit; Sent++)
                publisher.Put(0);
            isHeldUp &= !publisher.Flush();
        }

        IsOver = Sent >= messages || Clock.Now > _end;
        return isHeldUp ? Clock.Second / 1000 : 0;
    }
}

/// <summary>So many a second, evenly. A message that could not be sent in time counts from when it was due.</summary>
internal sealed class Paced(int perSecond, long messages) : Pace
{
    private const int MostUnsent = 1024 * 1024;

    private readonly long _start = Clock.Now;

    public override long Due => Math.Min(messages, (Clock.Now - _start) * perSecond / Clock.Second);

    public override long Publish(ReadOnlySpan<Publisher> publishers, long arrived)
    {
        long now = Clock.Now;
        for (; Sent < messages && NextAt <= now; Sent++)
        {
            Publisher publisher = publishers[(int)(Sent % publishers.Length)];
            if (!publisher.IsUp || publisher.Unsent > MostUnsent)
                break;
            publisher.Put(NextAt);
            publisher.Flush();
        }

        IsOver = Sent >= messages;
        return NextAt > now ? NextAt - now : Clock.Second / 1000;
    }

    private long NextAt => _start + (Sent * Clock.Second / perSecond);
}
