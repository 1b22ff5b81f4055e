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
