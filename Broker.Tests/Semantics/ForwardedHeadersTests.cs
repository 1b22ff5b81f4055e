using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 2: "MESSAGE carries every header of the SEND, in its order, except `receipt`, `transaction`, `login`, `passcode`, and what the broker
/// alone sets: `subscription`, `message-id`, `ack`, `redelivered`, `user-id`, `retained`, `x-delivery-count`, `x-stream-*`, `x-snapshot`,
/// `x-conflated`, `x-death-*`. `destination` is the one sent to; `content-length` is always there; `user-id` is the sender's user name, if any
/// (where no users are configured, the login it gave); `message-id` is unique across restarts."
/// </summary>
public class ForwardedHeadersTests
{
    public static TheoryData<string> Versions => SessionSteps.Versions;

    public static TheoryData<string> NotForwarded =>
    [
        "receipt", "login", "passcode", "subscription", "message-id", "ack", "redelivered", "user-id", "retained", "x-delivery-count",
        "x-stream-", "x-stream-offset", "x-stream-epoch", "x-stream-anything", "x-stream-sixteen", "x-snapshot", "x-conflated",
        "x-death-", "x-death-a", "x-death-ab", "x-death-abc", "x-death-abcd", "x-death-queue", "x-death-reason", "x-death-sixteen_",
    ];

    public static TheoryData<string> Forwarded =>
    [
        "content-type", "priority", "persistent", "expires", "reply-to", "correlation-id", "type", "id", "host", "server", "session", "version",
        "heart-beat", "message", "receipt-id", "user-name", "client-id", "selector", "x-stream", "x-death", "x-deat", "X-Death-queue", "Receipt",
        "x-snapshots", "x-conflated-", "x-conflate-key", "Ack", "acks", "message-ID", "no-local", "durable", "prefetch-count", "user-ids", "x",
    ];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Headers_are_forwarded_in_their_order(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.ListenAsync("/topic/a");
        await client.SendWireAsync("SEND\nz:26\ncontent-length:2\ny:25\nreceipt:r\ndestination:/topic/a\nb:2\nx-death-x:1\na:1\n\nhi^@");
        SpecFrame message = SpecParser.Parse(await client.ReadWireAsync(), version);
        message.Headers.Where(h => h.Name is not ("subscription" or "message-id"))
            .Should().Equal(("z", "26"), ("content-length", "2"), ("y", "25"), ("destination", "/topic/a"), ("b", "2"), ("a", "1"));
        message["subscription"].Should().Be("s");
    }

    [Theory]
    [MemberData(nameof(NotForwarded))]
    public async Task What_concerns_the_sender_or_is_the_brokers_to_set_is_not_forwarded(string name)
    {
        await using var broker = new MemoryBroker();
        foreach ((string version, StompTestClient client) in await SubscribersAsync(broker))
        {
            using (client)
            {
                await client.SendFrameAsync("SEND", [("before", "1"), (name, "forged"), ("destination", "/topic/a"), ("after", "1")]);
                SpecFrame message = SpecParser.Parse(await ReadMessageAsync(client), version);
                message.Headers.Should().NotContain(h => h.Value == "forged");
                message.Headers.Select(h => h.Name)
                    .Should().BeEquivalentTo("subscription", "message-id", "before", "destination", "after", "content-length");
                await client.SendAndAwaitAsync("UNSUBSCRIBE", ("id", "s"));
            }
        }
    }

    [Fact]
    public async Task The_transaction_of_a_SEND_is_not_forwarded()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.ListenAsync("/topic/a");
        await client.SendAndAwaitAsync("BEGIN", ("transaction", "t"));
        await client.SendAndAwaitAsync("SEND", ("destination", "/topic/a"), ("transaction", "t"), ("k", "v"));
        await client.SendFrameAsync("COMMIT", [("transaction", "t")]);
        SpecParser.Parse(await client.ReadWireAsync(), "1.2").Headers.Select(h => h.Name)
            .Should().BeEquivalentTo("subscription", "message-id", "destination", "k", "content-length");
    }

    [Theory]
    [MemberData(nameof(Forwarded))]
    public async Task Every_other_header_is_forwarded(string name)
    {
        await using var broker = new MemoryBroker();
        foreach ((string version, StompTestClient client) in await SubscribersAsync(broker))
        {
            using (client)
            {
                await client.SendFrameAsync("SEND", [("destination", "/topic/a"), (name, "0")]);
                SpecParser.Parse(await ReadMessageAsync(client), version).Headers.TakeLast(2).Should().Equal((name, "0"), ("content-length", "0"));
                await client.SendAndAwaitAsync("UNSUBSCRIBE", ("id", "s"));
            }
        }
    }

    [Fact]
    public async Task The_destination_is_the_one_sent_to_though_a_pattern_was_subscribed()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.ListenAsync("/topic/a.*");
        await client.SendFrameAsync("SEND", [("destination", "/topic/a.b")]);
        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        (message["destination"], message["subscription"]).Should().Be(("/topic/a.b", "s"));
    }

    [Theory]
    [InlineData("SEND\ndestination:/topic/a\n\n\u00e9\u20ac^@", 5)]
    [InlineData("SEND\ndestination:/topic/a\n\n^@", 0)]
    [InlineData("SEND\ncontent-length:3\ndestination:/topic/a\n\n^@^@^@^@", 3)]
    [InlineData("SEND\ncontent-length:007\ncontent-length:9\ndestination:/topic/a\n\n1234567^@", 7)]
    public async Task Content_length_is_always_there_once_and_counts_bytes(string frame, int length)
    {
        await using var broker = new MemoryBroker();
        foreach ((string version, StompTestClient client) in await SubscribersAsync(broker))
        {
            using (client)
            {
                await client.SendWireAsync(frame);
                SpecFrame message = SpecParser.Parse(await ReadMessageAsync(client), version);
                message.Headers.Where(h => h.Name == "content-length").Should().Equal(("content-length", $"{length}"));
                message.Body.Should().HaveCount(length);
                await client.SendAndAwaitAsync("UNSUBSCRIBE", ("id", "s"));
            }
        }
    }

    [Theory]
    [InlineData("alice", "alice", "alice", "alice")]
    [InlineData("J\u00fcrgen", "J\u00fcrgen", "J\u00fcrgen", "J\u00fcrgen")]
    [InlineData("a:b\\c\rd", "a:b\\c d", "a\\cb\\\\c d", "a\\cb\\\\c\\rd")]
    public async Task User_id_is_the_login_where_no_users_are_configured(string login, string to10, string to11, string to12)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient sender = await broker.ConnectAsync(headers: ("login", login));
        foreach ((string version, string expected) in new[] { ("1.0", to10), ("1.1", to11), ("1.2", to12) })
        {
            using StompTestClient client = await broker.ConnectAsync(version, headers: ("login", "receiver"));
            await client.ListenAsync("/topic/a");
            await sender.SendFrameAsync("SEND", [("destination", "/topic/a"), ("user-id", "forged")]);
            string[] lines = System.Text.Encoding.UTF8.GetString(await client.ReadWireAsync()).Split('\n');
            lines.Where(line => line.StartsWith("user-id:", StringComparison.Ordinal)).Should().Equal("user-id:" + expected);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public async Task There_is_no_user_id_of_a_client_without_a_name(string? login)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = login is null ? await broker.ConnectAsync() : await broker.ConnectAsync(headers: ("login", login));
        await client.ListenAsync("/topic/a");
        await client.SendFrameAsync("SEND", [("destination", "/topic/a"), ("user-id", "forged")]);
        (await client.ReadFrameAsync("MESSAGE"))["user-id"].Should().BeNull();
    }

    [Fact]
    public async Task User_id_is_the_configured_user_who_sent()
    {
        await using var broker = new MemoryBroker(options =>
        {
            options.AddUser("alice");
            options.AddUser("bob");
        });
        using StompTestClient alice = await broker.ConnectAsync(headers: [("login", "alice"), ("passcode", "secret")]);
        using StompTestClient bob = await broker.ConnectAsync(headers: [("login", "bob"), ("passcode", "secret")]);
        await bob.ListenAsync("/topic/a");
        await alice.SendFrameAsync("SEND", [("destination", "/topic/a"), ("user-id", "bob"), ("login", "bob"), ("passcode", "x")]);
        TestFrame message = await bob.ReadFrameAsync("MESSAGE");
        message["user-id"].Should().Be("alice");
        message["login"].Should().BeNull();
        message["passcode"].Should().BeNull();
    }

    [Fact]
    public async Task Message_ids_are_unique_over_messages_connections_and_runs_of_the_broker()
    {
        var ids = new List<string>();
        for (int run = 0; run < 2; run++)
        {
            await using var broker = new MemoryBroker();
            using StompTestClient receiver = await broker.ConnectAsync();
            await receiver.ListenAsync("/topic/a");
            for (int connection = 0; connection < 3; connection++)
            {
                using StompTestClient sender = await broker.ConnectAsync();
                await sender.SendAndAwaitAsync("BEGIN", ("transaction", "t"));
                for (int i = 0; i < 5; i++)
                    await sender.SendFrameAsync("SEND", i % 2 == 0 ? [("destination", "/topic/a")] : [("destination", "/topic/a"), ("transaction", "t")]);
                await sender.SendFrameAsync("COMMIT", [("transaction", "t")]);
                for (int i = 0; i < 5; i++)
                    ids.Add((await receiver.ReadFrameAsync("MESSAGE"))["message-id"]!);
            }
        }

        ids.Should().HaveCount(30).And.OnlyHaveUniqueItems();
    }

    [Fact]
    public async Task One_message_has_one_id_for_all_who_get_it()
    {
        await using var broker = new MemoryBroker();
        var ids = new List<string?>();
        var clients = await SubscribersAsync(broker);
        await clients[0].Client.SendFrameAsync("SEND", [("destination", "/topic/a")]);
        foreach ((string version, StompTestClient client) in clients)
        {
            using (client)
                ids.Add(SpecParser.Parse(await client.ReadWireAsync(), version)["message-id"]);
        }

        ids.Distinct().Should().HaveCount(1);
    }

    private static async Task<List<(string Version, StompTestClient Client)>> SubscribersAsync(MemoryBroker broker)
    {
        var clients = new List<(string, StompTestClient)>();
        foreach (string version in SessionSteps.Versions.Select(row => row.Data))
        {
            StompTestClient client = await broker.ConnectAsync(version);
            await client.ListenAsync("/topic/a");
            clients.Add((version, client));
        }

        return clients;
    }

    /// <summary>The MESSAGE of this client's own SEND: those of earlier clients are read away first.</summary>
    private static async Task<byte[]> ReadMessageAsync(StompTestClient client)
    {
        await client.SendFrameAsync("BEGIN", [("transaction", "mark"), ("receipt", "mark")]);
        byte[] last = [];
        while (true)
        {
            byte[] message = await client.ReadWireAsync();
            if (!message.AsSpan().StartsWith("MESSAGE"u8))
            {
                if (message.AsSpan().IndexOf("receipt-id:mark"u8) > 0)
                    return last;
                continue;
            }

            last = message;
        }
    }
}
