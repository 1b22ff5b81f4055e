using System.Globalization;
using System.Text;
using static Broker.Tests.TestHost.ClientFrame;

namespace Broker.Tests.Transports;

/// <summary>The server cases 1 to 7 of the Autobahn test suite, by what a server must see in the bytes.</summary>
internal static class AutobahnCases
{
    private const string Protocol = "Error Protocol";
    private const string BadUtf8 = "Error BadUtf8";

    public static IReadOnlyDictionary<string, (byte[] Bytes, string[] Events)> All { get; } = Build();

    private static Dictionary<string, (byte[], string[])> Build()
    {
        var cases = new Dictionary<string, (byte[], string[])>();
        void Add(string name, byte[][] frames, params string[] events) => cases.Add(name, ([.. frames.SelectMany(f => f)], events));

        Framing(Add);
        PingsAndReservedBits(Add);
        Opcodes(Add);
        Fragmentation(Add);
        Utf8Texts(Add);
        Closing(Add);
        return cases;
    }

    private delegate void Adder(string name, byte[][] frames, params string[] events);

    private static void Framing(Adder add)
    {
        foreach (var length in new[] { 0, 125, 126, 127, 128, 65535, 65536, 100_000 })
        {
            var payload = Encoding.ASCII.GetBytes(new string('*', length));
            add($"1.1 text of {length}", [Encode(Text, payload)], FrameTrace.Message(true, payload));
            var binary = Enumerable.Repeat((byte)0xFE, length).ToArray();
            add($"1.2 binary of {length}", [Encode(Binary, binary)], FrameTrace.Message(false, binary));
        }

        add("not minimal: 125 in 16 bits", [Encode(Text, new byte[125], lengthBytes: 2)], Protocol);
        add("not minimal: 5 in 64 bits", [Encode(Text, "Hello"u8, lengthBytes: 8)], Protocol);
        add("not minimal: 65535 in 64 bits", [Encode(Binary, new byte[65535], lengthBytes: 8)], Protocol);
        add("not minimal: 0 in 16 bits", [Encode(Text, [], lengthBytes: 2)], Protocol);
        add("top bit of 64 set", [Encode(Binary, [], announcedLength: long.MinValue)], Protocol);
        add("top bit of 64 set, all ones", [Encode(Binary, [], announcedLength: -1)], Protocol);
        add("2^63-1 announced", [Encode(Binary, [], announcedLength: long.MaxValue)], "Error MessageTooLarge");
        add("unmasked text", [Encode(Text, "Hello"u8, masked: false)], Protocol);
        add("unmasked close", [Encode(Close, [], masked: false)], Protocol);
    }

    private static void PingsAndReservedBits(Adder add)
    {
        add("2.1 empty ping", [Encode(Ping, [])], "Ping");
        add("2.2 ping with text", [Encode(Ping, "Hello, world!"u8)], "Ping Hello, world!");
        add("2.3 ping with bytes", [Encode(Ping, [0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF])], "Ping 00FFFEFDFCFB00FF");
        var longest = Enumerable.Repeat((byte)0xFE, 125).ToArray();
        add("2.4 ping of 125", [Encode(Ping, longest)], "Ping " + Convert.ToHexString(longest));
        add("2.5 ping of 126", [Encode(Ping, new byte[126])], Protocol);
        add("2.7 unsolicited empty pong", [Encode(Pong, [])], "Pong");
        add("2.8 unsolicited pong", [Encode(Pong, "unsolicited"u8)], "Pong unsolicited");
        add("2.9 pong, then ping", [Encode(Pong, "unsolicited"u8), Encode(Ping, "ours"u8)], "Pong unsolicited", "Ping ours");
        var pings = Enumerable.Range(0, 10).Select(i => $"payload-{i}").ToArray();
        add("2.10 ten pings", [.. pings.Select(p => Encode(Ping, Encoding.ASCII.GetBytes(p)))], [.. pings.Select(p => "Ping " + p)]);

        for (var rsv = 1; rsv <= 7; rsv++)
        {
            add($"3.1 text with RSV {rsv}", [Encode(Text, "Hello"u8, rsv: rsv)], Protocol);
            add($"3.2 good text, then RSV {rsv}, then ping", [Encode(Text, "Hello"u8), Encode(Text, "no"u8, rsv: rsv), Encode(Ping, [])], "Text Hello", Protocol);
            add($"3.5 binary with RSV {rsv}", [Encode(Binary, [1, 2], rsv: rsv)], Protocol);
            add($"3.6 ping with RSV {rsv}", [Encode(Ping, "Hello"u8, rsv: rsv)], Protocol);
            add($"3.7 close with RSV {rsv}", [Encode(Close, [], rsv: rsv)], Protocol);
        }
    }

    private static void Opcodes(Adder add)
    {
        foreach (byte opcode in new byte[] { 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 })
        {
            add($"4.1 opcode {opcode}", [Encode(opcode, [])], Protocol);
            add($"4.2 opcode {opcode} with payload", [Encode(opcode, "reserved"u8)], Protocol);
            add($"4.3 good text, then opcode {opcode}, then ping", [Encode(Text, "Hello"u8), Encode(opcode, []), Encode(Ping, [])], "Text Hello", Protocol);
        }
    }

    private static void Fragmentation(Adder add)
    {
        byte[] first = Encode(Text, "fragment1"u8, fin: false), last = Encode(Continuation, "fragment2"u8);
        byte[] middle = Encode(Continuation, "fragment1"u8, fin: false), ping = Encode(Ping, "ping"u8), hello = Encode(Text, "Hello"u8);
        const string Both = "Text fragment1fragment2";

        add("5.1 fragmented ping", [Encode(Ping, "fragment1"u8, fin: false), last], Protocol);
        add("5.2 fragmented pong", [Encode(Pong, "fragment1"u8, fin: false), last], Protocol);
        add("5.2a fragmented close", [Encode(Close, [], fin: false)], Protocol);
        add("5.3 text in two fragments", [first, last], Both);
        add("5.6 ping between fragments", [first, ping, last], "Ping ping", Both);
        add("5.6a binary in three fragments, empty ones too",
            [Encode(Binary, [], fin: false), Encode(Continuation, [1, 2], fin: false), Encode(Continuation, [])], "Binary 0102");
        add("5.9 continuation of nothing, final", [last, hello], Protocol);
        add("5.12 continuation of nothing, not final", [middle, hello], Protocol);
        add("5.15 continuation after the last fragment", [first, last, middle, hello], Both, Protocol);
        add("5.18 text inside a fragmented text", [first, Encode(Text, "fragment2"u8)], Protocol);
        add("5.18a binary inside a fragmented text", [first, Encode(Binary, [], fin: false)], Protocol);
        add("5.19 five fragments, two pings",
            [first, middle, ping, middle, middle, ping, last],
            "Ping ping", "Ping ping", "Text fragment1fragment1fragment1fragment1fragment2");
        add("5.21 pong and close inside a fragmented text", [first, Encode(Pong, []), Encode(Close, CloseBody(1000)), last], "Pong", "Close 1000");
    }

    private static void Utf8Texts(Adder add)
    {
        add("6.1.1 empty text", [Encode(Text, [])], "Text");
        add("6.1.2 three empty fragments", [Encode(Text, [], fin: false), Encode(Continuation, [], fin: false), Encode(Continuation, [])], "Text");
        add("6.1.3 a text between empty fragments",
            [Encode(Text, [], fin: false), Encode(Continuation, "middle"u8, fin: false), Encode(Continuation, [])], "Text middle");

        var greek = "Hello-µ@ßöäüàá-UTF-8!!"u8.ToArray();
        var seen = FrameTrace.Message(true, greek);
        add("6.2.1 whole", [Encode(Text, greek)], seen);
        add("6.2.2 cut between characters", [Encode(Text, greek.AsSpan(0, 8), fin: false), Encode(Continuation, greek.AsSpan(8))], seen);
        add("6.2.3 a byte per fragment",
            [Encode(Text, [], fin: false), .. greek.Select(b => Encode(Continuation, [b], fin: false)), Encode(Continuation, [])], seen);
        add("6.2.4 a ping inside a character", [Encode(Text, [0xCE], fin: false), Encode(Ping, [0xBA]), Encode(Continuation, [0xBA])], "Ping BA", "Text CEBA");
        add("6.3.1 a surrogate between texts", [Encode(Text, [.. "κόσμε"u8, 0xED, 0xA0, 0x80, .. "edited"u8])], BadUtf8);
        add("6.3.3 binary is not checked", [Encode(Binary, [0xED, 0xA0, 0x80])], "Binary EDA080");
        add("6.3.4 a binary one does not spoil the next text", [Encode(Binary, [0xCE]), Encode(Text, "ok"u8)], "Binary CE", "Text ok");
        add("6.5 unfinished at the end, then more", [Encode(Text, [0xCE, 0xBA, 0xE1, 0xBD]), Encode(Text, "x"u8)], BadUtf8);
        add("6.5a unfinished at the end of the last fragment", [Encode(Text, [0xF0], fin: false), Encode(Continuation, [0x90, 0x80])], BadUtf8);
        add("6.5b unfinished, and an empty last fragment", [Encode(Text, [0xF0], fin: false), Encode(Continuation, [])], BadUtf8);

        string[] valid =
        [
            "00", "7F", "C280", "DFBF", "E0A080", "ED9FBF", "EE8080", "EFBFBD", "EFBFBE", "EFBFBF", "EFBFBF", "F0908080", "F48FBFBF", "F09FBFBE",
            "F3BFBFBF", "CEBAE1BDB9CF83CEBCCEB5", "EFBBBF",
        ];
        string[] invalid =
        [
            // Alone or too many continuation bytes; lead bytes without theirs (Markus Kuhn's sections 3.1 to 3.3).
            "80", "BF", "80BF", "80BF80BF80", "CEBA80", "C020", "C2", "C220", "DF", "E0", "E0A0", "E120", "E18020", "EF", "EFBF", "F0", "F090", "F09080", "F0908020",
            "F48FBF", "F5", "FE", "FF", "FEFEFFFF",
            // Beyond U+10FFFF and the old forms of five and six bytes.
            "F4908080", "F5808080", "F7BFBFBF", "F888808080", "FC8480808080", "FDBFBFBFBFBF",
            // Overlong.
            "C080", "C0AF", "C1BF", "E08080", "E080AF", "E09FBF", "F0808080", "F08080AF", "F08FBFBF", "F8808080AF", "FC80808080AF",
            // Surrogates, alone and in pairs.
            "EDA080", "EDADBF", "EDAE80", "EDAFBF", "EDB080", "EDBE80", "EDBFBF", "EDA080EDB080", "EDAFBFEDBFBF",
        ];
        for (var i = 0; i < valid.Length; i++)
        {
            byte[] text = [.. "a"u8, .. Convert.FromHexString(valid[i]), .. "z"u8];
            add($"6.6 valid {valid[i]} ({i})", [Encode(Text, text)], FrameTrace.Message(true, text));
        }

        foreach (var hex in invalid)
        {
            var bytes = Convert.FromHexString(hex);
            add($"6.8 invalid {hex} alone", [Encode(Text, bytes)], BadUtf8);
            add($"6.8 invalid {hex} behind ASCII", [Encode(Text, [.. "A text of more than a vector's width, "u8, .. bytes])], BadUtf8);
            add($"6.8 invalid {hex} before ASCII", [Encode(Text, [.. bytes, .. " which a text of more than a vector's width follows"u8])], BadUtf8);
            add($"6.8 invalid {hex} in two fragments", [Encode(Text, bytes.AsSpan(0, 1), fin: false), Encode(Continuation, bytes.AsSpan(1))], BadUtf8);
        }
    }

    private static void Closing(Adder add)
    {
        byte[] hello = Encode(Text, "Hello"u8), normal = Encode(Close, CloseBody(1000));
        add("7.1.1 text, then close", [hello, normal], "Text Hello", "Close 1000");
        add("7.1.2 two closes", [normal, normal], "Close 1000");
        add("7.1.3 close, then ping", [normal, Encode(Ping, [])], "Close 1000");
        add("7.1.4 close, then text", [normal, hello], "Close 1000");
        add("7.1.5 close, then what is no frame", [normal, [0xFF, 0xFF, 0xFF]], "Close 1000");
        add("7.3.1 empty close", [Encode(Close, [])], "Close 1005");
        add("7.3.2 close of one byte", [Encode(Close, [0x03])], Protocol);
        add("7.3.4 close with a reason", [Encode(Close, CloseBody(1000, "Hello World!"u8))], "Close 1000 Hello World!");
        var reason = new string('*', 123);
        add("7.3.5 the longest reason", [Encode(Close, CloseBody(1000, Encoding.ASCII.GetBytes(reason)))], "Close 1000 " + reason);
        add("7.3.6 a longer reason", [Encode(Close, CloseBody(1000, new byte[124]))], Protocol);
        add("7.5.1 bad UTF-8 in the reason", [Encode(Close, CloseBody(1000, [.. "κόσμε"u8, 0xED, 0xA0, 0x80]))], BadUtf8);
        add("7.5.2 a reason that ends inside a character", [Encode(Close, CloseBody(1000, [0xCE]))], BadUtf8);
        foreach (var code in new[] { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999 })
            add($"7.7 close {code}", [Encode(Close, CloseBody(code))], "Close " + code.ToString(CultureInfo.InvariantCulture));
        foreach (var code in new[] { 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535 })
            add($"7.9 close {code}", [Encode(Close, CloseBody(code))], Protocol);
    }
}
