using System.Text;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 2: "In: text or binary WebSocket messages; many frames in one message; one frame over many messages, split at any byte; any
/// number of LF or CR LF between frames, and a lone NUL there; CR LF line ends in every version (the CR is no part of the value). One
/// message of at most 16 MiB."
/// </summary>
public class FramesInTests
{
    // Every kind of byte that a split can fall behind: CR, LF, an escape, two-byte characters, NUL in a body, EOLs between frames.
    private const string Sends =
        "SEND\r\ndestination:/topic/a\r\nk\u00e9y:\\n\u00e9\r\ncontent-length:4\r\n\r\n\u00e9^@!^@\r\n\n^@\nSEND\ndestination:/topic/a\n\nsecond^@";

    public static TheoryData<string> Versions => SessionSteps.Versions;

    [Theory]
    [InlineData(ClientFrame.Text)]
    [InlineData(ClientFrame.Binary)]
    public async Task Text_and_binary_messages_are_the_same_to_the_broker(byte opcode)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await SubscriberAsync(broker);
        await client.Socket.SendFrameAsync(opcode, SessionSteps.Wire(Sends));
        await ReadBothAsync(client);
    }

    [Theory]
    [InlineData(ClientFrame.Text)]
    [InlineData(ClientFrame.Binary)]
    public async Task A_whole_conversation_fits_into_one_message(byte opcode)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        await client.Socket.SendFrameAsync(opcode, SessionSteps.Wire(
            "CONNECT\naccept-version:1.2\n\n^@\nSUBSCRIBE\nid:s\ndestination:/topic/a\n\n^@" + Sends + "DISCONNECT\nreceipt:r\n\n^@"));
        await client.ReadFrameAsync("CONNECTED");
        await ReadBothAsync(client);
        await client.ReadFrameAsync("RECEIPT");
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1000);
    }

    [Fact]
    public async Task A_thousand_frames_in_one_message_are_processed_in_order()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await SubscriberAsync(broker);
        await client.SendWireAsync(string.Concat(Enumerable.Range(0, 1000).Select(i => $"SEND\ndestination:/topic/a\nn:{i}\n\n{i}^@")));
        for (int i = 0; i < 1000; i++)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            (message["n"], message.Text).Should().Be(($"{i}", $"{i}"));
        }
    }

    [Fact]
    public async Task A_frame_may_be_split_over_two_messages_at_every_byte()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await SubscriberAsync(broker);
        byte[] bytes = SessionSteps.Wire(Sends);
        for (int split = 1; split < bytes.Length; split++)
        {
            await client.Socket.SendBinaryAsync(bytes.AsMemory(0, split));
            List<RawFrame> early = await client.ReadUpToNowAsync(); // the broker has seen the first part alone
            await client.Socket.SendBinaryAsync(bytes.AsMemory(split));
            early.Should().HaveCountLessThanOrEqualTo(1);
            if (early.Count == 0)
                await ReadFirstAsync(client);
            (await client.ReadFrameAsync("MESSAGE")).Text.Should().Be("second", "split at {0}", split);
        }
    }

    [Theory]
    [InlineData(ClientFrame.Text)]
    [InlineData(ClientFrame.Binary)]
    public async Task A_frame_may_be_split_over_two_fragments_at_every_byte(byte opcode)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await SubscriberAsync(broker);
        byte[] bytes = SessionSteps.Wire(Sends);
        for (int split = 0; split <= bytes.Length; split++)
        {
            await client.Socket.SendFrameAsync(opcode, bytes.AsMemory(0, split), fin: false);
            List<RawFrame> early = await client.ReadUpToNowAsync();
            await client.Socket.SendFrameAsync(ClientFrame.Continuation, bytes.AsMemory(split));
            early.Should().HaveCountLessThanOrEqualTo(2);
            if (early.Count == 0)
                await ReadFirstAsync(client);
            if (early.Count < 2)
                (await client.ReadFrameAsync("MESSAGE")).Text.Should().Be("second", "split at {0}", split);
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_conversation_of_one_byte_per_message_and_per_fragment_is_understood(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        string conversation = $"CONNECT\r\naccept-version:{version}\r\n\r\n^@\r\n\nSUBSCRIBE\nid:s\ndestination:/topic/a\n\n^@" + Sends;
        byte[] bytes = SessionSteps.Wire(conversation);
        foreach (byte one in bytes)
            await client.Socket.SendBinaryAsync(new[] { one });
        await client.ReadFrameAsync("CONNECTED");
        await ReadBothAsync(client, version);

        byte[] more = SessionSteps.Wire(Sends);
        for (int i = 0; i < more.Length; i++)
            await client.Socket.SendFrameAsync(i == 0 ? ClientFrame.Text : ClientFrame.Continuation, more.AsMemory(i, 1), fin: i == more.Length - 1);
        await ReadBothAsync(client, version);
    }

    [Fact]
    public async Task The_bytes_beneath_may_arrive_one_by_one_too()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await SubscriberAsync(broker);
        foreach (byte one in ClientFrame.Encode(ClientFrame.Text, SessionSteps.Wire(Sends)))
            await client.Socket.SendRawAsync(new[] { one });
        await ReadBothAsync(client);
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    [InlineData("\n\n\n\r\n\r\n\n")]
    [InlineData("^@")]
    [InlineData("\n^@\r\n^@\n")]
    [InlineData("^@^@^@")]
    [InlineData("")]
    public async Task Any_number_of_line_ends_and_NULs_may_stand_between_frames(string between)
    {
        await using var broker = new MemoryBroker();
        foreach (string version in SessionSteps.Versions.Select(row => row.Data))
        {
            using StompTestClient client = await broker.ConnectAsync(version);
            await client.SendWireAsync($"{between}SUBSCRIBE\nid:s\ndestination:/topic/a\n\n^@{between}SEND\ndestination:/topic/a\n\n1^@{between}");
            await client.SendWireAsync(between);
            await client.SendWireAsync($"{between}SEND\ndestination:/topic/a\n\n2^@");
            (await client.ReadFrameAsync("MESSAGE")).Text.Should().Be("1");
            (await client.ReadFrameAsync("MESSAGE")).Text.Should().Be("2");
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Lines_may_end_in_CR_LF_and_the_CR_is_no_part_of_the_value(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        await client.SendWireAsync($"CONNECT\r\naccept-version:{version}\r\nlogin:me\r\n\r\n^@");
        TestFrame connected = await client.ReadFrameAsync("CONNECTED");
        (connected["version"], connected["user-name"]).Should().Be((version, "me"));
        await client.SendWireAsync("SUBSCRIBE\r\nid:s\r\ndestination:/topic/a\r\nreceipt:r\r\n\r\n^@");
        await client.SendWireAsync("SEND\r\ndestination:/topic/a\r\nmixed:1\nkey:value\r\nempty:\r\n\r\n\r\nbody\r\n^@");
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("r");
        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        message["subscription"].Should().Be("s");
        message["destination"].Should().Be("/topic/a");
        (message["mixed"], message["key"], message["empty"]).Should().Be(("1", "value", ""));
        message.Text.Should().Be("\r\nbody\r\n");
    }

    [Fact]
    public async Task A_message_of_16_MiB_is_accepted_and_a_larger_one_refused_when_it_is_announced()
    {
        const int Limit = 16 * 1024 * 1024;
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        byte[] message = new byte[Limit];
        message.AsSpan().Fill((byte)'\n');
        byte[] frame = SessionSteps.Wire("BEGIN\ntransaction:t\nreceipt:r\n\n^@");
        frame.CopyTo(message.AsSpan(Limit - frame.Length));
        await client.Socket.SendFrameAsync(ClientFrame.Text, message);
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("r");

        await client.Socket.SendFrameAsync(ClientFrame.Text, "\n"u8.ToArray(), announcedLength: Limit + 1);
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1009);
    }

    private static async Task<StompTestClient> SubscriberAsync(MemoryBroker broker)
    {
        StompTestClient client = await broker.ConnectAsync();
        await client.ListenAsync("/topic/a");
        return client;
    }

    private static async Task ReadBothAsync(StompTestClient client, string version = "1.2")
    {
        await ReadFirstAsync(client, version);
        (await client.ReadFrameAsync("MESSAGE")).Text.Should().Be("second");
    }

    private static async Task ReadFirstAsync(StompTestClient client, string version = "1.2")
    {
        SpecFrame first = SpecParser.Parse(await client.ReadWireAsync(), version);
        Encoding.UTF8.GetString(first.Body).Should().Be("\u00e9\0!");
        first["k\u00e9y"].Should().Be(version == "1.0" ? "\\n\u00e9" : "\n\u00e9");
    }
}
