using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Returning;

if (args.Length == 0 || !File.Exists(args[0]))
{
    Console.Error.WriteLine("usage: Returning BROKER [CLIENTS] [TOPICS]      BROKER: the built program, such as Broker/bin/Release/net10.0/Broker");
    return 1;
}

int clients = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 10_000;
int topics = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 500;
const int port = 15990;

Process broker = Start(args[0], port);
using var publisher = new Publisher(port);
await publisher.RetainAsync(topics);

// All come for the first time: that also compiles what there is to compile, on both sides.
Wave first = await BringAsync(port, clients, topics);
Console.WriteLine($"first time:     {Tell(first)}");
Visit[] visits = first.Visits;

// All are cut at once and come back, while some others stay.
using var stayers = new Stayers(port, 10);
await stayers.MeasureAsync(TimeSpan.FromSeconds(2));
Console.WriteLine($"calm:           the others' latency p50 {stayers.Percentile(50):0.0} ms, p99 {stayers.Percentile(99):0.0} ms");
foreach (Visit visit in visits)
    visit.Reset();
Task<Wave> back = BringAsync(port, clients, topics);
await stayers.MeasureUntilAsync(back);
Wave returned = await back;
Console.WriteLine($"after a cut:    {Tell(returned)}; the others' latency p50 {stayers.Percentile(50):0.0} ms, p99 {stayers.Percentile(99):0.0} ms, longest {stayers.Percentile(100):0.0} ms");
Array.ForEach(returned.Visits, visit => visit.Reset());
stayers.Dispose();

// The broker is killed and started anew; its publisher sets the values again.
broker.Kill();
broker.WaitForExit();
broker = Start(args[0], port);
using var again = new Publisher(port);
await again.RetainAsync(topics);
Wave restarted = await BringAsync(port, clients, topics);
Console.WriteLine($"after a restart: {Tell(restarted)}");
broker.Kill();
return restarted.Complete == clients ? 0 : 1;

static string Tell(Wave wave) =>
    $"{wave.Complete:N0} of {wave.Visits.Length:N0} have their snapshot after {wave.Elapsed.TotalSeconds:0.00} s ({wave.Visits.Sum(visit => visit.Bytes) / 1e6:N0} MB)";

static Process Start(string program, int port)
{
    var start = new ProcessStartInfo(program, ["--urls", $"http://localhost:{port}", "--Logging:LogLevel:Default=Warning"]);
    return Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
}

static async Task<Wave> BringAsync(int port, int clients, int topics)
{
    var watch = Stopwatch.StartNew();
    var visits = new Visit[clients];
    int next = -1;
    await Task.WhenAll(Enumerable.Range(0, 256).Select(async _ =>
    {
        while (Interlocked.Increment(ref next) is var i && i < clients)
            visits[i] = await Visit.PayAsync(port, topics);
    }));
    return new Wave(visits, watch.Elapsed);
}

namespace Returning
{
    /// <summary>All clients came.</summary>
    internal sealed record Wave(Visit[] Visits, TimeSpan Elapsed)
    {
        public int Complete => Visits.Count(visit => visit.IsComplete);
    }

    /// <summary>One client that connected, subscribed, and has read its snapshot.</summary>
    internal sealed class Visit
    {
        private readonly Socket _socket;

        private Visit(Socket socket) => _socket = socket;

        public bool IsComplete { get; private set; }

        public long Bytes { get; private set; }

        public static async Task<Visit> PayAsync(int port, int topics)
        {
            var visit = new Visit(await Wire.ConnectAsync(port));
            await Wire.SendAsync(visit._socket, "SUBSCRIBE\nid:0\ndestination:/topic/quotes.*\nx-snapshot:true\nreceipt:live\n\n\0");
            byte[] buffer = new byte[64 * 1024];
            int values = 0, kept = 0;
            bool ended = false;
            while (!ended)
            {
                int read = await visit._socket.ReceiveAsync(buffer.AsMemory(kept));
                if (read == 0)
                    return visit;
                visit.Bytes += read;
                kept += read;
                kept = Count(buffer.AsSpan(0, kept), ref values, ref ended);
            }

            visit.IsComplete = values == topics;
            return visit;
        }

        public void Reset()
        {
            _socket.LingerState = new LingerOption(enable: true, seconds: 0);
            _socket.Dispose();
        }

        // What may be the beginning of a mark stays in the buffer.
        private static int Count(Span<byte> bytes, ref int values, ref bool ended)
        {
            ReadOnlySpan<byte> value = "retained:true"u8, end = "x-snapshot:end"u8;
            ended |= bytes.IndexOf(end) >= 0;
            int last = 0;
            for (int at; (at = bytes[last..].IndexOf(value)) >= 0; last += at + value.Length)
                values++;
            int keep = Math.Min(bytes.Length - last, end.Length - 1);
            bytes[^keep..].CopyTo(bytes);
            return keep;
        }
    }

    /// <summary>Sets a value for each topic.</summary>
    internal sealed class Publisher(int port) : IDisposable
    {
        private Socket? _socket;

        public async Task RetainAsync(int topics)
        {
            _socket = await Wire.ConnectAsync(port);
            string body = new('x', 100);
            for (int i = 0; i < topics; i++)
                await Wire.SendAsync(_socket, $"SEND\ndestination:/topic/quotes.S{i}\nretain:set\n\n{body}\0");
            await Wire.SendAsync(_socket, "SEND\ndestination:/topic/done\nreceipt:done\n\n\0");
            await Wire.ReadUntilAsync(_socket, "receipt-id:done");
        }

        public void Dispose() => _socket?.Dispose();
    }

    /// <summary>Subscribers to something else, and how long each message took to each of them.</summary>
    internal sealed class Stayers : IDisposable
    {
        private readonly Socket _publisher;
        private readonly List<Socket> _sockets = [];
        private readonly Lock _gate = new();
        private List<double> _latencies = [];

        public Stayers(int port, int count)
        {
            _publisher = Wire.ConnectAsync(port).GetAwaiter().GetResult();
            for (int i = 0; i < count; i++)
            {
                Socket socket = Wire.ConnectAsync(port).GetAwaiter().GetResult();
                Wire.SendAsync(socket, "SUBSCRIBE\nid:0\ndestination:/topic/elsewhere\nreceipt:live\n\n\0").GetAwaiter().GetResult();
                Wire.ReadUntilAsync(socket, "receipt-id:live").GetAwaiter().GetResult();
                _sockets.Add(socket);
                var thread = new Thread(() => Read(socket)) { IsBackground = true, Priority = ThreadPriority.Highest };
                thread.Start();
            }
        }

        public double Percentile(int percent)
        {
            lock (_gate)
            {
                _latencies.Sort();
                return _latencies.Count == 0 ? 0 : _latencies[Math.Min(_latencies.Count - 1, _latencies.Count * percent / 100)];
            }
        }

        public Task MeasureAsync(TimeSpan time) => MeasureUntilAsync(Task.Delay(time));

        /// <summary>A hundred messages a second, from a thread of its own: this program's other work must not delay them.</summary>
        public Task MeasureUntilAsync(Task end)
        {
            lock (_gate)
                _latencies = [];
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var thread = new Thread(() =>
            {
                while (!end.IsCompleted)
                {
                    Wire.SendAsync(_publisher, $"SEND\ndestination:/topic/elsewhere\n\n@{Stopwatch.GetTimestamp()}@\0").GetAwaiter().GetResult();
                    Thread.Sleep(10);
                }

                Thread.Sleep(200);
                done.SetResult();
            })
            { IsBackground = true };
            thread.Start();
            return done.Task;
        }

        public void Dispose()
        {
            _publisher.Dispose();
            _sockets.ForEach(socket => socket.Dispose());
        }

        private void Read(Socket socket)
        {
            byte[] buffer = new byte[16 * 1024];
            try
            {
                for (int read; (read = socket.Receive(buffer)) > 0;)
                {
                    long now = Stopwatch.GetTimestamp();
                    string[] parts = System.Text.Encoding.Latin1.GetString(buffer, 0, read).Split('@');
                    lock (_gate)
                    {
                        for (int i = 1; i < parts.Length; i += 2)
                            _latencies.Add(Stopwatch.GetElapsedTime(long.Parse(parts[i], CultureInfo.InvariantCulture), now).TotalMilliseconds);
                    }
                }
            }
            catch (SocketException)
            {
                // The end.
            }
            catch (ObjectDisposedException)
            {
                // The end too.
            }
        }
    }

    /// <summary>Enough of WebSocket and STOMP to ask for something.</summary>
    internal static class Wire
    {
        /// <summary>A client that is CONNECTED; tries again while nobody listens.</summary>
        public static async Task<Socket> ConnectAsync(int port)
        {
            while (true)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    await socket.ConnectAsync("127.0.0.1", port);
                    await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes(
                        $"GET /ws HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v12.stomp\r\n\r\n"));
                    await SendAsync(socket, "CONNECT\naccept-version:1.2\nhost:localhost\n\n\0");
                    await ReadUntilAsync(socket, "CONNECTED");
                    return socket;
                }
                catch (SocketException)
                {
                    socket.Dispose();
                    await Task.Delay(5);
                }
            }
        }

        /// <summary>Sends one masked text message; the mask is zero.</summary>
        public static async Task SendAsync(Socket socket, string frame)
        {
            byte[] payload = System.Text.Encoding.ASCII.GetBytes(frame);
            byte[] header = payload.Length < 126
                ? [0x81, (byte)(0x80 | payload.Length), 0, 0, 0, 0]
                : [0x81, 0xFE, (byte)(payload.Length >> 8), (byte)payload.Length, 0, 0, 0, 0];
            await socket.SendAsync((byte[])[.. header, .. payload]);
        }

        /// <summary>Reads what comes, and leaves it, until some words are among it.</summary>
        public static async Task ReadUntilAsync(Socket socket, string words)
        {
            byte[] buffer = new byte[4096];
            string seen = "";
            while (!seen.Contains(words, StringComparison.Ordinal))
            {
                int read = await socket.ReceiveAsync(buffer);
                if (read == 0)
                    throw new SocketException((int)SocketError.ConnectionReset);
                seen += System.Text.Encoding.Latin1.GetString(buffer, 0, read);
            }
        }
    }
}
