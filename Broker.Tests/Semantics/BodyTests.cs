using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// Section 2: "`content-length` decides the body, which may contain NUL; without it the body ends at the first NUL. A content-length that is
/// not a plain number, or whose body is not followed by NUL, is err+close. Only SEND, MESSAGE and ERROR may have a body; another frame with
/// one is err+close (a 1.0 SUBSCRIBE's is ignored, as its text says)."
/// </summary>
public class BodyTests
{
    public static TheoryData<string> Versions => SessionSteps.Versions;

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Content_length_decides_the_body_and_without_it_the_first_NUL_does(string version)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync(version);
        await client.ListenAsync("/topic/a");
        await client.SendWireAsync("SEND\ndestination:/topic/a\ncontent-length:7\n\na^@b^@\n^@c^@SEND\ndestination:/topic/a\n\nshort^@");
        await client.SendWireAsync("SEND\ndestination:/topic/a\ncontent-length:0\n\n^@SEND\ndestination:/topic/a\ncontent-length:0003\n\nxyz^@");
        foreach (string body in new[] { "a\0b\0\n\0c", "short", "", "xyz" })
        {
            SpecFrame message = SpecParser.Parse(await client.ReadWireAsync(), version);
            message.Body.Should().Equal(SessionSteps.Wire(body));
            message["content-length"].Should().Be($"{body.Length}");
        }
    }

    [Theory]
    [InlineData("-1", "bad content-length", 1002)]
    [InlineData("+5", "bad content-length", 1002)]
    [InlineData("", "bad content-length", 1002)]
    [InlineData(" 5", "bad content-length", 1002)]
    [InlineData("5 ", "bad content-length", 1002)]
    [InlineData("0x5", "bad content-length", 1002)]
    [InlineData("5.0", "bad content-length", 1002)]
    [InlineData("1e3", "bad content-length", 1002)]
    [InlineData("\u0665", "bad content-length", 1002)]
    [InlineData("4", "missing NUL after body", 1002)]
    [InlineData("6", "missing NUL after body", 1002)]
    [InlineData("1000000000000", "frame too large", 1009)]
    [InlineData("99999999999999999999999999999999", "frame too large", 1009)]
    public async Task A_content_length_that_does_not_fit_is_refused(string length, string message, int code)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.ListenAsync("/topic/a");
        await client.SendWireAsync($"SEND\ndestination:/topic/a\ncontent-length:{length}\nreceipt:r\n\n12345^@SEND\ndestination:/topic/a\n\n^@");
        TestFrame error = await client.ReadErrorAndEndAsync(code);
        error["message"].Should().Be(message);
        error["receipt-id"].Should().Be("r");
    }

    [Theory]
    [InlineData("SUBSCRIBE", "id:1\ndestination:/topic/a")]
    [InlineData("UNSUBSCRIBE", "id:s")]
    [InlineData("ACK", "id:1-1\nsubscription:s\nmessage-id:1-1")]
    [InlineData("NACK", "id:1-1\nsubscription:s\nmessage-id:1-1")]
    [InlineData("BEGIN", "transaction:t")]
    [InlineData("COMMIT", "transaction:t")]
    [InlineData("ABORT", "transaction:t")]
    [InlineData("DISCONNECT", "x:y")]
    public async Task A_body_on_another_frame_is_refused(string command, string headers)
    {
        await using var broker = new MemoryBroker();
        foreach (string version in SessionSteps.Versions.Select(row => row.Data))
        {
            if ((command, version) == ("SUBSCRIBE", "1.0"))
                continue;
            foreach (string length in new[] { "", "content-length:4\n" })
            {
                using StompTestClient client = await broker.ConnectAsync(version);
                await client.SendWireAsync($"{command}\n{headers}\nreceipt:r\n{length}\nbody^@");
                TestFrame error = await client.ReadErrorAndEndAsync();
                error["message"].Should().Be("body not allowed");
                error["receipt-id"].Should().Be("r");
            }

            using StompTestClient fine = await broker.ConnectAsync(version);
            await fine.SendWireAsync("BEGIN\ntransaction:t\ncontent-length:0\nreceipt:r\n\n^@");
            await fine.ReadFrameAsync("RECEIPT");
        }
    }

    [Fact]
    public async Task The_body_of_a_SUBSCRIBE_of_1_0_is_ignored()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync("1.0");
        await client.SendWireAsync("SUBSCRIBE\ndestination:/topic/a\nreceipt:1\n\nSEND\ndestination:/topic/a\n\nnot a frame^@");
        await client.SendWireAsync("SUBSCRIBE\ndestination:/topic/b\nreceipt:2\ncontent-length:3\n\n^@^@^@^@");
        await client.SendWireAsync("SEND\ndestination:/topic/b\n\nb^@");
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("1");
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("2");
        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        (message["destination"], message["subscription"], message.Text).Should().Be(("/topic/b", "/topic/b", "b"));
    }
}
