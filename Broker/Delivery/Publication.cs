using Broker.Configuration;
using Broker.Messaging;

namespace Broker.Delivery;

/// <summary>
/// Consecutive messages of one publisher to one topic, which take one place in the topic's order and one entry in each
/// outbox; or, joined, to several topics with the same subscribers. Immutable once published.
/// </summary>
internal sealed class Publication
{
    private Message[] _messages;
    private int _start;
    private Shared? _shared;

    public Publication(Message[] messages, object? source)
        : this(messages, 0, messages.Length, source)
    {
    }

    /// <summary>Some messages of an array, which others share.</summary>
    public Publication(Message[] messages, int start, int count, object? source)
    {
        _messages = messages;
        _start = start;
        Count = count;
        Source = source;
        Whole = this;
        IsUniform = true;
        foreach (Message message in Messages)
        {
            MessageBytes += message.Length;
            IsUniform &= !message.HasEscapes && message.ExpiresAt == 0;
            Retains |= message.Retain != RetainAction.None;
        }
    }

    public ReadOnlySpan<Message> Messages => _messages.AsSpan(_start, Count);

    public int Count { get; }

    /// <summary>The publications that were joined to this one; null for one to a single topic.</summary>
    public Publication[]? Parts { get; private init; }

    /// <summary>What it was joined to; else itself. Who has let in the one has let in the other.</summary>
    public Publication Whole { get; private set; }

    /// <summary>Who published: a subscription with <c>no-local</c> of the same one skips it.</summary>
    public object? Source { get; }

    /// <summary>The bytes of all messages, without what differs per subscriber.</summary>
    public int MessageBytes { get; private set; }

    /// <summary>True when every receiver gets the same bytes at any time: nothing to escape for a version, nothing that expires.</summary>
    public bool IsUniform { get; }

    /// <summary>True when a message of it sets or removes the topic's retained value.</summary>
    public bool Retains { get; }

    /// <summary>Set by a topic that did not publish it: there are as many retained values as may be.</summary>
    public bool IsRefused { get; set; }

    /// <summary>The topic's name.</summary>
    public byte[] Destination { get; private set; } = [];

    /// <summary>What the topic does about a subscriber that has no room.</summary>
    public SlowSubscriberPolicy Policy { get; private set; }

    /// <summary>How many messages the topic had before these.</summary>
    public long Position { get; private set; }

    /// <summary>The first message's offset in the topic's stream; zero without one.</summary>
    public long Offset { get; private set; }

    /// <summary>True when more than one subscriber gets it.</summary>
    public bool IsShared { get; private set; }

    /// <summary>Takes its place in a topic's order. Called by the topic before it hands it out.</summary>
    public void Place(byte[] destination, SlowSubscriberPolicy policy, long position, bool isShared)
    {
        Destination = destination;
        Policy = policy;
        Position = position;
        IsShared = isShared;
    }

    /// <summary>Would have its place in a stream here: its messages are numbered.</summary>
    public void Place(long offset)
    {
        Offset = offset;
        MessageBytes = 0;
        foreach (Message message in Messages)
            MessageBytes += message.Length;
    }

    /// <summary>Whether its messages lie behind those of another one, so that both can be joined.</summary>
    public bool Follows(Publication other) =>
        ReferenceEquals(_messages, other._messages) && ReferenceEquals(Source, other.Source) && _start == other._start + other.Count;

    /// <summary>One publication of all messages of several, each of which follows the one before.</summary>
    public static Publication Join(Publication[] parts)
    {
        var whole = new Publication(parts[0]._messages, parts[0]._start, parts.Sum(static part => part.Count), parts[0].Source) { Parts = parts };
        whole.Detach();
        return whole;
    }

    /// <summary>
    /// Lets go of the messages of others, which would be kept for as long as this one waits, and are in no outbox's account. To be called before
    /// anybody else has it.
    /// </summary>
    public void Detach()
    {
        if (Count == _messages.Length)
            return;
        _messages = Messages.ToArray();
        _start = 0;
    }

    /// <summary>It goes out as part of another one.</summary>
    public void JoinTo(Publication whole) => Whole = whole;

    /// <summary>The same without its first messages.</summary>
    public Publication Skip(int first)
    {
        var rest = new Publication(Messages[first..].ToArray(), Source);
        rest.Place(Destination, Policy, Position + first, IsShared);
        rest.Offset = Offset + first;
        return rest;
    }

    /// <summary>
    /// The complete frames for subscribers whose frames begin with <paramref name="prefix"/>: encoded once, for the first
    /// such prefix that asks; false for another one.
    /// </summary>
    public bool TryGetShared(byte[] prefix, out ReadOnlyMemory<byte> frames)
    {
        Shared? shared = Volatile.Read(ref _shared);
        if (shared is null)
        {
            // Two drains may both encode: the same bytes, or each its own and one of them is kept.
            shared = new Shared(prefix, Encode(prefix));
            shared = Interlocked.CompareExchange(ref _shared, shared, null) ?? shared;
        }

        frames = shared.Frames;
        return ReferenceEquals(shared.Prefix, prefix) || shared.Prefix.AsSpan().SequenceEqual(prefix);
    }

    private ReadOnlyMemory<byte> Encode(byte[] prefix)
    {
        byte[] frames = GC.AllocateUninitializedArray<byte>(MessageBytes + (Count * (prefix.Length + WireFrame.MaxHeaderLength)));
        return frames.AsMemory(0, FrameEncoder.Write(frames, prefix, Messages));
    }

    private sealed record Shared(byte[] Prefix, ReadOnlyMemory<byte> Frames);
}
