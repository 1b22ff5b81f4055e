namespace Broker.Stomp;

/// <summary>The header names that the protocol and the broker know, as the bytes on the wire. Case-sensitive; thread-safe.</summary>
public static class HeaderNames
{
    // The headers that STOMP itself defines.
    /// <summary><c>accept-version</c>. CONNECT: the versions that the client speaks, comma-separated.</summary>
    public static ReadOnlySpan<byte> AcceptVersion => "accept-version"u8;

    /// <summary><c>ack</c>. SUBSCRIBE: the ack mode. MESSAGE (1.2): the id that an ACK or NACK must name.</summary>
    public static ReadOnlySpan<byte> Ack => "ack"u8;

    /// <summary><c>content-length</c>. The body's length in bytes, as decimal digits.</summary>
    public static ReadOnlySpan<byte> ContentLength => "content-length"u8;

    /// <summary><c>content-type</c>. The body's MIME type.</summary>
    public static ReadOnlySpan<byte> ContentType => "content-type"u8;

    /// <summary><c>destination</c>. Where a message goes, or what is subscribed to.</summary>
    public static ReadOnlySpan<byte> Destination => "destination"u8;

    /// <summary><c>heart-beat</c>. CONNECT, CONNECTED: the beats offered and wanted, in milliseconds.</summary>
    public static ReadOnlySpan<byte> HeartBeat => "heart-beat"u8;

    /// <summary><c>host</c>. CONNECT: the virtual host that the client wants.</summary>
    public static ReadOnlySpan<byte> Host => "host"u8;

    /// <summary><c>id</c>. SUBSCRIBE, UNSUBSCRIBE: the subscription. ACK, NACK (1.2): the value of the MESSAGE's <c>ack</c>.</summary>
    public static ReadOnlySpan<byte> Id => "id"u8;

    /// <summary><c>login</c>. CONNECT: the user name.</summary>
    public static ReadOnlySpan<byte> Login => "login"u8;

    /// <summary><c>message</c>. ERROR: what happened, in a few words.</summary>
    public static ReadOnlySpan<byte> Message => "message"u8;

    /// <summary><c>message-id</c>. MESSAGE: the message. ACK, NACK before 1.2: the message meant.</summary>
    public static ReadOnlySpan<byte> MessageId => "message-id"u8;

    /// <summary><c>passcode</c>. CONNECT: the password.</summary>
    public static ReadOnlySpan<byte> Passcode => "passcode"u8;

    /// <summary><c>receipt</c>. Any client frame but CONNECT: the RECEIPT asked for.</summary>
    public static ReadOnlySpan<byte> Receipt => "receipt"u8;

    /// <summary><c>receipt-id</c>. RECEIPT, ERROR: the value of the frame's <c>receipt</c>.</summary>
    public static ReadOnlySpan<byte> ReceiptId => "receipt-id"u8;

    /// <summary><c>selector</c>. SUBSCRIBE: a filter over headers.</summary>
    public static ReadOnlySpan<byte> Selector => "selector"u8;

    /// <summary><c>server</c>. CONNECTED: the server's name and version.</summary>
    public static ReadOnlySpan<byte> Server => "server"u8;

    /// <summary><c>session</c>. CONNECTED: the connection's unique id.</summary>
    public static ReadOnlySpan<byte> Session => "session"u8;

    /// <summary><c>subscription</c>. MESSAGE: the subscription it is for. ACK, NACK (1.1): the subscription meant.</summary>
    public static ReadOnlySpan<byte> Subscription => "subscription"u8;

    /// <summary><c>transaction</c>. BEGIN, COMMIT, ABORT, SEND, ACK, NACK: the transaction.</summary>
    public static ReadOnlySpan<byte> Transaction => "transaction"u8;

    /// <summary><c>version</c>. CONNECTED: the version settled on. ERROR: the versions that the server speaks.</summary>
    public static ReadOnlySpan<byte> Version => "version"u8;

    // Headers that brokers have in common.
    /// <summary><c>activemq.prefetchSize</c>. SUBSCRIBE: another name of <c>prefetch-count</c>.</summary>
    public static ReadOnlySpan<byte> ActiveMqPrefetchSize => "activemq.prefetchSize"u8;

    /// <summary><c>client-id</c>. CONNECT: the part of a durable subscription's identity that the client chooses.</summary>
    public static ReadOnlySpan<byte> ClientId => "client-id"u8;

    /// <summary><c>durable</c>. SUBSCRIBE, UNSUBSCRIBE: <c>true</c> for a subscription that outlives the connection.</summary>
    public static ReadOnlySpan<byte> Durable => "durable"u8;

    /// <summary><c>expiration</c>. SEND: when the message expires, in milliseconds from now; 0 never.</summary>
    public static ReadOnlySpan<byte> Expiration => "expiration"u8;

    /// <summary><c>expires</c>. SEND: when the message expires, in milliseconds since 1970; 0 never.</summary>
    public static ReadOnlySpan<byte> Expires => "expires"u8;

    /// <summary><c>no-local</c>. SUBSCRIBE: <c>true</c> to leave out the connection's own messages.</summary>
    public static ReadOnlySpan<byte> NoLocal => "no-local"u8;

    /// <summary><c>persistent</c>. SEND: <c>true</c> for a message that survives a restart.</summary>
    public static ReadOnlySpan<byte> Persistent => "persistent"u8;

    /// <summary><c>prefetch-count</c>. SUBSCRIBE: how many messages may be unacknowledged; 0 means no limit.</summary>
    public static ReadOnlySpan<byte> PrefetchCount => "prefetch-count"u8;

    /// <summary><c>redelivered</c>. MESSAGE of a queue: whether it was delivered before.</summary>
    public static ReadOnlySpan<byte> Redelivered => "redelivered"u8;

    /// <summary><c>reply-to</c>. SEND, MESSAGE: where an answer should go.</summary>
    public static ReadOnlySpan<byte> ReplyTo => "reply-to"u8;

    /// <summary><c>requeue</c>. NACK: <c>false</c> for a message that is not to be delivered again.</summary>
    public static ReadOnlySpan<byte> Requeue => "requeue"u8;

    /// <summary><c>user-id</c>. MESSAGE: the sender's user name.</summary>
    public static ReadOnlySpan<byte> UserId => "user-id"u8;

    /// <summary><c>user-name</c>. CONNECTED: the user that the connection belongs to.</summary>
    public static ReadOnlySpan<byte> UserName => "user-name"u8;

    // Headers of queues and of live data.
    /// <summary><c>retain</c>. SEND: <c>set</c> keeps the message as its topic's last value, <c>remove</c> forgets it.</summary>
    public static ReadOnlySpan<byte> Retain => "retain"u8;

    /// <summary><c>retained</c>. MESSAGE: <c>true</c> on a retained value.</summary>
    public static ReadOnlySpan<byte> Retained => "retained"u8;

    /// <summary><c>x-conflate-key</c>. SUBSCRIBE: the header whose value is the key that messages are conflated by.</summary>
    public static ReadOnlySpan<byte> XConflateKey => "x-conflate-key"u8;

    /// <summary><c>x-conflate-ms</c>. SUBSCRIBE: the least milliseconds between two messages of one key; 0: conflate only what lags.</summary>
    public static ReadOnlySpan<byte> XConflateMs => "x-conflate-ms"u8;

    /// <summary><c>x-conflated</c>. MESSAGE: how many messages it stands for, itself included.</summary>
    public static ReadOnlySpan<byte> XConflated => "x-conflated"u8;

    /// <summary><c>x-recovered</c>. RECEIPT of a SUBSCRIBE: whether nothing is missing since the offset that it named.</summary>
    public static ReadOnlySpan<byte> XRecovered => "x-recovered"u8;

    /// <summary>
    /// <c>x-snapshot</c>. SUBSCRIBE: <c>true</c> to have the snapshot's end marked. MESSAGE: <c>end</c> on its last message.
    /// </summary>
    public static ReadOnlySpan<byte> XSnapshot => "x-snapshot"u8;

    /// <summary><c>x-stream-epoch</c>. SUBSCRIBE, RECEIPT: the life of the stream that offsets belong to.</summary>
    public static ReadOnlySpan<byte> XStreamEpoch => "x-stream-epoch"u8;

    /// <summary><c>x-stream-offset</c>. SUBSCRIBE: where to start. MESSAGE, RECEIPT: a place in the stream.</summary>
    public static ReadOnlySpan<byte> XStreamOffset => "x-stream-offset"u8;

    // Beginnings of names that belong to the broker.
    /// <summary><c>x-death-</c>. The first letters of every dead-letter header.</summary>
    public static ReadOnlySpan<byte> XDeathPrefix => "x-death-"u8;

    /// <summary><c>x-stream-</c>. The first letters of every stream header.</summary>
    public static ReadOnlySpan<byte> XStreamPrefix => "x-stream-"u8;
}
