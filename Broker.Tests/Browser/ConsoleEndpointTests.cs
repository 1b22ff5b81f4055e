using System.Net;

namespace Broker.Tests.Browser;

/// <summary>The console page and the library over plain HTTP.</summary>
public sealed class ConsoleEndpointTests : IAsyncLifetime
{
    private RunningBroker _broker = null!;
    private HttpClient _http = null!;

    public async ValueTask InitializeAsync()
    {
        _broker = await RunningBroker.StartAsync();
        _http = new HttpClient { BaseAddress = new Uri(_broker.Url) };
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _broker.DisposeAsync();
    }

    [Fact]
    public async Task The_page_comes_with_a_strict_policy_and_knows_the_path_of_the_endpoint()
    {
        using HttpResponseMessage page = await GetAsync("/");

        page.StatusCode.Should().Be(HttpStatusCode.OK);
        page.Content.Headers.ContentType!.ToString().Should().Be("text/html; charset=utf-8");
        Header(page, "Content-Security-Policy").Should().Contain("default-src 'none'; script-src 'self';")
            .And.Contain($"connect-src 'self' ws://127.0.0.1:{_broker.Port} wss://127.0.0.1:{_broker.Port};").And.NotContain("unsafe");
        Header(page, "X-Content-Type-Options").Should().Be("nosniff");
        (await TextAsync(page)).Should().Contain("data-endpoint=\"/ws\"").And.NotContain("<script>").And.NotContain("style=");
    }

    [Theory]
    [InlineData("[::1]:15674")]
    [InlineData("a;script-src *")]
    public async Task A_host_that_cannot_stand_in_the_policy_is_not_named_there(string host)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.TryAddWithoutValidation("Host", host);
        using HttpResponseMessage page = await _http.SendAsync(request, TestContext.Current.CancellationToken);

        if (page.StatusCode == HttpStatusCode.OK)
            Header(page, "Content-Security-Policy").Should().Contain("connect-src 'self';").And.NotContain(host);
        else
            page.StatusCode.Should().Be(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task What_may_change_is_asked_for_again_and_costs_a_304()
    {
        using HttpResponseMessage first = await GetAsync("/console/main.js");
        using var again = new HttpRequestMessage(HttpMethod.Get, "/console/main.js");
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using HttpResponseMessage second = await _http.SendAsync(again, TestContext.Current.CancellationToken);

        first.Headers.CacheControl!.NoCache.Should().BeTrue();
        second.StatusCode.Should().Be(HttpStatusCode.NotModified);
    }

    [Theory]
    [InlineData("/stomp.umd.min.js", "no-cache")]
    [InlineData("/lib/stompjs/7.5.0/stomp.umd.min.js", "public, max-age=31536000, immutable")]
    [InlineData("/lib/stompjs/7.5.0/stomp.umd.js", "public, max-age=31536000, immutable")]
    public async Task Pages_of_any_origin_may_load_the_library(string path, string caching)
    {
        using HttpResponseMessage library = await GetAsync(path);

        library.StatusCode.Should().Be(HttpStatusCode.OK);
        library.Content.Headers.ContentType!.ToString().Should().Be("text/javascript; charset=utf-8");
        Header(library, "Access-Control-Allow-Origin").Should().Be("*");
        Header(library, "Cross-Origin-Resource-Policy").Should().Be("cross-origin");
        Header(library, "Cache-Control").Should().Be(caching);
        (await TextAsync(library)).Should().Contain("StompJs");
    }

    [Fact]
    public async Task The_library_s_licence_is_served_beside_it()
    {
        using HttpResponseMessage licence = await GetAsync("/lib/stompjs/7.5.0/LICENSE");

        (await TextAsync(licence)).Should().Contain("Apache License");
    }

    [Theory]
    [InlineData("HEAD", "/", HttpStatusCode.OK)]
    [InlineData("POST", "/", HttpStatusCode.MethodNotAllowed)]
    [InlineData("DELETE", "/stomp.umd.min.js", HttpStatusCode.MethodNotAllowed)]
    [InlineData("GET", "/refusal", HttpStatusCode.MethodNotAllowed)]
    [InlineData("GET", "/index.html", HttpStatusCode.NotFound)]
    [InlineData("GET", "/lib/", HttpStatusCode.NotFound)]
    [InlineData("POST", "/nowhere", HttpStatusCode.NotFound)]
    [InlineData("OPTIONS", "/nowhere", HttpStatusCode.NotFound)]
    [InlineData("GET", "/lib/stompjs/7.5.0/..%2f..%2f..%2findex.html", HttpStatusCode.NotFound)]
    public async Task Only_what_is_there_is_served_and_only_to_be_read(string method, string path, HttpStatusCode status)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using HttpResponseMessage response = await _http.SendAsync(request, TestContext.Current.CancellationToken);

        response.StatusCode.Should().Be(status);
        if (method == "HEAD")
            response.Content.Headers.ContentLength.Should().BePositive();
    }

    [Theory]
    [InlineData("127.0.0.1", null, HttpStatusCode.NoContent, "")]
    [InlineData("127.0.0.1", "http://localhost:4200", HttpStatusCode.NoContent, "")]
    [InlineData("127.0.0.1", "https://evil.example", HttpStatusCode.Forbidden, "Broker:AllowedOrigins")]
    [InlineData("127.0.0.1", "null", HttpStatusCode.Forbidden, "is no origin")]
    [InlineData("broker.test", "http://broker.test", HttpStatusCode.Forbidden, "listens on loopback only")]
    public async Task The_page_is_told_why_a_handshake_from_its_origin_is_refused(string host, string? origin, HttpStatusCode status, string text)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/refusal");
        request.Headers.Host = host;
        if (origin is not null)
            request.Headers.Add("Origin", origin);
        using HttpResponseMessage response = await _http.SendAsync(request, TestContext.Current.CancellationToken);

        response.StatusCode.Should().Be(status);
        (await TextAsync(response)).Should().Match($"*{text}*");
        response.Headers.CacheControl!.NoStore.Should().BeTrue();
    }

    [Fact]
    public async Task The_page_follows_Broker_Path_and_makes_room_where_that_is_the_root()
    {
        await using RunningBroker elsewhere = await RunningBroker.StartAsync("--Broker:Path=/stomp/live");
        await using RunningBroker atRoot = await RunningBroker.StartAsync("--Broker:Path=/");
        using var http = new HttpClient();

        (await http.GetStringAsync(elsewhere.Url, TestContext.Current.CancellationToken)).Should().Contain("data-endpoint=\"/stomp/live\"");
        using HttpResponseMessage root = await http.GetAsync(atRoot.Url, TestContext.Current.CancellationToken);
        root.StatusCode.Should().Be(HttpStatusCode.BadRequest, "the endpoint is asked without an upgrade");
    }

    private Task<HttpResponseMessage> GetAsync(string path) => _http.GetAsync(path, TestContext.Current.CancellationToken);

    private static Task<string> TextAsync(HttpResponseMessage response) => response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

    private static string Header(HttpResponseMessage response, string name) => string.Join(", ", response.Headers.GetValues(name));
}
