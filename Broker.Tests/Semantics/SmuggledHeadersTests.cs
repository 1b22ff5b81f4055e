using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 2: "What the receiver's version cannot express becomes a space: CR and LF towards 1.0 in names and values, `:` in names towards 1.0,
/// CR towards 1.1; a name that then repeats one before it is left out. No value, name or subscription id can smuggle a header or a frame into
/// anybody's stream."
/// </summary>
public class SmuggledHeadersTests
{
    public static TheoryData<string> Versions => SessionSteps.Versions;

    // What a 1.2 client sends, and the names (of all but the broker's own) that each version then has.
    public static TheoryData<string, string, string, string> Collisions => new()
    {
        { "a\\nb:1\na b:2", "a b", "a\nb|a b", "a\nb|a b" },
        { "a b:1\na\\nb:2\na\\rb:3\na\\cb:4", "a b", "a b|a\nb|a:b", "a b|a\nb|a\rb|a:b" },
        { "a\\rb:1\na b:2", "a b", "a b", "a\rb|a b" },
        { "a\\rb:1\na\\nb:2\na b:3", "a b", "a b|a\nb", "a\rb|a\nb|a b" },
        { "a\\cb:1\na\\cb:2", "a b", "a:b", "a:b" },
        { "k:1\n k:2\nk :3\n\\nk:4", "k", "k| k|k |\nk", "k| k|k |\nk" },
    };

    /// <summary>Names that a reader of 1.0, who takes what is around a name for padding, would take for another one.</summary>
    public static TheoryData<string> Disguised =>
    [
        " user-id", "user-id ", "\tuser-id", "user-id\t", "\\nuser-id", "\\ruser-id\\r", "\\cuser-id\\c", " \t\\n user-id", "\vuser-id\f",
        "\u0001user-id", "user-id\u001f", "user-id\u007f", "\u00a0user-id", "user-id\u3000", "\ufeffuser-id", "\u2028user-id", "\u0085user-id",
        " message-id", " subscription", "ack ", " content-length", "\tcontent-length", "\\ndestination", " x-stream-offset", "\tx-death-reason",
        " redelivered", " receipt", " login", "passcode ", " transaction", " retained", " x-snapshot", " x-conflated", " x-delivery-count",
    ];

    [Theory]
    [MemberData(nameof(Collisions))]
    public async Task A_name_that_repeats_one_before_it_once_it_is_written_is_left_out(string headers, string in10, string in11, string in12)
    {
        await using var broker = new MemoryBroker();
        foreach ((string version, string expected) in new[] { ("1.0", in10), ("1.1", in11), ("1.2", in12) })
        {
            using StompTestClient client = await broker.ConnectAsync(version);
            using StompTestClient sender = await broker.ConnectAsync();
            await client.ListenAsync("/topic/a");
            await sender.SendWireAsync($"SEND\ndestination:/topic/a\n{headers}\ncontent-length:0\n\n^@");
            SpecFrame message = SpecParser.Parse(await client.ReadWireAsync(), version);
            message.Headers.Select(h => h.Name).Where(name => !Sent.IsOfBroker(name)).Should().Equal(expected.Split('|'));
            message.Headers.First(h => !Sent.IsOfBroker(h.Name)).Value.Should().Be("1");
        }
    }

    [Theory]
    [MemberData(nameof(Disguised))]
    public async Task A_padded_name_does_not_pose_as_a_header_of_the_brokers_towards_1_0(string name)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync("1.0");
        using StompTestClient sender = await broker.ConnectAsync(headers: ("login", "mallory"));
        await client.ListenAsync("/topic/a");
        await sender.SendWireAsync($"SEND\n{name}:forged\ndestination:/topic/a\n{name}:forged\n\n^@");
        SpecFrame message = SpecParser.Parse(await client.ReadWireAsync(), "1.0");
        message.Headers.Should().NotContain(h => h.Value == "forged");
        message.Headers.Select(h => Sent.Bare(h.Name)).Should().OnlyHaveUniqueItems();
        (message["user-id"], message["destination"]).Should().Be(("mallory", "/topic/a"));
    }

    [Theory]
    [InlineData(" ")]
    [InlineData("\\n")]
    [InlineData("\\c\\r\\n\t")]
    [InlineData("\u00a0")]
    public async Task A_name_of_which_nothing_is_left_is_left_out(string name)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync("1.0");
        using StompTestClient sender = await broker.ConnectAsync();
        await client.ListenAsync("/topic/a");
        await sender.SendWireAsync($"SEND\ndestination:/topic/a\n{name}:v\nk:v\n\n^@");
        SpecParser.Parse(await client.ReadWireAsync(), "1.0").Headers.Select(h => h.Name)
            .Should().BeEquivalentTo("subscription", "message-id", "destination", "k", "content-length");
    }

    [Theory]
    [InlineData("1.1", "s\\n\\nuser-id\\cadmin", "s\n\nuser-id:admin")]
    [InlineData("1.2", "s\\r\\n\\r\\nuser-id\\cadmin", "s\r\n\r\nuser-id:admin")]
    [InlineData("1.2", "s\\nMESSAGE\\nsubscription\\ct\\n\\nbody", "s\nMESSAGE\nsubscription:t\n\nbody")]
    [InlineData("1.1", "a\rb", "a b")]
    [InlineData("1.0", "a:b\\nc\rd", "a:b\\nc d")]
    [InlineData("1.2", "", "")]
    [InlineData("1.2", "\\\\n\\c\\\\", "\\n:\\")]
    public async Task A_subscription_id_stays_one_value_in_every_MESSAGE(string version, string wire, string expected)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        foreach (string ack in new[] { "client", "auto" })
        {
            await client.SendWireAsync($"SUBSCRIBE\nid:{wire}\ndestination:/topic/a\nack:{ack}\n\n^@SEND\ndestination:/topic/a\n\nx^@");
            SpecFrame message = SpecParser.Parse(await client.ReadWireAsync(), version);
            message["subscription"].Should().Be(expected);
            message.Headers.Select(h => h.Name).Except(["ack"])
                .Should().BeEquivalentTo("subscription", "message-id", "destination", "content-length");
            message.Body.Should().Equal((byte)'x');
            await client.SendWireAsync($"UNSUBSCRIBE\nid:{wire}\nreceipt:r\n\n^@");
            await client.ReadFrameAsync("RECEIPT");
        }
    }

    [Theory]
    [InlineData("1.1", "r\\n\\nERROR\\nmessage\\cx", "r\n\nERROR\nmessage:x")]
    [InlineData("1.2", "r\\r\\n\\r\\nERROR\\nmessage\\cx", "r\r\n\r\nERROR\nmessage:x")]
    [InlineData("1.1", "a\rb", "a b")]
    [InlineData("1.0", "a\rb:c\\n", "a b:c\\n")]
    public async Task A_receipt_stays_one_value_in_RECEIPT_and_ERROR(string version, string wire, string expected)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SendWireAsync($"BEGIN\ntransaction:t\nreceipt:{wire}\n\n^@SUBSCRIBE\nid:s\ndestination:/topic/a\nreceipt:{wire}\n\n^@");
        await client.SendWireAsync($"BEGIN\ntransaction:t\nreceipt:{wire}\n\n^@");
        for (int i = 0; i < 2; i++)
            SpecParser.Parse(await client.ReadWireAsync(), version).Headers.Should().Equal(("receipt-id", expected));
        SpecFrame error = SpecParser.Parse(await client.ReadWireAsync(), version);
        error["receipt-id"].Should().Be(expected);
        error.Headers.Select(h => h.Name).Should().BeEquivalentTo("message", "receipt-id", "content-type", "content-length");
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_destination_and_a_user_name_stay_one_value(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        using StompTestClient sender = await broker.ConnectAsync(headers: ("login", "me\radmin:true\\nx:y"));
        await client.ListenAsync("/topic/>");
        await sender.SendWireAsync("SEND\ndestination:/topic/a\\nuser-id\\cadmin\\r\\n\\n\n\nx^@");
        SpecFrame message = SpecParser.Parse(await client.ReadWireAsync(), version);
        message.Headers.Select(h => h.Name)
            .Should().BeEquivalentTo("subscription", "message-id", "destination", "user-id", "content-length");
        string expected = "/topic/a\nuser-id:admin\r\n\n", user = "me\radmin:true\\nx:y";
        message["destination"].Should().Be(Sent.Written(expected, version, isName: false).Trim(version == "1.0" ? ' ' : '\0'));
        message["user-id"].Should().Be(Sent.Written(user, version, isName: false));
    }

    [Fact]
    public async Task Whatever_is_sent_by_whom_each_receiver_gets_the_headers_that_it_should_and_no_more()
    {
        await using var broker = new MemoryBroker();
        string[] versions = ["1.0", "1.1", "1.2"];
        var receivers = new Dictionary<string, StompTestClient>();
        foreach (string version in versions)
        {
            receivers[version] = await broker.ConnectAsync(version, unread: 4 * 1024 * 1024);
            await receivers[version].ListenAsync("/topic/a", "s\\:");
            await receivers[version].ListenAsync("/topic/*", "t", ("ack", "client"), ("prefetch-count", "0"));
        }

        var random = new Random(20_260_101);
        foreach (string version in versions)
        {
            using StompTestClient sender = await broker.ConnectAsync(version, headers: ("login", "me"));
            for (int round = 0; round < 300; round++)
            {
                var sent = Sent.Random(random, version);
                await sender.Socket.SendBinaryAsync(sent.Bytes);
                foreach ((string receiver, StompTestClient client) in receivers)
                {
                    for (int copy = 0; copy < 2; copy++)
                    {
                        byte[] wire = await client.ReadWireAsync();
                        SpecFrame message = SpecParser.Parse(wire, receiver);
                        var headers = message.Headers.Where(h => h.Name is not ("subscription" or "message-id" or "ack"));
                        headers.Should().Equal(sent.ExpectedBy(receiver), "round {0}, {1} to {2}: {3}", round, version, receiver, sent);
                        message.Headers.Count(h => h.Name is "subscription" or "message-id").Should().Be(2);
                        message.Body.Should().Equal(sent.Body);
                        if (receiver == "1.0")
                            message.Headers.Select(h => Sent.Bare(h.Name)).Should().OnlyHaveUniqueItems();
                    }
                }
            }
        }

        foreach (StompTestClient client in receivers.Values)
            client.Dispose();
    }
}
