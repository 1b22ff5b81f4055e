using System.Buffers.Text;
using System.Text;
using Comparison.Wire;

namespace Comparison.Protocols;

/// <summary>The text protocol of nats-server, as much of it as publishes and subscribes.</summary>
internal sealed class Nats : Protocol
{
    public override byte Opcode => WebSocketConnection.Binary;

    public override string Destination(string name) => name;

    // The server speaks first: INFO.
    public override void Greet(Client client)
    {
    }

    public override void Subscribe(Client client, string destination) =>
        client.Send(Encoding.ASCII.GetBytes($"SUB {destination} {client.SubscriptionId}\r\nPING\r\n"));

    public override (byte[] Before, byte[] After) Send(string destination, int bodyBytes) =>
        (Encoding.ASCII.GetBytes($"PUB {destination} {bodyBytes}\r\n"), [(byte)'\r', (byte)'\n']);

    public override int Read(Client client, ReadOnlySpan<byte> bytes)
    {
        int read = 0;
        while (client.IsUp)
        {
            ReadOnlySpan<byte> rest = bytes[read..];
            int end = rest.IndexOf((byte)'\n');
            if (end < 0)
                return read;
            ReadOnlySpan<byte> line = rest[..end].TrimEnd((byte)'\r');
            int length = end + 1;
            if (line.StartsWith("MSG "u8))
            {
                int payload = ReadMessage(client, line, rest[length..]);
                if (payload < 0)
                    return read;
                length += payload;
            }
            else
            {
                ReadOther(client, line);
            }

            read += length;
        }

        return bytes.Length;
    }

    /// <summary><c>MSG subject sid length</c>: returns the length of what follows the line; below zero while it is not whole.</summary>
    private static int ReadMessage(Client client, ReadOnlySpan<byte> line, ReadOnlySpan<byte> rest)
    {
        int last = line.LastIndexOf((byte)' ');
        if (!Utf8Parser.TryParse(line[(last + 1)..], out int length, out _))
            throw new IOException("a MSG whose length is no number");
        if (rest.Length < length + 2)
            return -1;
        int before = line[..last].LastIndexOf((byte)' ');
        client.Deliver(rest[..length], line[(before + 1)..last].SequenceEqual(client.SubscriptionBytes));
        return length + 2;
    }

    private static void ReadOther(Client client, ReadOnlySpan<byte> line)
    {
        if (line.StartsWith("INFO "u8))
        {
            client.ServerName = "nats-server/" + Version(Encoding.UTF8.GetString(line));
            client.Send("CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":false,\"lang\":\"c#\",\"version\":\"1\",\"protocol\":1}\r\nPING\r\n"u8);
        }
        else if (line.SequenceEqual("PING"u8))
        {
            client.Send("PONG\r\n"u8);
        }
        else if (line.SequenceEqual("PONG"u8))
        {
            if (client.State == ClientState.Subscribing)
                client.Subscribed();
            else
                client.Greeted(client.ServerName);
        }
        else if (line.StartsWith("-ERR"u8))
        {
            client.Refused(Encoding.UTF8.GetString(line));
        }
    }

    private static string Version(string info)
    {
        const string key = "\"version\":\"";
        int start = info.IndexOf(key, StringComparison.Ordinal) + key.Length;
        return info[start..info.IndexOf('"', start)];
    }
}
