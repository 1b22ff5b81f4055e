using System.Globalization;
using Broker.Security;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Broker.Tests.Browser;

[Collection(SharedChromium.Name)]
public sealed class ConsolePageTests(Chromium chromium)
{
    private const string Connected = "#state[data-state=connected]";

    [Fact]
    public async Task It_connects_by_itself_and_one_Enter_brings_the_own_message_back()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        await using Tab tab = await OpenAsync(broker);

        await Expect(tab["#send-body"]).ToBeFocusedAsync();
        await tab.Page.Keyboard.TypeAsync("Good morning");
        await tab.Page.Keyboard.PressAsync("Enter");

        await Expect(tab[".row.message .body"]).ToHaveTextAsync("Good morning");
        await Expect(tab["#send-body"]).ToHaveValueAsync("");
        await Expect(tab["#fact-server"]).ToContainTextAsync("StompBroker/");
        await Expect(tab["#fact-version"]).ToHaveTextAsync("1.2");
        await Expect(tab["#fact-session"]).Not.ToHaveTextAsync("–");
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task It_subscribes_and_sends_anywhere_with_headers_and_unsubscribes()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        await using Tab tab = await OpenAsync(broker);

        await SubscribeAsync(tab, "/topic/quotes.*");
        await Expect(tab["#subscriptions li[data-live=true]"]).ToHaveCountAsync(2);
        await tab["summary:has-text('Headers')"].ClickAsync();
        await tab["#send-headers"].FillAsync("content-type:application/json\nx-source: desk:7");
        await SendAsync(tab, "/topic/quotes.ACME", "{\"price\":7}");

        ILocator message = tab[".row.message"];
        await Expect(message.Locator(".what")).ToHaveTextAsync("/topic/quotes.ACME");
        await message.Locator("summary").ClickAsync();
        await Expect(message.Locator("dd").Filter(new LocatorFilterOptions { HasText = "application/json" })).ToBeVisibleAsync();
        await Expect(message.Locator("dd").Filter(new LocatorFilterOptions { HasText = "desk:7" })).ToBeVisibleAsync();
        await Expect(tab["#subscriptions li:has-text('quotes') .count"]).ToHaveTextAsync("1");

        await tab.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Unsubscribe from /topic/quotes.*" }).ClickAsync();
        await SendAsync(tab, "/topic/quotes.ACME", "unseen");
        await tab["#send-headers"].FillAsync("");
        await SendAsync(tab, "/topic/demo", "seen");
        await Expect(message.First.Locator(".body")).ToHaveTextAsync("seen");
        await Expect(message).ToHaveCountAsync(2);
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task It_shows_a_body_as_text_never_as_markup_and_a_binary_one_as_hex()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        await using Tab tab = await OpenAsync(broker);

        await SendAsync(tab, "/topic/demo", "<img src=x onerror=alert(1)>");
        await Expect(tab[".row.message .body"]).ToHaveTextAsync("<img src=x onerror=alert(1)>");
        await tab.RunAsync(
            """
            url => new Promise(sent => {
              const client = new StompJs.Client({ brokerURL: url });
              client.onConnect = () => {
                client.publish({ destination: '/topic/demo', binaryBody: Uint8Array.of(0, 1, 254, 255, 65) });
                client.deactivate().then(sent);
              };
              client.activate();
            })
            """, broker.WebSocketUrl);
        await Expect(tab[".row.message .hex"]).ToContainTextAsync("00 01 fe ff 41");
        await Expect(tab[".row.message .size"].First).ToHaveTextAsync("binary · 5 bytes");
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task It_keeps_the_last_five_hundred_rows()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        await using Tab tab = await OpenAsync(broker);

        await tab.RunAsync(
            """
            url => new Promise(sent => {
              const client = new StompJs.Client({ brokerURL: url });
              client.onConnect = () => {
                for (let i = 1; i <= 1200; i++) client.publish({ destination: '/topic/demo', body: `message ${i}` });
                client.deactivate().then(sent);
              };
              client.activate();
            })
            """, broker.WebSocketUrl);
        await Expect(tab[".chip.message .count"]).ToHaveTextAsync("1,200");
        await Expect(tab[".row .body"].First).ToHaveTextAsync("message 1200");
        await Expect(tab[".row"]).ToHaveCountAsync(500);
    }

    [Fact]
    public async Task Each_kind_of_frame_can_be_hidden_and_shown()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        await using Tab tab = await OpenAsync(broker);

        await Expect(tab[".chip.beat"]).ToHaveAttributeAsync("aria-pressed", "false");
        await Expect(tab[".row.sent"].First).ToBeVisibleAsync();
        await tab[".chip.sent"].ClickAsync();
        await Expect(tab[".row.sent"].First).ToBeHiddenAsync();
        await Expect(tab[".row.receipt"]).ToBeVisibleAsync();
        await tab[".chip.sent"].ClickAsync();
        await Expect(tab[".row.sent"].First).ToBeVisibleAsync();
        await tab["#clear"].ClickAsync();
        await Expect(tab[".row"]).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task It_shows_the_text_of_a_refusal_that_the_browser_hides()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        await using Tab tab = await chromium.OpenAsync();

        await tab.Page.GotoAsync($"http://{Chromium.ForeignHost}:{broker.Port}/");

        await Expect(tab["#alert"]).ToContainTextAsync("403");
        await Expect(tab["#alert"]).ToContainTextAsync("This broker listens on loopback only");
        await Expect(tab["#state"]).ToHaveTextAsync("Not connected");
        tab.Complaints.Should().NotContain(complaint => complaint.Contains("Content Security Policy", StringComparison.Ordinal));
    }

    [Fact]
    public async Task It_shows_an_ERROR_with_its_body_and_the_close_code_and_connects_again()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        await using Tab tab = await OpenAsync(broker);

        await SubscribeAsync(tab, "/nowhere/at/all");

        await Expect(tab["#alert"]).ToContainTextAsync("ERROR: bad destination");
        await Expect(tab["#alert"]).ToContainTextAsync("Valid destinations are /topic/NAME");
        await Expect(tab[".row.error"]).ToContainTextAsync("Valid destinations are");
        await Expect(tab[".row.connection:has-text('1002')"]).ToBeVisibleAsync();
        await Expect(tab["#subscriptions li"]).ToHaveCountAsync(1); // not the one that would be refused again
        await Expect(tab["#subscriptions li[data-live=true]"]).ToHaveCountAsync(1);
        await Expect(tab[Connected]).ToBeVisibleAsync();
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task It_reconnects_by_itself_with_its_subscriptions_and_disconnects_when_told()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        await using Tab tab = await OpenAsync(broker);
        string first = await tab["#fact-session"].InnerTextAsync();

        broker.CutConnections();
        await Expect(tab["#fact-session"]).Not.ToHaveTextAsync(new System.Text.RegularExpressions.Regex($"^({first}|–)$"));
        await SendAsync(tab, "/topic/demo", "back again");
        await Expect(tab[".row.message .body"]).ToHaveTextAsync("back again");

        await tab["#toggle"].ClickAsync();
        await Expect(tab["#state"]).ToHaveTextAsync("Not connected");
        await Expect(tab[".row.connection:has-text('closed: 1000')"]).ToBeVisibleAsync();
        await tab["#toggle"].ClickAsync();
        await Expect(tab[Connected]).ToBeVisibleAsync();
    }

    [Fact]
    public async Task It_logs_in_where_the_broker_has_users()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync(
            "--Broker:Users:0:Login=ada", $"--Broker:Users:0:PasscodeHash={PasscodeHash.Create("engine", PasscodeHash.MinIterations).Format()}");
        await using Tab tab = await chromium.OpenAsync();

        await tab.Page.GotoAsync(broker.Url);
        await Expect(tab["#alert"]).ToContainTextAsync("ERROR");
        await Expect(tab["#state"]).ToHaveTextAsync("Not connected");
        await tab["#login-name"].FillAsync("ada");
        await tab["#login-passcode"].FillAsync("engine");
        await tab["#login-passcode"].PressAsync("Enter");
        await Expect(tab[Connected]).ToBeVisibleAsync();
        await Expect(tab["#fact-user"]).ToHaveTextAsync("ada");
        await Expect(tab["#alert"]).ToBeHiddenAsync();

        await tab[".row.sent:has-text('CONNECT') summary"].First.ClickAsync();
        (await tab.Page.ContentAsync()).Should().NotContain("engine", "a screenshot of the log must not show a passcode");
    }

    [Theory]
    [InlineData(360)]
    [InlineData(768)]
    [InlineData(1920)]
    public async Task It_fits_the_window(int width)
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        await using Tab tab = await OpenAsync(broker, width);

        await SendAsync(tab, "/topic/demo", new string('w', 300));
        await SendAsync(tab, $"/nowhere/{new string('x', 200)}", "");

        await Expect(tab[".row.error"]).ToBeVisibleAsync();
        string widest = (await tab.RunAsync("() => document.documentElement.scrollWidth")).ToString();
        int.Parse(widest, CultureInfo.InvariantCulture).Should().Be(width);
    }

    private async Task<Tab> OpenAsync(RunningBroker broker, int width = 1280)
    {
        Tab tab = await chromium.OpenAsync(width);
        await tab.Page.GotoAsync(broker.Url);
        await Expect(tab[Connected]).ToBeVisibleAsync();
        await Expect(tab["#subscriptions li[data-live=true]:has-text('/topic/demo')"]).ToBeVisibleAsync();
        return tab;
    }

    private static async Task SubscribeAsync(Tab tab, string destination)
    {
        await tab["#subscribe-destination"].FillAsync(destination);
        await tab["#subscribe-destination"].PressAsync("Enter");
    }

    private static async Task SendAsync(Tab tab, string destination, string body)
    {
        await tab["#send-destination"].FillAsync(destination);
        await tab["#send-body"].FillAsync(body);
        await tab["#send-body"].PressAsync("Enter");
    }
}
