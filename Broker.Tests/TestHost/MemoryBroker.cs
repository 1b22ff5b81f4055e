using System.IO.Pipelines;
using Broker.Configuration;
using Broker.Diagnostics;
using Broker.Routing;
using Broker.Security;
using Broker.Sessions;
using Broker.Transports.WebSockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Broker.Tests.TestHost;

/// <summary>
/// The broker without a server: its sessions over the transport that ships, over pipes in memory, with a clock that the test
/// turns. All that is real but the socket.
/// </summary>
internal sealed class MemoryBroker : IAsyncDisposable
{
    private readonly HeartBeatSweep _sweep;
    private readonly ServiceProvider _services;
    private readonly LoggerFactory _loggers;
    private readonly List<Task> _running = [];

    public MemoryBroker(Action<BrokerOptions>? configure = null)
    {
        var options = new BrokerOptions();
        configure?.Invoke(options);
        _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        _loggers = new LoggerFactory([Log], new LoggerFilterOptions { MinLevel = LogLevel.Trace });
        var metrics = new BrokerMetrics(_services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>());
        Environment = new SessionEnvironment(
            options,
            new TopicTable(options, Time),
            new QueueTable(options.Limits, metrics, Time),
            new ConfiguredUsers(Options.Create(options), _loggers.CreateLogger<ConfiguredUsers>()),
            new SessionRegistry(),
            metrics,
            Time,
            _loggers.CreateLogger<Session>());
        metrics.ObserveQueues(Environment.Queues.Totals, Environment.Queues.Deepest);
        _sweep = new HeartBeatSweep(Environment);
    }

    public ManualTime Time { get; } = new();

    public LogLines Log { get; } = new();

    public SessionEnvironment Environment { get; }

    public BrokerMetrics Metrics => Environment.Metrics;

    /// <summary>A client behind the handshake. The broker's output waits once <paramref name="unread"/> bytes were not read by it, as with a full socket.</summary>
    public StompTestClient Open(int unread = 64 * 1024)
    {
        var toBroker = new Pipe();
        var toClient = new Pipe(new PipeOptions(pauseWriterThreshold: unread, resumeWriterThreshold: Math.Max(1, unread / 2)));
        var serverSide = new DuplexPipe(toBroker.Reader, toClient.Writer);
        Task running = ServeAsync(serverSide, () =>
        {
            toClient.Reader.CancelPendingRead();
            toClient.Reader.Complete(new IOException("aborted"));
            toBroker.Writer.Complete();
        });
        lock (_running)
            _running.Add(running);
        return new StompTestClient(new RawWebSocket(new DuplexStream(toClient.Reader.AsStream(), toBroker.Writer.AsStream())));
    }

    /// <summary>A client that is CONNECTED.</summary>
    public async Task<StompTestClient> ConnectAsync(string versions = "1.2", int unread = 64 * 1024, params (string Name, string Value)[] headers)
    {
        StompTestClient client = Open(unread);
        await client.ConnectAsync(versions, headers);
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Session session in Environment.Sessions.All)
            session.ConnectionLost();
        await Task.WhenAll(_running).WaitAsync(TimeSpan.FromSeconds(10));
        _sweep.Dispose();
        _loggers.Dispose();
        await _services.DisposeAsync();
    }

    private async Task ServeAsync(DuplexPipe pipe, Action abort)
    {
        await WebSocketEndpoint.ServeAsync(Environment, pipe, abort, "memory");
        await pipe.Output.CompleteAsync();
        await pipe.Input.CompleteAsync();
    }

    private sealed record DuplexPipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class DuplexStream(Stream input, Stream output) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush() => output.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => output.FlushAsync(cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => input.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => input.ReadAsync(buffer, cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => output.Write(buffer, offset, count);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => output.WriteAsync(buffer, cancellationToken);

        protected override void Dispose(bool disposing)
        {
            output.Dispose();
            input.Dispose();
            base.Dispose(disposing);
        }
    }
}
