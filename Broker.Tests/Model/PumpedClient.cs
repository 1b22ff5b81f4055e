using System.Threading.Channels;
using Broker.Tests.TestHost;

namespace Broker.Tests.Model;

/// <summary>A frame as it came to one of a run's clients; without a frame: that client's connection has ended, and why.</summary>
internal sealed record Arrival(PumpedClient Client, TestFrame? Frame, Exception? End);

/// <summary>A client over a socket that is read all the time: what comes is passed on in its order, to a place that several may share.</summary>
internal sealed class PumpedClient : IDisposable
{
    private readonly StompTestClient _client;

    private PumpedClient(string name, StompTestClient client) => (Name, _client) = (name, client);

    public string Name { get; }

    public string Version => _client.Connected?["version"] ?? "1.0";

    public string Session => _client.Connected!["session"]!;

    public static async Task<PumpedClient> ConnectAsync(int port, string name, string version, ChannelWriter<Arrival> arrivals)
    {
        StompTestClient client = await StompTestClient.ConnectAsync(port, version);
        client.Socket.Patience = TimeSpan.FromMinutes(10); // whoever waits for something looks at the time itself
        var pumped = new PumpedClient(name, client);
        _ = Task.Run(() => pumped.PumpAsync(arrivals), CancellationToken.None);
        return pumped;
    }

    /// <summary>Frames as one message, processed by the broker as what came together.</summary>
    public Task SendAsync(params IEnumerable<(string Command, (string Name, string Value)[] Headers, string Body)> frames) =>
        _client.Socket.SendBinaryAsync(frames.SelectMany(frame => _client.Encode(frame.Command, frame.Headers, System.Text.Encoding.UTF8.GetBytes(frame.Body))).ToArray());

    /// <summary>What an ACK or a NACK of a message names, as this client's version has it.</summary>
    public (string Name, string Value)[] Answer(TestFrame message) => Version switch
    {
        "1.2" => [("id", message["ack"] ?? throw new InvalidOperationException($"It has no ack: {message}"))],
        "1.1" => [("message-id", message["message-id"]!), ("subscription", message["subscription"]!)],
        _ => [("message-id", message["message-id"]!)],
    };

    /// <summary>Ends it without a word.</summary>
    public void Abort() => _client.Socket.Abort();

    /// <summary>Ends it with a close frame.</summary>
    public Task CloseAsync() => _client.Socket.SendCloseAsync(1000);

    public void Dispose() => _client.Dispose();

    private async Task PumpAsync(ChannelWriter<Arrival> arrivals)
    {
        try
        {
            while (true)
                arrivals.TryWrite(new Arrival(this, await _client.ReadFrameAsync(), null));
        }
#pragma warning disable CA1031 // Whatever it is, who reads the arrivals judges it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            arrivals.TryWrite(new Arrival(this, null, exception));
        }
    }
}
