using System.Text;
using Broker.Stomp;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 10: "ERROR has `message` (short, fixed texts), `content-type:text/plain`, `content-length`, a body that tells a person
/// what to do, and `receipt-id` where due. No stack trace, no secret, no unescaped echo of input. One table in the code holds
/// condition, text and close code", whose rows are tried here, each over a socket.
/// </summary>
public sealed class Section10TableTests(SharedBroker shared) : IClassFixture<SharedBroker>
{
    private const int Protocol = 1002, Policy = 1008, TooLarge = 1009;
    private const string Receipt = "receipt:r\n";

    /// <summary>What another test of the sections provokes, by time, load or users, and what belongs to features that are not there yet.</summary>
    private static readonly StompError[] Elsewhere =
    [
        StompError.LoginTimeout, StompError.FrameTimeout, StompError.HeartBeatTimeout, StompError.LoginFailed, StompError.RateExceeded,
        StompError.SlowConsumer, StompError.TooManyDestinations,
        StompError.ServerError, StompError.DurableInUse, StompError.DurableMismatch, StompError.QueueFull,
        StompError.TooManyRetained, StompError.TokenExpired, StompError.NotPermitted,
    ];

    /// <summary>Error, close code, version, what the client sends; octets as Latin-1. An offending frame with a receipt has the id r.</summary>
    private static readonly (StompError Error, int Close, string Version, string Sent)[] Rows =
    [
        (StompError.UnknownCommand, Protocol, "1.2", "FOO\n" + Receipt + "\n\0"),
        (StompError.UnknownCommand, Protocol, "1.1", "send\n" + Receipt + "\n\0"),
        (StompError.ServerCommand, Protocol, "1.2", "MESSAGE\n" + Receipt + "\n\0"),
        (StompError.CommandTooLong, Policy, "1.2", new string('A', 33)),
        (StompError.MalformedHeader, Protocol, "1.2", "SEND\n" + Receipt + "destination\n\n\0"),
        (StompError.UndefinedEscape, Protocol, "1.1", "SEND\n" + Receipt + "destination:/topic/a\na:\\r\n\n\0"),
        (StompError.BadHeaderUtf8, Protocol, "1.2", "SEND\n" + Receipt + "destination:/topic/\u00FF\n\n\0"),
        (StompError.NulInHeaders, Protocol, "1.2", "SEND\n" + Receipt + "destination:/topic/a\n\0"),
        (StompError.HeaderLineTooLong, Policy, "1.2", "SEND\n" + Receipt + "a:" + new string('x', 10 * 1024)),
        (StompError.TooManyHeaders, Policy, "1.2", "SEND\n" + Receipt + string.Concat(Enumerable.Repeat("a:b\n", 100))),
        (StompError.BadContentLength, Protocol, "1.2", "SEND\n" + Receipt + "destination:/topic/a\ncontent-length:-1\n\n\0"),
        (StompError.FrameTooLarge, TooLarge, "1.2", "SEND\n" + Receipt + "destination:/topic/a\ncontent-length:1000000000000\n\n"),
        (StompError.FrameTooLarge, TooLarge, "1.2", "SEND\n" + Receipt + "destination:/topic/a\ncontent-length:" + new string('9', 40) + "\n\n"),
        (StompError.BodyNotAllowed, Protocol, "1.2", "BEGIN\n" + Receipt + "transaction:t\n\nx\0"),
        (StompError.MissingNul, Protocol, "1.2", "SEND\n" + Receipt + "destination:/topic/a\ncontent-length:1\n\nxx\0"),
        (StompError.NotConnected, Protocol, "", "SEND\n" + Receipt + "destination:/topic/a\n\n\0"),
        (StompError.AlreadyConnected, Protocol, "1.2", "CONNECT\naccept-version:1.2\n\n\0"),
        (StompError.NoCommonVersion, Protocol, "", "CONNECT\naccept-version:2.0\n\n\0"),
        (StompError.BadHeartBeat, Protocol, "", "CONNECT\naccept-version:1.2\nheart-beat:a,b\n\n\0"),
        (StompError.MissingDestination, Protocol, "1.2", "SEND\n" + Receipt + "\n\0"),
        (StompError.MissingId, Protocol, "1.2", "SUBSCRIBE\n" + Receipt + "destination:/topic/a\n\n\0"),
        (StompError.MissingMessageId, Protocol, "1.1", "ACK\n" + Receipt + "subscription:0\n\n\0"),
        (StompError.MissingSubscription, Protocol, "1.1", "ACK\n" + Receipt + "message-id:1-1\n\n\0"),
        (StompError.MissingTransaction, Protocol, "1.2", "BEGIN\n" + Receipt + "\n\0"),
        (StompError.BadDestination, Protocol, "1.2", "SEND\n" + Receipt + "destination:/exchange/a\n\n\0"),
        (StompError.BadDestination, Protocol, "1.2", "SEND\n" + Receipt + "destination:/topic/a..b\n\n\0"),
        (StompError.DestinationUnavailable, Protocol, "1.2", "SEND\n" + Receipt + "destination:/user/a\n\n\0"),
        (StompError.BadReplyTo, Protocol, "1.2", "SEND\n" + Receipt + "destination:/topic/a\nreply-to:/temp-queue/\n\n\0"),
        (StompError.DestinationTooLong, Policy, "1.2", "SEND\n" + Receipt + "destination:/topic/" + new string('x', 1025) + "\n\n\0"),
        (StompError.SendToPattern, Protocol, "1.2", "SEND\n" + Receipt + "destination:/topic/a.*\n\n\0"),
        (StompError.BadPattern, Protocol, "1.2", "SUBSCRIBE\n" + Receipt + "id:0\ndestination:/topic/>.a\n\n\0"),
        (StompError.DuplicateSubscription, Protocol, "1.2", Subscribe("0") + "SUBSCRIBE\n" + Receipt + "id:0\ndestination:/topic/b\n\n\0"),
        (StompError.UnknownSubscription, Protocol, "1.2", "UNSUBSCRIBE\n" + Receipt + "id:9\n\n\0"),
        (StompError.TooManySubscriptions, Policy, "1.2",
            string.Concat(Enumerable.Range(0, 1000).Select(i => Subscribe($"s{i}"))) + "SUBSCRIBE\n" + Receipt + "id:more\ndestination:/topic/b\n\n\0"),
        (StompError.BadAckMode, Protocol, "1.2", "SUBSCRIBE\n" + Receipt + "id:0\ndestination:/topic/a\nack:maybe\n\n\0"),
        (StompError.BadAckId, Protocol, "1.2", "ACK\n" + Receipt + "id:1-1\n\n\0"),
        (StompError.BadNumber, Protocol, "1.2", "SUBSCRIBE\n" + Receipt + "id:0\ndestination:/topic/a\nprefetch-count:1x\n\n\0"),
        (StompError.SelectorNotSupported, Protocol, "1.2", "SUBSCRIBE\n" + Receipt + "id:0\ndestination:/topic/a\nselector:a = 1\n\n\0"),
        (StompError.FeatureUnavailable, Protocol, "1.2", "SUBSCRIBE\n" + Receipt + "id:0\ndestination:/topic/a\ndurable:true\n\n\0"),
        (StompError.FeatureUnavailable, Protocol, "1.2", "SEND\n" + Receipt + "destination:/queue/a\npersistent:true\n\n\0"),
        (StompError.FeatureUnavailable, Protocol, "1.2", "SUBSCRIBE\n" + Receipt + "id:0\ndestination:/queue/a\nx-snapshot:true\n\n\0"),
        (StompError.FeatureUnavailable, Protocol, "1.2", "SUBSCRIBE\n" + Receipt + "id:0\ndestination:/queue/a\nx-conflate-ms:0\n\n\0"),
        (StompError.BadRetain, Protocol, "1.2", "SEND\n" + Receipt + "destination:/queue/a\nretain:set\n\nx\0"),
        (StompError.BadRetain, Protocol, "1.2", "SEND\n" + Receipt + "destination:/topic/a\nretain:keep\n\n\0"),
        (StompError.BadStreamOffset, Protocol, "1.2", "SUBSCRIBE\n" + Receipt + "id:0\ndestination:/topic/a\nx-stream-offset:second\n\n\0"),
        (StompError.NotOneStream, Protocol, "1.2", "SUBSCRIBE\n" + Receipt + "id:0\ndestination:/queue/a\nx-stream-offset:first\n\n\0"),
        (StompError.NotOneStream, Protocol, "1.2", "SUBSCRIBE\n" + Receipt + "id:0\ndestination:/topic/a\nx-stream-offset:first\n\n\0"),
        (StompError.UnknownTransaction, Protocol, "1.2", "COMMIT\n" + Receipt + "transaction:t\n\n\0"),
        (StompError.DuplicateTransaction, Protocol, "1.2", Begin("t") + "BEGIN\n" + Receipt + "transaction:t\n\n\0"),
        (StompError.TooManyTransactions, Policy, "1.2",
            string.Concat(Enumerable.Range(0, 16).Select(i => Begin($"t{i}"))) + "BEGIN\n" + Receipt + "transaction:more\n\n\0"),
        (StompError.TransactionTooLong, Policy, "1.2",
            Begin("t") + string.Concat(Enumerable.Repeat("SEND\ndestination:/topic/a\ntransaction:t\n\n\0", 1024))
            + "SEND\n" + Receipt + "destination:/topic/a\ntransaction:t\n\n\0"),
        (StompError.TransactionTooLarge, Policy, "1.2",
            Begin("t") + string.Concat(Enumerable.Repeat($"SEND\ndestination:/topic/a\ntransaction:t\n\n{new string('x', 3_900_000)}\0", 4))
            + $"SEND\n" + Receipt + $"destination:/topic/a\ntransaction:t\n\n{new string('x', 1_200_000)}\0"),
    ];

    public static TheoryData<int, StompError> Numbers
    {
        get
        {
            var numbers = new TheoryData<int, StompError>();
            for (var i = 0; i < Rows.Length; i++)
                numbers.Add(i, Rows[i].Error);
            return numbers;
        }
    }

    [Theory]
    [MemberData(nameof(Numbers))]
    public async Task Each_condition_gets_its_ERROR_its_close_code_and_an_end_in_order(int row, StompError error)
    {
        var (_, close, version, sent) = Rows[row];
        using var client = version.Length == 0 ? await StompTestClient.OpenAsync(shared.Port) : await StompTestClient.ConnectAsync(shared.Port, version);
        var bytes = Encoding.Latin1.GetBytes((version.Length == 0 ? "" : "SEND\ndestination:/topic/a\nreceipt:before\n\n\0") + sent);
        for (var at = 0; at < bytes.Length; at += 8 * 1024 * 1024) // a message may be as large as 16 MiB
            await client.Socket.SendBinaryAsync(bytes.AsMemory(at, Math.Min(8 * 1024 * 1024, bytes.Length - at)));

        // What came before counts, and its receipt precedes the ERROR.
        if (version.Length > 0)
            (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("before");
        var frame = await client.ReadErrorAndEndAsync(close);

        var text = StompErrors.Get(error);
        frame["message"].Should().Be(text.Message);
        frame["content-type"].Should().Be("text/plain");
        frame["content-length"].Should().NotBeNull();
        frame["receipt-id"].Should().Be(sent.Contains(Receipt, StringComparison.Ordinal) ? "r" : null);
        frame.Text.Should().Be(text.Body, "the text is fixed and repeats nothing of the input");
        frame.Headers.Select(h => h.Key).Should().OnlyContain(n => n == "message" || n == "content-type" || n == "content-length" || n == "receipt-id" || n == "version");
    }

    [Fact]
    public void Every_condition_has_a_row_or_is_provoked_elsewhere() =>
        Rows.Select(r => r.Error).Concat(Elsewhere).Distinct().Order().Should().Equal(Enum.GetValues<StompError>().Where(e => e != StompError.None));

    [Fact]
    public async Task The_table_of_topics_has_a_limit()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Limits:Destinations=1");
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/one")]);
        await client.SendFrameAsync("SEND", [("destination", "/topic/two"), ("receipt", "r")]);
        var error = await client.ReadErrorAndEndAsync(Policy);
        error["message"].Should().Be("too many destinations");
        error["receipt-id"].Should().Be("r");
    }

    private static string Subscribe(string id) => $"SUBSCRIBE\nid:{id}\ndestination:/topic/a10\n\n\0";

    private static string Begin(string name) => $"BEGIN\ntransaction:{name}\n\n\0";
}
