using System.ComponentModel;

namespace Broker.Configuration;

/// <summary>
/// Everything that can be set about a broker: one tree, bound from the configuration section <c>Broker</c>
/// (appsettings.json, environment variables such as <c>Broker__Path</c>, command line such as <c>--Broker:Path=/stomp</c>).
/// Read once at start; not thread-safe for writing.
/// </summary>
public sealed class BrokerOptions
{
    /// <summary>The name of the configuration section that holds these options.</summary>
    public const string SectionName = "Broker";

    /// <summary>The path of the STOMP-over-WebSocket endpoint. Default <c>/ws</c>, where users of RabbitMQ's Web-STOMP point their clients.</summary>
    public string Path { get; set; } = "/ws";

    /// <summary>
    /// Origins of pages that may connect besides those of the broker's own origin, as browsers send them:
    /// <c>https://app.example.com</c>, without a path. Default: none.
    /// </summary>
    public IList<string> AllowedOrigins { get; } = [];

    /// <summary>
    /// Accept clients without credentials even though the broker listens beyond loopback. Default false: such a broker
    /// refuses to start unless <see cref="Users"/> are configured.
    /// </summary>
    public bool AllowAnonymous { get; set; }

    /// <summary>Who may log in with CONNECT's <c>login</c> and <c>passcode</c>. Default: none, any login is accepted.</summary>
    public IList<UserOptions> Users { get; } = [];

    /// <summary>What the broker offers as heart-beats (CONNECTED's <c>heart-beat</c>), and when it pings.</summary>
    public HeartBeatOptions HeartBeat { get; } = new();

    /// <summary>Every bound on what a client can make the broker hold or do.</summary>
    public LimitOptions Limits { get; } = new();

    /// <summary>
    /// What happens to a subscriber that is too slow, by topic; the first entry whose pattern matches the
    /// message's destination counts. Default: none, which means <see cref="SlowSubscriberPolicy.Disconnect"/> everywhere.
    /// </summary>
    public IList<TopicOptions> Topics { get; } = [];

    /// <summary>
    /// Topics with history: each entry is one stream, one sequence of offsets over all topics that its pattern matches.
    /// No two may overlap. Default: none, nothing is kept.
    /// </summary>
    public IList<StreamOptions> Streams { get; } = [];

    /// <summary>How long a stopping broker empties its outboxes before it closes what is left. Default 5 s (docker and systemd kill at 10 s and 90 s).</summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(5);
}

/// <summary>A user of the stand-alone broker.</summary>
public sealed class UserOptions
{
    /// <summary>The name given as <c>login</c> in CONNECT. Required, case-sensitive.</summary>
    public string Login { get; set; } = "";

    /// <summary>The hash of the passcode, as printed by <c>dotnet run --project Broker -- hash-passcode</c>. Required.</summary>
    public string PasscodeHash { get; set; } = "";
}

/// <summary>Heart-beats of STOMP and pings of WebSocket.</summary>
public sealed class HeartBeatOptions
{
    /// <summary>How often the broker can send a heart-beat; zero: never. Default 1 s: the floor that a client may ask for.</summary>
    public TimeSpan Outgoing { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often the broker would like one from the client; zero: never. Default 1 s: the floor that a client may offer.</summary>
    public TimeSpan Incoming { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>A WebSocket ping is sent after this long without a byte from the client. Default 25 s: below the 30 s idle time-out of common proxies.</summary>
    public TimeSpan PingAfter { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>A client from which nothing came for this long, pong included, is gone. Default 60 s: two pings unanswered.</summary>
    public TimeSpan PeerTimeout { get; set; } = TimeSpan.FromSeconds(60);
}

/// <summary>What is done to messages of the topics that match a pattern.</summary>
public sealed class TopicOptions
{
    /// <summary>A topic destination or pattern, such as <c>/topic/quotes.*</c>. Required.</summary>
    public string Pattern { get; set; } = "";

    /// <summary>What happens to a subscriber whose outbox is full. Default <see cref="SlowSubscriberPolicy.Disconnect"/>.</summary>
    public SlowSubscriberPolicy SlowSubscriber { get; set; } = SlowSubscriberPolicy.Disconnect;
}

/// <summary>
/// A stream: the topics whose messages are kept for subscribers that come later or come back, and how many of them.
/// Whichever bound is met first lets the oldest go; the newest message stays, whatever its size, until it is too old.
/// </summary>
public sealed class StreamOptions
{
    /// <summary>A topic destination or pattern, such as <c>/topic/quotes.#</c>. Required.</summary>
    public string Pattern { get; set; } = "";

    /// <summary>Most messages that are kept. Default 100,000: those of 100 s at 1000 per second, time enough for a client to come back.</summary>
    public int Messages { get; set; } = 100_000;

    /// <summary>Most bytes of memory that the kept messages take. Default 64 MiB, messages of 670 bytes at the most messages.</summary>
    public long Bytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>How long a message is kept; zero: no limit by age. Default zero: RabbitMQ's streams have none either.</summary>
    public TimeSpan Age { get; set; } = TimeSpan.Zero;
}

/// <summary>What is done about a topic's subscriber that does not keep up. Configuration writes <c>disconnect</c>, <c>drop-oldest</c> and <c>conflate</c>.</summary>
[TypeConverter(typeof(KebabCaseEnumConverter))]
public enum SlowSubscriberPolicy
{
    /// <summary>The connection is closed: ERROR <c>slow consumer</c>, close code 1013.</summary>
    Disconnect,

    /// <summary>The oldest unsent messages of the subscription are dropped, and counted.</summary>
    DropOldest,

    /// <summary>
    /// The newest unsent message of each destination is kept, older ones are dropped, and counted: the subscriber sees every
    /// destination's latest state, though not each step to it.
    /// </summary>
    Conflate,
}
