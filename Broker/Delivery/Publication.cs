using System.Buffers;
using Broker.Messaging;

namespace Broker.Delivery;

/// <summary>
/// Consecutive messages of one publisher to one topic, which take one place in the topic's order and one entry in each
/// outbox. Immutable once published.
/// </summary>
internal sealed class Publication
{
    private readonly Message[] _messages;
    private Shared? _shared;

    public Publication(Message[] messages, object? source)
    {
        _messages = messages;
        Source = source;
        IsUniform = true;
        foreach (Message message in messages)
        {
            MessageBytes += message.Bytes.Length;
            IsUniform &= !message.HasEscapes && message.ExpiresAt == 0;
        }
    }

    public ReadOnlySpan<Message> Messages => _messages;

    public int Count => _messages.Length;

    /// <summary>Who published: a subscription with <c>no-local</c> of the same one skips it.</summary>
    public object? Source { get; }

    /// <summary>The bytes of all messages, without what differs per subscriber.</summary>
    public int MessageBytes { get; }

    /// <summary>True when every receiver gets the same bytes at any time: nothing to escape for a version, nothing that expires.</summary>
    public bool IsUniform { get; }

    /// <summary>True when more than one subscriber gets it; set by the topic before it hands it out.</summary>
    public bool IsShared { get; set; }

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
        var buffer = new ArrayBufferWriter<byte>(MessageBytes + (Count * (prefix.Length + WireFrame.MaxHeaderLength)));
        foreach (Message message in _messages)
            FrameEncoder.Write(buffer, prefix, own: default, message.Bytes, message.IsText);
        return buffer.WrittenMemory;
    }

    private sealed record Shared(byte[] Prefix, ReadOnlyMemory<byte> Frames);
}
