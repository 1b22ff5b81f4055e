using System.Text;
using Broker.Configuration;
using Broker.Security;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>The steps that tests of sessions have in common.</summary>
internal static class SessionSteps
{
    private static readonly string Hash = PasscodeHash.Create("secret", PasscodeHash.MinIterations).Format();

    /// <summary>The versions, for theories.</summary>
    public static TheoryData<string> Versions { get; } = ["1.0", "1.1", "1.2"];

    /// <summary>A user whose passcode is <c>secret</c>; checking it leaves the session's thread.</summary>
    public static void AddUser(this BrokerOptions options, string login) =>
        options.Users.Add(new UserOptions { Login = login, PasscodeHash = Hash });

    /// <summary>Bytes of a frame as they stand in the test, <c>^@</c> for NUL.</summary>
    public static byte[] Wire(string text) => Encoding.UTF8.GetBytes(text.Replace("^@", "\0", StringComparison.Ordinal));

    /// <summary>One binary message of these bytes.</summary>
    public static Task SendWireAsync(this StompTestClient client, string text) => client.Socket.SendBinaryAsync(Wire(text));

    /// <summary>Subscribes and awaits the RECEIPT.</summary>
    public static async Task ListenAsync(
        this StompTestClient client, string destination, string id = "s", params (string Name, string Value)[] more)
    {
        await client.SendFrameAsync("SUBSCRIBE", [("id", id), ("destination", destination), ("receipt", "live"), .. more]);
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("live");
    }

    /// <summary>Has a frame processed; it must have <c>receipt:done</c>.</summary>
    public static async Task SendAndAwaitAsync(this StompTestClient client, string command, params (string Name, string Value)[] headers)
    {
        await client.SendFrameAsync(command, [.. headers, ("receipt", "done")]);
        (await client.ReadFrameAsync("RECEIPT"))["receipt-id"].Should().Be("done");
    }

    /// <summary>The next message as it lies on the wire, behind beats and what answers pings.</summary>
    public static async Task<byte[]> ReadWireAsync(this StompTestClient client)
    {
        while (true)
        {
            RawFrame frame = await client.Socket.ReadFrameAsync();
            if (frame.Opcode is ClientFrame.Text or ClientFrame.Binary && frame.Payload is not [(byte)'\n'])
                return frame.Payload;
            frame.Opcode.Should().NotBe(ClientFrame.Close, "a message was expected, not {0}", frame.Text);
        }
    }

    /// <summary>
    /// What the broker sent up to now, without a moment of waiting: its answer to a ping stands behind all that. Two pings, because the
    /// second is read only when all that came before the first has been processed.
    /// </summary>
    public static async Task<List<RawFrame>> ReadUpToNowAsync(this StompTestClient client)
    {
        var frames = new List<RawFrame>();
        foreach (byte mark in "12"u8.ToArray())
        {
            byte[] ping = [.. "now"u8, mark];
            await client.Socket.SendFrameAsync(ClientFrame.Ping, ping);
            RawFrame frame;
            while ((frame = await client.Socket.ReadFrameAsync()) is not { Opcode: ClientFrame.Pong } || !frame.Payload.AsSpan().SequenceEqual(ping))
                frames.Add(frame);
        }

        return frames;
    }

    /// <summary>True for a heart-beat: a message of one LF.</summary>
    public static bool IsBeat(this RawFrame frame) => frame is { Opcode: ClientFrame.Text, Fin: true, Payload: [(byte)'\n'] };
}
