using System.Diagnostics;
using System.Globalization;
using Broker.Tests.TestHost;

namespace Broker.Tests.Diagnostics;

/// <summary>
/// What a message costs the garbage collector, on the real process, whose code is optimized in every build: nothing per delivery, and per SEND a message, its
/// bytes, and its share in what goes out.
/// </summary>
public sealed class AllocationTests : IAsyncLifetime
{
    private const int Batches = 10;
    private const int PerBatch = 100;
    private const int BodyBytes = 128;
    private const byte Mark = (byte)'|'; // in no header, and no part of the length of frames of 200 to 300 bytes
    private const int Subscribers = 40;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private Process? _process;
    private int _port;

    public async ValueTask InitializeAsync()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet")
        {
            RedirectStandardOutput = true,
        };
        start.ArgumentList.Add(typeof(Program).Assembly.Location);
        start.ArgumentList.Add("--urls=http://127.0.0.1:0");
        _process = Process.Start(start)!;
        const string Listening = "Now listening on: ";
        while (await _process.StandardOutput.ReadLineAsync(Cancel).AsTask().WaitAsync(Patience, Cancel) is { } line)
        {
            if (line.Contains(Listening, StringComparison.Ordinal))
            {
                _port = new Uri(line[(line.IndexOf(Listening, StringComparison.Ordinal) + Listening.Length)..].Trim()).Port;
                break;
            }
        }

        _ = _process.StandardOutput.ReadToEndAsync(Cancel); // or it would block on a full pipe
    }

    public ValueTask DisposeAsync()
    {
        _process?.Kill();
        _process?.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("all with one id and one topic", false, false)]
    [InlineData("each with an id of its own", true, false)]
    [InlineData("a wildcard over many topics", false, true)]
    public async Task A_delivery_allocates_nothing_and_a_SEND_three_objects_at_most(string why, bool distinct, bool manyTopics)
    {
        using var publisher = await StompTestClient.ConnectAsync(_port);
        var clients = new List<StompTestClient>();
        for (int i = 0; i < Subscribers; i++)
        {
            StompTestClient client = await StompTestClient.ConnectAsync(_port);
            clients.Add(client);
            await client.SubscribeAsync(distinct ? $"sub-{i}" : "0", manyTopics ? "/topic/a.*" : "/topic/a");
        }

        await Task.WhenAll(clients.Select(ReadAsync).Append(SendAsync(publisher, manyTopics))); // what is made once is there
        long before = await AllocatedAsync();

        await Task.WhenAll(clients.Select(ReadAsync).Append(SendAsync(publisher, manyTopics)));
        long allocated = await AllocatedAsync() - before;
        clients.ForEach(client => client.Dispose());

        // The message (80 bytes), its bytes (body, headers, array: some 120 more than the body), and what a batch of them needs: its array, its frames
        // as they are shared. One object per delivery of the smallest kind, 24 bytes, would be 960 per SEND.
        double perSend = (double)allocated / (Batches * PerBatch);
        TestContext.Current.TestOutputHelper?.WriteLine($"{why}: {perSend:F0} bytes per SEND");
        perSend.Should().BeLessThan(1200, why);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static async Task SendAsync(StompTestClient publisher, bool manyTopics)
    {
        for (int batch = 0; batch < Batches; batch++)
        {
            await publisher.Socket.SendTextAsync(string.Concat(Enumerable.Range(0, PerBatch).Select(i =>
                $"SEND\ndestination:/topic/a{(manyTopics ? $".{i}" : "")}\n\n{new string('x', BodyBytes)}{(char)Mark}\0")));
        }
    }

    // Frame by frame it would take the clients longer than the broker by far.
    private static async Task ReadAsync(StompTestClient client) => await client.Socket.SkipAsync(Mark, Batches * PerBatch, "messages");

    private async Task<long> AllocatedAsync()
    {
        using var http = new HttpClient();
        string metrics = await http.GetStringAsync(new Uri($"http://127.0.0.1:{_port}/metrics"), Cancel);
        string line = metrics.Split('\n').Single(line => line.StartsWith("dotnet_gc_allocated_bytes_total ", StringComparison.Ordinal));
        return (long)double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
    }
}
