using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Broker.Messaging;
using Broker.Routing;
using Broker.Sessions;
using Broker.Stomp;

namespace Broker.Endpoints;

/// <summary>
/// The broker as the application sees it: publish, subscribe, and who is connected. Inject it. Thread-safe.
/// </summary>
/// <remarks>
/// Publishing waits like a client is held, when a subscriber's outbox is full and its socket still takes bytes: at most
/// <c>Broker:Limits:PublisherStall</c> in any <c>PublisherStallWindow</c> for all of the application's slow subscribers together. Await each call
/// before the next where the order of messages matters.
/// </remarks>
public sealed class StompBroker
{
    private readonly ConcurrentBag<ApplicationPublisher> _publishers = [];
    private readonly SessionEnvironment _environment;
    private readonly StallBudget _stalls;
    private int _publisherCount;

    internal StompBroker(SessionEnvironment environment)
    {
        _environment = environment;
        _stalls = new StallBudget(environment.Limits.PublisherStall, environment.Limits.PublisherStallWindow, environment.Time);
    }

    /// <summary>The sessions that are connected now.</summary>
    public IReadOnlyList<StompSession> Sessions =>
        [.. _environment.Sessions.All.Where(session => session.IsConnected).Select(session => new StompSession(session.Id, session.UserName, session.Peer))];

    /// <summary>
    /// Publishes a body to a topic, and returns once it has its place in the topic's order and is on its way to all subscribers; or to a queue, and returns
    /// once it is in it. <see cref="StompBrokerException"/> says what is wrong with the destination, a header, or the size, or that the queue is full;
    /// <see cref="OperationCanceledException"/>: cancelled while it waited for a slow subscriber, and not published.
    /// </summary>
    /// <param name="destination">
    /// A topic, such as <c>/topic/news</c>, not a pattern; a queue, such as <c>/queue/orders</c>; or the <c>reply-to</c> of a message that is to be answered.
    /// </param>
    /// <param name="body">The body, copied before the call returns.</param>
    /// <param name="headers">More headers, such as <c>content-type</c> or <c>expires</c>; those that the broker alone sets are left out.</param>
    /// <param name="retain">
    /// Keep it as the topic's last value, which later subscribers get first; an empty body removes the value. As the header <c>retain:set</c> does. A
    /// <see cref="StompBrokerException"/> says so when no more values find room (<c>Broker:Limits:RetainedMessages</c>, <c>RetainedBytes</c>).
    /// </param>
    /// <param name="cancellationToken">Ends a wait for slow subscribers.</param>
    public ValueTask PublishAsync(
        string destination, ReadOnlyMemory<byte> body, IEnumerable<KeyValuePair<string, string>>? headers = null, bool retain = false, CancellationToken cancellationToken = default) =>
        PublishAsync([new OutgoingMessage(destination, body, headers, retain)], cancellationToken);

    /// <summary>Forgets a topic's last value, whether there is one or not. Subscribers get an empty message with the header <c>retain:remove</c>. Else as a publication.</summary>
    public ValueTask RemoveRetainedAsync(string destination, CancellationToken cancellationToken = default) =>
        PublishAsync([new OutgoingMessage(destination, default, [new("retain", "remove")])], cancellationToken);

    /// <summary>Publishes a text in UTF-8, as <c>text/plain</c> unless <paramref name="headers"/> say otherwise. Else as the bytes.</summary>
    public ValueTask PublishAsync(
        string destination, string text, IEnumerable<KeyValuePair<string, string>>? headers = null, bool retain = false,
        CancellationToken cancellationToken = default) =>
        PublishAsync(destination, Encoding.UTF8.GetBytes(text), WithContentType(headers, "text/plain"), retain, cancellationToken);

    /// <summary>Publishes an object as JSON by source-generated metadata, as <c>application/json</c> unless <paramref name="headers"/> say otherwise.</summary>
    public ValueTask PublishAsync<T>(
        string destination, T value, JsonTypeInfo<T> type, IEnumerable<KeyValuePair<string, string>>? headers = null, bool retain = false,
        CancellationToken cancellationToken = default) =>
        PublishAsync(destination, JsonSerializer.SerializeToUtf8Bytes(value, type), WithContentType(headers, "application/json"), retain, cancellationToken);

    /// <summary>Publishes an object as JSON by reflection, with web defaults where <paramref name="options"/> is null.</summary>
    [RequiresUnreferencedCode("Serializes by reflection. Use the overload with a JsonTypeInfo in a trimmed application.")]
    [RequiresDynamicCode("Serializes by reflection. Use the overload with a JsonTypeInfo in an application compiled ahead of time.")]
    public ValueTask PublishAsync<T>(
        string destination, T value, JsonSerializerOptions? options, IEnumerable<KeyValuePair<string, string>>? headers = null, bool retain = false,
        CancellationToken cancellationToken = default) =>
        PublishAsync(
            destination, JsonSerializer.SerializeToUtf8Bytes(value, options ?? JsonSerializerOptions.Web), WithContentType(headers, "application/json"), retain, cancellationToken);

    /// <summary>
    /// Publishes many messages in order. Neighbours of one destination become one publication, which costs one pass over its
    /// subscribers; what one subscriber gets of the whole call leaves in few writes. A message that is refused ends the call: what
    /// stands before it is published, what follows is not.
    /// </summary>
    public async ValueTask PublishAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ApplicationPublisher publisher = _publishers.TryTake(out ApplicationPublisher? idle) ? idle : NewPublisher();
        try
        {
            string? destination = null;
            int bytes = 0;
            foreach (OutgoingMessage message in messages)
            {
                if (publisher.HasMessages && (bytes >= _environment.BatchBytes || message.Destination != destination))
                {
                    await PublishAsync(publisher, cancellationToken).ConfigureAwait(false);
                    if (bytes >= _environment.BatchBytes)
                    {
                        publisher.Drain();
                        bytes = 0;
                    }
                }

                StompError error = publisher.Add(message.Destination, message.Body.Span, message.Headers, message.Retain);
                if (error != StompError.None)
                {
                    if (publisher.HasMessages)
                        await PublishAsync(publisher, cancellationToken).ConfigureAwait(false);
                    throw Refusal(error);
                }

                destination = message.Destination;
                bytes += message.Body.Length;
            }

            if (publisher.HasMessages)
                await PublishAsync(publisher, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            publisher.Drain();
            publisher.Discard();
            _publishers.Add(publisher);
        }
    }

    /// <summary>
    /// Listens to a topic or pattern, or consumes a queue, until it is disposed or cancelled:
    /// <c>await foreach (StompMessage message in broker.Subscribe("/topic/quotes.*"))</c>. Of topics the retained values come first, then all that is
    /// published from the call on. Who does not take messages fast enough is a slow subscriber like any other: by the topic's policy the enumeration ends
    /// with a <see cref="StompBrokerException"/>, its oldest messages are dropped, or it gets the newest of each topic. Of a queue it gets its share
    /// of the messages; each is acknowledged when the next one is asked for, and one that is not goes back to the queue. A
    /// <see cref="StompBrokerException"/> is also thrown here for a destination that is wrong.
    /// </summary>
    public StompSubscription Subscribe(string destination, CancellationToken cancellationToken = default)
    {
        var subscription = new StompSubscription(_environment, Encoding.UTF8.GetBytes(destination), cancellationToken);
        StompError error = subscription.Open();
        return error == StompError.None ? subscription : throw Refusal(error);
    }

    /// <summary>Closes all sessions of a user with code 1000 and returns how many there were.</summary>
    public int Disconnect(string user)
    {
        ArgumentNullException.ThrowIfNull(user);
        int count = 0;
        foreach (Session session in _environment.Sessions.All.Where(session => session.IsConnected && session.UserName == user))
        {
            session.Close(CloseReason.ClosedByApplication);
            count++;
        }

        return count;
    }

    private static async ValueTask PublishAsync(ApplicationPublisher publisher, CancellationToken cancellationToken)
    {
        StompError error = await publisher.PublishAsync(cancellationToken).ConfigureAwait(false);
        if (error != StompError.None)
            throw Refusal(error);
    }

    private static StompBrokerException Refusal(StompError error)
    {
        StompErrorText text = StompErrors.Get(error);
        return new StompBrokerException($"{text.Message}: {text.Body}");
    }

    private static IEnumerable<KeyValuePair<string, string>> WithContentType(IEnumerable<KeyValuePair<string, string>>? headers, string type) =>
        headers is null ? [new("content-type", type)]
        : headers.Any(header => header.Key == "content-type") ? headers
        : headers.Append(new("content-type", type));

    private ApplicationPublisher NewPublisher() =>
        new(_environment, _stalls, $"{_environment.Epoch}-0-{Interlocked.Increment(ref _publisherCount)}");
}
