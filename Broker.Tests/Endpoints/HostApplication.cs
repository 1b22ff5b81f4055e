using System.Net;
using System.Net.WebSockets;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Broker.Endpoints;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Broker.Tests.Endpoints;

/// <summary>Somebody's web application: its own page, settings, WebSockets, cookies and HTTPS, and the broker beside them.</summary>
internal sealed class HostApplication : IAsyncDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("host");
    private readonly X509Certificate2 _certificate = SelfSigned();

    private HostApplication(bool useWebSockets, Action<WebApplication> map, string address, Action<IServiceCollection>? services)
    {
        Directory.CreateDirectory(Path.Combine(_root.FullName, "wwwroot"));
        File.WriteAllText(Path.Combine(_root.FullName, "wwwroot", "index.html"), "the application's own page");
        File.WriteAllText(Path.Combine(_root.FullName, "appsettings.json"), """{ "Own": "setting", "Broker": { "Path": "/never-read" } }""");
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = _root.FullName });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(address);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureHttpsDefaults(https => https.ServerCertificate = _certificate));
        builder.Services.AddAuthentication(CookieAuthenticationDefaults.AuthenticationScheme).AddCookie();
        builder.Services.AddAuthorization();
        builder.Services.AddStompBroker();
        services?.Invoke(builder.Services);
        App = builder.Build();
        App.UseDefaultFiles();
        App.UseStaticFiles();
        if (useWebSockets)
            App.UseWebSockets();
        App.UseAuthentication();
        App.UseAuthorization();
        App.MapGet("/login/{name}", (string name, HttpContext context) => context.SignInAsync(
            new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Name, name)], CookieAuthenticationDefaults.AuthenticationScheme))));
        App.Map("/own", OwnWebSocketAsync);
        map(App);
    }

    public WebApplication App { get; }

    public StompBroker Broker => App.Services.GetRequiredService<StompBroker>();

    public Uri Address => new(App.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First().Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal));

    /// <summary>Makes the application; <see cref="StartAsync()"/> starts it.</summary>
    public static HostApplication Create(
        Action<WebApplication> map, string address = "http://127.0.0.1:0", bool useWebSockets = false, Action<IServiceCollection>? services = null) =>
        new(useWebSockets, map, address, services);

    public async Task<HostApplication> StartAsync()
    {
        await App.StartAsync(TestContext.Current.CancellationToken);
        return this;
    }

    public HttpClient Http(CookieContainer? cookies = null) =>
        new(new SocketsHttpHandler
        {
            CookieContainer = cookies ?? new CookieContainer(),
            AllowAutoRedirect = false,
            SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString() == _certificate.GetCertHashString() },
        })
        { BaseAddress = Address };

    /// <summary>A STOMP client over .NET's own WebSocket, CONNECTED.</summary>
    public async Task<NetClient> ConnectAsync(string path = "/ws", CookieContainer? cookies = null, string login = "", string origin = "")
    {
        NetClient client = await OpenAsync(path, cookies, origin, "v12.stomp");
        await client.SendAsync($"CONNECT\naccept-version:1.2\nhost:h\n{(login.Length > 0 ? $"login:{login}\npasscode:x\n" : "")}\n\0");
        (await client.ReadAsync()).Should().StartWith("CONNECTED\n");
        return client;
    }

    /// <summary>A WebSocket.</summary>
    public async Task<NetClient> OpenAsync(string path, CookieContainer? cookies = null, string origin = "", string subprotocol = "")
    {
        var socket = new ClientWebSocket();
        if (subprotocol.Length > 0)
            socket.Options.AddSubProtocol(subprotocol);
        socket.Options.Cookies = cookies;
        socket.Options.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString() == _certificate.GetCertHashString();
        if (origin.Length > 0)
            socket.Options.SetRequestHeader("Origin", origin);
        var uri = new UriBuilder(Address) { Scheme = Address.Scheme == "https" ? "wss" : "ws", Path = path };
        await socket.ConnectAsync(uri.Uri, TestContext.Current.CancellationToken);
        return new NetClient(socket);
    }

    public async ValueTask DisposeAsync()
    {
        await App.StopAsync();
        await App.DisposeAsync();
        _certificate.Dispose();
        _root.Delete(recursive: true);
    }

    private static async Task OwnWebSocketAsync(HttpContext context)
    {
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
        await socket.SendAsync("own"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, context.RequestAborted);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, context.RequestAborted);
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), password: null);
    }
}

/// <summary>Text frames over .NET's own client.</summary>
internal sealed class NetClient(ClientWebSocket socket) : IDisposable
{
    private readonly byte[] _buffer = new byte[64 * 1024];

    public Task SendAsync(string frame) =>
        socket.SendAsync(System.Text.Encoding.UTF8.GetBytes(frame), WebSocketMessageType.Text, endOfMessage: true, TestContext.Current.CancellationToken);

    /// <summary>The next frame as text; the close as "CLOSE code".</summary>
    public async Task<string> ReadAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        int length = 0;
        WebSocketReceiveResult result;
        do
        {
            result = await socket.ReceiveAsync(new ArraySegment<byte>(_buffer, length, _buffer.Length - length), limit.Token);
            length += result.Count;
        }
        while (!result.EndOfMessage);
        return result.MessageType == WebSocketMessageType.Close
            ? $"CLOSE {(int)socket.CloseStatus!.Value}"
            : System.Text.Encoding.UTF8.GetString(_buffer, 0, length);
    }

    public async Task SubscribeAsync(string destination)
    {
        await SendAsync($"SUBSCRIBE\nid:0\ndestination:{destination}\nreceipt:live\n\n\0");
        (await ReadAsync()).Should().Be("RECEIPT\nreceipt-id:live\n\n\0");
    }

    public void Dispose() => socket.Dispose();
}
