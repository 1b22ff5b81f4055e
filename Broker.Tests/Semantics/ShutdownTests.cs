using System.Diagnostics;
using System.Net.Sockets;
using Broker.Endpoints;
using Broker.Security;
using Broker.Tests.TestHost;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Broker.Tests.Semantics;

/// <summary>"Ctrl-C and SIGTERM drain: stop accepting, empty the outboxes up to a limit, close 1001." Section 1: "1001 server going away".</summary>
public sealed class ShutdownTests
{
    private const int MiB = 1024 * 1024;

    // Well below the framework's own 30 s, well above what a busy machine needs.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(6);

    [Fact]
    public async Task Every_client_is_closed_with_1001_and_nobody_is_let_in_any_more()
    {
        await using var broker = await RunningBroker.StartAsync();
        using var connected = await StompTestClient.ConnectAsync(broker.Port);
        using var opening = await StompTestClient.OpenAsync(broker.Port);
        await opening.Socket.SendFrameAsync(ClientFrame.Ping, default);
        await opening.Socket.ReadFrameAsync();
        using var silent = await RawSocket.ConnectAsync(broker.Port);

        Task stopped = broker.StopAsync();
        foreach (var client in new[] { connected, opening })
        {
            (await client.Socket.ReadCloseAsync()).Code.Should().Be(1001);
            await client.Socket.SendCloseAsync(1001);
            (await client.Socket.ReadToEndAsync()).Should().BeEquivalentTo((Array.Empty<byte>(), StreamEnd.Fin));
        }

        await stopped.WaitAsync(Soon, TestContext.Current.CancellationToken);
        var late = () => RawSocket.ConnectAsync(broker.Port);
        await late.Should().ThrowAsync<SocketException>();
    }

    [Fact]
    public async Task What_waits_in_an_outbox_is_sent_before_the_close()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Limits:OutboxBytes=33554432", "Broker:ShutdownTimeout=00:00:30");
        using var slow = await SubscribeAsync(broker);
        await PublishAsync(broker, 12);
        broker.Sessions.OutboxBytes.Should().BeGreaterThan(0, "the client reads nothing, and no buffer of the system takes 12 MiB");

        Task stopped = broker.StopAsync();
        for (var i = 0; i < 12; i++)
            (await slow.ReadFrameAsync("MESSAGE")).Body.Length.Should().Be(MiB);
        (await slow.Socket.ReadCloseAsync()).Code.Should().Be(1001);
        await slow.Socket.SendCloseAsync(1001);
        await stopped.WaitAsync(Soon, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_client_that_never_reads_holds_the_stop_up_for_no_longer_than_the_limit()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Limits:OutboxBytes=33554432", "Broker:ShutdownTimeout=00:00:00.300");
        using var slow = await SubscribeAsync(broker);
        await PublishAsync(broker, 12);
        await broker.StopAsync().WaitAsync(Soon, TestContext.Current.CancellationToken);
        Text.OfMetrics(broker).Should().Contain("stompbroker_connections 0\n").And.Contain("closed_total{reason=\"server going away\"}");
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("a bad frame and more")]
    [InlineData("a close")]
    public async Task A_client_that_never_reads_what_the_server_has_already_buffered_is_cut_too(string sends)
    {
        // In an application the output is Kestrel's own, and what it has buffered is nothing that waits in the broker any more.
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.WebHost.UseSockets(sockets => sockets.MaxWriteBufferSize = null);
        builder.Services.AddStompBroker(options =>
        {
            options.ShutdownTimeout = TimeSpan.FromSeconds(0.3);
            options.Limits.LingerTimeout = TimeSpan.FromSeconds(0.1);
        });
        await using var app = builder.Build();
        app.MapStompBroker();
        await app.StartAsync(TestContext.Current.CancellationToken);
        var port = new Uri(app.Urls.Single()).Port;
        using var slow = new StompTestClient(await RawWebSocket.ConnectAsync(port, "/ws", receiveBufferBytes: 4096));
        await slow.ConnectAsync("1.2");
        await slow.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/stop"), ("receipt", "r")]);
        await slow.ReadFrameAsync("RECEIPT");
        using var publisher = await StompTestClient.ConnectAsync(port);
        for (var i = 0; i < 12; i++)
        {
            await publisher.SendFrameAsync("SEND", [("destination", "/topic/stop"), ("receipt", "r")], new string('x', MiB));
            await publisher.ReadFrameAsync("RECEIPT");
        }

        if (sends == "a close")
            await slow.Socket.SendCloseAsync(1000);
        if (sends == "a bad frame and more")
        {
            // What it sends behind the refused frame ends the server's receiving; the sending is what must end too.
            await slow.Socket.SendTextAsync("FOO\n\n\0");
            for (var i = 0; i < 200; i++)
                await slow.Socket.SendTextAsync(new string('\n', 1000));
        }

        await app.StopAsync(TestContext.Current.CancellationToken).WaitAsync(Soon, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_client_that_sends_on_and_on_does_not_hold_it_up()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:ShutdownTimeout=00:00:00.300", "Broker:Limits:LingerTimeout=00:00:00.500");
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        var stopped = broker.StopAsync();
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1001);
        var send = async () =>
        {
            while (!stopped.IsCompleted)
                await client.Socket.SendTextAsync(new string('\n', 1000));
        };
        await Task.WhenAny(send(), stopped).WaitAsync(Soon, TestContext.Current.CancellationToken);
        await stopped.WaitAsync(Soon, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_client_that_is_held_for_its_SEND_rate_does_not_hold_it_up()
    {
        await using var broker = await RunningBroker.StartAsync("Broker:Limits:SendsPerSecond=1");
        using var client = await StompTestClient.ConnectAsync(broker.Port);
        await client.Socket.SendTextAsync(string.Concat(Enumerable.Repeat("SEND\ndestination:/topic/a\nreceipt:r\n\n\0", 10)));
        for (var i = 0; i < 10; i++)
            await client.ReadFrameAsync("RECEIPT");
        var since = Stopwatch.GetTimestamp();
        Task stopped = broker.StopAsync();
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1001);
        await client.Socket.SendCloseAsync(1001);
        await stopped;
        Stopwatch.GetElapsedTime(since).Should().BeLessThan(Soon, "it would be held for 9 s");
    }

    [Fact]
    public async Task Logins_that_wait_for_their_turn_do_not_hold_it_up()
    {
        string hash = PasscodeHash.Create("x", 1_000_000).Format();
        await using var broker = await RunningBroker.StartAsync("Broker:Users:0:Login=u", "Broker:Users:0:PasscodeHash=" + hash, "Broker:Limits:LingerTimeout=00:00:00.100");
        var clients = new List<StompTestClient>();
        for (var i = 0; i < 60; i++)
        {
            clients.Add(await StompTestClient.OpenAsync(broker.Port));
            await clients[i].SendFrameAsync("CONNECT", [("accept-version", "1.2"), ("login", "u"), ("passcode", $"wrong{i}")]);
        }

        await broker.StopAsync().WaitAsync(Soon, TestContext.Current.CancellationToken);
        clients.ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task A_session_that_begins_while_the_others_are_told_to_go_is_told_too()
    {
        await using var broker = new MemoryBroker();
        broker.Environment.Sessions.Stop();
        using var client = broker.Open();
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1001);
    }

    private static async Task<StompTestClient> SubscribeAsync(RunningBroker broker)
    {
        var client = new StompTestClient(await RawWebSocket.ConnectAsync(broker.Port, "/ws", receiveBufferBytes: 4096));
        await client.ConnectAsync("1.2");
        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/stop"), ("receipt", "r")]);
        await client.ReadFrameAsync("RECEIPT");
        return client;
    }

    private static async Task PublishAsync(RunningBroker broker, int count)
    {
        using var publisher = await StompTestClient.ConnectAsync(broker.Port);
        for (var i = 0; i < count; i++)
        {
            await publisher.SendFrameAsync("SEND", [("destination", "/topic/stop"), ("receipt", "r")], new string('x', MiB));
            await publisher.ReadFrameAsync("RECEIPT");
        }
    }
}
