using System.Buffers.Text;
using System.Text;

namespace Comparison.Protocols;

/// <summary>STOMP 1.1 and 1.2.</summary>
internal sealed class Stomp(bool answersSubscribe = true) : Protocol
{
    private const string Live = "live";

    public override string? Subprotocol => "v12.stomp";

    public override string Destination(string name) => "/topic/" + name;

    public override void Greet(Client client) =>
        client.Send("CONNECT\naccept-version:1.1,1.2\nhost:/\nlogin:guest\npasscode:guest\nheart-beat:0,0\n\n\0"u8);

    // A server that sends no RECEIPT is sent a ping behind it: it is one that takes everything in turn, on one thread.
    public override void Subscribe(Client client, string destination)
    {
        string receipt = answersSubscribe ? $"receipt:{Live}\n" : "";
        client.Send(Encoding.ASCII.GetBytes($"SUBSCRIBE\nid:{client.SubscriptionId}\ndestination:{destination}\n{receipt}\n\0"));
        if (!answersSubscribe)
            client.Ping();
    }

    public override void Ponged(Client client)
    {
        if (client.State == ClientState.Subscribing)
            client.Subscribed();
    }

    public override (byte[] Before, byte[] After) Send(string destination, int bodyBytes) =>
        (Encoding.ASCII.GetBytes($"SEND\ndestination:{destination}\ncontent-length:{bodyBytes}\n\n"), [0]);

    public override int Read(Client client, ReadOnlySpan<byte> bytes)
    {
        int read = 0;
        while (client.IsUp)
        {
            while (read < bytes.Length && bytes[read] is (byte)'\n' or (byte)'\r')
                read++;
            ReadOnlySpan<byte> rest = bytes[read..];
            if (rest.IsEmpty)
                return read;
            int length = rest.StartsWith("MESSAGE\n"u8) ? ReadMessage(client, rest) : ReadOther(client, rest);
            if (length == 0)
                return read;
            read += length;
        }

        return bytes.Length;
    }

    /// <summary>Returns the length of the frame; zero while it is not whole.</summary>
    private static int ReadMessage(Client client, ReadOnlySpan<byte> bytes)
    {
        bool isOwn = true;
        if (!client.Header.TryRead(bytes, out int at, out int bodyLength) && !TryReadHeader(client, bytes, out at, out bodyLength, out isOwn))
            return 0;
        if (bytes.Length - at <= bodyLength)
            return 0;
        if (bytes[at + bodyLength] != 0)
            throw new IOException("a frame without its NUL");
        client.Deliver(bytes.Slice(at, bodyLength), isOwn);
        return at + bodyLength + 1;
    }

    private static bool TryReadHeader(Client client, ReadOnlySpan<byte> bytes, out int at, out int bodyLength, out bool isOwn)
    {
        at = "MESSAGE\n".Length;
        bodyLength = -1;
        isOwn = false;
        while (true)
        {
            int length = bytes[at..].IndexOf((byte)'\n');
            if (length < 0)
                return false;
            ReadOnlySpan<byte> line = bytes.Slice(at, length);
            at += length + 1;
            if (line.IsEmpty)
                break;
            if (line[0] == 's' && line.StartsWith("subscription:"u8))
                isOwn = line["subscription:".Length..].SequenceEqual(client.SubscriptionBytes);
            else if (line[0] == 'c' && line.StartsWith("content-length:"u8) && !Utf8Parser.TryParse(line["content-length:".Length..], out bodyLength, out _))
                throw new IOException("a content-length that is no number");
        }

        if (bodyLength >= 0)
            client.Header.Learn(bytes[..at], bodyLength);
        else
            bodyLength = bytes[at..].IndexOf((byte)0);
        return bodyLength >= 0;
    }

    private static int ReadOther(Client client, ReadOnlySpan<byte> bytes)
    {
        int length = bytes.IndexOf((byte)0);
        if (length < 0)
            return 0;
        string frame = Encoding.UTF8.GetString(bytes[..length]);
        string[] lines = frame.Split('\n', StringSplitOptions.TrimEntries);
        switch (lines[0])
        {
            case "CONNECTED":
                client.Greeted(lines.FirstOrDefault(static line => line.StartsWith("server:", StringComparison.Ordinal))?["server:".Length..]);
                break;
            case "RECEIPT" when lines.Contains($"receipt-id:{Live}"):
                client.Subscribed();
                break;
            case "MESSAGE":
                throw new IOException("a MESSAGE with CR LF, which no server here is known to send");
            default:
                client.Refused(frame);
                break;
        }

        return length + 1;
    }
}
