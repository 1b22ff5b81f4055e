using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Broker.Tests.TestHost;

/// <summary>A frame as the server sent it.</summary>
internal sealed record RawFrame(byte Opcode, byte[] Payload, bool Fin)
{
    public string Text => Encoding.UTF8.GetString(Payload);
}

/// <summary>
/// A WebSocket client for hostile tests: it sends whatever it is told, answers nothing by itself, reads only when asked, and
/// holds the server to RFC 6455 in what it reads.
/// </summary>
internal sealed class RawWebSocket : IDisposable
{
    private readonly RawSocket _socket;
    private readonly RawHttpResponse? _handshake;

    private RawWebSocket(RawSocket socket, RawHttpResponse? handshake) => (_socket, _handshake) = (socket, handshake);

    /// <summary>A WebSocket after its handshake, over a transport in memory.</summary>
    public RawWebSocket(Stream stream)
        : this(new RawSocket(stream), handshake: null)
    {
    }

    /// <summary>The server's 101.</summary>
    public RawHttpResponse Handshake => _handshake ?? throw new InvalidOperationException("There was no handshake.");

    public TimeSpan Patience
    {
        get => _socket.Patience;
        set => _socket.Patience = value;
    }

    /// <param name="port">A port of 127.0.0.1.</param>
    /// <param name="path">Path and query.</param>
    /// <param name="headers">More headers; one of a default's name replaces it.</param>
    public static Task<RawWebSocket> ConnectAsync(int port, string path = "/ws", params (string Name, string Value)[] headers) =>
        ConnectAsync(port, path, receiveBufferBytes: null, headers);

    /// <summary>As above, with a small receive buffer: a client that stops reading is felt by the server after few bytes.</summary>
    public static async Task<RawWebSocket> ConnectAsync(
        int port, string path, int? receiveBufferBytes, params (string Name, string Value)[] headers)
    {
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        var socket = await RawSocket.ConnectAsync(port, receiveBufferBytes);
        await socket.SendAsync(Request(port, path, key, [.. headers]));
        var response = await RawHttp.ReadHeadAsync(socket);
        if (response.Status != 101)
        {
            var (body, _) = await socket.ReadToEndAsync();
            socket.Dispose();
            throw new InvalidOperationException($"The handshake was refused with {response.Status}: {Encoding.UTF8.GetString(body)}");
        }

        response.Header("Upgrade").Should().BeEquivalentTo("websocket");
        response.Header("Connection").Should().BeEquivalentTo("Upgrade");
        response.Header("Sec-WebSocket-Accept").Should().Be(AcceptOf(key));
        return new RawWebSocket(socket, response);
    }

    /// <summary>A valid opening handshake, in which the headers replace the defaults of their names; a null value removes one.</summary>
    public static string Request(int port, string path, string key, params (string Name, string? Value)[] headers)
    {
        (string Name, string? Value)[] defaults =
        [
            ("Host", $"localhost:{port}"),
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", key),
        ];
        var request = new StringBuilder($"GET {path} HTTP/1.1\r\n");
        foreach (var (name, value) in defaults
            .Where(d => !headers.Any(h => h.Name.Equals(d.Name, StringComparison.OrdinalIgnoreCase)))
            .Concat(headers)
            .Where(h => h.Value is not null))
        {
            request.Append(name).Append(": ").Append(value).Append("\r\n");
        }

        return request.Append("\r\n").ToString();
    }

    public static string AcceptOf(string key) =>
#pragma warning disable CA5350 // RFC 6455, section 4.2.2, prescribes SHA-1.
        Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350

    public Task SendTextAsync(string text) => SendFrameAsync(ClientFrame.Text, Encoding.UTF8.GetBytes(text));

    public Task SendBinaryAsync(ReadOnlyMemory<byte> payload) => SendFrameAsync(ClientFrame.Binary, payload);

    public Task SendCloseAsync(int code, string reason = "") =>
        SendFrameAsync(ClientFrame.Close, ClientFrame.CloseBody(code, Encoding.UTF8.GetBytes(reason)));

    /// <summary>One frame, as wrong as wanted; with an announced length beyond the payload's, one without its end.</summary>
    public Task SendFrameAsync(
        byte opcode, ReadOnlyMemory<byte> payload, bool fin = true, int rsv = 0, bool masked = true, long? announcedLength = null) =>
        SendRawAsync(ClientFrame.Encode(opcode, payload.Span, fin, rsv, masked, announcedLength));

    /// <summary>Bytes as they are.</summary>
    public Task SendRawAsync(ReadOnlyMemory<byte> bytes) => _socket.SendAsync(bytes);

    /// <inheritdoc cref="RawSocket.SkipAsync"/>
    public Task SkipAsync(byte mark, int count, string what) => _socket.SkipAsync(mark, count, what);

    public async Task<RawFrame> ReadFrameAsync()
    {
        const string What = "a WebSocket frame";
        var head = await _socket.ReadExactlyAsync(2, What);
        (head[0] & 0x70).Should().Be(0, "no extension was negotiated");
        (head[1] & 0x80).Should().Be(0, "a server must not mask (RFC 6455, section 5.1)");
        long length = head[1];
        if (length == 126)
        {
            length = BinaryPrimitives.ReadUInt16BigEndian(await _socket.ReadExactlyAsync(2, What));
            length.Should().BeGreaterThan(125, "a length has its shortest form (section 5.2)");
        }
        else if (length == 127)
        {
            length = BinaryPrimitives.ReadInt64BigEndian(await _socket.ReadExactlyAsync(8, What));
            length.Should().BeGreaterThan(ushort.MaxValue, "a length has its shortest form (section 5.2)");
        }

        var frame = new RawFrame((byte)(head[0] & 0x0F), await _socket.ReadExactlyAsync((int)length, What), (head[0] & 0x80) != 0);
        if (frame.Opcode >= ClientFrame.Close)
            (frame.Fin && length <= 125).Should().BeTrue("a control frame is whole and short (section 5.5)");
        return frame;
    }

    /// <summary>The next frame, which must be a close; 1005 stands for one without a code.</summary>
    public async Task<(int Code, string Reason)> ReadCloseAsync()
    {
        var frame = await ReadFrameAsync();
        frame.Opcode.Should().Be(ClientFrame.Close, "a close frame was expected, not '{0}'", frame.Text);
        return CloseOf(frame);
    }

    public static (int Code, string Reason) CloseOf(RawFrame frame)
    {
        if (frame.Payload.Length == 0)
            return (1005, "");
        frame.Payload.Length.Should().BeGreaterThan(1, "a close's body begins with two bytes of code");
        return (BinaryPrimitives.ReadUInt16BigEndian(frame.Payload), new UTF8Encoding(false, true).GetString(frame.Payload, 2, frame.Payload.Length - 2));
    }

    /// <summary>All bytes that still come, and whether the end was in order or a reset.</summary>
    public Task<(byte[] Bytes, StreamEnd End)> ReadToEndAsync() => _socket.ReadToEndAsync();

    /// <summary>Ends this side in order (FIN) without a close frame.</summary>
    public void EndSending() => _socket.EndSending();

    /// <summary>Vanishes: a reset, no close frame.</summary>
    public void Abort() => _socket.Abort();

    public void Dispose() => _socket.Dispose();
}
