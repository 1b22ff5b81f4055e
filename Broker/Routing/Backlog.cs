using Broker.Messaging;

namespace Broker.Routing;

/// <summary>
/// The messages of a queue that no consumer has, by their place. Most were never given to anybody and come in order; those that came back are kept apart,
/// with what has happened to them. Not thread-safe but for <see cref="NextExpiry"/>.
/// </summary>
internal sealed class Backlog
{
    private static readonly Comparer<Returned> ByPlace = Comparer<Returned>.Create(static (x, y) => x.Entry.Place.CompareTo(y.Entry.Place));

    // More stale times than this, and than there are live ones, are worth clearing away.
    private const int MaxStale = 1024;

    private readonly OrderedRing<Message> _fresh = new();
    private SortedSet<Returned>? _returned;

    // Places of messages that expire, by their times, and of one time in order. One that left otherwise is found out when its time comes.
    private PriorityQueue<long, (long Time, long Place)>? _times;
    private int _expiring;
    private long _nextExpiry = long.MaxValue;

    public int Count => _fresh.Count + (_returned?.Count ?? 0);

    /// <summary>The earliest time at which one may expire, in Unix milliseconds. Thread-safe.</summary>
    public long NextExpiry => Volatile.Read(ref _nextExpiry);

    /// <summary>Adds a new message at the end.</summary>
    public void Add(Message message, long place)
    {
        _fresh.Add(place, message);
        if (message.ExpiresAt != 0)
            Watch(message.ExpiresAt, place);
    }

    /// <summary>Puts a message back into its place. <paramref name="refusedBy"/> should not get it again where another can.</summary>
    public void Return(in QueueEntry entry, QueueConsumer? refusedBy)
    {
        (_returned ??= new SortedSet<Returned>(ByPlace)).Add(new Returned(entry, refusedBy));
        if (entry.Message.ExpiresAt != 0)
            Watch(entry.Message.ExpiresAt, entry.Place);
    }

    /// <summary>Finds the first message whose place is not below this one.</summary>
    public bool TryFind(long from, out QueueEntry entry, out QueueConsumer? refusedBy)
    {
        int index = _fresh.IndexFrom(from);
        bool found = index < _fresh.Span;
        entry = default;
        refusedBy = null;
        if (found)
        {
            _fresh.TryGet(index, out long place, out Message message);
            entry = new QueueEntry(message, place);
        }

        if (_returned is { Count: > 0 } && TryFindReturned(from, out Returned returned) && (!found || returned.Entry.Place < entry.Place))
        {
            entry = returned.Entry;
            refusedBy = returned.RefusedBy;
            found = true;
        }

        return found;
    }

    /// <summary>Takes out the message at a place; false when it is not there.</summary>
    public bool TryTake(long place, out QueueEntry entry)
    {
        int index = _fresh.IndexOf(place);
        if (index >= 0)
        {
            _fresh.TryGet(index, out _, out Message message);
            entry = new QueueEntry(message, place);
            _fresh.RemoveAt(index);
        }
        else if (_returned is not null && _returned.TryGetValue(Probe(place), out Returned returned))
        {
            _returned.Remove(returned);
            entry = returned.Entry;
        }
        else
        {
            entry = default;
            return false;
        }

        if (entry.Message.ExpiresAt != 0)
            Unwatch();
        return true;
    }

    /// <summary>Takes out a message whose time is over; false when there is none.</summary>
    public bool TryTakeExpired(long nowUnixMs, out QueueEntry entry)
    {
        entry = default;
        while (_times is not null && _times.TryPeek(out long place, out (long Time, long) due) && due.Time <= nowUnixMs)
        {
            _times.Dequeue();
            bool taken = TryTake(place, out entry);
            SetNextExpiry();
            if (taken)
                return true;
        }

        return false;
    }

    /// <summary>Takes out all messages and returns how many there were.</summary>
    public int Clear()
    {
        int count = Count;
        _fresh.Clear();
        _returned = null;
        _times = null;
        _expiring = 0;
        SetNextExpiry();
        return count;
    }

    /// <summary>Gives back what memory it does not need now.</summary>
    public void Trim()
    {
        _fresh.Trim();
        if (_returned?.Count == 0)
            _returned = null;
    }

    private bool TryFindReturned(long from, out Returned returned)
    {
        returned = _returned!.Min;
        if (returned.Entry.Place >= from)
            return true;
        if (_returned.Max.Entry.Place < from)
            return false;
        returned = _returned.GetViewBetween(Probe(from), Probe(long.MaxValue)).Min;
        return true;
    }

    private void Watch(long time, long place)
    {
        _expiring++;
        (_times ??= new()).Enqueue(place, (time, place));
        SetNextExpiry();
    }

    private void Unwatch()
    {
        _expiring--;
        if (_expiring == 0)
            _times = null;
        else if (_times!.Count > MaxStale && _times.Count > 2 * _expiring)
            _times = new(_times.UnorderedItems.Where(time => IsHere(time.Element)).DistinctBy(static time => time.Element));
        SetNextExpiry();
    }

    private bool IsHere(long place) => _fresh.IndexOf(place) >= 0 || _returned?.Contains(Probe(place)) == true;

    private void SetNextExpiry() =>
        Volatile.Write(ref _nextExpiry, _times is not null && _times.TryPeek(out _, out (long Time, long) due) ? due.Time : long.MaxValue);

    private static Returned Probe(long place) => new(new QueueEntry(null!, place), null);

    private readonly record struct Returned(QueueEntry Entry, QueueConsumer? RefusedBy);
}
