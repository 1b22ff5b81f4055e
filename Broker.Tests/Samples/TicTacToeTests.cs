using Broker.Tests.Browser;
using static Microsoft.Playwright.Assertions;

namespace Broker.Tests.Samples;

/// <summary>Tic-Tac-Toe as one process for all its tests; each plays a game of its own.</summary>
public sealed class RunningTicTacToe : IAsyncLifetime
{
    internal SampleProcess Sample { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        SetDefaultExpectTimeout(15_000); // a busy machine is slow, not wrong
        Sample = await SampleProcess.StartAsync("TicTacToe");
    }

    public ValueTask DisposeAsync() => Sample.DisposeAsync();
}

[Collection(SharedChromium.Name)]
public sealed class TicTacToeTests(Chromium chromium, RunningTicTacToe running) : IClassFixture<RunningTicTacToe>
{
    private const string Board = "[...document.querySelectorAll('#board button')].map(cell => cell.dataset.mark || '-').join('')";

    [Fact]
    public async Task Two_play_a_third_watches_and_a_win_is_shown_to_all()
    {
        await using Tab x = await OpenAsync("win");
        await using Tab o = await OpenAsync("win");
        await using Tab third = await OpenAsync("win");
        await SitAsync(x, o);
        await Expect(third["#X"]).ToHaveTextAsync("Taken");
        await Expect(third["#news"]).ToHaveTextAsync("X to move");
        await Expect(third["#board button:enabled"]).ToHaveCountAsync(0);

        await PlayAsync(x, o, "03142");

        await Expect(x["#news"]).ToHaveTextAsync("X wins: well played");
        await Expect(o["#news"]).ToHaveTextAsync("X wins this time");
        await Expect(third["#news"]).ToHaveTextAsync("X wins");
        await ShowsAsync(third, "XXXOO----");
        await Expect(third["[data-won=true]"]).ToHaveCountAsync(3);
        await Expect(o["#board button:enabled"]).ToHaveCountAsync(0);
        foreach (Tab tab in new[] { x, o, third })
            tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task A_draw_is_a_draw_and_a_player_restarts()
    {
        await using Tab x = await OpenAsync("draw");
        await using Tab o = await OpenAsync("draw");
        await using Tab third = await OpenAsync("draw");
        await SitAsync(x, o);

        await PlayAsync(x, o, "012435768");
        await Expect(x["#news"]).ToHaveTextAsync("A draw");
        await Expect(third["#news"]).ToHaveTextAsync("A draw");
        await Expect(third["#restart"]).ToBeHiddenAsync();
        await o["#restart"].ClickAsync();

        await ShowsAsync(third, "---------");
        await Expect(x["#news"]).ToHaveTextAsync("Your turn");
        await Expect(o["#O"]).ToHaveTextAsync("You");
    }

    [Fact]
    public async Task A_reload_keeps_board_and_seat()
    {
        await using Tab x = await OpenAsync("reload");
        await using Tab o = await OpenAsync("reload");
        await SitAsync(x, o);
        await PlayAsync(x, o, "48");

        await x.Page.ReloadAsync();

        await ShowsAsync(x, "----X---O");
        await Expect(x["#X"]).ToHaveTextAsync("You");
        await Expect(x["#news"]).ToHaveTextAsync("Your turn");
        await x["#board button"].Nth(0).ClickAsync();
        await ShowsAsync(o, "X---X---O");
    }

    [Fact]
    public async Task What_the_rules_forbid_does_nothing_whoever_sends_it()
    {
        await using Tab x = await OpenAsync("cheat");
        await using Tab o = await OpenAsync("cheat");
        await using Tab third = await OpenAsync("cheat");
        await SitAsync(x, o);
        await x["#board button"].Nth(4).ClickAsync();
        await ShowsAsync(third, "----X----");

        await SendAsync(x, "moves", "0"); // not X's turn
        await SendAsync(o, "moves", "4"); // taken
        await SendAsync(o, "moves", "9"); // no cell
        await SendAsync(o, "moves", "X"); // no second seat
        await SendAsync(third, "moves", "1"); // no player
        await SendAsync(third, "moves", "O"); // not free
        await SendAsync(third, "moves", "restart");
        await SendAsync(third, "moves", "");
        await SendAsync(o, "moves", "8");

        await ShowsAsync(third, "----X---O");
        await Expect(o["#O"]).ToHaveTextAsync("You");
        await Expect(third["#O"]).ToHaveTextAsync("Taken");
    }

    [Theory]
    [InlineData("set", """{"cells":"OOOXX    ","x":null,"o":null,"line":[0,1,2],"turn":null}""")]
    [InlineData("remove", "")]
    public async Task A_board_that_is_not_the_referee_s_is_overruled(string retain, string board)
    {
        await using Tab x = await OpenAsync("forged-" + retain);
        await using Tab o = await OpenAsync("forged-" + retain);
        await SitAsync(x, o);
        await x["#board button"].Nth(4).ClickAsync();
        await ShowsAsync(o, "----X----");

        await SendAsync(o, "board", board, retain);
        await ShowsAsync(x, "----X----");
        await using Tab third = await OpenAsync("forged-" + retain);

        await ShowsAsync(third, "----X----");
        await Expect(x["#X"]).ToHaveTextAsync("You");
    }

    [Fact]
    public async Task The_seat_of_a_player_who_has_gone_is_taken_over()
    {
        await using Tab x = await OpenAsync("gone");
        await using Tab third = await OpenAsync("gone");
        await using (Tab o = await OpenAsync("gone"))
        {
            await SitAsync(x, o);
            await PlayAsync(x, o, "48");
            await ShowsAsync(third, "----X---O");
        }

        await x["#board button"].Nth(0).ClickAsync();
        await ShowsAsync(third, "X---X---O");
        await third.UntilAsync(
            """
            () => {
              document.getElementById('O').click();
              return document.getElementById('O').textContent === 'You';
            }
            """);
        await third["#board button"].Nth(1).ClickAsync();

        await ShowsAsync(x, "XO--X---O");
    }

    [Fact]
    public async Task Who_was_cut_off_sees_what_was_played_meanwhile()
    {
        await using var cable = new Cable(running.Sample.Port);
        await using Tab x = await OpenAsync("cut");
        await using Tab o = await OpenAsync("cut", cable.Url);
        await SitAsync(x, o);

        await cable.CutAsync();
        await Expect(o["#state"]).ToHaveTextAsync("Reconnecting");
        await x["#board button"].Nth(4).ClickAsync();
        await ShowsAsync(x, "----X----");
        cable.Mend();

        await ShowsAsync(o, "----X----");
        await Expect(o["#news"]).ToHaveTextAsync("Your turn");
    }

    [Fact]
    public async Task A_game_has_a_name_of_its_own_and_a_phone_s_width_is_enough()
    {
        await using Tab tab = await OpenAsync("", width: 375);

        await Expect(tab["#name"]).ToHaveTextAsync(new System.Text.RegularExpressions.Regex("^[a-z0-9]{1,4}$"));
        tab.Page.Url.Should().EndWith("#" + await tab["#name"].InnerTextAsync());
        await tab["#X"].ClickAsync();
        await Expect(tab["#news"]).ToHaveTextAsync("Your turn");
        (await tab.RunAsync("() => document.documentElement.scrollWidth")).GetInt32().Should().BeLessThanOrEqualTo(375);
        tab.Complaints.Should().BeEmpty();
    }

    private static async Task SitAsync(Tab x, Tab o)
    {
        await x["#X"].ClickAsync();
        await Expect(x["#X"]).ToHaveTextAsync("You");
        await Expect(o["#X"]).ToHaveTextAsync("Taken");
        await o["#O"].ClickAsync();
        await Expect(o["#O"]).ToHaveTextAsync("You");
        await Expect(x["#O"]).ToHaveTextAsync("Opponent");
    }

    /// <summary>Clicks cells in turn; Playwright waits until each may be clicked.</summary>
    private static async Task PlayAsync(Tab x, Tab o, string cells)
    {
        for (int i = 0; i < cells.Length; i++)
            await (i % 2 == 0 ? x : o)["#board button"].Nth(cells[i] - '0').ClickAsync();
    }

    private static Task ShowsAsync(Tab tab, string board) => tab.UntilAsync($"board => {Board} === board", board);

    /// <summary>Sends past the page, under the tab's own name.</summary>
    private static async Task SendAsync(Tab tab, string topic, string body, string? retain = null) => await tab.RunAsync(
        """
        ([topic, body, retain]) => new Promise(done => {
          const client = new StompJs.Client({ brokerURL: location.origin.replace('http', 'ws') + '/ws', connectHeaders: { login: sessionStorage.me } });
          client.onConnect = () => {
            client.watchForReceipt('there', () => client.deactivate().then(done));
            const headers = retain ? { receipt: 'there', retain } : { receipt: 'there' };
            client.publish({ destination: `/topic/tictactoe.${location.hash.slice(1)}.${topic}`, body, headers });
          };
          client.activate();
        })
        """, new[] { topic, body, retain });

    private async Task<Tab> OpenAsync(string game, string? url = null, int width = 1280)
    {
        Tab tab = await chromium.OpenAsync(width);
        await tab.Page.GotoAsync($"{url ?? running.Sample.Url}/#{game}");
        await Expect(tab["#state"]).ToHaveTextAsync("Connected");
        return tab;
    }
}
