using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Broker.Tests.TestHost;

/// <summary>A STOMP frame as the server sent it, the headers decoded and in their order.</summary>
internal sealed record TestFrame(string Command, IReadOnlyList<KeyValuePair<string, string>> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);

    /// <summary>The first header of that name (of repeated ones the first counts), null where there is none.</summary>
    public string? this[string name] => Headers.Where(h => h.Key == name).Select(h => h.Value).FirstOrDefault();

    public override string ToString() => $"{Command} {string.Join(' ', Headers.Select(h => $"{h.Key}:{h.Value}"))} | {Text}";
}

/// <summary>
/// A STOMP client without memory: it encodes, decodes, and holds the server to one STOMP frame per WebSocket message, lines
/// that end in LF alone, and a text message exactly where the frame is UTF-8.
/// </summary>
internal sealed class StompTestClient : IDisposable
{
    private string _version = "1.2";

    public StompTestClient(RawWebSocket socket) => Socket = socket;

    /// <summary>What lies beneath, for what this client does not do.</summary>
    public RawWebSocket Socket { get; }

    /// <summary>The CONNECTED frame.</summary>
    public TestFrame? Connected { get; private set; }

    /// <summary>The server's heart-beats that were skipped so far.</summary>
    public int HeartBeats { get; private set; }

    /// <summary>Whether a ping that is met while reading is answered; a test of silence turns it off.</summary>
    public bool AnswersPings { get; set; } = true;

    /// <summary>Upgrades only: nothing of STOMP was sent yet.</summary>
    public static async Task<StompTestClient> OpenAsync(int port, string path = "/ws", params (string Name, string Value)[] httpHeaders) =>
        new(await RawWebSocket.ConnectAsync(port, path, httpHeaders));

    /// <summary>Upgrades, sends CONNECT with these headers besides <c>accept-version</c> and <c>host</c>, and awaits CONNECTED.</summary>
    public static async Task<StompTestClient> ConnectAsync(
        int port, string versions = "1.2", string path = "/ws", params (string Name, string Value)[] headers)
    {
        var client = await OpenAsync(port, path);
        await client.ConnectAsync(versions, headers);
        return client;
    }

    /// <summary>Sends CONNECT and awaits CONNECTED, on an opened connection.</summary>
    public async Task ConnectAsync(string versions, params (string Name, string Value)[] headers)
    {
        await SendFrameAsync("CONNECT", [("accept-version", versions), ("host", "localhost"), .. headers]);
        Connected = await ReadFrameAsync();
        Connected.Command.Should().Be("CONNECTED", "the broker said: {0}", Connected);
        _version = Connected["version"] ?? "1.0";
    }

    /// <summary>Sends a frame as one message; its headers are escaped as the version has it, and nothing is added.</summary>
    public Task SendFrameAsync(string command, (string Name, string Value)[] headers, string body = "") =>
        SendFrameAsync(command, headers, Encoding.UTF8.GetBytes(body));

    public Task SendFrameAsync(string command, (string Name, string Value)[] headers, ReadOnlySpan<byte> body)
    {
        var bytes = Encode(command, headers, body);
        return Socket.SendFrameAsync(Utf8.IsValid(bytes) ? ClientFrame.Text : ClientFrame.Binary, bytes);
    }

    /// <summary>A frame's bytes, for tests that cut or join them.</summary>
    public byte[] Encode(string command, (string Name, string Value)[] headers, ReadOnlySpan<byte> body = default)
    {
        var head = new StringBuilder(command).Append('\n');
        foreach (var (name, value) in headers)
            head.Append(Escape(command, name)).Append(':').Append(Escape(command, value)).Append('\n');
        return [.. Encoding.UTF8.GetBytes(head.Append('\n').ToString()), .. body, 0];
    }

    /// <summary>The next STOMP frame; heart-beats before it are counted, pings answered, and a close fails the test.</summary>
    public async Task<TestFrame> ReadFrameAsync()
    {
        while (true)
        {
            var message = await Socket.ReadFrameAsync();
            switch (message.Opcode)
            {
                case ClientFrame.Ping:
                    if (AnswersPings)
                        await Socket.SendFrameAsync(ClientFrame.Pong, message.Payload);
                    continue;
                case ClientFrame.Pong:
                    continue;
                case ClientFrame.Close:
                    throw new InvalidOperationException($"A STOMP frame was expected, and the broker closed: {RawWebSocket.CloseOf(message)}.");
            }

            message.Fin.Should().BeTrue("one STOMP frame is one message is one WebSocket frame");
            if (message.Payload is [(byte)'\n'])
            {
                HeartBeats++;
                continue;
            }

            message.Opcode.Should().Be(Utf8.IsValid(message.Payload) ? ClientFrame.Text : ClientFrame.Binary);
            return Decode(message.Payload);
        }
    }

    /// <summary>The next frame, which must be this command.</summary>
    public async Task<TestFrame> ReadFrameAsync(string command)
    {
        var frame = await ReadFrameAsync();
        frame.Command.Should().Be(command, "the broker sent: {0}", frame);
        return frame;
    }

    /// <summary>
    /// What "err+close" promises: one ERROR, the close with that code, and, answered by ours, an end of the socket in order
    /// with nothing before it.
    /// </summary>
    public async Task<TestFrame> ReadErrorAndEndAsync(int closeCode = 1002)
    {
        var error = await ReadFrameAsync("ERROR");
        var (code, _) = await Socket.ReadCloseAsync();
        code.Should().Be(closeCode, "the broker said: {0}", error);
        await Socket.SendCloseAsync(code);
        var (rest, end) = await Socket.ReadToEndAsync();
        rest.Should().BeEmpty();
        end.Should().Be(StreamEnd.Fin);
        return error;
    }

    public void Dispose() => Socket.Dispose();

    private TestFrame Decode(byte[] bytes)
    {
        var end = bytes.AsSpan().IndexOf("\n\n"u8);
        end.Should().BeGreaterThan(0, "an empty line ends the headers");
        var lines = Encoding.UTF8.GetString(bytes, 0, end).Split('\n');
        lines.Should().NotContain(l => l.Contains('\r'), "lines end in LF alone, and a CR in a value is escaped");
        var headers = new List<KeyValuePair<string, string>>();
        foreach (var line in lines[1..])
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            colon.Should().BeGreaterThan(0, "'{0}' is a header", line);
            headers.Add(new(Unescape(lines[0], line[..colon]), Unescape(lines[0], line[(colon + 1)..])));
        }

        var frame = new TestFrame(lines[0], headers, []);
        var body = bytes.AsSpan(end + 2);
        var length = frame["content-length"] is { } text ? int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture) : body.IndexOf((byte)0);
        body.Length.Should().Be(length + 1, "one STOMP frame is the whole message, and nothing stands behind its NUL");
        body[^1].Should().Be(0, "NUL ends a frame");
        return frame with { Body = body[..^1].ToArray() };
    }

    private bool IsEscaped(string command) => _version != "1.0" && command is not ("CONNECT" or "STOMP" or "CONNECTED");

    private string Escape(string command, string text)
    {
        if (!IsEscaped(command))
            return text;
        text = text.Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal)
            .Replace(":", "\\c", StringComparison.Ordinal);
        return _version == "1.1" ? text : text.Replace("\r", "\\r", StringComparison.Ordinal);
    }

    private string Unescape(string command, string text)
    {
        if (!IsEscaped(command))
            return text;
        var plain = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            plain.Append(text[i] != '\\' ? text[i] : (text[++i], _version) switch
            {
                ('n', _) => '\n',
                ('c', _) => ':',
                ('\\', _) => '\\',
                ('r', "1.2") => '\r',
                var (other, _) => throw new FormatException($"'\\{other}' is no escape of STOMP {_version}: {text}"),
            });
        }

        return plain.ToString();
    }
}
