using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 4: "The server offers `1000,1000`: per direction max(client, server), 0 stays 0. A malformed value is err+close. [...] One sweep for
/// all sessions, no timer each."
/// </summary>
public class HeartBeatAgreementTests
{
    // What the client says, and the milliseconds that are agreed on: out of the broker, into it.
    public static TheoryData<string?, int, int> Agreements => new()
    {
        { null, 0, 0 },
        { "0,0", 0, 0 },
        { "1000,1000", 1000, 1000 },
        { "1,1", 1000, 1000 },
        { "0,1", 1000, 0 },
        { "1,0", 0, 1000 },
        { "4000,2000", 2000, 4000 },
        { "999,1001", 1001, 1000 },
        { "0,10000", 10000, 0 },
        { "3000,0", 0, 3000 },
        { "0003000,0", 0, 3000 },
        { "99999999999999999999,0", 0, int.MaxValue },
    };

    [Theory]
    [MemberData(nameof(Agreements))]
    public async Task Each_direction_is_the_larger_of_both_and_zero_stays_zero(string? offered, int outgoing, int incoming)
    {
        await using var broker = new MemoryBroker();
        foreach (string version in SessionSteps.Versions.Select(row => row.Data))
        {
            using StompTestClient client = offered is null
                ? await broker.ConnectAsync(version)
                : await broker.ConnectAsync(version, headers: ("heart-beat", offered));
            client.Connected!["heart-beat"].Should().Be("1000,1000");

            // Out: the first beat comes within the interval, at most a sweep before its end; or never.
            for (int passed = 0; passed < 15_000; passed += 250)
            {
                if (incoming > 0)
                    await client.SendWireAsync("\n");
                List<RawFrame> frames = await client.ReadUpToNowAsync();
                frames.Should().HaveCount(outgoing > 0 && passed >= outgoing - 250 ? 1 : 0, "{0} ms passed", passed);
                if (frames.Count > 0)
                    break;
                broker.Time.Advance(TimeSpan.FromMilliseconds(250));
            }

            // In: silence is a lost client after three intervals, not before; or never, as long as pings are answered.
            if (incoming is > 0 and < 5000)
            {
                broker.Time.Advance(TimeSpan.FromMilliseconds((3 * incoming) - 250));
                broker.Environment.Sessions.All.Should().ContainSingle(s => s.CloseReason == Messaging.CloseReason.None);
                broker.Time.Advance(TimeSpan.FromMilliseconds(500));
                broker.Environment.Sessions.All.Should().NotContain(s => s.CloseReason == Messaging.CloseReason.None);
                client.AnswersPings = false;
                await client.ReadErrorAndEndAsync();
                continue;
            }

            for (int i = 0; i < 10; i++)
            {
                broker.Time.Advance(TimeSpan.FromSeconds(20));
                await client.ReadUpToNowAsync();
            }

            await client.SendAndAwaitAsync("BEGIN", ("transaction", "t"));
            await client.SendFrameAsync("DISCONNECT", []);
            (await client.Socket.ReadCloseAsync()).Code.Should().Be(1000);
            await client.Socket.SendCloseAsync(1000);
            await client.Socket.ReadToEndAsync();
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(",")]
    [InlineData("1000")]
    [InlineData("1000,")]
    [InlineData(",1000")]
    [InlineData("1000,1000,")]
    [InlineData("1000,1000,1000")]
    [InlineData("-1,0")]
    [InlineData("+1,0")]
    [InlineData("1.5,0")]
    [InlineData("a,b")]
    [InlineData("1000;1000")]
    [InlineData("1000, 1000")]
    [InlineData("\u0661,0")]
    public async Task A_malformed_value_is_refused(string offered)
    {
        await using var broker = new MemoryBroker();
        foreach (string version in SessionSteps.Versions.Select(row => row.Data))
        {
            using StompTestClient client = broker.Open();
            await client.SendWireAsync($"CONNECT\naccept-version:{version}\nheart-beat:{offered}\n\n^@");
            (await client.ReadErrorAndEndAsync())["message"].Should().Be("bad heart-beat");
        }
    }

    [Fact]
    public async Task All_sessions_share_one_timer()
    {
        await using var broker = new MemoryBroker();
        broker.Time.Timers.Should().Be(1);
        var clients = new List<StompTestClient>();
        for (int i = 0; i < 50; i++)
        {
            clients.Add(await broker.ConnectAsync(headers: ("heart-beat", $"{1000 + i},{10000 + i}")));
            await clients[^1].ListenAsync("/topic/a");
        }

        using StompTestClient opening = broker.Open();
        broker.Time.Advance(TimeSpan.FromSeconds(2));
        broker.Time.Timers.Should().Be(1);
        clients.ForEach(client => client.Dispose());
    }
}
