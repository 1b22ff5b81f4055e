using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 2: "Header escaping as each version has it (1.0 none; 1.1 `\n \c \\`; 1.2 also `\r`); an undefined escape is err+close; CONNECT and
/// CONNECTED are never escaped [...]. Spaces are kept in 1.1 and 1.2; in 1.0 those around name and value are trimmed. Of repeated headers the
/// first counts, and it alone is forwarded. Invalid UTF-8 in a header is err+close." What a client sends, and what others then get, as lines.
/// </summary>
public class HeaderGrammarTests
{
    // Sender, the line it sends, and the line that a receiver of 1.0, 1.1 and 1.2 gets.
    public static TheoryData<string, string, string, string, string> Lines => new()
    {
        { "1.2", "k:plain", "k:plain", "k:plain", "k:plain" },
        { "1.2", "k:a\\nb", "k:a b", "k:a\\nb", "k:a\\nb" },
        { "1.2", "k:a\\rb", "k:a b", "k:a b", "k:a\\rb" },
        { "1.2", "k:a\\cb", "k:a:b", "k:a\\cb", "k:a\\cb" },
        { "1.2", "k:a\\\\b", "k:a\\b", "k:a\\\\b", "k:a\\\\b" },
        { "1.2", "k:a:b", "k:a:b", "k:a\\cb", "k:a\\cb" },
        { "1.2", "k:\\\\n\\\\c", "k:\\n\\c", "k:\\\\n\\\\c", "k:\\\\n\\\\c" },
        { "1.2", "a\\nb:v", "a b:v", "a\\nb:v", "a\\nb:v" },
        { "1.2", "a\\rb:v", "a b:v", "a b:v", "a\\rb:v" },
        { "1.2", "a\\cb:v", "a b:v", "a\\cb:v", "a\\cb:v" },
        { "1.2", "a\\\\b:v", "a\\b:v", "a\\\\b:v", "a\\\\b:v" },
        { "1.2", "\\c\\n\\r\\\\x:\\c\\n\\r\\\\", "   \\x::  \\", "\\c\\n \\\\x:\\c\\n \\\\", "\\c\\n\\r\\\\x:\\c\\n\\r\\\\" },
        { "1.1", "k:a\\nb", "k:a b", "k:a\\nb", "k:a\\nb" },
        { "1.1", "k:a\\cb:c", "k:a:b:c", "k:a\\cb\\cc", "k:a\\cb\\cc" },
        { "1.1", "k:a\\\\b", "k:a\\b", "k:a\\\\b", "k:a\\\\b" },
        { "1.1", "k:a\rb", "k:a b", "k:a b", "k:a\\rb" },
        { "1.1", "a\\nb:v", "a b:v", "a\\nb:v", "a\\nb:v" },
        { "1.1", "a\\cb:v", "a b:v", "a\\cb:v", "a\\cb:v" },
        { "1.1", "a\\\\b:v", "a\\b:v", "a\\\\b:v", "a\\\\b:v" },
        { "1.1", "a\rb:v", "a b:v", "a b:v", "a\\rb:v" },
        { "1.0", "k:a\\nb\\c\\r\\\\", "k:a\\nb\\c\\r\\\\", "k:a\\\\nb\\\\c\\\\r\\\\\\\\", "k:a\\\\nb\\\\c\\\\r\\\\\\\\" },
        { "1.0", "k:\\t\\", "k:\\t\\", "k:\\\\t\\\\", "k:\\\\t\\\\" },
        { "1.0", "k:a:b", "k:a:b", "k:a\\cb", "k:a\\cb" },
        { "1.0", "a\\nb:v", "a\\nb:v", "a\\\\nb:v", "a\\\\nb:v" },
        { "1.0", "k:a\rb", "k:a b", "k:a b", "k:a\\rb" },
        { "1.0", "a\rb:v", "a b:v", "a b:v", "a\\rb:v" },
        { "1.2", " k : v ", " k : v ", " k : v ", " k : v " },
        { "1.1", "  k:  v", "  k:  v", "  k:  v", "  k:  v" },
        { "1.0", "  k  :  v  w  ", "k:v  w", "k:v  w", "k:v  w" },
        { "1.0", "k: ", "k:", "k:", "k:" },
        { "1.0", "\tk\t:\tv\t", "\tk\t:\tv\t", "\tk\t:\tv\t", "\tk\t:\tv\t" },
        { "1.2", "k\u00e9y:\u20ac\ud83d\ude00", "k\u00e9y:\u20ac\ud83d\ude00", "k\u00e9y:\u20ac\ud83d\ude00", "k\u00e9y:\u20ac\ud83d\ude00" },
        { "1.2", "k:1\nk:2\nK:3", "k:1\nK:3", "k:1\nK:3", "k:1\nK:3" },
        { "1.1", "k:1\nj:0\nk:2\nj:", "k:1\nj:0", "k:1\nj:0", "k:1\nj:0" },
        { "1.0", "k:1\n k :2", "k:1", "k:1", "k:1" },
        { "1.2", "k\\cx:1\nk\\cx:2", "k x:1", "k\\cx:1", "k\\cx:1" },
        { "1.2", "k:\nk:2", "k:", "k:", "k:" },
    };

    [Theory]
    [MemberData(nameof(Lines))]
    public async Task A_header_of_a_SEND_reaches_each_version_in_its_own_words(string sender, string sent, string to10, string to11, string to12)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync(sender);
        foreach ((string version, string expected) in new[] { ("1.0", to10), ("1.1", to11), ("1.2", to12) })
        {
            foreach (string ack in new[] { "auto", "client" })
            {
                using StompTestClient receiver = await broker.ConnectAsync(version);
                await receiver.ListenAsync("/topic/a", "s", ("ack", ack));
                await publisher.SendWireAsync($"SEND\ndestination:/topic/a\n{sent}\ncontent-length:0\n\n^@");
                string[] lines = System.Text.Encoding.UTF8.GetString(await receiver.ReadWireAsync()).Split('\n');
                string[] own = ["MESSAGE", "subscription:", "message-id:", "ack:", "destination:", "content-length:"];
                string forwarded = string.Join('\n', lines[..^2].Where(line => !own.Any(o => line.StartsWith(o, StringComparison.Ordinal))));
                forwarded.Should().Be(expected, "{0} to {1} ({2})", sender, version, ack);
            }
        }
    }

    [Theory]
    [InlineData("1.1", "k:a\\rb")]
    [InlineData("1.1", "k:\\t")]
    [InlineData("1.1", "k:\\")]
    [InlineData("1.1", "\\:v")]
    [InlineData("1.1", "a\\r:v")]
    [InlineData("1.2", "k:\\t")]
    [InlineData("1.2", "k:\\N")]
    [InlineData("1.2", "k:a\\")]
    [InlineData("1.2", "k:\\\\\\")]
    [InlineData("1.2", "\\0:v")]
    public async Task An_undefined_escape_is_refused_on_every_frame(string version, string header)
    {
        await using var broker = new MemoryBroker();
        foreach (string frame in new[] { "SEND\ndestination:/topic/a", "SUBSCRIBE\nid:s\ndestination:/topic/a", "BEGIN\ntransaction:t", "DISCONNECT" })
        {
            using StompTestClient client = await broker.ConnectAsync(version);
            await client.SendWireAsync($"{frame}\nreceipt:r\n{header}\n\n^@");
            TestFrame error = await client.ReadErrorAndEndAsync();
            error["message"].Should().Be("undefined escape in header");
            error["receipt-id"].Should().Be("r");
        }
    }

    [Theory]
    [InlineData("SEND\ndestination:/topic/a\n:v")]
    [InlineData("SEND\ndestination:/topic/a\nno colon")]
    [InlineData("SEND\ndestination:/topic/a\nk:a\rb")]
    public async Task A_line_that_is_no_header_is_refused(string frame)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SendWireAsync($"{frame}\nreceipt:r\n\n^@");
        (await client.ReadErrorAndEndAsync())["message"].Should().Be("malformed header");
    }

    [Fact]
    public async Task Of_repeated_headers_the_first_counts_for_the_broker_too()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SendWireAsync(
            "SUBSCRIBE\nid:s\nid:t\ndestination:/topic/a\ndestination:/topic/b\nack:client\nack:auto\nreceipt:1\nreceipt:2\n\n^@");
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("1");
        await client.SendWireAsync("SEND\ndestination:/topic/a\ndestination:/topic/c\ncontent-length:1\ncontent-length:3\nreceipt:3\nreceipt:4\n\nx^@");
        SpecFrame message = SpecParser.Parse(await client.ReadWireAsync(), "1.2");
        message.Headers.Select(h => h.Name).Should().BeEquivalentTo("subscription", "message-id", "ack", "destination", "content-length");
        (message["subscription"], message["destination"], message["content-length"]).Should().Be(("s", "/topic/a", "1"));
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("3");
        await client.SendAndAwaitAsync("BEGIN", ("transaction", "t")); // and no second RECEIPT stands before this one
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task Invalid_UTF_8_in_a_header_is_refused(string version)
    {
        await using var broker = new MemoryBroker();
        foreach (byte[] bad in new byte[][] { [0xFF], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80] })
        {
            foreach (bool inName in new[] { true, false })
            {
                using StompTestClient client = await broker.ConnectAsync(version);
                await client.ListenAsync("/topic/a");
                byte[] line = inName ? [(byte)'k', .. bad, .. ":v"u8] : [.. "k:v"u8, .. bad];
                await client.Socket.SendBinaryAsync((byte[])[.. "SEND\ndestination:/topic/a\n"u8, .. line, .. "\nreceipt:r\n\n\0"u8]);
                TestFrame error = await client.ReadErrorAndEndAsync();
                error["message"].Should().Be("invalid UTF-8 in header");
                error["receipt-id"].Should().Be("r");
            }
        }
    }

    [Fact]
    public async Task Invalid_UTF_8_in_a_text_message_is_the_transports_to_refuse()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.Socket.SendFrameAsync(ClientFrame.Text, (byte[])[.. "SEND\ndestination:/topic/a\nk:"u8, 0xFF, .. "\n\n\0"u8]);
        (await client.Socket.ReadCloseAsync()).Code.Should().Be(1007);
    }

    [Theory]
    [InlineData("1.0", "a\\nb\\cc\\\\", "a%5Cnb%5Ccc%5C%5C")]
    [InlineData("1.1", "a\\nb\\cc\\\\", "a%5Cnb%5Ccc%5C%5C")]
    [InlineData("1.2", "a\\rb\\t", "a%5Crb%5Ct")]
    [InlineData("1.2", "a:b", "a%3Ab")]
    [InlineData("1.2", "100%", "100%25")]
    [InlineData("1.2", "a\rb\u0001\u007f\tc", "a%0Db%01%7F%09c")]
    [InlineData("1.1", "J\u00fcrgen \u20ac", "J\u00fcrgen \u20ac")]
    public async Task Nothing_is_an_escape_in_CONNECT_and_CONNECTED(string version, string login, string userName)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = broker.Open();
        await client.SendWireAsync($"CONNECT\naccept-version:{version}\nlogin:{login}\nodd:\\q\n\n^@");
        SpecParser.Parse(await client.ReadWireAsync(), version)["user-name"].Should().Be(userName);
    }
}
