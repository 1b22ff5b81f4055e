using System.Text;
using Broker.Tests.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Broker.Tests.Semantics;

/// <summary>
/// "err+close" means: "exactly one ERROR frame [...], flushed and really delivered, then the close, then the end of the socket; nothing
/// that the client sent after the bad frame is processed". And of bad input: it "disturbs no other connection".
/// </summary>
public sealed class Section10DeliveryTests(SharedBroker shared) : IClassFixture<SharedBroker>
{
    private const string Bad = "FOO\nreceipt:bad\n\n\0";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_ERROR_arrives_although_10_MB_follow_the_refused_frame(bool inOneMessage)
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        var more = Encoding.ASCII.GetBytes("SEND\ndestination:/topic/d1\n\n" + new string('x', 10_000_000) + '\0');
        if (inOneMessage)
        {
            await client.Socket.SendBinaryAsync((byte[])[.. Encoding.ASCII.GetBytes(Bad), .. more]);
        }
        else
        {
            await client.Socket.SendTextAsync(Bad);
            for (var at = 0; at < more.Length; at += 100_000)
                await client.Socket.SendBinaryAsync(more.AsMemory(at, Math.Min(100_000, more.Length - at)));
        }

        (await client.ReadErrorAndEndAsync())["receipt-id"].Should().Be("bad");
    }

    [Fact]
    public async Task Nothing_after_the_refused_frame_is_processed_and_all_before_it_is()
    {
        using var watcher = await StompTestClient.ConnectAsync(shared.Port);
        await watcher.SendFrameAsync("SUBSCRIBE", [("id", "w"), ("destination", "/topic/d2"), ("receipt", "live")]);
        await watcher.ReadFrameAsync("RECEIPT");
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.Socket.SendTextAsync(Send("d2", "before") + Bad + Send("d2", "behind in the message"));
        await client.Socket.SendTextAsync(Send("d2", "in the next message"));
        await client.ReadErrorAndEndAsync();

        await watcher.SendFrameAsync("SEND", [("destination", "/topic/d2")], "last");
        (await watcher.ReadFrameAsync("MESSAGE")).Text.Should().Be("before");
        (await watcher.ReadFrameAsync("MESSAGE")).Text.Should().Be("last");
    }

    [Fact]
    public async Task The_socket_ends_in_order_although_the_client_never_answers_the_close()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Limits:LingerTimeout=00:00:00.050");
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        await client.Socket.SendTextAsync(Bad);
        await client.ReadFrameAsync("ERROR");
        await client.Socket.ReadCloseAsync();
        (await client.Socket.ReadToEndAsync()).Should().BeEquivalentTo((Array.Empty<byte>(), StreamEnd.Fin));
    }

    [Fact]
    public async Task Messages_that_were_due_go_out_before_the_ERROR()
    {
        using var client = await StompTestClient.ConnectAsync(shared.Port);
        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/d3")]);
        await client.Socket.SendTextAsync(string.Concat(Enumerable.Range(0, 500).Select(i => Send("d3", $"{i}"))) + Bad);
        for (var i = 0; i < 500; i++)
            (await client.ReadFrameAsync("MESSAGE")).Text.Should().Be($"{i}");
        await client.ReadErrorAndEndAsync();
    }

    [Fact]
    public async Task A_crowd_of_hostile_clients_disturbs_no_other_connection()
    {
        using var subscriber = await StompTestClient.ConnectAsync(shared.Port);
        await subscriber.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/d4"), ("receipt", "live")]);
        await subscriber.ReadFrameAsync("RECEIPT");

        var crowd = new List<IDisposable>();
        string[] hostile =
        [
            "SEND\ndestination:/topic/d4\nendless", "SEND\ndestination:/topic/d4\ncontent-length:4000000\n\nnever more", Bad,
            "SUBSCRIBE\nid:a\ndestination:/topic/d4.>.x\n\n\0", string.Concat(Enumerable.Range(0, 10_000).Select(i => $"SUBSCRIBE\nid:{i}\ndestination:/topic/d4x\n\n\0")),
        ];
        foreach (var bytes in hostile)
        {
            var client = await StompTestClient.ConnectAsync(shared.Port);
            await client.Socket.SendTextAsync(bytes);
            crowd.Add(client);
        }

        foreach (var garbage in new[] { "garbage\r\n\r\n", "\u0016\u0003\u0001\u0002\u0000\u0001", "GET /ws HTTP/1.1\r\nHost: local" })
        {
            var socket = await RawSocket.ConnectAsync(shared.Port);
            await socket.SendAsync(garbage);
            crowd.Add(socket);
        }

        crowd.Add(await RawSocket.ConnectAsync(shared.Port)); // says nothing
        var vanished = await StompTestClient.ConnectAsync(shared.Port);
        await vanished.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/d4")]);
        vanished.Socket.Abort();

        for (var i = 0; i < 100; i++)
        {
            await subscriber.SendFrameAsync("SEND", [("destination", "/topic/d4")], $"{i}");
            (await subscriber.ReadFrameAsync("MESSAGE")).Text.Should().Be($"{i}");
        }

        crowd.ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task A_fault_of_the_broker_ends_one_connection_is_logged_and_tells_the_client_nothing_of_it()
    {
        var log = new LogLines();
        await using var app = Program.Build(["--urls=http://127.0.0.1:0"], builder =>
        {
            builder.Logging.ClearProviders();
            builder.Logging.AddProvider(log);
            builder.Services.AddSingleton<TimeProvider>(new FaultyTime());
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        var port = new Uri(app.Urls.Single()).Port;
        using var bystander = await StompTestClient.ConnectAsync(port);
        using var client = await StompTestClient.ConnectAsync(port);
        await client.SendFrameAsync("SEND", [("destination", "/topic/a"), ("expiration", "1")]);

        var error = await client.ReadErrorAndEndAsync(1011);
        error["message"].Should().Be("server error");
        error.ToString().Should().NotContain("secret of the stack");
        log.Lines.Should().ContainSingle(l => l.StartsWith("Error: Session", StringComparison.Ordinal)).Which.Should().Contain("secret of the stack");
        await bystander.SendFrameAsync("SEND", [("destination", "/topic/a"), ("receipt", "r")]);
        await bystander.ReadFrameAsync("RECEIPT");
    }

    private static string Send(string topic, string body) => $"SEND\ndestination:/topic/{topic}\n\n{body}\0";

    private sealed class FaultyTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => throw new InvalidOperationException("secret of the stack");
    }
}
