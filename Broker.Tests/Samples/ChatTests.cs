using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using Broker.Tests.Browser;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Broker.Tests.Samples;

/// <summary>The chat as one process for all its tests; each takes names of its own.</summary>
public sealed class RunningChat : IAsyncLifetime
{
    internal SampleProcess Sample { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        SetDefaultExpectTimeout(15_000); // a busy machine is slow, not wrong
        Sample = await SampleProcess.StartAsync("Chat");
    }

    public ValueTask DisposeAsync() => Sample.DisposeAsync();
}

[Collection(SharedChromium.Name)]
public sealed class ChatTests(Chromium chromium, RunningChat chat) : IClassFixture<RunningChat>
{
    [Fact]
    public async Task Two_people_see_each_other_and_what_they_write()
    {
        await using Tab ann = await EnterAsync("Ann");
        await using Tab bob = await EnterAsync("Bob");

        await SayAsync(ann, "Good morning <img src=x onerror=alert(1)>");
        await SeesAsync(bob, "Ann", "Good morning <img src=x onerror=alert(1)>");
        await SayAsync(bob, "Morning!");
        await SeesAsync(ann, "Bob", "Morning!");
        await Expect(ann["#messages li.mine"]).ToHaveCountAsync(1);
        await Expect(ann["#here li:text-is('Bob')"]).ToBeVisibleAsync();
        ann.Complaints.Should().BeEmpty();
        bob.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task The_author_is_who_the_broker_says_whatever_body_and_headers_claim()
    {
        await using Tab victim = await EnterAsync("Victor");
        await using Tab forger = await EnterAsync("Mallory");

        await forger.RunAsync(
            """
            () => new Promise(done => {
              const client = new StompJs.Client({ brokerURL: location.href.replace('http', 'ws') + 'ws', connectHeaders: { login: 'Victor' } });
              client.onConnect = () => {
                client.watchForReceipt('there', () => client.deactivate().then(done));
                client.publish({
                  destination: '/topic/rooms.lobby', body: '{"author":"Victor","text":"I owe Mallory a million"}',
                  headers: { 'user-id': 'Victor', receipt: 'there' },
                });
              };
              client.activate();
            })
            """);

        await SeesAsync(victim, "Mallory", "{\"author\":\"Victor\",\"text\":\"I owe Mallory a million\"}");
    }

    [Fact]
    public async Task A_room_that_somebody_opens_appears_with_its_first_message()
    {
        await using Tab opener = await EnterAsync("Olga");
        await using Tab other = await EnterAsync("Pete");

        await opener["#new-room"].FillAsync("Deep Dive");
        await opener["#new-room"].PressAsync("Enter");
        await Expect(opener["#title"]).ToHaveTextAsync("#deep-dive");
        await SayAsync(opener, "first");
        ILocator room = other["#rooms button:has-text('#deep-dive')"];
        await Expect(room.Locator(".unread")).ToHaveTextAsync("1");
        await room.ClickAsync();
        await SeesAsync(other, "Olga", "first");
        await Expect(other[".unread"]).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_name_that_is_here_is_taken_until_its_owner_leaves()
    {
        await using Tab first = await EnterAsync("Rita");
        await using Tab second = await chromium.OpenAsync();
        await second.Page.GotoAsync(chat.Sample.Url);
        await second["#name"].FillAsync("rita");
        await second["#name"].PressAsync("Enter");
        await Expect(second["#refusal"]).ToContainTextAsync("here already");

        await first["#leave"].ClickAsync();
        await Expect(first["#login"]).ToBeVisibleAsync();
        await second["#name"].PressAsync("Enter");
        await Expect(second["#state"]).ToHaveTextAsync("Connected");
    }

    [Fact]
    public async Task A_cut_connection_is_shown_and_comes_back_by_itself()
    {
        await using var cable = new Cable(chat.Sample.Port);
        await using Tab near = await EnterAsync("Simon");
        await using Tab far = await EnterAsync("Tess", cable.Url);

        await cable.CutAsync();
        await Expect(far["#state"]).ToHaveTextAsync("Reconnecting");
        cable.Mend();
        await Expect(far["#state"]).ToHaveTextAsync("Connected");
        await SayAsync(far, "back again");
        await SeesAsync(near, "Tess", "back again");
    }

    [Fact]
    public async Task A_phone_s_width_is_enough()
    {
        await using Tab tab = await EnterAsync("Ulla", width: 375);

        await SayAsync(tab, string.Concat(Enumerable.Repeat("averylongwordwithoutanyspace", 10)));
        await Expect(tab["#messages .mine"]).ToBeVisibleAsync();
        (await tab.RunAsync("() => document.documentElement.scrollWidth")).GetInt32().Should().BeLessThanOrEqualTo(375);
    }

    [Fact]
    public async Task Without_a_login_there_is_no_WebSocket_and_no_list_of_names()
    {
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        Func<Task> connect = () => socket.ConnectAsync(new Uri($"ws://127.0.0.1:{chat.Sample.Port}/ws"), TestContext.Current.CancellationToken);
        await connect.Should().ThrowAsync<WebSocketException>();
        socket.HttpStatusCode.Should().Be(HttpStatusCode.Unauthorized);

        using var http = new HttpClient { BaseAddress = new Uri(chat.Sample.Url) };
        using HttpResponseMessage here = await http.GetAsync("/here", TestContext.Current.CancellationToken);
        here.StatusCode.Should().Be(HttpStatusCode.NoContent);
    }

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("<b>")]
    [InlineData("a name of more than twenty-four")]
    public async Task A_name_is_a_name(string name)
    {
        using var http = new HttpClient { BaseAddress = new Uri(chat.Sample.Url) };
        using HttpResponseMessage login = await http.PostAsJsonAsync("/login", new { name }, TestContext.Current.CancellationToken);

        login.StatusCode.Should().Be(HttpStatusCode.BadRequest);
        login.Headers.Contains("Set-Cookie").Should().BeFalse();
    }

    private static async Task SayAsync(Tab tab, string text)
    {
        await tab["#text"].FillAsync(text);
        await tab["#text"].PressAsync("Enter");
    }

    private static async Task SeesAsync(Tab tab, string author, string text)
    {
        ILocator message = tab["#messages li"].Last;
        await Expect(message.Locator(".text")).ToHaveTextAsync(text);
        await Expect(message.Locator(".author")).ToHaveTextAsync(author);
    }

    private async Task<Tab> EnterAsync(string name, string? url = null, int width = 1280)
    {
        Tab tab = await chromium.OpenAsync(width);
        await tab.Page.GotoAsync(url ?? chat.Sample.Url);
        await tab["#name"].FillAsync(name);
        await tab["#name"].PressAsync("Enter");
        await Expect(tab["#state"]).ToHaveTextAsync("Connected");
        return tab;
    }
}
