using System.Security.Cryptography;
using System.Text;

namespace Comparison.Wire;

/// <summary>The handshake of RFC 6455, section 4.1: what is asked, and whether the answer is right.</summary>
internal sealed class Upgrade(Endpoint endpoint, string? subprotocol)
{
    private const int LongestAnswer = 16 * 1024;

    private readonly string _key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
    private readonly ByteBuffer _answer = new();

    public byte[] Request => Encoding.ASCII.GetBytes(
        $"GET {endpoint.Path} HTTP/1.1\r\nHost: localhost:{endpoint.Port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + $"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_key}\r\n"
        + (subprotocol is null ? "\r\n" : $"Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n"));

    /// <summary>Takes a piece of the answer; true when it is complete and right, and then <paramref name="bytes"/> are what follows it.</summary>
    public bool TryFinish(ref ReadOnlySpan<byte> bytes)
    {
        int before = _answer.Length;
        _answer.Write(bytes);
        int end = _answer.Written.IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return _answer.Length < LongestAnswer ? false : throw new IOException("The answer to the upgrade has no end.");
        Check(Encoding.Latin1.GetString(_answer.Written[..end]).Split("\r\n"));
        bytes = bytes[(end + 4 - before)..];
        return true;
    }

    private void Check(string[] lines)
    {
        if (!lines[0].StartsWith("HTTP/1.1 101", StringComparison.Ordinal))
            throw new IOException($"The upgrade was refused: {lines[0]}.");
        const string accept = "Sec-WebSocket-Accept:";
        string? answer = lines.FirstOrDefault(line => line.StartsWith(accept, StringComparison.OrdinalIgnoreCase))?[accept.Length..].Trim();
#pragma warning disable CA5350 // RFC 6455 has it so
        if (answer != Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(_key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))))
            throw new IOException("The answer to the upgrade has the wrong Sec-WebSocket-Accept.");
#pragma warning restore CA5350
    }
}
