using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Broker.Delivery;
using Broker.Messaging;
using Broker.Routing;
using Broker.Stomp;

namespace Broker.Sessions;

/// <summary>
/// Publishes for the application by the rules that hold for a client: each message is written as a SEND and read as one.
/// One thread at a time.
/// </summary>
internal sealed class ApplicationPublisher(SessionEnvironment environment, StallBudget stalls, string idPrefix)
{
    private readonly ArrayBufferWriter<byte> _frame = new();
    private StompParser _parser = NewParser(environment);
    private readonly Publisher _publisher = new(environment.Topics, stalls, environment.Metrics, environment.Time);
    private readonly List<Message> _batch = [];
    private Topic? _topic;
    private Queue? _queue;
    private long _reserved;
    private long _sent;

    private static StompParser NewParser(SessionEnvironment environment) =>
        new(environment.FrameLimits) { Version = StompVersion.V12, FrameBytes = environment.Limits.FrameBytes };

    /// <summary>True when something waits for <see cref="PublishAsync"/>.</summary>
    public bool HasMessages => _batch.Count > 0;

    /// <summary>Makes the message of a SEND; else says what is wrong with it. What is made waits for <see cref="PublishAsync"/>; until then all is for one destination.</summary>
    public StompError Add(string destination, ReadOnlySpan<byte> body, IEnumerable<KeyValuePair<string, string>>? headers, bool retain)
    {
        byte[] name = Encoding.UTF8.GetBytes(destination);
        StompError error = Destination.CheckSend(name, environment.Limits);
        if (error != StompError.None)
            return error;

        Write(name, body, headers, retain);
        ReadOnlySpan<byte> input = _frame.WrittenSpan;
        if (_parser.Read(ref input, out StompFrame frame) != StompParseResult.Frame)
        {
            error = _parser.Error;
            _parser = NewParser(environment); // one that has refused a frame reads no other
            return error;
        }

        if (frame.Headers.TryGet(HeaderNames.ReplyTo, out ReadOnlySpan<byte> replyTo) && replyTo.StartsWith(Destination.TempQueuePrefix) && !QueueTable.IsToken(replyTo))
            return StompError.DestinationUnavailable; // there is no connection for the answer to come to
        return Destination.KindOf(name) == DestinationKind.Topic ? AddToTopic(frame, name) : AddToQueue(frame, name);
    }

    private StompError AddToTopic(in StompFrame frame, byte[] name)
    {
        StompError error = SendHeaders.TryRead(frame, environment.Time, out long expiresAt, out RetainAction action);
        if (error != StompError.None)
            return error;
        Topic? topic = environment.Topics.GetOrAdd(name);
        if (topic is null)
            return StompError.TooManyDestinations;
        Message message = MessageEncoder.Encode(frame, NextId(), userId: [], expiresAt, action);
        error = environment.Topics.Retained.Check(topic, message, environment.Time.GetUtcNow().ToUnixTimeMilliseconds());
        if (error != StompError.None)
            return error;
        (_topic, _queue) = (topic, null);
        _batch.Add(message);
        return StompError.None;
    }

    private StompError AddToQueue(in StompFrame frame, byte[] name)
    {
        QueueTable queues = environment.Queues;
        bool isTemporary = Destination.KindOf(name) == DestinationKind.TempQueue;
        if (isTemporary && !QueueTable.IsToken(name))
            return StompError.DestinationUnavailable; // it would be a connection's
        StompError error = SendHeaders.TryReadForQueue(frame, environment.Time, isTemporary, out long expiresAt);
        if (error != StompError.None)
            return error;
        Queue? queue = isTemporary ? queues.FindTemporary(name) ?? queues.Vanished : queues.GetOrAdd(name);
        if (queue is null)
            return StompError.TooManyDestinations;
        Message message = MessageEncoder.Encode(frame, NextId(), userId: [], expiresAt, RetainAction.None);
        if (!queues.TryReserve(ref queue, 1, Queue.SizeOf(message)))
            return StompError.QueueFull;
        (_topic, _queue) = (null, queue);
        _batch.Add(message);
        _reserved += Queue.SizeOf(message);
        return StompError.None;
    }

    private byte[] NextId() => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{idPrefix}-{++_sent}"));

    /// <summary>Publishes what was added, in one step, or says why not; waits as a client would be held. It leaves with <see cref="Drain"/>.</summary>
    public ValueTask<StompError> PublishAsync(CancellationToken cancellationToken)
    {
        if (_queue is not null)
        {
            environment.Queues.Publish(_queue, CollectionsMarshal.AsSpan(_batch), isReserved: true, _publisher.Dirty);
            environment.Metrics.AddIn(0, _batch.Count, 0);
            _batch.Clear();
            _reserved = 0;
            return new ValueTask<StompError>(StompError.None);
        }

        var publication = new Publication([.. _batch], source: null);
        _batch.Clear();
        if (!_publisher.TryPublish(_topic!, publication))
            return HoldAsync(_topic!, publication, cancellationToken);
        return new ValueTask<StompError>(Published(publication));
    }

    /// <summary>Sends what was published, to all subscribers and consumers since the last call.</summary>
    public void Drain() => _publisher.Dirty.Drain();

    /// <summary>Forgets what was added and not published.</summary>
    public void Discard()
    {
        if (_reserved > 0)
            _queue!.Release(_batch.Count, _reserved);
        _reserved = 0;
        _batch.Clear();
        (_topic, _queue) = (null, null);
    }

    private async ValueTask<StompError> HoldAsync(Topic topic, Publication publication, CancellationToken cancellationToken)
    {
        await _publisher.HoldAsync(topic, publication, cancellationToken).ConfigureAwait(false);
        return Published(publication);
    }

    private StompError Published(Publication publication)
    {
        if (publication.IsRefused)
            return StompError.TooManyRetained;
        environment.Metrics.AddIn(0, publication.Count, 0);
        return StompError.None;
    }

    private void Write(byte[] destination, ReadOnlySpan<byte> body, IEnumerable<KeyValuePair<string, string>>? headers, bool retain)
    {
        _frame.ResetWrittenCount();
        var writer = new StompWriter(_frame, StompVersion.V12);
        writer.Begin(StompCommand.Send);
        writer.Header(HeaderNames.Destination, destination);
        if (retain)
            writer.Header(HeaderNames.Retain, "set"u8); // of repeated headers the first counts
        foreach ((string name, string value) in headers ?? [])
            writer.Header(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value));
        writer.Header(HeaderNames.ContentLength, body.Length);
        writer.EndHeaders();
        writer.Body(body);
        writer.End();
    }
}
