using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Broker.Transports.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Broker.Tests.Transports;

/// <summary>The input of a connection, told by the program's own loop, and by the framework where there is none.</summary>
public sealed class SocketInputTests : IDisposable
{
    private readonly Socket _peer;
    private readonly Socket _socket;

    public SocketInputTests()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _peer.Connect(listener.LocalEndPoint!);
        _socket = listener.Accept();
        _socket.Blocking = false;
    }

    public static TheoryData<bool> Ways => OperatingSystem.IsLinux() ? [true, false] : [false];

    public void Dispose()
    {
        _peer.Dispose();
        _socket.Dispose();
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task What_comes_is_read_and_what_was_not_consumed_stands_before_what_follows(bool loop)
    {
        SocketInput input = Open(loop);
        await _peer.SendAsync("abcdef"u8.ToArray());

        ReadResult read = await Next(input);
        Text(read).Should().Be("abcdef");
        input.AdvanceTo(read.Buffer.GetPosition(2), read.Buffer.End);
        ValueTask<ReadResult> waiting = input.ReadAsync(Cancel);
        waiting.IsCompleted.Should().BeFalse("all that is there was examined");
        await _peer.SendAsync("gh"u8.ToArray());

        read = await waiting.AsTask().WaitAsync(Patience, Cancel);
        Text(read).Should().Be("cdefgh");
        input.AdvanceTo(read.Buffer.GetPosition(1));
        read = await Next(input);
        Text(read).Should().Be("defgh", "what was not examined needs nothing new");
        input.AdvanceTo(read.Buffer.End);
        input.Complete();
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Megabytes_arrive_whole_however_little_of_each_read_is_consumed(bool loop)
    {
        SocketInput input = Open(loop);
        byte[] sent = new byte[3_000_000];
        new Random(7).NextBytes(sent);
        Task sending = Task.Run(async () =>
        {
            await _peer.SendAsync(sent);
            _peer.Shutdown(SocketShutdown.Send);
        }, Cancel);
        var random = new Random(8);
        var got = new ArrayBufferWriter<byte>();

        while (true)
        {
            ReadResult read = await Next(input);
            if (read is { IsCompleted: true, Buffer.IsEmpty: true })
                break;
            ReadOnlySequence<byte> taken = read.Buffer.Slice(0, random.Next(0, (int)Math.Min(read.Buffer.Length, 100_000)) + (read.IsCompleted ? 1 : 0));
            foreach (ReadOnlyMemory<byte> piece in taken)
                got.Write(piece.Span);
            if (random.Next(3) == 0)
                await Task.Yield(); // the buffer is looked at after the call that brought it
            input.AdvanceTo(taken.End, random.Next(2) == 0 ? taken.End : read.Buffer.End);
        }

        await sending;
        got.WrittenSpan.SequenceEqual(sent).Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_wait_can_be_cancelled_and_the_next_one_reads_on(bool loop)
    {
        SocketInput input = Open(loop);
        Task<ReadResult> waiting = input.ReadAsync(Cancel).AsTask();
        input.CancelPendingRead();
        ReadResult read = await waiting.WaitAsync(Patience, Cancel);
        read.IsCanceled.Should().BeTrue();
        input.AdvanceTo(read.Buffer.End);

        input.CancelPendingRead();
        read = await Next(input);
        read.IsCanceled.Should().BeTrue("a cancellation that comes early is for the next read");
        input.AdvanceTo(read.Buffer.End);

        using var token = new CancellationTokenSource();
        Task<ReadResult> abandoned = input.ReadAsync(token.Token).AsTask();
        await token.CancelAsync();
        await FluentActions.Awaiting(() => abandoned.WaitAsync(Patience, Cancel)).Should().ThrowAsync<OperationCanceledException>();

        await _peer.SendAsync("x"u8.ToArray());
        Text(await Next(input)).Should().Be("x");
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task The_peers_end_is_read_behind_its_last_bytes_and_a_reset_is_an_error(bool loop)
    {
        SocketInput input = Open(loop);
        await _peer.SendAsync("last"u8.ToArray());
        _peer.Shutdown(SocketShutdown.Send);
        ReadResult read = await Next(input);
        Text(read).Should().Be("last");
        input.AdvanceTo(read.Buffer.End);
        read = read.IsCompleted ? read : await Next(input);
        read.IsCompleted.Should().BeTrue();
        input.AdvanceTo(read.Buffer.End);
        _ended.Should().Be(1);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_reset_is_an_error(bool loop)
    {
        SocketInput input = Open(loop);
        Task<ReadResult> waiting = input.ReadAsync(Cancel).AsTask();
        _peer.LingerState = new LingerOption(true, 0);
        _peer.Close();
        await FluentActions.Awaiting(() => waiting.WaitAsync(Patience, Cancel)).Should().ThrowAsync<ConnectionResetException>();
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Who_waits_is_told_when_the_connection_is_cut(bool loop)
    {
        SocketInput input = Open(loop);
        Task<ReadResult> waiting = input.ReadAsync(Cancel).AsTask();
        input.Abort();
        _socket.Dispose();
        await FluentActions.Awaiting(() => waiting.WaitAsync(Patience, Cancel)).Should().ThrowAsync<ConnectionAbortedException>();
        await FluentActions.Awaiting(() => Next(input)).Should().ThrowAsync<ConnectionAbortedException>();
    }

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private int _ended;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private SocketInput Open(bool loop)
    {
        var input = new SocketInput(_socket, loop && OperatingSystem.IsLinux() ? EventLoop.Next : null, () => _ended++);
        input.Start();
        return input;
    }

    private static Task<ReadResult> Next(SocketInput input) => input.ReadAsync(Cancel).AsTask().WaitAsync(Patience, Cancel);

    private static string Text(ReadResult read) => Encoding.ASCII.GetString(read.Buffer);
}
