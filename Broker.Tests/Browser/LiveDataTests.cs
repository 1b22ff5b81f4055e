using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Broker.Tests.Samples;
using Broker.Tests.TestHost;

namespace Broker.Tests.Browser;

/// <summary>
/// Live data in a page with @stomp/stompjs 7.5.0: "the socket cut at random moments while 1,000 messages per second flow: no gap, no duplicate, in order, over 100
/// cuts (seeded); <c>x-recovered:false</c> whenever history was too short or the broker restarted. Snapshot then live under concurrent publishers: no
/// gap, no duplicate."
/// </summary>
[Collection(SharedChromium.Name)]
public sealed class LiveDataTests(Chromium chromium)
{
    private const string Stream = "--Broker:Streams:0:Pattern=/topic/ticks.#";

    // The README's own lines follow the stream; the rest is for the test to look at.
    private static readonly string Words =
        $$"""
        <script>
          const seen = [], verdicts = [], receipts = [];
          const client = new StompJs.Client({ reconnectDelay: 20 });
          const watch = client.watchForReceipt.bind(client);
          client.watchForReceipt = (id, then) => watch(id, frame => {
            receipts.push(frame.headers);
            if (frame.headers['x-recovered']) verdicts.push(frame.headers['x-recovered']);
            then(frame);
          });
          const show = (destination, body) => seen.push(Number(body));
          const forgetEverything = () => {};
          {{FromReadme().Replace("/topic/trades.#", "/topic/ticks.#", StringComparison.Ordinal)}}
          const follow = url => {
            client.brokerURL = url;
            client.activate();
          };
        </script>
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Over_a_hundred_cuts_at_a_thousand_messages_per_second_a_page_misses_nothing_and_sees_nothing_twice()
    {
        const int Cuts = 100;
        await using RunningBroker broker = await RunningBroker.StartAsync(Stream);
        await using ForeignSite site = await SiteAsync(broker.Url);
        await using var cable = new Cable(broker.Port);
        await using Tab tab = await chromium.OpenAsync();
        await tab.Page.GotoAsync(site.Url);
        await tab.RunAsync("url => follow(url)", $"ws://127.0.0.1:{cable.Port}/ws");
        await tab.UntilAsync("() => epoch");

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        Task<int> publishing = ClientSteps.RunAsync(() => PublishAsync(broker.Port, 1000, stop.Token));
        var random = new Random(100);
        for (int cut = 0; cut < Cuts; cut++)
        {
            await Task.Delay(random.Next(50, 300), Cancel);
            await cable.CutAsync();
            cable.Mend();
        }

        await stop.CancelAsync();
        int published = await publishing;
        await tab.UntilAsync($"() => seen.at(-1) >= {published - 1}");

        JsonElement result = await tab.RunAsync(
            """
            () => ({
              count: seen.length,
              wrong: seen.map((number, place) => [place, number]).filter(([place, number]) => place !== number).slice(0, 5),
              resumes: receipts.length - 1,
              verdicts,
              epochs: [...new Set(receipts.map(headers => headers['x-stream-epoch']))].length,
            })
            """);
        result.GetProperty("wrong").GetArrayLength().Should().Be(0, "every number comes once and in order, but there was {0}", result.GetProperty("wrong"));
        result.GetProperty("count").GetInt32().Should().Be(published);
        published.Should().BeGreaterThan(Cuts * 100, "messages flowed");
        result.GetProperty("resumes").GetInt32().Should().BeGreaterThan(Cuts / 2, "the cuts were felt");
        result.GetProperty("verdicts").EnumerateArray().Select(verdict => verdict.GetString()).Should().OnlyContain(verdict => verdict == "true")
            .And.HaveCount(result.GetProperty("resumes").GetInt32());
        result.GetProperty("epochs").GetInt32().Should().Be(1);
    }

    [Fact]
    public async Task A_page_that_was_away_for_longer_than_the_history_reaches_is_told_so_and_gets_all_there_is()
    {
        await using RunningBroker broker = await RunningBroker.StartAsync(Stream, "--Broker:Streams:0:Messages=50");
        await using ForeignSite site = await SiteAsync(broker.Url);
        await using var cable = new Cable(broker.Port);
        await using Tab tab = await chromium.OpenAsync();
        await tab.Page.GotoAsync(site.Url);
        await tab.RunAsync("url => follow(url)", $"ws://127.0.0.1:{cable.Port}/ws");
        await tab.UntilAsync("() => receipts.length === 1");
        using StompTestClient publisher = await StompTestClient.ConnectAsync(broker.Port);
        await PublishAsync(publisher, 0, 10);
        await tab.UntilAsync("() => seen.length === 10");

        await cable.CutAsync();
        await PublishAsync(publisher, 10, 40);
        cable.Mend();
        await tab.UntilAsync("() => receipts.length === 2 && seen.length === 50");
        await cable.CutAsync();
        await PublishAsync(publisher, 50, 51);
        cable.Mend();
        await tab.UntilAsync("() => receipts.length === 3 && seen.at(-1) === 100");
        await PublishAsync(publisher, 101, 5);
        await tab.UntilAsync("() => seen.at(-1) === 105");
        await cable.CutAsync();
        cable.Mend();
        await tab.UntilAsync("() => receipts.length === 4");

        JsonElement result = await tab.RunAsync("() => [verdicts, seen]");
        result[0].EnumerateArray().Select(verdict => verdict.GetString()).Should().Equal("true", "false", "true");
        result[1].EnumerateArray().Select(number => number.GetInt32()).Should().Equal([.. Enumerable.Range(0, 50), .. Enumerable.Range(51, 55)]);
    }

    [Fact]
    public async Task After_a_restart_of_the_broker_a_page_is_told_that_it_cannot_have_what_was()
    {
        RunningBroker first = await RunningBroker.StartAsync(Stream);
        await using ForeignSite site = await SiteAsync(first.Url);
        await using Tab tab = await chromium.OpenAsync();
        await tab.Page.GotoAsync(site.Url);
        await tab.RunAsync("url => follow(url)", first.WebSocketUrl);
        await tab.UntilAsync("() => receipts.length === 1");
        using (StompTestClient publisher = await StompTestClient.ConnectAsync(first.Port))
        {
            await PublishAsync(publisher, 0, 10);
            await tab.UntilAsync("() => seen.length === 10");
        }

        await first.DisposeAsync();
        await using RunningBroker second = await RunningBroker.StartAsync(Stream, "--urls", first.Url);
        using (StompTestClient publisher = await StompTestClient.ConnectAsync(second.Port))
        {
            await tab.UntilAsync("() => receipts.length === 2");
            await PublishAsync(publisher, 10, 5);
            await tab.UntilAsync("() => seen.length === 15");
        }

        JsonElement result = await tab.RunAsync("() => [verdicts, receipts.map(headers => headers['x-stream-epoch']), seen]");
        result[0].EnumerateArray().Select(verdict => verdict.GetString()).Should().Equal("false");
        result[1].EnumerateArray().Select(epoch => epoch.GetString()).Should().OnlyHaveUniqueItems().And.HaveCount(2);
        result[2].EnumerateArray().Select(number => number.GetInt32()).Should().Equal(Enumerable.Range(0, 15));
    }

    [Fact]
    public async Task A_page_gets_the_snapshot_of_all_topics_and_then_each_live_one_from_where_it_ended_while_others_publish()
    {
        const int Publishers = 3, TopicsEach = 5, Rounds = 40;
        await using RunningBroker broker = await RunningBroker.StartAsync();
        await using ForeignSite site = await SiteAsync(broker.Url);
        await using Tab tab = await chromium.OpenAsync();
        await tab.Page.GotoAsync(site.Url);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        Task[] publishing = [.. Enumerable.Range(0, Publishers).Select(number => ClientSteps.RunAsync(async () =>
        {
            using StompTestClient publisher = await StompTestClient.ConnectAsync(broker.Port);
            for (int i = 1; !stop.IsCancellationRequested; i++)
            {
                for (int topic = 0; topic < TopicsEach; topic++)
                    await publisher.SendAsync($"/topic/board.{number}.{topic}", i.ToString(CultureInfo.InvariantCulture), ("retain", "set"));
                await publisher.ShouldHaveNothingToReadAsync();
                await Task.Delay(1, CancellationToken.None); // some thousands per second are enough for a browser
            }
        }))];
        using (StompTestClient witness = await StompTestClient.ConnectAsync(broker.Port))
        {
            await witness.SubscribeAsync("0", "/topic/board.#");
            var topics = new HashSet<string>();
            while (topics.Count < Publishers * TopicsEach)
                topics.Add((await witness.ReadFrameAsync("MESSAGE"))["destination"]!);
        }

        JsonElement rounds = await tab.RunAsync(
            """
            async ([url, count, topics]) => {
              const client = new StompJs.Client({ brokerURL: url, reconnectDelay: 0 });
              await new Promise(connected => { client.onConnect = connected; client.activate(); });
              const rounds = [];
              for (let round = 0; round < count; round++) {
                const messages = [];
                await new Promise(enough => {
                  let ended = false;
                  const subscription = client.subscribe('/topic/board.#', ({ headers, body }) => {
                    if (ended) return;
                    messages.push([headers.destination, Number(body), headers.retained ?? '', headers['x-snapshot'] ?? '']);
                    if (messages.length < topics * 6) return;
                    ended = true;
                    subscription.unsubscribe();
                    enough();
                  }, { 'x-snapshot': 'true' });
                });
                rounds.push(messages);
              }
              return rounds;
            }
            """, new object[] { broker.WebSocketUrl, Rounds, Publishers * TopicsEach });
        await stop.CancelAsync();
        await Task.WhenAll(publishing);

        rounds.GetArrayLength().Should().Be(Rounds);
        foreach (JsonElement round in rounds.EnumerateArray())
        {
            (string Topic, int Number, string Retained, string End)[] messages =
                [.. round.EnumerateArray().Select(message => (message[0].GetString()!, message[1].GetInt32(), message[2].GetString()!, message[3].GetString()!))];
            messages.Select(message => message.Retained).Should().Equal(messages.Select((_, place) => place < Publishers * TopicsEach ? "true" : ""));
            messages.Select(message => message.End).Should().Equal(messages.Select((_, place) => place == (Publishers * TopicsEach) - 1 ? "end" : ""));
            foreach (IGrouping<string, (string Topic, int Number, string, string)> topic in messages.GroupBy(message => message.Topic))
            {
                int[] numbers = [.. topic.Select(message => message.Number)];
                numbers.Should().Equal(Enumerable.Range(numbers[0], numbers.Length), "{0} has no gap and no duplicate", topic.Key);
            }
        }
    }

    private static Task<ForeignSite> SiteAsync(string broker) => ForeignSite.StartAsync($"<script src=\"{broker}/stomp.umd.min.js\"></script>{Words}");

    /// <summary>Numbers from 0 on, so many a second, over twenty topics, until it is told to stop; returns how many.</summary>
    private static async Task<int> PublishAsync(int port, int perSecond, CancellationToken stop)
    {
        using StompTestClient publisher = await StompTestClient.ConnectAsync(port);
        long start = Stopwatch.GetTimestamp();
        int published = 0;
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(5, CancellationToken.None);
            int due = (int)(Stopwatch.GetElapsedTime(start).TotalSeconds * perSecond);
            await PublishAsync(publisher, published, due - published);
            published = due;
        }

        return published;
    }

    private static async Task PublishAsync(StompTestClient publisher, int first, int count)
    {
        for (int i = first; i < first + count; i++)
            await publisher.SendAsync($"/topic/ticks.{i % 20}", i.ToString(CultureInfo.InvariantCulture));
        await publisher.ShouldHaveNothingToReadAsync();
    }

    private static string FromReadme()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "StompBroker.sln")))
            folder = folder.Parent;
        string readme = File.ReadAllText(Path.Combine(folder.FullName, "README.md"));
        int start = readme.IndexOf("let epoch, next;", StringComparison.Ordinal);
        return readme[start..readme.IndexOf("```", start, StringComparison.Ordinal)];
    }
}
