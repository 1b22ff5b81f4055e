using System.Text;
using System.Text.Unicode;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>Section 2: "Out: one STOMP frame per WebSocket message; text when the whole frame is valid UTF-8, else binary; LF only."</summary>
public class FramesOutTests
{
    public static TheoryData<byte[], byte> Bodies => new()
    {
        { [], ClientFrame.Text },
        { "plain"u8.ToArray(), ClientFrame.Text },
        { "gr\u00fcn \u20ac \ud83d\ude00"u8.ToArray(), ClientFrame.Text },
        { [0, 0, (byte)'a', 0], ClientFrame.Text },
        { [0xFF], ClientFrame.Binary },
        { [(byte)'a', 0xC3], ClientFrame.Binary }, // a character cut short, which the NUL behind it does not complete
        { [0xC0, 0x80], ClientFrame.Binary }, // NUL, too long
        { [0xED, 0xA0, 0x80], ClientFrame.Binary }, // a surrogate
        { [0xF4, 0x90, 0x80, 0x80], ClientFrame.Binary }, // beyond Unicode
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task A_message_is_text_exactly_where_the_whole_frame_is_UTF_8(byte[] body, byte opcode)
    {
        await using var broker = new MemoryBroker();
        foreach (string ack in new[] { "auto", "client" })
        {
            foreach (string version in SessionSteps.Versions.Select(row => row.Data))
            {
                using StompTestClient client = await broker.ConnectAsync(version);
                await client.ListenAsync("/topic/a", "s", ("ack", ack));
                byte[] head = Encoding.UTF8.GetBytes($"SEND\ndestination:/topic/a\nk\u00e9y:\u20ac\ncontent-length:{body.Length}\n\n");
                await client.Socket.SendBinaryAsync((byte[])[.. head, .. body, 0]);
                RawFrame frame = await client.Socket.ReadFrameAsync();
                frame.Opcode.Should().Be(opcode);
                Utf8.IsValid(frame.Payload).Should().Be(opcode == ClientFrame.Text);
                SpecFrame message = SpecParser.Parse(frame.Payload, version);
                message.Body.Should().Equal(body);
                message["k\u00e9y"].Should().Be("\u20ac");
            }
        }
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task Every_frame_of_the_broker_is_one_message_with_LF_alone(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        string frames = $"CONNECT\r\naccept-version:{version}\r\n\r\n^@SUBSCRIBE\r\nid:s\r\ndestination:/topic/a\r\nreceipt:1\r\n\r\n^@";
        for (int i = 0; i < 50; i++)
            frames += $"SEND\r\ndestination:/topic/a\r\nreceipt:2\r\nk:v\r\n\r\nbody {i}^@";
        await client.SendWireAsync(frames + "SEND\r\nreceipt:3\r\n\r\n^@");

        var commands = new List<string>();
        while (commands.LastOrDefault() != "ERROR")
        {
            RawFrame frame = await client.Socket.ReadFrameAsync();
            frame.Fin.Should().BeTrue();
            frame.Opcode.Should().Be(ClientFrame.Text);
            frame.Payload.Should().NotContain((byte)'\r');
            commands.Add(SpecParser.Parse(frame.Payload, version).Command); // which accepts one whole frame and nothing behind it
        }

        commands[..2].Should().Equal("CONNECTED", "RECEIPT");
        commands.Count(c => c == "MESSAGE").Should().Be(50);
        commands.Count(c => c == "RECEIPT").Should().Be(51);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(125)]
    [InlineData(126)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(1_000_000)]
    public async Task A_frame_of_any_size_is_one_message(int size)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(unread: 4 * 1024 * 1024);
        await client.ListenAsync("/topic/a");
        string body = new('x', size);
        await client.SendFrameAsync("SEND", [("destination", "/topic/a")], body);
        await client.SendFrameAsync("SEND", [("destination", "/topic/a")], "behind");
        RawFrame frame = await client.Socket.ReadFrameAsync();
        frame.Fin.Should().BeTrue();
        SpecParser.Parse(frame.Payload, "1.2").Body.Should().HaveCount(size);
        (await client.ReadFrameAsync("MESSAGE")).Text.Should().Be("behind");
    }
}
