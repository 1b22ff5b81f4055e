using System.Buffers;
using System.Globalization;
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
    private long _sent;

    private static StompParser NewParser(SessionEnvironment environment) =>
        new(environment.FrameLimits) { Version = StompVersion.V12, FrameBytes = environment.Limits.FrameBytes };

    /// <summary>Makes the message of a SEND; else says what is wrong with it. What is made waits for <see cref="PublishAsync"/>.</summary>
    public StompError Add(string destination, ReadOnlySpan<byte> body, IEnumerable<KeyValuePair<string, string>>? headers, bool retain, out Topic? topic)
    {
        topic = null;
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

        error = SendHeaders.TryRead(frame, environment.Time, out long expiresAt, out RetainAction action);
        if (error != StompError.None)
            return error;
        topic = environment.Topics.GetOrAdd(name);
        if (topic is null)
            return StompError.TooManyDestinations;
        byte[] id = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{idPrefix}-{++_sent}"));
        Message message = MessageEncoder.Encode(frame, id, userId: [], expiresAt, action);
        error = environment.Topics.Retained.Check(topic, message, environment.Time.GetUtcNow().ToUnixTimeMilliseconds());
        if (error == StompError.None)
            _batch.Add(message);
        return error;
    }

    /// <summary>Publishes what was added, as one publication to the topic, or says why not; waits as a client would be held. It leaves with <see cref="Drain"/>.</summary>
    public ValueTask<StompError> PublishAsync(Topic topic, CancellationToken cancellationToken)
    {
        var publication = new Publication([.. _batch], source: null);
        _batch.Clear();
        if (!_publisher.TryPublish(topic, publication))
            return HoldAsync(topic, publication, cancellationToken);
        return new ValueTask<StompError>(Published(publication));
    }

    /// <summary>Sends what was published, to all subscribers of all topics since the last call.</summary>
    public void Drain() => _publisher.Dirty.Drain();

    /// <summary>Forgets what was added and not published.</summary>
    public void Discard() => _batch.Clear();

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
