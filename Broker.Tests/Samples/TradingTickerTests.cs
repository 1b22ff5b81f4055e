using System.Text.Json;
using Broker.Tests.Browser;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Broker.Tests.Samples;

/// <summary>The trading ticker as one process for all its tests.</summary>
public sealed class RunningTicker : IAsyncLifetime
{
    internal SampleProcess Sample { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        SetDefaultExpectTimeout(15_000); // a busy machine is slow, not wrong
        Sample = await SampleProcess.StartAsync("TradingTicker");
    }

    public ValueTask DisposeAsync() => Sample.DisposeAsync();
}

[Collection(SharedChromium.Name)]
public sealed class TradingTickerTests(Chromium chromium, RunningTicker ticker) : IClassFixture<RunningTicker>
{
    /// <summary>The messages a second that the page shows.</summary>
    private const string Rate = "Number(document.getElementById('rate').textContent.replace(',', ''))";

    private const string Points = "Number(document.getElementById('chart').dataset.points)";

    [Fact]
    public async Task Quotes_move_the_chart_draws_and_rate_and_latency_are_shown()
    {
        await using Tab tab = await OpenAsync();

        await MovesAsync(tab, "#price");
        await MovesAsync(tab, ".row[data-symbol=AMZN] .price");
        await tab.UntilAsync($"() => {Points} > 100");
        await tab.RunAsync($"() => {{ window.before = {Points}; }}");
        await tab.UntilAsync($"() => {Points} > window.before + 5");
        (await tab.RunAsync(
            """
            () => {
              const canvas = document.querySelector('#chart canvas');
              const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
              return pixels.filter((value, i) => i % 4 === 3 && value > 0).length;
            }
            """)).GetInt32().Should().BeGreaterThan(2000, "the line and what is below it are drawn");
        await tab.UntilAsync($"() => {Rate} > 500");
        await Expect(tab["#p50"]).ToHaveTextAsync(Number());
        await Expect(tab["#p99"]).ToHaveTextAsync(Number());
        await Expect(tab["#tape li"].First).ToBeVisibleAsync();
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task A_symbol_or_a_pattern_in_the_search_box_changes_the_subscription()
    {
        await using Tab tab = await OpenAsync();
        await tab.UntilAsync($"() => {Rate} > 500");

        await tab["#search"].FillAsync("brk.b");
        await Expect(tab["#subscription"]).ToHaveTextAsync("/topic/quotes.BRK.B");
        await Expect(tab["#symbol"]).ToHaveTextAsync("BRK.B");
        await Expect(tab[".row:visible"]).ToHaveCountAsync(1);
        await tab.UntilAsync($"() => {Rate} > 0 && {Rate} < 100");
        await MovesAsync(tab, "#price");

        await tab["#search"].FillAsync("BRK.*");
        await Expect(tab["#subscription"]).ToHaveTextAsync("/topic/quotes.BRK.*");
        await Expect(tab[".row:visible"]).ToHaveCountAsync(2);

        await tab["#search"].FillAsync("");
        await Expect(tab["#subscription"]).ToHaveTextAsync("/topic/quotes.#");
        await tab.UntilAsync($"() => {Rate} > 500");
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task Other_words_filter_what_comes()
    {
        await using Tab tab = await OpenAsync();

        await tab["#search"].FillAsync("energy");
        await Expect(tab["#count"]).ToHaveTextAsync(new System.Text.RegularExpressions.Regex("^5[0-9] symbols$"));
        await Expect(tab["#subscription"]).ToHaveTextAsync("/topic/quotes.#");
        await tab["#search"].FillAsync("no such company");
        await Expect(tab["#nothing"]).ToBeVisibleAsync();
        await tab["#sectors button:has-text('Finance')"].ClickAsync();
        await Expect(tab["#sectors button[aria-pressed=true]"]).ToContainTextAsync("Finance");
        await Expect(tab[".row[data-symbol='JPM']"]).ToBeVisibleAsync();
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task Only_the_visible_rows_exist_and_a_click_on_a_heading_sorts_them()
    {
        await using Tab tab = await OpenAsync();

        await Expect(tab["#table"]).ToHaveAttributeAsync("aria-rowcount", "501");
        (await tab[".row"].CountAsync()).Should().BeLessThan(40);
        await tab[".head button:has-text('Symbol')"].ClickAsync();
        await Expect(tab[".head [aria-sort=ascending]"]).ToHaveTextAsync("Symbol");
        await Expect(tab[".row[aria-rowindex='2']"]).ToHaveAttributeAsync("data-symbol", "AAPL");
        await tab[".viewport"].FocusAsync();
        await tab.Page.Keyboard.PressAsync("End");
        ILocator last = tab[".row[aria-rowindex='501']"];
        await Expect(last).ToBeInViewportAsync();
        await Expect(last).ToHaveAttributeAsync("aria-selected", "true");
        await Expect(tab["#symbol"]).ToHaveTextAsync(await last.GetAttributeAsync("data-symbol") ?? "");
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task The_speed_of_the_market_changes_for_all_within_its_bounds()
    {
        await using Tab tab = await OpenAsync();
        await using Tab other = await OpenAsync();

        await tab["#speed"].FillAsync("3");
        await Expect(other["#speed-text"]).ToHaveTextAsync("100/s");
        await other.UntilAsync($"() => {Rate} > 30 && {Rate} < 200");
        await PublishRateAsync(tab, "as fast as you can");
        await PublishRateAsync(tab, "99999999");
        await Expect(other["#speed-text"]).ToHaveTextAsync("10,000/s");
        await PublishRateAsync(tab, "-5");
        await Expect(other["#speed-text"]).ToHaveTextAsync("paused");
        await PublishRateAsync(tab, "1000");
        await Expect(other["#speed-text"]).ToHaveTextAsync("1,000/s");
        other.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task A_cut_connection_is_shown_and_comes_back_by_itself()
    {
        await using var cable = new Cable(ticker.Sample.Port);
        await using Tab tab = await OpenAsync(cable.Url);
        await MovesAsync(tab, "#price");

        await cable.CutAsync();
        await Expect(tab["#state"]).ToHaveTextAsync("Reconnecting");
        cable.Mend();
        await Expect(tab["#state"]).ToHaveTextAsync("Connected");
        await MovesAsync(tab, "#price");
        await tab.UntilAsync($"() => {Rate} > 500");
    }

    [Fact]
    public async Task The_first_picture_is_the_snapshot_and_no_prices_come_by_HTTP()
    {
        await using Tab before = await OpenAsync();
        await PauseAsync(before);
        using var http = new HttpClient();
        string companies = await http.GetStringAsync(new Uri(ticker.Sample.Url + "/market"), TestContext.Current.CancellationToken);
        companies.Should().Contain("\"symbol\":\"NVDA\"").And.NotContainAny("\"price", "\"change", "\"volume");

        await using Tab tab = await OpenAsync();

        await Expect(tab["#price"]).ToHaveTextAsync(await before["#price"].InnerTextAsync());
        await Expect(tab["#volume"]).ToHaveTextAsync(await before["#volume"].InnerTextAsync());
        await Expect(tab["#count"]).ToHaveTextAsync("500 symbols");
        (await tab.RunAsync($"() => {Count("ticks")}")).GetInt32().Should().Be(0, "retained quotes are no ticks");
        await PublishRateAsync(before, "1000");
        await tab.UntilAsync($"() => {Count("ticks")} > 1000");
        await Expect(tab["#missing"]).ToHaveTextAsync("0");
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task A_cut_by_the_button_is_made_up_for()
    {
        await using Tab tab = await OpenAsync();
        await MovesAsync(tab, "#price");

        await tab["#cut"].ClickAsync();
        await Expect(tab["#cuts"]).ToHaveTextAsync("1");
        await Expect(tab["#state"]).ToHaveTextAsync("Connected");

        await Expect(tab["#verdict"]).ToHaveTextAsync("Recovered");
        await tab.UntilAsync($"() => {Count("recovered")} > 1500 && {Count("ticks")} > {Count("recovered")}");
        await MovesAsync(tab, "#price");
        await Expect(tab["#missing"]).ToHaveTextAsync("0");
        await Expect(tab["#repeated"]).ToBeHiddenAsync();
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task Cuts_and_other_rates_of_conflation_leave_no_quote_out()
    {
        await using var cable = new Cable(ticker.Sample.Port);
        await using Tab tab = await OpenAsync(cable.Url);
        await using Tab steady = await OpenAsync();
        await PauseAsync(tab, steady);
        long first = await PublishedAsync(steady);
        long seen = await CountAsync(tab, "ticks"), seenSteady = await CountAsync(steady, "ticks");

        await PublishRateAsync(steady, "2000");
        foreach (string interval in (string[])["0", "3", "1", "5", "2", "0"])
        {
            await tab["#interval"].FillAsync(interval);
            await tab.RunAsync("() => new Promise(done => setTimeout(done, 150 + 600 * Math.random()))");
            await cable.CutAsync();
            await Expect(tab["#state"]).ToHaveTextAsync("Reconnecting");
            cable.Mend();
            await Expect(tab["#state"]).ToHaveTextAsync("Connected");
            await Expect(tab["#verdict"]).ToHaveTextAsync("Recovered");
            await tab["#interval"].FillAsync("4");
            await MovesAsync(tab, "#price");
        }

        await PauseAsync(tab, steady);
        long published = await PublishedAsync(steady) - first;
        (await CountAsync(steady, "ticks") - seenSteady).Should().Be(published);
        (await CountAsync(tab, "ticks") - seen).Should().Be(published, "each quote counts once, by itself or in a newer one");
        (await CountAsync(tab, "messages")).Should().BeLessThan(await CountAsync(tab, "ticks"));
        await Expect(tab["#cuts"]).ToHaveTextAsync("6");
        await Expect(tab["#missing"]).ToHaveTextAsync("0");
        await Expect(tab["#repeated"]).ToBeHiddenAsync();
        await PublishRateAsync(steady, "1000");
    }

    [Fact]
    public async Task What_is_missing_is_shown()
    {
        await using Tab tab = await OpenAsync();
        await PauseAsync(tab);

        await tab.RunAsync(
            """
            () => new Promise(done => {
              const client = new StompJs.Client({ brokerURL: location.href.replace('http', 'ws') + 'ws' });
              client.onConnect = () => client.subscribe('/topic/quotes.NVDA', message => {
                if (!message.headers.retained) { client.deactivate().then(done); return; }
                const quote = JSON.parse(message.body);
                quote.number += 100;
                client.publish({ destination: '/topic/quotes.NVDA', body: JSON.stringify(quote) });
              });
              client.activate();
            })
            """);

        await Expect(tab["#missing"]).ToHaveTextAsync("99");
        await PublishRateAsync(tab, "1000");
    }

    [Fact]
    public async Task After_a_restart_of_the_server_it_starts_anew_and_says_so()
    {
        SampleProcess first = await SampleProcess.StartAsync("TradingTicker");
        await using var cable = new Cable(first.Port);
        await using Tab tab = await OpenAsync(cable.Url);
        await MovesAsync(tab, "#price");

        await first.DisposeAsync();
        await Expect(tab["#state"]).ToHaveTextAsync("Reconnecting");
        await using SampleProcess second = await SampleProcess.StartAsync("TradingTicker");
        cable.To = second.Port;

        await Expect(tab["#verdict"]).ToHaveTextAsync("Not recovered: started anew");
        await Expect(tab["#state"]).ToHaveTextAsync("Connected");
        await MovesAsync(tab, "#price");
        long ticks = await CountAsync(tab, "ticks");
        await tab.UntilAsync($"ticks => {Count("ticks")} > ticks + 1000", ticks);
        await Expect(tab["#recovered"]).ToHaveTextAsync("0");
        await Expect(tab["#missing"]).ToHaveTextAsync("0");

        await tab["#cut"].ClickAsync();
        await Expect(tab["#verdict"]).ToHaveTextAsync("Recovered");
    }

    [Fact]
    public async Task Conflation_lets_each_company_through_so_often_and_counts_the_rest()
    {
        await using Tab tab = await OpenAsync();
        await PublishRateAsync(tab, "5000");
        await tab["#interval"].FillAsync("3");
        await Expect(tab["#interval-text"]).ToHaveTextAsync("500 ms");

        (double rounds, double ticks, double messages) = await CountAsync(tab, TimeSpan.FromMilliseconds(500));
        messages.Should().BeLessThan(500 * rounds);
        ticks.Should().BeGreaterThan(2 * messages);

        await tab["#search"].FillAsync("NVDA");
        await Expect(tab["#subscription"]).ToHaveTextAsync("/topic/quotes.NVDA");
        (rounds, ticks, messages) = await CountAsync(tab, TimeSpan.FromMilliseconds(500));
        messages.Should().BeInRange(1, rounds);
        ticks.Should().BeGreaterThan(2 * messages);
        await Expect(tab["#missing"]).ToHaveTextAsync("0");
        await PublishRateAsync(tab, "1000");
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task A_phone_s_width_is_enough()
    {
        await using Tab tab = await OpenAsync(width: 375);

        await MovesAsync(tab, "#price");
        (await tab.RunAsync("() => document.documentElement.scrollWidth")).GetInt32().Should().BeLessThanOrEqualTo(375);
        await tab[".row[data-symbol=AAPL]"].ScrollIntoViewIfNeededAsync();
        await tab[".row[data-symbol=AAPL]"].ClickAsync();
        await Expect(tab["#symbol"]).ToHaveTextAsync("AAPL");
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task Who_wants_less_motion_sees_no_flashes()
    {
        await using Tab tab = await OpenAsync();

        await tab.UntilAsync("() => document.getAnimations().length > 0");
        await tab.Page.EmulateMediaAsync(new PageEmulateMediaOptions { ReducedMotion = ReducedMotion.Reduce });
        await tab.UntilAsync("() => document.getAnimations().length === 0");
        await MovesAsync(tab, "#price");
        (await tab.RunAsync("() => document.getAnimations().length")).GetInt32().Should().Be(0);
    }

    private static System.Text.RegularExpressions.Regex Number() => new("^[0-9]+(\\.[0-9])?$");

    private static async Task MovesAsync(Tab tab, string selector)
    {
        string text = await tab[selector].InnerTextAsync();
        await Expect(tab[selector]).Not.ToHaveTextAsync(text);
    }

    /// <summary>One of the counts that the page shows.</summary>
    private static string Count(string id) => $"Number(document.getElementById('{id}').textContent.replaceAll(',', ''))";

    private static async Task<long> CountAsync(Tab tab, string id) => (await tab.RunAsync($"() => {Count(id)}")).GetInt64();

    /// <summary>Pauses the market and waits until these pages have all that was published: nothing comes for a while.</summary>
    private static async Task PauseAsync(params Tab[] tabs)
    {
        await PublishRateAsync(tabs[0], "0");
        foreach (Tab tab in tabs)
        {
            await tab.RunAsync("() => { window.seen = undefined; }");
            await tab.Page.WaitForFunctionAsync(
                $"() => {{ const before = window.seen; window.seen = {Count("ticks")}; return window.seen === before; }}", null, new() { PollingInterval = 2500 });
        }
    }

    /// <summary>How many quotes the feed says it published, once it has said so twice.</summary>
    private static async Task<long> PublishedAsync(Tab tab) => (await tab.RunAsync(
        """
        () => new Promise(done => {
          const client = new StompJs.Client({ brokerURL: location.href.replace('http', 'ws') + 'ws' });
          client.onConnect = () => client.subscribe('/topic/market.state', message => {
            if (!message.headers.retained) client.deactivate().then(() => done(JSON.parse(message.body).published));
          });
          client.activate();
        })
        """)).GetInt64();

    /// <summary>What comes in a few seconds; how many rounds fit into them, with one before and one that comes late at either end.</summary>
    private static async Task<(double Rounds, double Ticks, double Messages)> CountAsync(Tab tab, TimeSpan interval)
    {
        JsonElement counts = await tab.RunAsync(
            $$"""
            async () => {
              const wait = ms => new Promise(done => setTimeout(done, ms));
              await wait(1000);
              const start = performance.now(), ticks = {{Count("ticks")}}, messages = {{Count("messages")}};
              await wait(4000);
              return [performance.now() - start, {{Count("ticks")}} - ticks, {{Count("messages")}} - messages];
            }
            """);
        return ((counts[0].GetDouble() / interval.TotalMilliseconds) + 3, counts[1].GetDouble(), counts[2].GetDouble());
    }

    private static async Task PublishRateAsync(Tab tab, string text) => await tab.RunAsync(
        """
        text => new Promise(done => {
          const client = new StompJs.Client({ brokerURL: location.href.replace('http', 'ws') + 'ws' });
          client.onConnect = () => {
            client.watchForReceipt('there', () => client.deactivate().then(done));
            client.publish({ destination: '/topic/market.rate', body: text, headers: { receipt: 'there' } });
          };
          client.activate();
        })
        """, text);

    private async Task<Tab> OpenAsync(string? url = null, int width = 1280)
    {
        Tab tab = await chromium.OpenAsync(width);
        await tab.Page.GotoAsync(url ?? ticker.Sample.Url);
        await Expect(tab["#state"]).ToHaveTextAsync("Connected");
        await Expect(tab["#symbol"]).ToHaveTextAsync("NVDA");
        return tab;
    }
}
