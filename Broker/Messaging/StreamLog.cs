using System.Security.Cryptography;
using Broker.Configuration;

namespace Broker.Messaging;

/// <summary>
/// The bounded history of one stream: the last messages of all its topics, under consecutive offsets from 0. When a bound of
/// <see cref="StreamOptions"/> is passed the oldest go; the newest stays, whatever its size, until it is too old. Thread-safe by a
/// lock of its own, under which nothing else is locked.
/// </summary>
internal sealed class StreamLog
{
    /// <summary>How many messages are looked at under one hold of the lock, so that a filter which matches few holds up no publisher.</summary>
    public const int LookAtMost = 256;

    /// <summary>
    /// What a message takes besides its bytes: about 80 for the object, 24 for its array's header and 24 for the slot. Without it a stream
    /// of short messages would take several times what the setting says.
    /// </summary>
    public const int MessageOverhead = 160;

    private const int SmallestRing = 64;

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly int _maxMessages;
    private readonly long _maxBytes;
    private readonly long _maxAge;

    // A message stands at its offset modulo the length, which is a power of two.
    private Slot[] _ring = new Slot[SmallestRing];
    private long _first;
    private long _next;
    private long _bytes;

    public StreamLog(StreamOptions options, TimeProvider time)
    {
        _time = time;
        _maxMessages = options.Messages;
        _maxBytes = options.Bytes;
        _maxAge = (long)(options.Age.TotalSeconds * time.TimestampFrequency);
    }

    /// <summary>The one order of all topics of the stream: taken by who publishes, never here.</summary>
    public Lock Order { get; } = new();

    /// <summary>Tells this history from that of any other run: offsets of another epoch mean nothing here.</summary>
    public string Epoch { get; } = RandomNumberGenerator.GetHexString(16, lowercase: true);

    /// <summary>The oldest offset that is kept; <see cref="Next"/> when none is.</summary>
    public long First
    {
        get
        {
            lock (_gate)
                return _first;
        }
    }

    /// <summary>The offset of the next message.</summary>
    public long Next
    {
        get
        {
            lock (_gate)
                return _next;
        }
    }

    /// <summary>How many messages are kept.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return Kept;
        }
    }

    /// <summary>What the kept messages take, in bytes of memory.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
                return _bytes;
        }
    }

    private int Kept => (int)(_next - _first);

    /// <summary>Appends messages of one destination, with no other between them; returns the offset of the first.</summary>
    public long Append(ReadOnlySpan<Message> messages, byte[] destination)
    {
        long now = Now();
        lock (_gate)
        {
            long first = _next;
            foreach (Message message in messages)
            {
                // Before the slot is taken: the ring then never grows for what is dropped at once.
                if (Kept == _maxMessages)
                    DropFirst();
                if (Kept == _ring.Length)
                    Grow();
                _ring[_next++ & (_ring.Length - 1)] = new Slot(message, destination, now);
                _bytes += SizeOf(message);
                while (_bytes > _maxBytes && Kept > 1)
                    DropFirst();
            }

            DropOld(now);
            return first;
        }
    }

    /// <summary>Drops what is older than the stream's age.</summary>
    public void Trim()
    {
        long now = Now();
        lock (_gate)
            DropOld(now);
    }

    /// <summary>
    /// Copies messages from offset <paramref name="next"/> on that match the filter (null: all) and returns how many; looks at no more
    /// than <see cref="LookAtMost"/>.
    /// </summary>
    /// <param name="next">Moves behind what was looked at.</param>
    /// <param name="into">Takes the messages; full, it ends the look.</param>
    /// <param name="filter">What the reader listens to.</param>
    /// <param name="maxBytes">The message with which so many are reached ends the look.</param>
    /// <param name="atEnd">Nothing is left to read now.</param>
    /// <param name="isLost">Offset <paramref name="next"/> is not kept any more, or is not there yet; nothing was read.</param>
    public int Read(ref long next, Span<Message> into, DestinationPattern? filter, int maxBytes, out bool atEnd, out bool isLost)
    {
        lock (_gate)
        {
            atEnd = false;
            isLost = next < _first || next > _next;
            if (isLost)
                return 0;
            int count = 0;
            long bytes = 0;
            for (long end = Math.Min(_next, next + LookAtMost); next < end && count < into.Length && bytes < maxBytes; next++)
            {
                ref readonly Slot slot = ref At(next);
                if (filter is not null && !filter.Matches(slot.Destination))
                    continue;
                into[count++] = slot.Message;
                bytes += slot.Message.Length;
            }

            atEnd = next == _next;
            return count;
        }
    }

    /// <summary>The offset of the last kept message that matches the filter (null: any); the next offset when there is none.</summary>
    public long FindLast(DestinationPattern? filter)
    {
        // What is appended between two looks is newer than what was meant by "last" when it was asked for.
        long next = Next, end = next;
        while (true)
        {
            lock (_gate)
            {
                long stop = Math.Max(_first, end - LookAtMost);
                while (end > stop)
                {
                    end--;
                    if (filter is null || filter.Matches(At(end).Destination))
                        return end;
                }

                if (end <= _first)
                    return next;
            }
        }
    }

    private static int SizeOf(Message message) => message.Length + MessageOverhead;

    private ref Slot At(long offset) => ref _ring[offset & (_ring.Length - 1)];

    // Without a bound on age nobody asks for a message's time.
    private long Now() => _maxAge == 0 ? 0 : _time.GetTimestamp();

    private void DropOld(long now)
    {
        if (_maxAge == 0)
            return;
        while (_first < _next && now - At(_first).Time > _maxAge)
            DropFirst();
    }

    private void DropFirst()
    {
        ref Slot slot = ref At(_first);
        _bytes -= SizeOf(slot.Message);
        slot = default;
        _first++;
    }

    private void Grow()
    {
        var ring = new Slot[_ring.Length * 2];
        for (long offset = _first; offset < _next; offset++)
            ring[offset & (ring.Length - 1)] = At(offset);
        _ring = ring;
    }

    private readonly record struct Slot(Message Message, byte[] Destination, long Time);
}
