using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 3: "Highest common version; no `accept-version` means 1.0; no common one: ERROR with a `version` header, close. CONNECTED has
/// `version`, `session` (unique), `server:StompBroker/x.y.z`, `heart-beat`, and `user-name` when a user is known. It is the first thing that
/// an accepted client is sent. `host` may be missing and may have any value."
/// </summary>
public class ConnectTests
{
    public static TheoryData<string> Versions => SessionSteps.Versions;

    [Theory]
    [InlineData(null, "1.0")]
    [InlineData("1.0", "1.0")]
    [InlineData("1.1", "1.1")]
    [InlineData("1.2", "1.2")]
    [InlineData("1.0,1.1", "1.1")]
    [InlineData("1.0,1.1,1.2", "1.2")]
    [InlineData("1.2,1.1,1.0", "1.2")]
    [InlineData("1.1,1.0", "1.1")]
    [InlineData("1.0,1.2", "1.2")]
    [InlineData("1.2,1.3,2.0", "1.2")]
    [InlineData("0.9,1.1,3.0", "1.1")]
    [InlineData("1.1, 1.0", "1.1")]
    [InlineData("1.1,1.1", "1.1")]
    [InlineData(",1.1,", "1.1")]
    [InlineData("1.0\naccept-version:1.2", "1.0")]
    public async Task The_highest_common_version_is_spoken(string? offered, string version)
    {
        await using var broker = new MemoryBroker();
        foreach (string command in new[] { "CONNECT", "STOMP" })
        {
            using StompTestClient client = broker.Open();
            await client.SendWireAsync($"{command}\n{(offered is null ? "" : $"accept-version:{offered}\n")}host:h\n\n^@");
            SpecParser.Parse(await client.ReadWireAsync(), version)["version"].Should().Be(version);

            // It is also spoken from here on: only 1.2 has this escape, 1.1 refuses it, 1.0 has none.
            await client.SendWireAsync("BEGIN\ntransaction:t\nreceipt:a\\rb\n\n^@");
            SpecFrame answer = SpecParser.Parse(await client.ReadWireAsync(), version);
            (answer.Command, answer["receipt-id"]).Should().Be(version switch
            {
                "1.2" => ("RECEIPT", "a\rb"),
                "1.1" => ("ERROR", null),
                _ => ("RECEIPT", "a\\rb"),
            });
        }
    }

    [Theory]
    [InlineData("1.3")]
    [InlineData("2.0,3.0")]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("1.2.0")]
    [InlineData("v12.stomp")]
    [InlineData("\uff11.2")]
    public async Task Without_a_common_version_the_ERROR_names_those_there_are(string offered)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        await client.SendWireAsync($"CONNECT\naccept-version:{offered}\nreceipt:r\n\n^@");
        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("no common version");
        error["version"].Should().Be("1.0,1.1,1.2");
        error["receipt-id"].Should().BeNull();
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task CONNECTED_is_the_first_frame_and_has_exactly_its_headers(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        await client.SendWireAsync(
            $"\nCONNECT\naccept-version:{version}\nheart-beat:1000,1000\nreceipt:r\n\n^@SUBSCRIBE\nid:s\ndestination:/topic/a\nreceipt:1\n\n^@");
        RawFrame first = await client.Socket.ReadFrameAsync();
        SpecFrame connected = SpecParser.Parse(first.Payload, version);
        connected.Command.Should().Be("CONNECTED");
        connected.Headers.Select(h => h.Name).Should().Equal("version", "session", "server", "heart-beat");
        connected["version"].Should().Be(version);
        connected["session"].Should().NotBeNullOrEmpty();
        connected["server"].Should().MatchRegex("^StompBroker/[0-9]+\\.[0-9]+\\.[0-9]+$");
        connected["heart-beat"].Should().Be("1000,1000");
        connected.Body.Should().BeEmpty();
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("1");
    }

    [Fact]
    public async Task The_heart_beat_is_what_the_server_offers_whatever_the_client_does()
    {
        await using var broker = new MemoryBroker(options =>
        {
            options.HeartBeat.Outgoing = TimeSpan.FromSeconds(20);
            options.HeartBeat.Incoming = TimeSpan.Zero;
        });
        foreach (string line in new[] { "", "heart-beat:0,0\n", "heart-beat:5000,5000\n" })
        {
            using StompTestClient client = broker.Open();
            await client.SendWireAsync($"CONNECT\naccept-version:1.2\n{line}\n^@");
            (await client.ReadFrameAsync("CONNECTED"))["heart-beat"].Should().Be("20000,0");
        }
    }

    [Fact]
    public async Task Sessions_are_unique_over_connections_and_runs_of_the_broker()
    {
        var sessions = new List<string?>();
        for (int run = 0; run < 3; run++)
        {
            await using var broker = new MemoryBroker();
            for (int connection = 0; connection < 10; connection++)
            {
                using StompTestClient client = await broker.ConnectAsync();
                sessions.Add(client.Connected!["session"]);
            }
        }

        sessions.Should().OnlyHaveUniqueItems();
    }

    [Theory]
    [InlineData("login:alice", "alice")]
    [InlineData("login:alice\npasscode:x", "alice")]
    [InlineData("login:", null)]
    [InlineData("passcode:x", null)]
    [InlineData("host:h", null)]
    public async Task User_name_is_there_when_a_user_is_known(string headers, string? userName)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        await client.SendWireAsync($"CONNECT\naccept-version:1.2\n{headers}\n\n^@");
        SpecFrame connected = SpecParser.Parse(await client.ReadWireAsync(), "1.2");
        string[] names = ["version", "session", "server", "heart-beat"];
        connected.Headers.Select(h => h.Name).Should().Equal(userName is null ? names : [.. names, "user-name"]);
        connected["user-name"].Should().Be(userName);
    }

    [Fact]
    public async Task User_name_is_the_configured_users_and_who_is_not_one_gets_an_ERROR_first()
    {
        await using var broker = new MemoryBroker(options => options.AddUser("al:ice"));
        using StompTestClient alice = broker.Open();
        await alice.SendWireAsync("CONNECT\naccept-version:1.2\nlogin:al:ice\npasscode:secret\n\n^@");
        SpecParser.Parse(await alice.ReadWireAsync(), "1.2")["user-name"].Should().Be("al%3Aice");

        foreach (string headers in new[] { "login:al:ice\npasscode:wrong\n", "login:bob\npasscode:secret\n", "login:al:ice\n", "" })
        {
            using StompTestClient client = broker.Open();
            await client.SendWireAsync($"CONNECT\naccept-version:1.2\nreceipt:r\n{headers}\n^@SUBSCRIBE\nid:s\ndestination:/topic/a\nreceipt:1\n\n^@");
            TestFrame error = await client.ReadErrorAndEndAsync(1008);
            error["message"].Should().Be("login failed");
            error["receipt-id"].Should().BeNull();
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("host:\n")]
    [InlineData("host:/\n")]
    [InlineData("host:no such host.example\n")]
    [InlineData("host:a\nhost:b\n")]
    public async Task Host_may_be_missing_and_may_have_any_value(string host)
    {
        await using var broker = new MemoryBroker();
        foreach (string version in SessionSteps.Versions.Select(row => row.Data))
        {
            using StompTestClient client = broker.Open();
            await client.SendWireAsync($"CONNECT\naccept-version:{version}\n{host}\n^@");
            await client.ReadFrameAsync("CONNECTED");
        }
    }
}
