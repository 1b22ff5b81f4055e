using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Broker.Delivery;
using Broker.Tests.TestHost;
using Broker.Transports.WebSockets;

namespace Broker.Tests.Transports;

/// <summary>The codec between a real Kestrel and the test clients, each of which holds the other to the protocol.</summary>
public sealed class CodecOverKestrelTests(HandshakeHost host) : IClassFixture<HandshakeHost>
{
    [Fact]
    public async Task Frames_of_every_length_are_echoed_and_the_close_answered()
    {
        host.AfterUpgrade = EchoAsync;
        using var client = await RawWebSocket.ConnectAsync(host.Port);
        foreach (var length in new[] { 0, 1, 125, 126, 65535, 65536, 300_000 })
        {
            var text = new string('x', length);
            await client.SendTextAsync(text);
            var frame = await client.ReadFrameAsync();
            frame.Opcode.Should().Be(ClientFrame.Text);
            frame.Text.Should().Be(text);
        }

        await client.SendFrameAsync(ClientFrame.Ping, "are you there"u8.ToArray());
        (await client.ReadFrameAsync()).Should().BeEquivalentTo(new { Opcode = ClientFrame.Pong, Text = "are you there", Fin = true });
        await client.SendCloseAsync(1000, "bye");
        (await client.ReadCloseAsync()).Should().Be((1000, "bye"));
        (await client.ReadToEndAsync()).End.Should().Be(StreamEnd.Fin);
    }

    [Fact]
    public async Task A_violation_is_answered_with_its_close_code()
    {
        host.AfterUpgrade = EchoAsync;
        using var client = await RawWebSocket.ConnectAsync(host.Port);
        await client.SendFrameAsync(ClientFrame.Binary, default, announcedLength: 1L << 40);
        (await client.ReadCloseAsync()).Should().Be((1009, ""));
    }

    [Fact]
    public async Task The_STOMP_client_decodes_headers_and_body_and_skips_heart_beats()
    {
        host.AfterUpgrade = async stream =>
        {
            await WriteAsync(stream, WebSocketOpcode.Text, "CONNECTED\nversion:1.2\nsession:a\\b\n\n\0"u8);
            await WriteAsync(stream, WebSocketOpcode.Text, "\n"u8);
            await WriteAsync(stream, WebSocketOpcode.Ping, ""u8);
            await WriteAsync(stream, WebSocketOpcode.Binary, [.. "MESSAGE\na\\cb:c\\r\\n\\\\\ncontent-length:3\na\\cb:again\n\n"u8, 0xFF, 0, (byte)'x', 0]);
            await EchoAsync(stream);
        };
        using var client = await StompTestClient.ConnectAsync(host.Port);
        client.Connected!["session"].Should().Be("a\\b", "CONNECTED is not escaped");

        // The CONNECT comes back from the echo, behind what the server had written before it read.
        var message = await client.ReadFrameAsync("MESSAGE");
        message.Headers.Should().Equal([new("a:b", "c\r\n\\"), new("content-length", "3"), new("a:b", "again")]);
        message["a:b"].Should().Be("c\r\n\\");
        message.Body.Should().Equal(0xFF, 0, (byte)'x');
        client.HeartBeats.Should().Be(1);
        (await client.ReadFrameAsync("CONNECT"))["accept-version"].Should().Be("1.2");
    }

    private static async Task EchoAsync(Stream stream)
    {
        var input = PipeReader.Create(stream);
        var frames = new WebSocketFrameReader(1024 * 1024);
        var message = new ArrayBufferWriter<byte>();
        while (true)
        {
            var read = await input.ReadAsync();
            var bytes = read.Buffer;
            while (frames.Read(ref bytes, message, int.MaxValue) is var kind and not WebSocketRead.NeedMore)
            {
                switch (kind)
                {
                    case WebSocketRead.EndOfMessage:
                        await WriteAsync(stream, frames.IsText ? WebSocketOpcode.Text : WebSocketOpcode.Binary, message.WrittenSpan);
                        message.ResetWrittenCount();
                        break;
                    case WebSocketRead.Ping:
                        await WriteAsync(stream, WebSocketOpcode.Pong, frames.Control);
                        break;
                    case WebSocketRead.Close:
                        await WriteAsync(stream, WebSocketOpcode.Close, frames.Control);
                        return;
                    case WebSocketRead.Error:
                        await WriteCloseAsync(stream, frames.Error == WebSocketError.MessageTooLarge ? 1009 : 1002);
                        return;
                }
            }

            input.AdvanceTo(bytes.Start, bytes.End);
            if (read.IsCompleted)
                return;
        }
    }

    private static Task WriteAsync(Stream stream, byte opcode, ReadOnlySpan<byte> payload) =>
        stream.WriteAsync(WireFrame.Create(opcode, payload)).AsTask();

    private static Task WriteCloseAsync(Stream stream, int code)
    {
        var payload = new byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)code);
        return WriteAsync(stream, WebSocketOpcode.Close, payload);
    }
}
