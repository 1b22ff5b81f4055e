using System.Globalization;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Broker.Tests.TestHost;
using Broker.Tests.Transports;

namespace Broker.Tests.Samples;

/// <summary>
/// The conformance fixture, and with it the transport that ships, held to RFC 6455 over real sockets: the cases of the Autobahn
/// suite in a condensed form, and an independent client.
/// </summary>
public sealed class EchoHostTests(RunningEcho echo) : IClassFixture<RunningEcho>
{
    private const string Path = "/echo";
    private const int MiB = 1024 * 1024;

    public static TheoryData<string> Groups => ["1", "not", "top", "2", "unmasked", "3", "4", "5", "6", "7"];

    [Theory]
    [MemberData(nameof(Groups))]
    public async Task Every_case_of_the_suite_is_answered_as_RFC_6455_has_it(string group)
    {
        var cases = AutobahnCases.All.Where(c => c.Key.Split('.', ' ', ':')[0] == group).ToList();
        cases.Should().NotBeEmpty();
        foreach (var (name, (bytes, events)) in cases)
        {
            using var client = await RawWebSocket.ConnectAsync(echo.Port, Path);
            await client.SendRawAsync(bytes);
            foreach (var expected in events.Where(e => !e.StartsWith("Pong", StringComparison.Ordinal)))
                Answer(await client.ReadFrameAsync()).Should().Be(AnswerTo(expected), "of case {0}", name);

            if (!events[^1].StartsWith("Error", StringComparison.Ordinal) && !events[^1].StartsWith("Close", StringComparison.Ordinal))
            {
                await client.SendCloseAsync(1000);
                (await client.ReadCloseAsync()).Code.Should().Be(1000, "case {0} leaves the connection as it was", name);
            }

            client.EndSending();
            (await client.ReadToEndAsync()).Should().BeEquivalentTo((Array.Empty<byte>(), StreamEnd.Fin), "nothing follows the close in case {0}", name);
        }
    }

    [Theory]
    [InlineData(MiB)]
    [InlineData(16 * MiB)]
    public async Task Large_messages_come_back_whole(int length)
    {
        using var client = await RawWebSocket.ConnectAsync(echo.Port, Path);
        var payload = RandomNumberGenerator.GetBytes(length);
        var sending = client.SendBinaryAsync(payload);
        var frame = await client.ReadFrameAsync();
        await sending;
        frame.Opcode.Should().Be(ClientFrame.Binary);
        frame.Payload.AsSpan().SequenceEqual(payload).Should().BeTrue();
    }

    [Fact]
    public async Task A_byte_more_than_16_MiB_is_refused_when_it_is_announced()
    {
        using var client = await RawWebSocket.ConnectAsync(echo.Port, Path);
        await client.SendFrameAsync(ClientFrame.Binary, default, announcedLength: (16 * MiB) + 1);
        (await client.ReadCloseAsync()).Code.Should().Be(1009);
    }

    [Fact]
    public async Task A_MiB_of_text_in_fragments_of_64_bytes_comes_back_as_one_message_and_pings_in_between_are_answered()
    {
        using var client = await RawWebSocket.ConnectAsync(echo.Port, Path);
        var text = new string('é', MiB / 2);
        var payload = Encoding.UTF8.GetBytes(text);
        var wire = new List<byte>();
        for (var at = 0; at < payload.Length; at += 64)
        {
            var isLast = at + 64 >= payload.Length;
            wire.AddRange(ClientFrame.Encode(at == 0 ? ClientFrame.Text : ClientFrame.Continuation, payload.AsSpan(at, 64), fin: isLast));
            if (at == payload.Length / 2)
                wire.AddRange(ClientFrame.Encode(ClientFrame.Ping, "half"u8));
        }

        await client.SendRawAsync(wire.ToArray());
        (await client.ReadFrameAsync()).Should().BeEquivalentTo(new { Opcode = ClientFrame.Pong, Text = "half" });
        var frame = await client.ReadFrameAsync();
        frame.Opcode.Should().Be(ClientFrame.Text);
        (frame.Text == text).Should().BeTrue();
    }

    [Fact]
    public async Task Frames_that_come_a_byte_at_a_time_are_put_together()
    {
        using var client = await RawWebSocket.ConnectAsync(echo.Port, Path);
        foreach (var octet in ClientFrame.Encode(ClientFrame.Text, "κόσμε and more of it, so that the header has its extended length: ............................................................"u8))
            await client.SendRawAsync(new[] { octet });
        (await client.ReadFrameAsync()).Text.Should().StartWith("κόσμε and more");
    }

    [Fact]
    public async Task The_WebSocket_of_NET_sends_receives_and_closes_in_order()
    {
        var test = TestContext.Current.CancellationToken;
        using var client = new ClientWebSocket();
        await client.ConnectAsync(new Uri($"ws://127.0.0.1:{echo.Port}{Path}"), test);
        var buffer = new byte[2 * MiB];
        foreach (var length in new[] { 0, 1, 125, 126, 65535, 65536, MiB })
        {
            var payload = Enumerable.Repeat((byte)'n', length).ToArray();
            var type = length % 2 == 0 ? WebSocketMessageType.Text : WebSocketMessageType.Binary;
            await client.SendAsync(payload, type, endOfMessage: true, test);
            var received = 0;
            ValueWebSocketReceiveResult result;
            do
            {
                result = await client.ReceiveAsync(buffer.AsMemory(received), test);
                received += result.Count;
            }
            while (!result.EndOfMessage);
            result.MessageType.Should().Be(type);
            buffer.AsSpan(0, received).SequenceEqual(payload).Should().BeTrue();
        }

        await client.CloseAsync((WebSocketCloseStatus)4321, "bye", test);
        client.State.Should().Be(WebSocketState.Closed);
        client.CloseStatus.Should().Be((WebSocketCloseStatus)4321);
    }

    [Fact]
    public async Task A_client_that_stops_reading_is_no_longer_read_from_and_can_go_on_later()
    {
        using var client = await RawWebSocket.ConnectAsync(echo.Port, Path, receiveBufferBytes: 4096);
        var payload = new byte[MiB];
        async Task SendAsync()
        {
            for (var i = 0; i < 24; i++)
                await client.SendBinaryAsync(payload);
        }

        var sending = SendAsync();
        for (var i = 0; i < 24; i++)
            (await client.ReadFrameAsync()).Payload.Length.Should().Be(MiB);
        await sending;
    }

    [Fact]
    public async Task An_unknown_subprotocol_does_not_matter_and_none_is_echoed()
    {
        using var client = await RawWebSocket.ConnectAsync(echo.Port, Path, ("Sec-WebSocket-Protocol", "anything"));
        client.Handshake.Header("Sec-WebSocket-Protocol").Should().BeNull();
    }

    [Fact]
    public async Task What_is_no_WebSocket_gets_the_refusal_of_the_broker_s_handshake()
    {
        var response = await RawHttp.ExchangeAsync(echo.Port, $"GET {Path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        response.Status.Should().Be(400);
        response.Body.Should().Contain("does not ask for a WebSocket");
    }

    private static string AnswerTo(string seen) => seen.Split(' ', 2) switch
    {
        ["Error", "Protocol"] => "Close 1002",
        ["Error", "BadUtf8"] => "Close 1007",
        ["Error", "MessageTooLarge"] => "Close 1009",
        ["Close", var code] => "Close " + code.Split(' ')[0],
        _ => seen,
    };

    private static string Answer(RawFrame frame) => frame.Opcode switch
    {
        ClientFrame.Close => "Close " + RawWebSocket.CloseOf(frame).Code.ToString(CultureInfo.InvariantCulture),
        ClientFrame.Pong => FrameTrace.Message(isText: true, frame.Payload).Replace("Text", "Ping", StringComparison.Ordinal),
        _ => FrameTrace.Message(frame.Opcode == ClientFrame.Text, frame.Payload),
    };
}
