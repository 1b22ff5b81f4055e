using System.Net.Security;
using System.Net.Sockets;

namespace Comparison.Wire;

/// <summary>TLS over the socket, with any certificate.</summary>
internal sealed class TlsLink : Link
{
    private readonly PolledStream _stream;
    private readonly SslStream _tls;
    private readonly Task _handshake;
    private Task<int>? _read;

    public TlsLink(Socket socket)
        : base(socket)
    {
        _stream = new PolledStream(socket);
        _tls = new SslStream(_stream);
#pragma warning disable CA5359 // the server is a process of this program, with a certificate that it made for it a moment ago
        _handshake = _tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
        });
#pragma warning restore CA5359
        Send(Socket, _stream.Output);
    }

    public override bool IsOpen => _handshake.IsCompletedSuccessfully;

    public override bool HoldsInput => _handshake.IsCompleted;

    public override int Unsent => Output.Length + _stream.Output.Length;

    // A read that is under way has the buffer of all connections, and fills it in Resume, from where it is read at once.
    public override int Receive(byte[] buffer)
    {
        _stream.Resume();
        if (!_stream.Output.IsEmpty)
            Send(Socket, _stream.Output);
        if (!_handshake.IsCompleted)
            return WouldBlock;
        _handshake.GetAwaiter().GetResult();
        if (_read is null)
        {
            ValueTask<int> read = _tls.ReadAsync(buffer);
            if (read.IsCompletedSuccessfully)
                return read.Result;
            _read = read.AsTask();
        }

        if (!_read.IsCompleted)
            return WouldBlock;
        int count = _read.GetAwaiter().GetResult();
        _read = null;
        return count;
    }

    public override void Flush()
    {
        if (!Output.IsEmpty)
        {
            ValueTask written = _tls.WriteAsync(Output.WrittenMemory);
            if (!written.IsCompletedSuccessfully)
                throw new IOException("The write to a buffer did not end at once.");
            written.GetAwaiter().GetResult();
            Output.Clear();
        }

        Send(Socket, _stream.Output);
    }

    public override void Dispose()
    {
        base.Dispose();
        _stream.Dispose();
    }

    /// <summary>The socket as <see cref="SslStream"/> wants it: a read waits until <see cref="Resume"/> finds something; a write only fills a buffer.</summary>
    private sealed class PolledStream(Socket socket) : Stream
    {
        private Memory<byte> _wanted;
        private TaskCompletionSource<int>? _waiting;

        public ByteBuffer Output { get; } = new();

        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public void Resume()
        {
            if (_waiting is null)
                return;
            int count = Receive(socket, _wanted.Span);
            if (count == WouldBlock)
                return;
            TaskCompletionSource<int> waiting = _waiting;
            _waiting = null;
            waiting.SetResult(count); // what waits for it goes on here, on this thread
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int count = Receive(socket, buffer.Span);
            if (count != WouldBlock)
                return new ValueTask<int>(count);
            _wanted = buffer;
            _waiting = new TaskCompletionSource<int>();
            return new ValueTask<int>(_waiting.Task);
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Output.Write(buffer.Span);
            return ValueTask.CompletedTask;
        }

        public override void Write(byte[] buffer, int offset, int count) => Output.Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
