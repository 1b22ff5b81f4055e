namespace Broker.Configuration;

/// <summary>
/// Bounds on what one client, and all together, can make the broker hold or do. Bytes are octets on the wire.
/// Each default names its source. Read once at start.
/// </summary>
public sealed class LimitOptions
{
    /// <summary>Largest frame before CONNECTED, in bytes. Default 64 KiB: a CONNECT with a large token fits many times.</summary>
    public int FrameBytesBeforeConnected { get; set; } = 64 * 1024;

    /// <summary>Largest frame after CONNECTED, in bytes. Default 4 MiB: RabbitMQ's Web-STOMP and Spring sit between 64 KiB and 16 MiB.</summary>
    public int FrameBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>Largest WebSocket message, in bytes. Default 16 MiB: what Autobahn's suite sends at most.</summary>
    public int WebSocketMessageBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>Longest command, in bytes. Default 32: the longest of STOMP has 11.</summary>
    public int CommandBytes { get; set; } = 32;

    /// <summary>Most headers of a frame. Default 100: Kestrel's and Apache httpd's.</summary>
    public int Headers { get; set; } = 100;

    /// <summary>Longest header line, name and value, in bytes. Default 10 KiB: ActiveMQ's.</summary>
    public int HeaderLineBytes { get; set; } = 10 * 1024;

    /// <summary>Longest name of a destination behind its prefix, in bytes. Default 1 KiB, segments of 16 bytes at the most segments.</summary>
    public int DestinationBytes { get; set; } = 1024;

    /// <summary>Most segments of a destination's name. Default 64: bounds the cost of a match.</summary>
    public int DestinationSegments { get; set; } = 64;

    /// <summary>Most subscriptions of one connection. Default 1000: ten times what a dense page needs.</summary>
    public int Subscriptions { get; set; } = 1000;

    /// <summary>Unacknowledged messages of a subscription in a client ack mode that gives no <c>prefetch-count</c>. Default 1000: ActiveMQ's prefetch for queues.</summary>
    public int PrefetchCount { get; set; } = 1000;

    /// <summary>From the upgrade to a complete CONNECT. Default 10 s: RabbitMQ's STOMP login time-out.</summary>
    public TimeSpan LoginTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>From a frame's first byte to its last. Default 60 s: nginx' time-out for a body.</summary>
    public TimeSpan FrameTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Most connections in total. Default 50,000: what one machine's file handles commonly allow.</summary>
    public int Connections { get; set; } = 50_000;

    /// <summary>Most connections from one IP address; zero: no limit. Default 0: behind a proxy all clients share one.</summary>
    public int ConnectionsPerAddress { get; set; }

    /// <summary>SEND frames per second of one connection, over which its socket is not read; zero: no limit. Default 0.</summary>
    public int SendsPerSecond { get; set; }

    /// <summary>Most open transactions of one connection. Default 16: clients use one at a time.</summary>
    public int Transactions { get; set; } = 16;

    /// <summary>Most frames in one transaction. Default 1024.</summary>
    public int TransactionFrames { get; set; } = 1024;

    /// <summary>Bytes in all open transactions of one connection. Default 16 MiB: four of the largest frames.</summary>
    public int TransactionBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>Bytes that wait for one connection; an empty outbox takes any single message. Default 1 MiB: centrifugo's queue limit.</summary>
    public int OutboxBytes { get; set; } = 1024 * 1024;

    /// <summary>How long a publisher may be held for slow subscribers in any <see cref="PublisherStallWindow"/>. Default 1 s.</summary>
    public TimeSpan PublisherStall { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The window of <see cref="PublisherStall"/>. Default 10 s: nats-server's write deadline.</summary>
    public TimeSpan PublisherStallWindow { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a closed connection's input is read and discarded so that its last frame arrives. Default 2 s: nginx' lingering_timeout is 5 s.</summary>
    public TimeSpan LingerTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Most topics that are remembered at a time, live ones and the cache of recent ones. Default 1,000,000.</summary>
    public int Destinations { get; set; } = 1_000_000;

    /// <summary>Most topics that have a retained value. Default 100,000: several times the instruments of a large exchange.</summary>
    public int RetainedMessages { get; set; } = 100_000;

    /// <summary>Bytes of all retained values together. Default 256 MiB, values of 2.6 KiB at the most values.</summary>
    public long RetainedBytes { get; set; } = 256 * 1024 * 1024;

    /// <summary>Most messages in one queue, those that consumers have and have not acknowledged among them. Default 1,000,000.</summary>
    public int QueueMessages { get; set; } = 1_000_000;

    /// <summary>Bytes of memory that the messages of one queue take. Default 1 GiB, messages of 1 KiB at the most messages.</summary>
    public long QueueBytes { get; set; } = 1024 * 1024 * 1024;

    /// <summary>Bytes of memory that the messages of all queues take. Default 2 GiB: two full queues.</summary>
    public long TotalQueueBytes { get; set; } = 2L * 1024 * 1024 * 1024;

    /// <summary>Most queues at a time, those of connections among them. Default 100,000: two for each of the most connections.</summary>
    public int Queues { get; set; } = 100_000;

    /// <summary>Most temporary queues of one connection. Default 1000: as many as subscriptions.</summary>
    public int TempQueues { get; set; } = 1000;

    /// <summary>The NACK of a message by which it goes to the dead-letter queue. Default 10: ActiveMQ's is 6 redeliveries, RabbitMQ's quorum queues' 20.</summary>
    public int NacksPerMessage { get; set; } = 10;
}
