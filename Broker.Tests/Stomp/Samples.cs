using System.Text;
using Broker.Stomp;

namespace Broker.Tests.Stomp;

/// <summary>Streams that between them use everything in the grammar, well-formed and not.</summary>
internal static class Samples
{
    public static readonly (StompVersion Version, string Stream)[] WellFormed =
    [
        (StompVersion.V10, "CONNECT\naccept-version:1.0,1.1,1.2\nhost:here\nlogin:me\npasscode:a\\nb\n\n\0"),
        (StompVersion.V10, "STOMP\r\naccept-version: 1.2 \r\n\r\n\0\r\n"),
        (StompVersion.V10, "SEND\n destination : /queue/a b \n\nhello\0\n\n\0\n"),
        (StompVersion.V10, "SUBSCRIBE\ndestination:/queue/a\n\nignored\0SUBSCRIBE\ndestination:/queue/b\ncontent-length:3\n\na\0b\0"),
        (StompVersion.V10, "SEND\ndestination:/queue/a\nodd:a\rb\\x\n\n\0"),
        (StompVersion.V11, "SEND\ndestination:/topic/a\\cb\nk\\cey:a\\nb\\\\c\nreceipt:77\n\nbody\0ACK\nmessage-id:m\n\n\0"),
        (StompVersion.V11, "SEND\r\ndestination:/topic/a\r\nx: kept \r\n\r\nb\r\n\0"),
        (StompVersion.V12, "SEND\ndestination:/topic/a\ncontent-length:5\n\na\0b\0c\0"),
        (StompVersion.V12, "SEND\r\ndestination:/topic/a\\rb\r\nraw:a:b:c\r\nempty:\r\n\r\n\0\r\n\r\nDISCONNECT\r\nreceipt:1\r\n\r\n\0"),
        (StompVersion.V12, "SEND\ndestination:one\ndestination:two\nname:grün €\n\nKörper €\0"),
        (StompVersion.V12, "\n\r\n\0\r\n\n\0\0SUBSCRIBE\nid:0\ndestination:/topic/#\nack:client\n\n\0UNSUBSCRIBE\nid:0\n\n\0"),
        (StompVersion.V12, "BEGIN\ntransaction:t\n\n\0NACK\nid:9\ntransaction:t\n\n\0COMMIT\ntransaction:t\n\n\0ABORT\n\n\0"),
        (StompVersion.V12, "CONNECTED\nversion:1.2\nuser-name:a\\n%3A\n\n\0MESSAGE\nsubscription:0\nmessage-id:1\n\nhi\0"),
        (StompVersion.V12, "RECEIPT\nreceipt-id:7\n\n\0ERROR\nmessage:no\ncontent-length:2\n\nno\0"),
        (StompVersion.V12, "DISCONNECT\ncontent-length:0\n\n\0SEND\n\n\0"),
    ];

    public static readonly (StompVersion Version, string Stream, string Outcome)[] Malformed =
    [
        (StompVersion.V12, "GET / HTTP/1.1\r\nHost: here\r\n\r\n", "UnknownCommand"),
        (StompVersion.V12, "send\nreceipt:5\n\n\0", "UnknownCommand, receipt 5"),
        (StompVersion.V12, "NOPE\nreceipt:a\\cb\n\n\0", "UnknownCommand, receipt a:b"),
        (StompVersion.V12, "NOPE\nreceipt:5\nno colon\n", "UnknownCommand, receipt 5"),
        (StompVersion.V12, "NOPE\nreceipt:5\n\0", "UnknownCommand, receipt 5"),
        (StompVersion.V12, "NOPE\0", "UnknownCommand"),
        (StompVersion.V12, " SEND\n\n\0", "UnknownCommand"),
        (StompVersion.V12, "\rSEND\n\n\0", "UnknownCommand"),
        (StompVersion.V12, "SEND\0", "NulInHeaders"),
        (StompVersion.V12, "SEND\nreceipt:1\n\0", "NulInHeaders, receipt 1"),
        (StompVersion.V12, "SEND\nreceipt:1\ndestination:/a\0", "NulInHeaders, receipt 1"),
        (StompVersion.V12, "THIS COMMAND IS MUCH LONGER THAN ANY", "CommandTooLong"),
        (StompVersion.V12, "SEND\nno colon\nreceipt:1\n\n\0", "MalformedHeader, receipt 1"),
        (StompVersion.V12, "SEND\n:no name\nreceipt:1\n\n\0", "MalformedHeader, receipt 1"),
        (StompVersion.V12, "SEND\nreceipt:1\none\ntwo\n", "MalformedHeader, receipt 1"),
        (StompVersion.V10, "SEND\n  : no name\n\n\0", "MalformedHeader"),
        (StompVersion.V12, "SEND\na:b\rc\nreceipt:1\n\n\0", "MalformedHeader, receipt 1"),
        (StompVersion.V12, "SEND\nreceipt:b\rc\n\n\0", "MalformedHeader"),
        (StompVersion.V12, "SEND\na:b\r\r\n\n\0", "MalformedHeader"),
        (StompVersion.V12, "SEND\na:\\t\nreceipt:a\\\\b\n\n\0", "UndefinedEscape, receipt a\\b"),
        (StompVersion.V12, "SEND\na\\x:b\n\n\0", "UndefinedEscape"),
        (StompVersion.V12, "SEND\nreceipt:1\na:b\\\n\n\0", "UndefinedEscape, receipt 1"),
        (StompVersion.V12, "SEND\nreceipt:\\t\n\n\0", "UndefinedEscape"),
        (StompVersion.V11, "SEND\na:\\r\n\n\0", "UndefinedEscape"),
        (StompVersion.V12, "SEND\na:\u00ff\u00fe\nreceipt:1\n\n\0", "BadHeaderUtf8, receipt 1"),
        (StompVersion.V10, "SEND\na:\u00c0\u0080\n\n\0", "BadHeaderUtf8"),
        (StompVersion.V12, "SEND\nreceipt:\u00ff\n\n\0", "BadHeaderUtf8"),
        (StompVersion.V12, "SEND\ncontent-length:five\nreceipt:1\n\n", "BadContentLength, receipt 1"),
        (StompVersion.V12, "SEND\ncontent-length:\n\n", "BadContentLength"),
        (StompVersion.V12, "SEND\ncontent-length:+5\n\n", "BadContentLength"),
        (StompVersion.V12, "SEND\ncontent-length:-1\n\n", "BadContentLength"),
        (StompVersion.V12, "SEND\ncontent-length: 5\n\n", "BadContentLength"),
        (StompVersion.V12, "SEND\ncontent-length:5\r\ncontent-length:x\n\n12345x", "MissingNul"),
        (StompVersion.V12, "SEND\ncontent-length:99999999999999999999\nreceipt:1\n\n", "FrameTooLarge, receipt 1"),
        (StompVersion.V12, "SEND\nreceipt:1\ncontent-length:4\n\nhello\0", "MissingNul, receipt 1"),
        (StompVersion.V12, "DISCONNECT\nreceipt:1\n\nx", "BodyNotAllowed, receipt 1"),
        (StompVersion.V12, "ACK\nid:1\n\n\n\0", "BodyNotAllowed"),
        (StompVersion.V12, "ACK\nid:1\ncontent-length:1\n\n", "BodyNotAllowed"),
        (StompVersion.V11, "SUBSCRIBE\nid:1\n\nx", "BodyNotAllowed"),
        (StompVersion.V10, "CONNECT\n\nx", "BodyNotAllowed"),
        (StompVersion.V10, "CONNECT\ncontent-length:1\n\n", "BodyNotAllowed"),
    ];

    public static IEnumerable<(StompVersion Version, byte[] Stream)> All =>
        WellFormed.Concat(Malformed.Select(sample => (sample.Version, sample.Stream)))
            .Select(sample => (sample.Version, Feed.Bytes(sample.Stream)));

    public static string Times(char letter, int count) => new StringBuilder().Append(letter, count).ToString();
}
