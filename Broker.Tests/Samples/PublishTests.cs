using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;

namespace Broker.Tests.Samples;

/// <summary>What <c>dotnet publish</c> makes of the samples runs from any folder.</summary>
public sealed class PublishTests
{
    [Fact]
    public async Task The_published_ticker_serves_its_page_libraries_and_WebSocket()
    {
        using var folder = new TemporaryFolder();
        await SampleProcess.PublishAsync("TradingTicker", folder.Path);
        await using SampleProcess sample = await SampleProcess.StartInAsync(folder.Path, "TradingTicker");
        using var http = new HttpClient { BaseAddress = new Uri(sample.Url) };

        (await GetAsync(http, "/")).Should().Contain("<title>Trading Ticker</title>");
        (await GetAsync(http, "/js/feed.js")).Should().Contain("StompJs.Client");
        (await GetAsync(http, "/lib/stompjs/7.5.0/stomp.umd.min.js")).Should().Contain("StompJs");
        (await GetAsync(http, "/lib/uplot/1.6.32/uPlot.iife.min.js")).Should().Contain("uPlot");
        (await GetAsync(http, "/market/BRK.B")).Should().Contain("\"prices\":[");
        (await ConnectAsync(sample, new CookieContainer(), "/topic/quotes.#")).Should().Contain("destination:/topic/quotes.").And.Contain("\"sequence\":");
    }

    [Fact]
    public async Task The_published_chat_serves_its_page_library_and_WebSocket()
    {
        using var folder = new TemporaryFolder();
        await SampleProcess.PublishAsync("Chat", folder.Path);
        await using SampleProcess sample = await SampleProcess.StartInAsync(folder.Path, "Chat");
        var cookies = new CookieContainer();
        using var handler = new HttpClientHandler { CookieContainer = cookies };
        using var http = new HttpClient(handler) { BaseAddress = new Uri(sample.Url) };

        (await GetAsync(http, "/")).Should().Contain("<title>Chat</title>");
        (await GetAsync(http, "/chat.js")).Should().Contain("StompJs.Client");
        (await GetAsync(http, "/lib/stompjs/7.5.0/stomp.umd.min.js")).Should().Contain("StompJs");
        using HttpResponseMessage login = await http.PostAsJsonAsync("/login", new { name = "Zoe" }, TestContext.Current.CancellationToken);
        login.StatusCode.Should().Be(HttpStatusCode.NoContent);
        (await ConnectAsync(sample, cookies, "/topic/rooms.*", "/topic/rooms.lobby")).Should().Contain("user-id:Zoe");
    }

    [Fact]
    public async Task The_published_game_serves_its_page_library_and_WebSocket()
    {
        using var folder = new TemporaryFolder();
        await SampleProcess.PublishAsync("TicTacToe", folder.Path);
        await using SampleProcess sample = await SampleProcess.StartInAsync(folder.Path, "TicTacToe");
        using var http = new HttpClient { BaseAddress = new Uri(sample.Url) };

        (await GetAsync(http, "/")).Should().Contain("<title>Tic-Tac-Toe</title>");
        (await GetAsync(http, "/game.js")).Should().Contain("StompJs.Client");
        (await GetAsync(http, "/lib/stompjs/7.5.0/stomp.umd.min.js")).Should().Contain("StompJs");
        (await ConnectAsync(sample, new CookieContainer(), "/topic/tictactoe.a.board", "/topic/tictactoe.a.board")).Should().Contain("hello");
    }

    private static Task<string> GetAsync(HttpClient http, string path) => http.GetStringAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);

    /// <summary>Connects, subscribes, sends if told to, and gives the first MESSAGE.</summary>
    private static async Task<string> ConnectAsync(SampleProcess sample, CookieContainer cookies, string subscribe, string? send = null)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        using var socket = new ClientWebSocket();
        socket.Options.Cookies = cookies;
        socket.Options.AddSubProtocol("v12.stomp");
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{sample.Port}/ws"), limit.Token);
        await SendAsync("CONNECT\naccept-version:1.2\nhost:localhost\n\n\0");
        await SendAsync($"SUBSCRIBE\nid:0\ndestination:{subscribe}\n\n\0");
        if (send is not null)
            await SendAsync($"SEND\ndestination:{send}\n\nhello\0");
        var text = new StringBuilder();
        var bytes = new byte[16 * 1024];
        while (true)
        {
            WebSocketReceiveResult result = await socket.ReceiveAsync(new ArraySegment<byte>(bytes), limit.Token);
            text.Append(Encoding.UTF8.GetString(bytes, 0, result.Count));
            if (text.ToString() is var all && all.IndexOf("MESSAGE\n", StringComparison.Ordinal) is >= 0 and var start && all.IndexOf('\0', start) is >= 0 and var end)
                return all[start..end];
        }

        Task SendAsync(string frame) => socket.SendAsync(Encoding.UTF8.GetBytes(frame), WebSocketMessageType.Text, endOfMessage: true, limit.Token);
    }

    private sealed class TemporaryFolder : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("published-");

        public string Path => _folder.FullName;

        public void Dispose() => _folder.Delete(recursive: true);
    }
}
