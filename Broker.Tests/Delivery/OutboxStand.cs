using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Broker.Configuration;
using Broker.Delivery;
using Broker.Diagnostics;
using Broker.Messaging;
using Broker.Stomp;
using Broker.Tests.Diagnostics;
using Broker.Tests.TestHost;

namespace Broker.Tests.Delivery;

/// <summary>An outbox on its own, over a pipe that takes only so many bytes before some are read.</summary>
internal sealed class OutboxStand : IOutboxOwner, IDisposable
{
    private readonly TestMeterFactory _meters = new();
    private readonly Pipe _pipe;
    private int _subscriptions;

    public OutboxStand(int limit, int unread = 64 * 1024)
    {
        _pipe = new Pipe(new PipeOptions(pauseWriterThreshold: unread, resumeWriterThreshold: Math.Max(1, unread / 2), useSynchronizationContext: false));
        Outbox = new Outbox(_pipe.Writer, this, new LimitOptions { OutboxBytes = limit }, new BrokerMetrics(_meters), Time);
    }

    public Outbox Outbox { get; }

    public ManualTime Time { get; } = new();

    public StompError Closed { get; private set; }

    public bool IsLost { get; private set; }

    public void Close(StompError error) => Closed = error;

    public void Fault(Exception exception) => throw exception;

    public void ConnectionLost() => IsLost = true;

    public Subscription Subscribe(AckMode mode = AckMode.Auto, int prefetch = 0)
    {
        int number = Interlocked.Increment(ref _subscriptions);
        var subscription = new Subscription(
            Outbox, number, Encoding.ASCII.GetBytes($"s{number}"), "/topic/a"u8.ToArray(), isPattern: false, StompVersion.V12, mode, prefetch, noLocalTo: null);
        subscription.Open(receipt: null, new DirtyOutboxes());
        return subscription;
    }

    /// <summary>Messages of which only the body tells anything.</summary>
    public static Publication Publish(params string[] bodies) => new([.. bodies.Select(Message)], source: null);

    public static Message Message(string body)
    {
        byte[] bytes = Encoding.ASCII.GetBytes($"message-id:x\ncontent-length:{body.Length}\n\n{body}\0");
        return new Message(bytes, idLineLength: 13, bytes.Length - body.Length - 1, isText: true, hasEscapes: false, expiresAt: 0);
    }

    /// <summary>Reads frames until so many were read, and returns each one's subscription and body.</summary>
    public async Task<List<(string Subscription, string Body)>> ReadAsync(int count)
    {
        var frames = new List<(string, string)>();
        Stream stream = _pipe.Reader.AsStream(leaveOpen: true);
        byte[] header = new byte[2];
        while (frames.Count < count)
        {
            await stream.ReadExactlyAsync(header, TestContext.Current.CancellationToken);
            byte[] length = new byte[header[1] switch { 126 => 2, 127 => 8, _ => 0 }];
            await stream.ReadExactlyAsync(length, TestContext.Current.CancellationToken);
            int size = length.Length == 0 ? header[1] : length.Aggregate(0, (sum, b) => (sum << 8) | b);
            byte[] payload = new byte[size];
            await stream.ReadExactlyAsync(payload, TestContext.Current.CancellationToken);
            string text = Encoding.ASCII.GetString(payload);
            string subscription = text.Split('\n').FirstOrDefault(line => line.StartsWith("subscription:", StringComparison.Ordinal)) ?? "";
            int body = text.IndexOf("\n\n", StringComparison.Ordinal);
            frames.Add((subscription.Replace("subscription:", "", StringComparison.Ordinal), body < 0 ? text : text[(body + 2)..^1]));
        }

        return frames;
    }

    /// <summary>The peer is gone: the pipe takes nothing any more.</summary>
    public void Cut() => _pipe.Reader.Complete(new IOException("cut"));

    public static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    public void Dispose() => _meters.Dispose();
}

internal static class PublicationSteps
{
    private static readonly byte[] Destination = "/topic/a"u8.ToArray();

    /// <summary>The same, of a topic that drops the oldest of what a slow subscriber is owed.</summary>
    public static Publication DroppingOldest(this Publication publication)
    {
        publication.Place(Destination, SlowSubscriberPolicy.DropOldest, position: 0, isShared: false);
        return publication;
    }
}
