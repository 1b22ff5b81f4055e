using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Broker.Tests.TestHost;

/// <summary>How a peer ended its side.</summary>
internal enum StreamEnd
{
    /// <summary>In order, after all its bytes (FIN).</summary>
    Fin,

    /// <summary>By a reset, which may have destroyed bytes on their way.</summary>
    Reset,
}

/// <summary>
/// A TCP connection that receives only what a test asks for: one that asks for nothing is a client that stopped reading.
/// Whatever takes longer than <see cref="Patience"/> fails the test and says what was waited for.
/// </summary>
internal sealed class RawSocket : IDisposable
{
    private readonly Socket? _socket;
    private readonly Stream _stream;
    private readonly byte[] _received = new byte[16 * 1024];
    private int _start;
    private int _end;

    private RawSocket(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>The same over a transport in memory.</summary>
    public RawSocket(Stream stream) => _stream = stream;

    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(10);

    public static async Task<RawSocket> ConnectAsync(int port, int? receiveBufferBytes = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        // Before the connect: the window's scale is settled by the SYN.
        if (receiveBufferBytes is { } bytes)
            socket.ReceiveBufferSize = bytes;
        await socket.ConnectAsync(IPAddress.Loopback, port);
        return new RawSocket(socket);
    }

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text));

    public Task SendAsync(ReadOnlyMemory<byte> bytes) =>
        Within($"sending {bytes.Length} bytes", async token =>
        {
            await _stream.WriteAsync(bytes, token);
            await _stream.FlushAsync(token);
            return true;
        });

    /// <summary>Exactly so many bytes; an end before them fails the test.</summary>
    public Task<byte[]> ReadExactlyAsync(int count, string what) =>
        Within(what, async token =>
        {
            var bytes = new byte[count];
            for (var done = 0; done < count;)
            {
                if (_start == _end && await FillAsync(token) == 0)
                    throw new EndOfStreamException($"The peer ended the connection; {what} was expected, and {done} of {count} bytes came.");
                var take = Math.Min(count - done, _end - _start);
                _received.AsSpan(_start, take).CopyTo(bytes.AsSpan(done));
                _start += take;
                done += take;
            }

            return bytes;
        });

    /// <summary>Reads so many of a byte, and what stands between them, in as few steps as they come in.</summary>
    public async Task SkipAsync(byte mark, int count, string what)
    {
        while (count > 0)
        {
            if (_start == _end && await Within(what, FillAsync) == 0)
                throw new EndOfStreamException($"The peer ended the connection; {count} more of {what} were expected.");
            int place = _received.AsSpan(_start, _end - _start).IndexOf(mark);
            _start = place < 0 ? _end : _start + place + 1;
            count -= place < 0 ? 0 : 1;
        }
    }

    /// <summary>A line without its CR LF.</summary>
    public async Task<string> ReadLineAsync(string what)
    {
        var line = new StringBuilder();
        while (line.Length < 2 || line[^1] != '\n')
            line.Append((char)(await ReadExactlyAsync(1, what))[0]);
        return line.ToString(0, line.Length - (line[^2] == '\r' ? 2 : 1));
    }

    /// <summary>All that still comes, and how it ends.</summary>
    public Task<(byte[] Bytes, StreamEnd End)> ReadToEndAsync() =>
        Within("the end of the connection", async token =>
        {
            var all = new MemoryStream();
            try
            {
                do
                {
                    all.Write(_received, _start, _end - _start);
                    _start = _end;
                }
                while (await FillAsync(token) > 0);
                return (all.ToArray(), StreamEnd.Fin);
            }
            catch (IOException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.ConnectionAborted })
            {
                return (all.ToArray(), StreamEnd.Reset);
            }
        });

    /// <summary>Ends this side in order (FIN); the other one can still be read.</summary>
    public void EndSending() => _socket!.Shutdown(SocketShutdown.Send);

    /// <summary>Ends both sides by a reset.</summary>
    public void Abort()
    {
        if (_socket is not null)
            _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        _stream.Dispose();
    }

    public void Dispose() => _stream.Dispose();

    private async Task<int> FillAsync(CancellationToken cancel)
    {
        _start = 0;
        _end = 0;
        return _end = await _stream.ReadAsync(_received, cancel);
    }

    private async Task<T> Within<T>(string what, Func<CancellationToken, Task<T>> act)
    {
        var test = TestContext.Current.CancellationToken;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(test);
        limit.CancelAfter(Patience);
        try
        {
            return await act(limit.Token);
        }
        catch (OperationCanceledException) when (!test.IsCancellationRequested)
        {
            throw new TimeoutException($"Not within {Patience.TotalSeconds:0.#} s: {what}.");
        }
    }
}
