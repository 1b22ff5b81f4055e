using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 3: "Any frame before CONNECT, a second CONNECT, a CONNECT with a body: err+close. `receipt` on CONNECT is ignored. EOLs before
/// CONNECT are fine. No complete CONNECT within 10 s of the upgrade: err+close, whatever else came. Frames pipelined behind CONNECT are
/// processed in order, after authentication."
/// </summary>
public class BeforeConnectTests
{
    [Theory]
    [InlineData("SEND\ndestination:/topic/a")]
    [InlineData("SUBSCRIBE\nid:s\ndestination:/topic/a")]
    [InlineData("UNSUBSCRIBE\nid:s")]
    [InlineData("ACK\nid:1-1")]
    [InlineData("NACK\nid:1-1")]
    [InlineData("BEGIN\ntransaction:t")]
    [InlineData("COMMIT\ntransaction:t")]
    [InlineData("ABORT\ntransaction:t")]
    [InlineData("DISCONNECT")]
    public async Task Any_frame_before_CONNECT_is_refused(string frame)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        await client.SendWireAsync($"\n{frame}\nreceipt:r\n\n^@CONNECT\naccept-version:1.2\n\n^@");
        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("not connected");
        error["receipt-id"].Should().Be("r");
    }

    [Theory]
    [InlineData("1.0", "CONNECT")]
    [InlineData("1.1", "STOMP")]
    [InlineData("1.2", "CONNECT")]
    public async Task A_second_CONNECT_is_refused_and_its_receipt_ignored(string version, string command)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.SendWireAsync($"BEGIN\ntransaction:t\nreceipt:1\n\n^@{command}\naccept-version:{version}\nreceipt:r\n\n^@");
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("1");
        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be("already connected");
        error["receipt-id"].Should().BeNull();
    }

    [Theory]
    [InlineData("CONNECT\naccept-version:1.2\nreceipt:r\n\nbody^@", "body not allowed")]
    [InlineData("STOMP\naccept-version:1.2\nreceipt:r\ncontent-length:4\n\nbody^@", "body not allowed")]
    [InlineData("CONNECT\nreceipt:r\ncontent-length:x\n\n^@", "bad content-length")]
    [InlineData("CONNECT\nreceipt:r\nno colon\n\n^@", "malformed header")]
    [InlineData("CONNECT\nreceipt:r\nheart-beat:1\n\n^@", "bad heart-beat")]
    [InlineData("CONNECT\nreceipt:r\n^@", "NUL in headers")]
    public async Task A_CONNECT_with_a_fault_is_refused_and_its_receipt_ignored(string frame, string message)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        await client.SendWireAsync(frame);
        TestFrame error = await client.ReadErrorAndEndAsync();
        error["message"].Should().Be(message);
        error["receipt-id"].Should().BeNull();

        using StompTestClient connected = await broker.ConnectAsync();
        await connected.SendWireAsync(frame);
        (await connected.ReadErrorAndEndAsync())["receipt-id"].Should().BeNull();
    }

    [Fact]
    public async Task The_receipt_of_a_CONNECT_gets_no_RECEIPT()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(headers: ("receipt", "r"));
        client.Connected!["receipt-id"].Should().BeNull();
        await client.SendAndAwaitAsync("BEGIN", ("transaction", "t"));
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n\n\r\n\r\n\n\n")]
    [InlineData("^@\n")]
    public async Task Line_ends_before_CONNECT_are_fine(string before)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        await client.SendWireAsync(before);
        await client.ReadUpToNowAsync();
        await client.SendWireAsync(before + "CONNECT\naccept-version:1.2\n\n^@");
        await client.ReadFrameAsync("CONNECTED");
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("line ends")]
    [InlineData("pings")]
    [InlineData("pongs")]
    [InlineData("half a CONNECT")]
    [InlineData("a CONNECT byte by byte")]
    [InlineData("a fragment")]
    public async Task Without_a_complete_CONNECT_in_10_s_the_connection_ends_whatever_else_came(string what)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        byte[] connect = SessionSteps.Wire("CONNECT\naccept-version:1.2\npadding:" + new string('x', 100) + "\n\n^@");
        if (what == "half a CONNECT")
            await client.Socket.SendBinaryAsync(connect.AsMemory(0, 30));
        for (int i = 0; i < 99; i++)
        {
            switch (what)
            {
                case "line ends":
                    await client.SendWireAsync("\r\n\n");
                    break;
                case "pings":
                    await client.Socket.SendFrameAsync(ClientFrame.Ping, ReadOnlyMemory<byte>.Empty);
                    (await client.Socket.ReadFrameAsync()).Opcode.Should().Be(ClientFrame.Pong);
                    break;
                case "pongs":
                    await client.Socket.SendFrameAsync(ClientFrame.Pong, ReadOnlyMemory<byte>.Empty);
                    break;
                case "a CONNECT byte by byte":
                    await client.Socket.SendBinaryAsync(connect.AsMemory(i, 1));
                    break;
                case "a fragment" when i == 0:
                    await client.Socket.SendFrameAsync(ClientFrame.Text, "CONNECT\n"u8.ToArray(), fin: false);
                    break;
            }

            broker.Time.Advance(TimeSpan.FromMilliseconds(100));
            broker.Environment.Sessions.All.Should().ContainSingle(s => s.CloseReason == Messaging.CloseReason.None, "{0} s passed", 0.1 * (i + 1));
        }

        broker.Time.Advance(TimeSpan.FromMilliseconds(500));
        (await client.ReadErrorAndEndAsync())["message"].Should().Be("login timeout");
        broker.Environment.Sessions.All.Should().BeEmpty();
    }

    [Fact]
    public async Task A_CONNECT_just_in_time_is_in_time_and_the_clock_of_the_login_is_off_then()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        broker.Time.Advance(TimeSpan.FromSeconds(9.9));
        await client.ConnectAsync("1.2");
        broker.Time.Advance(TimeSpan.FromSeconds(14));
        await client.SendAndAwaitAsync("BEGIN", ("transaction", "t"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Frames_behind_CONNECT_are_processed_in_order_after_authentication(bool usersAreConfigured)
    {
        await using var broker = new MemoryBroker(options =>
        {
            if (usersAreConfigured)
                options.AddUser("alice");
        });
        for (int round = 0; round < 3; round++) // the first has its passcode checked elsewhere, the others are remembered
        {
            using StompTestClient client = broker.Open();
            string frames = "CONNECT\naccept-version:1.1\nlogin:alice\npasscode:secret\n\n^@\n\r\nSUBSCRIBE\nid:s\\cs\ndestination:/topic/a\nreceipt:1\n\n^@";
            for (int i = 0; i < 20; i++)
                frames += $"SEND\ndestination:/topic/a\nk:\\c{i}\n\n^@";
            await client.SendWireAsync(frames + "DISCONNECT\nreceipt:2\n\n^@");

            await client.ReadFrameAsync("CONNECTED");
            SpecParser.Parse(await client.ReadWireAsync(), "1.1")["receipt-id"].Should().Be("1");
            for (int i = 0; i < 20; i++)
            {
                SpecFrame message = SpecParser.Parse(await client.ReadWireAsync(), "1.1");
                (message["k"], message["subscription"], message["user-id"]).Should().Be(($":{i}", "s:s", "alice"));
            }

            SpecParser.Parse(await client.ReadWireAsync(), "1.1")["receipt-id"].Should().Be("2");
            (await client.Socket.ReadCloseAsync()).Code.Should().Be(1000);
            await client.Socket.SendCloseAsync(1000);
            (await client.Socket.ReadToEndAsync()).Bytes.Should().BeEmpty();
        }
    }

    [Fact]
    public async Task A_large_frame_behind_CONNECT_has_the_larger_limit()
    {
        await using var broker = new MemoryBroker(options => options.AddUser("alice"));
        using StompTestClient client = broker.Open(unread: 1024 * 1024);
        await client.SendWireAsync("CONNECT\naccept-version:1.2\nlogin:alice\npasscode:secret\n\n^@SUBSCRIBE\nid:s\ndestination:/topic/a\n\n^@"
            + "SEND\ndestination:/topic/a\n\n" + new string('x', 200_000) + "^@");
        await client.ReadFrameAsync("CONNECTED");
        (await client.ReadFrameAsync("MESSAGE")).Body.Should().HaveCount(200_000);
    }
}
