using Broker.Security;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 11: "With no users configured the broker accepts any login, and then only listens on loopback: bound to any other address
/// without authentication it refuses to start and says which setting to add. `Broker:AllowAnonymous=true` lifts that with a Warning at
/// start." And of section 10: "No [...] secret".
/// </summary>
public sealed class Section11SafeByDefaultTests
{
    private const string Secret = "s3cret passcode";
    private const string Wrong = "wr0ng passcode";

    private static readonly string[] Alice = User(0, "alice", Secret);

    [Theory]
    [InlineData("anybody", "anything")]
    [InlineData("anybody", null)]
    [InlineData(null, null)]
    public async Task With_no_users_any_login_is_accepted(string? login, string? passcode)
    {
        await using var broker = await RunningBroker.StartAsync();
        using var client = await StompTestClient.ConnectAsync(broker.Port, headers: Credentials(login, passcode));
        client.Connected!["user-name"].Should().Be(login);
        broker.Log.Lines.Should().NotContain(l => l.StartsWith("Warning:", StringComparison.Ordinal), "loopback needs no warning");
    }

    [Theory]
    [InlineData("http://0.0.0.0:0")]
    [InlineData("http://[::]:0")]
    [InlineData("http://*:0")]
    [InlineData("http://127.0.0.1:0;http://0.0.0.0:0")]
    public async Task Beyond_loopback_without_users_it_refuses_to_start_and_names_the_setting(string urls)
    {
        var start = () => RunningBroker.StartAsync("urls=" + urls);
        (await start.Should().ThrowAsync<InvalidOperationException>()).Which.Message.Should()
            .ContainAll("Broker:Users:0:Login", "Broker:Users:0:PasscodeHash", "Broker:AllowAnonymous=true", "hash-passcode").And.NotContain("127.0.0.1");
    }

    [Fact]
    public async Task AllowAnonymous_lifts_that_with_a_Warning_at_start()
    {
        await using var broker = await RunningBroker.StartAsync("urls=http://0.0.0.0:0", "Broker:AllowAnonymous=true");
        broker.Log.Lines.Should().ContainSingle(l => l.StartsWith("Warning:", StringComparison.Ordinal)).Which.Should().Contain("Broker:AllowAnonymous");
        using var client = await StompTestClient.ConnectAsync(broker.Port);
    }

    [Fact]
    public async Task Users_lift_it_without_a_Warning_and_then_nobody_else_gets_in()
    {
        await using var broker = await RunningBroker.StartAsync(["urls=http://0.0.0.0:0", "Broker:AllowAnonymous=true", .. Alice]);
        broker.Log.Lines.Should().NotContain(l => l.StartsWith("Warning:", StringComparison.Ordinal));
        await RefusedAsync(broker, Credentials(null, null));
    }

    [Fact]
    public async Task Users_with_hashed_passcodes_log_in_and_all_others_are_told_the_same()
    {
        await using var broker = await RunningBroker.StartAsync([.. Alice, .. User(1, "bob:\\%", "b")]);
        using var alice = await StompTestClient.ConnectAsync(broker.Port, headers: Credentials("alice", Secret));
        alice.Connected!["user-name"].Should().Be("alice");
        using var bob = await StompTestClient.ConnectAsync(broker.Port, headers: Credentials("bob:\\%", "b"));
        bob.Connected!["user-name"].Should().Be("bob%3A%5C%25", "CONNECTED is not escaped");

        var texts = new HashSet<string>();
        foreach (var (login, passcode) in new (string?, string?)[]
        {
            ("alice", Wrong), ("mallory", Secret), ("alice", "b"), ("ALICE", Secret), ("alice", null), (null, Secret), (null, null), ("alice", ""), ("", Secret), ("alice", Secret + " "),
        })
        {
            texts.Add(await RefusedAsync(broker, Credentials(login, passcode)));
        }

        texts.Should().ContainSingle("which of the two was wrong is not told");
        broker.Log.Lines.Count(l => l.StartsWith("Warning:", StringComparison.Ordinal) && l.Contains("login failed (setting: Broker:Users)", StringComparison.Ordinal)).Should().Be(10);
    }

    [Fact]
    public async Task Frames_behind_a_CONNECT_wait_for_the_login_and_are_dropped_with_it()
    {
        await using var broker = await RunningBroker.StartAsync(Alice);
        using var watcher = await StompTestClient.ConnectAsync(broker.Port, headers: Credentials("alice", Secret));
        await watcher.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/a"), ("receipt", "r")]);
        await watcher.ReadFrameAsync("RECEIPT");
        using var mallory = await StompTestClient.OpenAsync(broker.Port);
        await mallory.Socket.SendTextAsync($"CONNECT\naccept-version:1.2\nlogin:alice\npasscode:{Wrong}\n\n\0SEND\ndestination:/topic/a\nreceipt:x\n\nforged\0");
        (await mallory.ReadErrorAndEndAsync(1008))["message"].Should().Be("login failed");
        using var alice = await StompTestClient.OpenAsync(broker.Port);
        await alice.Socket.SendTextAsync($"CONNECT\naccept-version:1.2\nlogin:alice\npasscode:{Secret}\n\n\0SEND\ndestination:/topic/a\nreceipt:x\n\ngenuine\0");
        await alice.ReadFrameAsync("CONNECTED");
        await alice.ReadFrameAsync("RECEIPT");
        (await watcher.ReadFrameAsync("MESSAGE")).Text.Should().Be("genuine");
    }

    [Fact]
    public async Task No_log_line_of_any_level_has_a_passcode_a_token_or_a_header()
    {
        await using var broker = await RunningBroker.StartAsync(["Logging:LogLevel:Default=Trace", "Logging:LogLevel:Broker=Trace", .. Alice]);
        const string Token = "t0ken-in-the-query";
        using (var alice = await StompTestClient.ConnectAsync(broker.Port, path: "/ws?access_token=" + Token, headers: Credentials("alice", Secret)))
        {
            await alice.SendFrameAsync("SEND", [("destination", "/topic/logged"), ("passcode", Secret), ("receipt", "r")], "b0dy");
            await alice.ReadFrameAsync("RECEIPT");
            await alice.Socket.SendTextAsync($"FOO\npasscode:{Secret}\n\n\0");
            await alice.ReadErrorAndEndAsync();
        }

        await RefusedAsync(broker, Credentials("alice", Wrong));
        await RawHttp.ExchangeAsync(broker.Port, $"GET /ws?access_token={Token} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n");
        await RawHttp.ExchangeAsync(broker.Port, $"GET /nowhere?access_token={Token} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        await broker.StopAsync();

        broker.Log.Lines.Should().Contain(l => l.StartsWith("Trace:", StringComparison.Ordinal) && l.Contains("Send '/topic/logged' (4 bytes)", StringComparison.Ordinal),
            "frames are logged at Trace");
        broker.Log.Lines.Should().NotContain(l => l.Contains(Secret, StringComparison.Ordinal) || l.Contains(Wrong, StringComparison.Ordinal)
            || l.Contains(Token, StringComparison.Ordinal) || l.Contains("b0dy", StringComparison.Ordinal) || l.Contains("pbkdf2", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_login_cannot_forge_a_log_line()
    {
        await using var broker = await RunningBroker.StartAsync(Alice);
        using var client = await StompTestClient.OpenAsync(broker.Port);
        await client.Socket.SendTextAsync("CONNECT\naccept-version:1.2\nlogin:x\u001B[2J\u2028\rWarning: forged\npasscode:y\n\n\0");
        await client.Socket.ReadFrameAsync();
        client.Socket.EndSending();
        await client.Socket.ReadToEndAsync();
        await broker.StopAsync();
        broker.Log.Lines.Should().NotContain(l => l.Contains('\u001B', StringComparison.Ordinal) || l.Contains('\u2028', StringComparison.Ordinal) || l.Contains('\r', StringComparison.Ordinal));
    }

    private static async Task<string> RefusedAsync(RunningBroker broker, (string, string)[] credentials)
    {
        using var client = await StompTestClient.OpenAsync(broker.Port);
        await client.SendFrameAsync("CONNECT", [("accept-version", "1.2"), .. credentials]);
        return (await client.ReadErrorAndEndAsync(1008)).ToString();
    }

    private static (string, string)[] Credentials(string? login, string? passcode) =>
        [.. login is null ? [] : new[] { ("login", login) }, .. passcode is null ? [] : new[] { ("passcode", passcode) }];

    // The fewest iterations that are accepted: what they cost is not what is tested here.
    private static string[] User(int index, string login, string passcode) =>
        [$"Broker:Users:{index}:Login={login}", $"Broker:Users:{index}:PasscodeHash={PasscodeHash.Create(passcode, PasscodeHash.MinIterations).Format()}"];
}
