using System.Net;
using System.Net.WebSockets;
using Broker.Configuration;
using Broker.Endpoints;
using Broker.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Broker.Tests.Endpoints;

/// <summary>The broker in somebody's application, which stays as it was.</summary>
public class EmbeddingTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("http://127.0.0.1:0", false)]
    [InlineData("http://127.0.0.1:0", true)]
    [InlineData("https://127.0.0.1:0", false)]
    [InlineData("https://127.0.0.1:0", true)]
    public async Task Two_lines_serve_STOMP_beside_the_applications_own_page_and_WebSockets(string address, bool useWebSockets)
    {
        await using HostApplication host = await HostApplication.Create(app => app.MapStompBroker("/ws"), address, useWebSockets).StartAsync();
        using HttpClient http = host.Http();

        (await http.GetStringAsync("/", Cancel)).Should().Be("the application's own page");
        using NetClient client = await host.ConnectAsync();
        await client.SubscribeAsync("/topic/a");
        string body = new('x', 40_000);
        await client.SendAsync($"SEND\ndestination:/topic/a\n\n{body}\0");
        (await client.ReadAsync()).Should().Contain("destination:/topic/a\n").And.EndWith($"\n\n{body}\0");

        if (useWebSockets)
        {
            using NetClient own = await host.OpenAsync("/own");
            (await own.ReadAsync()).Should().Be("own");
        }
    }

    [Fact]
    public async Task The_applications_server_settings_and_configuration_are_left_alone()
    {
        await using HostApplication host = await HostApplication.Create(app => app.MapStompBroker("/ws")).StartAsync();
        using HttpClient http = host.Http();

        KestrelServerLimits limits = host.App.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;
        limits.KeepAliveTimeout.Should().Be(new KestrelServerLimits().KeepAliveTimeout);
        limits.RequestHeadersTimeout.Should().Be(new KestrelServerLimits().RequestHeadersTimeout);
        host.App.Configuration["Own"].Should().Be("setting");
        foreach (string path in new[] { "/metrics", "/health/live", "/stomp.umd.min.js", "/console/main.js", "/never-read" })
            (await http.GetAsync(path, Cancel)).StatusCode.Should().Be(HttpStatusCode.NotFound, path);
    }

    [Fact]
    public async Task The_HTTP_user_is_the_sessions_user_whatever_CONNECT_says()
    {
        await using HostApplication host = await HostApplication.Create(app => app.MapStompBroker("/ws").RequireAuthorization(), "https://127.0.0.1:0").StartAsync();
        var cookies = new CookieContainer();
        using HttpClient http = host.Http(cookies);

        await FluentActions.Awaiting(() => host.ConnectAsync()).Should().ThrowAsync<WebSocketException>();
        (await http.GetAsync("/login/ann", Cancel)).EnsureSuccessStatusCode();
        using NetClient client = await host.ConnectAsync(cookies: cookies, login: "bob");
        await client.SubscribeAsync("/topic/a");
        await client.SendAsync("SEND\ndestination:/topic/a\nuser-id:bob\n\n\0");

        (await client.ReadAsync()).Should().Contain("\nuser-id:ann\n").And.NotContain("bob");
        host.Broker.Sessions.Should().ContainSingle().Which.User.Should().Be("ann");
    }

    [Fact]
    public async Task An_endpoint_that_lets_anybody_in_does_not_start_beyond_loopback()
    {
        await using HostApplication open = HostApplication.Create(app => app.MapStompBroker("/ws"), "http://0.0.0.0:0");
        await using HostApplication closed = HostApplication.Create(app => app.MapStompBroker("/ws").RequireAuthorization(), "http://0.0.0.0:0");
        await using HostApplication allowed = HostApplication.Create(app => app.MapStompBroker("/ws", options => options.AllowAnonymous = true), "http://0.0.0.0:0");

        (await FluentActions.Awaiting(open.StartAsync).Should().ThrowAsync<InvalidOperationException>())
            .Which.Message.Should().ContainAll("Broker:AllowAnonymous", "RequireAuthorization()");
        await closed.StartAsync();
        await allowed.StartAsync();
    }

    [Fact]
    public async Task Endpoints_share_topics_and_have_options_of_their_own()
    {
        await using HostApplication host = await HostApplication.Create(app =>
        {
            app.MapStompBroker("/ws");
            app.MapStompBroker("/partner", options => options.AllowedOrigins.Add("https://partner.example"));
        }).StartAsync();

        await FluentActions.Awaiting(() => host.ConnectAsync("/ws", origin: "https://partner.example")).Should().ThrowAsync<WebSocketException>();
        using NetClient partner = await host.ConnectAsync("/partner", origin: "https://partner.example");
        using NetClient own = await host.ConnectAsync("/ws");
        await partner.SubscribeAsync("/topic/a");
        await own.SendAsync("SEND\ndestination:/topic/a\n\nshared\0");

        (await partner.ReadAsync()).Should().EndWith("\n\nshared\0");
    }

    [Fact]
    public async Task Users_of_an_endpoint_satisfy_the_rule_and_come_before_the_HTTP_user()
    {
        string hash = PasscodeHash.Create("x", PasscodeHash.MinIterations).Format();
        await using HostApplication host = await HostApplication.Create(
            app => app.MapStompBroker("/ws", options => options.Users.Add(new UserOptions { Login = "bob", PasscodeHash = hash })), "http://0.0.0.0:0").StartAsync();
        var cookies = new CookieContainer();
        using HttpClient http = host.Http(cookies);
        (await http.GetAsync("/login/ann", Cancel)).EnsureSuccessStatusCode();

        using NetClient bob = await host.ConnectAsync(cookies: cookies, login: "bob");
        using NetClient ann = await host.ConnectAsync(cookies: cookies);

        host.Broker.Sessions.Select(session => session.User).Should().BeEquivalentTo("ann", "bob");
    }

    [Fact]
    public void Wrong_options_of_an_endpoint_are_told_when_it_is_mapped() =>
        FluentActions.Invoking(() => HostApplication.Create(app => app.MapStompBroker("/ws", options => options.Limits.FrameBytes = 0)))
            .Should().Throw<OptionsValidationException>().WithMessage("*Broker:Limits:FrameBytes*");

    [Fact]
    public async Task Registered_twice_it_is_one_broker_with_both_settings()
    {
        await using HostApplication host = await HostApplication.Create(
            app => app.MapStompBroker("/ws"),
            services: services => services.AddStompBroker(options => options.Limits.Subscriptions = 1).AddStompBroker(options => options.Limits.Headers = 10)).StartAsync();
        using NetClient client = await host.ConnectAsync();

        await client.SubscribeAsync("/topic/a");
        await client.SendAsync("SUBSCRIBE\nid:1\ndestination:/topic/b\n\n\0");

        (await client.ReadAsync()).Should().Contain("too many subscriptions");
        (await client.ReadAsync()).Should().Be("CLOSE 1008");
    }
}
