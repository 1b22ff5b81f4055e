using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using Comparison.Protocols;
using Comparison.Wire;

namespace Comparison.Servers;

/// <summary>A server that runs: on a free port, in a temporary folder, and no longer than this program.</summary>
internal sealed class ServerProcess : IDisposable
{
    private const int KeptLines = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Server _server;
    private readonly Launch _launch;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("comparison-");
    private readonly ConcurrentQueue<string> _output = new();
    private readonly Process _process;
    private readonly ProcessTree _tree;
    private bool _isDisposed;

    private ServerProcess(Server server, Cores cores)
    {
        _server = server;
        int port = Ports.Free();
        Target = new Target(new Endpoint(port, server.Path, server.IsTls), server.Protocol);
        _launch = server.Prepare(_folder.FullName, port);
        Launch pinned = cores.Pinned(_launch);
        var start = new ProcessStartInfo(pinned.Program, pinned.Arguments)
        {
            WorkingDirectory = _folder.FullName,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in pinned.Environment)
            start.Environment[name] = value;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.Start();
        AppDomain.CurrentDomain.ProcessExit += OnExit;
        cores.Pin(_process);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        _tree = new ProcessTree(_process);
    }

    public Target Target { get; }

    public Usage Usage => _tree.Read();

    /// <summary>The last lines that it wrote.</summary>
    public string Output => string.Join('\n', _output);

    /// <summary>Starts a server and waits until it takes connections.</summary>
    public static ServerProcess Start(Server server, Cores cores)
    {
        var started = new ServerProcess(server, cores);
        try
        {
            started.WaitUntilUp();
            return started;
        }
        catch
        {
            started.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        try
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }

        _server.CleanUp(_launch);
        _process.Dispose();
        try
        {
            _folder.Delete(recursive: true);
        }
        catch (IOException)
        {
            // A process of its tree writes a last word; the folder is the system's to sweep.
        }
    }

    private void OnExit(object? sender, EventArgs e) => Dispose();

    private void WaitUntilUp()
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect(Target.Endpoint.Address);
                return;
            }
            catch (SocketException)
            {
                if (_process.HasExited || watch.Elapsed > Patience)
                    throw new InvalidOperationException($"{_server.Title} did not start:\n{Output}");
                Thread.Sleep(50);
            }
        }
    }

    private void Keep(string? line)
    {
        if (line is null)
            return;
        _output.Enqueue(line);
        while (_output.Count > KeptLines)
            _output.TryDequeue(out _);
    }
}
