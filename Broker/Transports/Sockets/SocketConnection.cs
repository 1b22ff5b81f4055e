using System.Collections;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Broker.Transports.Sockets;

/// <summary>
/// An accepted connection as the server sees it: its two pipes, which work on the socket without threads or buffers of their own, and its features, of
/// which it is most itself.
/// </summary>
internal sealed class SocketConnection : ConnectionContext, IFeatureCollection,
    IConnectionIdFeature, IConnectionTransportFeature, IConnectionItemsFeature, IConnectionLifetimeFeature, IConnectionEndPointFeature, IConnectionSocketFeature
{
    // For what a peer has not taken when everything above has ended: about what the kernel itself waits for.
    private static readonly TimeSpan LastBytes = TimeSpan.FromSeconds(5);

    private static long _count;

    private readonly long _number = Interlocked.Increment(ref _count);
    private readonly SocketInput _input;
    private readonly SocketOutput _output;
    private readonly List<KeyValuePair<Type, object>> _others = [];
    private CancellationTokenSource? _closed;
    private IDictionary<object, object?>? _items;
    private Func<Task>? _heir;
    private int _revision;
    private int _isClosed;

    public SocketConnection(Socket socket)
    {
        Socket = socket;
        _output = new SocketOutput(socket);
        _input = new SocketInput(socket, OperatingSystem.IsLinux() ? EventLoop.Next : null, InputEnded);
        Transport = new Duplex(_input, _output);
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        _others.Add(new(typeof(SocketOutput), _output));
        _input.Start();
    }

    public Socket Socket { get; }

    public override string ConnectionId
    {
        get => field ??= _number.ToString("X", CultureInfo.InvariantCulture);
        set;
    }

    public override IDuplexPipe Transport { get; set; }

    public override EndPoint? LocalEndPoint { get; set; }

    public override EndPoint? RemoteEndPoint { get; set; }

    public override IFeatureCollection Features => this;

    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    /// <summary>Cancelled at the connection's end; but for a WebSocket, not when merely the peer has ended its own sending.</summary>
    public override CancellationToken ConnectionClosed
    {
        get
        {
            if (_closed is null)
            {
                Interlocked.CompareExchange(ref _closed, new CancellationTokenSource(), null);
                if (Volatile.Read(ref _isClosed) != 0)
                    _closed.Cancel();
            }

            return field == default ? _closed.Token : field;
        }
        set;
    }

    /// <summary>
    /// Has <paramref name="serve"/> run once the server is done with HTTP, on the same pipes: a request handler calls it, and returns. What HTTP keeps for a
    /// connection, most of what an idle one weighs, is let go then. Nothing happens before.
    /// </summary>
    public void HandOver(Func<Task> serve)
    {
        _heir = serve;
        _output.IsHandedOver = _input.IsHandedOver = true;
    }

    /// <summary>Serves a connection by <paramref name="http"/>, and then by whom it was handed over to.</summary>
    public async Task ServeAsync(ConnectionDelegate http)
    {
        var beats = new HttpHeartbeat(this);
        await http(this).ConfigureAwait(false);
        if (_heir is not { } heir)
            return;
        beats.End();
        _heir = null;
        _output.IsHandedOver = _input.IsHandedOver = false;
        await heir().ConfigureAwait(false);
    }

    public override void Abort(ConnectionAbortedException abortReason) => Close(TimeSpan.Zero);

    /// <summary>Waits a moment for what is on its way to the socket, and closes it.</summary>
    public override async ValueTask DisposeAsync()
    {
        await _output.CompleteAsync().ConfigureAwait(false);
        if (!_output.Sending.IsCompleted)
            await _output.Sending.WaitAsync(LastBytes).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Close(null);
        await _input.CompleteAsync().ConfigureAwait(false);
        _input.Stop();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private void InputEnded()
    {
        if (!_output.OutlivesInput)
            TellClosed();
    }

    // On another thread, since the server's own code waits for it.
    private void TellClosed()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) == 0 && _closed is { } closed)
            ThreadPool.UnsafeQueueUserWorkItem(static closed => closed.Cancel(), closed, preferLocal: false);
    }

    private void Close(TimeSpan? linger)
    {
        TellClosed();
        _input.Abort();
        try
        {
            if (linger is null)
                Socket.Shutdown(SocketShutdown.Both);
            else
                Socket.LingerState = new LingerOption(enable: true, (int)linger.Value.TotalSeconds); // what was not sent is dropped
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // It is closed already, by the peer or by us.
        }

        Socket.Dispose();
    }

    bool IFeatureCollection.IsReadOnly => false;

    int IFeatureCollection.Revision => _revision;

    object? IFeatureCollection.this[Type key]
    {
        get => Find(key);
        set => Set(key, value);
    }

    TFeature? IFeatureCollection.Get<TFeature>()
        where TFeature : default => (TFeature?)Find(typeof(TFeature));

    void IFeatureCollection.Set<TFeature>(TFeature? instance)
        where TFeature : default => Set(typeof(TFeature), instance);

    public IEnumerator<KeyValuePair<Type, object>> GetEnumerator() => _others.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private object? Find(Type key)
    {
        foreach (KeyValuePair<Type, object> other in _others)
        {
            if (other.Key == key)
                return other.Value;
        }

        return key == typeof(IConnectionIdFeature) || key == typeof(IConnectionTransportFeature) || key == typeof(IConnectionItemsFeature)
            || key == typeof(IConnectionLifetimeFeature) || key == typeof(IConnectionEndPointFeature) || key == typeof(IConnectionSocketFeature)
            ? this
            : null;
    }

    private void Set(Type key, object? value)
    {
        _revision++;
        _others.RemoveAll(other => other.Key == key);
        if (value is not null)
            _others.Add(new(key, value));
    }

    /// <summary>Passes the server's heart-beats on to its HTTP part, by which it keeps its time-outs, until the connection is no longer HTTP's.</summary>
    private sealed class HttpHeartbeat : IConnectionHeartbeatFeature
    {
        private Action? _beat;

        public HttpHeartbeat(SocketConnection connection)
        {
            if (connection.Find(typeof(IConnectionHeartbeatFeature)) is not IConnectionHeartbeatFeature server)
                return;
            server.OnHeartbeat(static beats => ((HttpHeartbeat)beats)._beat?.Invoke(), this);
            connection.Set(typeof(IConnectionHeartbeatFeature), this);
        }

        public void OnHeartbeat(Action<object> action, object state) => _beat += () => action(state);

        public void End() => _beat = null;
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
