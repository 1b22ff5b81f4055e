using System.Text.Json;

namespace Broker.Tests.Browser;

/// <summary>@stomp/stompjs 7.5.0 as the broker serves it, in a page of another origin on this machine.</summary>
[Collection(SharedChromium.Name)]
public sealed class StompJsTests(Chromium chromium) : IAsyncLifetime
{
    /// <summary>
    /// What the tests' scripts use: <c>connect(settings)</c> gives a connected client, <c>receipt(client, action)</c> passes an id to the action
    /// and waits for its RECEIPT, <c>inbox()</c> hands out what its <c>take</c> was called with, in order.
    /// </summary>
    internal const string Words =
        """
        <script>
          const connect = settings => new Promise((connected, failed) => {
            const client = new StompJs.Client({ brokerURL: window.brokerUrl, ...settings });
            client.onConnect = () => connected(client);
            client.onStompError = frame => failed(new Error(frame.headers.message + ': ' + frame.body));
            client.activate();
          });
          let lastReceipt = 0;
          const receipt = (client, action) => new Promise(done => {
            const id = 'r' + ++lastReceipt;
            client.watchForReceipt(id, done);
            action(id);
          });
          const inbox = () => {
            const waiting = [], arrived = [];
            return {
              arrived,
              take: message => waiting.length ? waiting.shift()(message) : arrived.push(message),
              next: () => arrived.length ? Promise.resolve(arrived.shift()) : new Promise(wanted => waiting.push(wanted)),
            };
          };
        </script>
        """;

    private RunningBroker _broker = null!;
    private ForeignSite _site = null!;

    public async ValueTask InitializeAsync()
    {
        _broker = await RunningBroker.StartAsync();
        _site = await ForeignSite.StartAsync($"<script src=\"{_broker.Url}/stomp.umd.min.js\"></script>{Words}");
    }

    public async ValueTask DisposeAsync()
    {
        await _broker.DisposeAsync();
        await _site.DisposeAsync();
    }

    [Fact]
    public async Task Three_lines_in_any_page_are_enough()
    {
        await using ForeignSite site = await ForeignSite.StartAsync(
            $$"""
            <script src="{{_broker.Url}}/stomp.umd.min.js"></script>
            <script>
              const c = new StompJs.Client({brokerURL:'{{_broker.WebSocketUrl}}'}); c.onConnect = () => {
                c.subscribe('/topic/demo', m => console.log(m.body)); c.publish({destination:'/topic/demo', body:'hello'}); };
              c.activate();
            </script>
            """);
        await using Tab tab = await chromium.OpenAsync();

        await tab.Page.RunAndWaitForConsoleMessageAsync(() => tab.Page.GotoAsync(site.Url), new() { Predicate = static message => message.Text == "hello" });

        tab.Logged.Should().Equal("hello");
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task Text_comes_back_as_it_was_sent()
    {
        await using Tab tab = await OpenAsync();
        const string text = "Grüße, 世界, 🚀\nsecond line\t:\\ end";

        JsonElement body = await tab.RunAsync(
            """
            async text => {
              const client = await connect(), messages = inbox();
              client.subscribe('/topic/text', messages.take);
              client.publish({ destination: '/topic/text', body: text, headers: { note: 'a:b\nd' } });
              const message = await messages.next();
              return [message.body, message.headers.note, message.headers.destination];
            }
            """, text);

        body.EnumerateArray().Select(item => item.GetString()).Should().Equal(text, "a:b\nd", "/topic/text");
    }

    [Fact]
    public async Task All_256_byte_values_come_back()
    {
        await using Tab tab = await OpenAsync();

        JsonElement bytes = await tab.RunAsync(
            """
            async () => {
              const client = await connect(), messages = inbox();
              client.subscribe('/topic/bytes', messages.take);
              client.publish({ destination: '/topic/bytes', binaryBody: Uint8Array.from({ length: 256 }, (_, i) => i) });
              return [...(await messages.next()).binaryBody];
            }
            """);

        bytes.EnumerateArray().Select(item => item.GetInt32()).Should().Equal(Enumerable.Range(0, 256));
    }

    [Fact]
    public async Task A_body_of_one_MiB_comes_back()
    {
        await using Tab tab = await OpenAsync();

        JsonElement same = await tab.RunAsync(
            """
            async () => {
              const client = await connect(), messages = inbox();
              const sent = Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * 31 + (i >> 8)) & 255);
              client.subscribe('/topic/large', messages.take);
              client.publish({ destination: '/topic/large', binaryBody: sent });
              const got = (await messages.next()).binaryBody;
              return got.length === sent.length && got.every((byte, i) => byte === sent[i]);
            }
            """);

        same.GetBoolean().Should().BeTrue();
    }

    [Fact]
    public async Task Heart_beats_go_both_ways()
    {
        await using Tab tab = await OpenAsync();

        JsonElement beats = await tab.RunAsync(
            """
            async () => {
              const beats = { in: 0, out: 0 };
              let both;
              const enough = new Promise(done => both = () => beats.in >= 2 && beats.out >= 2 && done());
              const client = await connect({
                heartbeatIncoming: 1000, heartbeatOutgoing: 1000,
                onHeartbeatReceived: () => { beats.in++; both(); },
                debug: text => { if (text === '>>> PING') { beats.out++; both(); } },
              });
              await enough;
              return client.connected;
            }
            """);

        beats.GetBoolean().Should().BeTrue();
    }

    [Fact]
    public async Task With_ack_client_individual_what_is_beyond_the_prefetch_waits_for_an_ACK()
    {
        await using Tab tab = await OpenAsync();

        JsonElement seen = await tab.RunAsync(
            """
            async () => {
              const client = await connect(), messages = inbox(), seen = [];
              client.subscribe('/topic/work', messages.take, { ack: 'client-individual', 'prefetch-count': '1' });
              for (const body of ['one', 'two', 'three']) client.publish({ destination: '/topic/work', body });
              while (seen.length < 6) {
                const message = await messages.next();
                seen.push(message.body);
                await receipt(client, id => client.publish({ destination: '/topic/else', headers: { receipt: id } }));
                seen.push(messages.arrived.length);
                await receipt(client, id => message.body === 'two' ? message.nack({ receipt: id }) : message.ack({ receipt: id }));
              }
              return seen;
            }
            """);

        seen.EnumerateArray().Select(item => item.ToString()).Should().Equal("one", "0", "two", "0", "three", "0");
    }

    [Fact]
    public async Task Every_frame_with_a_receipt_gets_one()
    {
        await using Tab tab = await OpenAsync();

        JsonElement ended = await tab.RunAsync(
            """
            async () => {
              const client = await connect();
              let subscription;
              await receipt(client, id => subscription = client.subscribe('/topic/a', () => {}, { receipt: id }));
              await receipt(client, id => client.publish({ destination: '/topic/a', headers: { receipt: id } }));
              await receipt(client, id => subscription.unsubscribe({ receipt: id }));
              return new Promise(done => {
                client.onWebSocketClose = event => done([event.code, event.wasClean]);
                client.deactivate();
              });
            }
            """);

        ended.EnumerateArray().Select(item => item.ToString()).Should().Equal("1000", "True");
    }

    [Fact]
    public async Task A_transaction_is_seen_at_its_commit_and_never_after_an_abort()
    {
        await using Tab tab = await OpenAsync();

        JsonElement bodies = await tab.RunAsync(
            """
            async () => {
              const client = await connect(), messages = inbox(), bodies = [];
              const send = (body, transaction) => client.publish({ destination: '/topic/tx', body, headers: transaction ? { transaction: transaction.id } : {} });
              client.subscribe('/topic/tx', messages.take);
              const aborted = client.begin();
              send('lost', aborted);
              const committed = client.begin();
              send('second', committed);
              send('third', committed);
              aborted.abort();
              send('first');
              committed.commit();
              send('last');
              while (bodies.at(-1) !== 'last') bodies.push((await messages.next()).body);
              return bodies;
            }
            """);

        bodies.EnumerateArray().Select(item => item.GetString()).Should().Equal("first", "second", "third", "last");
    }

    [Fact]
    public async Task After_a_cut_socket_it_connects_again_and_subscribes_again()
    {
        await using Tab tab = await OpenAsync();
        await tab.RunAsync(
            """
            () => {
              window.messages = inbox();
              window.connects = 0;
              window.client = new StompJs.Client({ brokerURL: window.brokerUrl, reconnectDelay: 50 });
              client.onConnect = () => {
                client.subscribe('/topic/again', messages.take, { receipt: 'live' });
                client.watchForReceipt('live', () => window.connects++);
              };
              client.onWebSocketClose = event => window.closeCode = event.code;
              client.activate();
            }
            """);

        await tab.UntilAsync("() => connects === 1");
        _broker.CutConnections();
        await tab.UntilAsync("() => connects === 2");
        JsonElement result = await tab.RunAsync(
            """
            async () => {
              client.publish({ destination: '/topic/again', body: 'still here' });
              return [(await messages.next()).body, closeCode];
            }
            """);

        result.EnumerateArray().Select(item => item.ToString()).Should().Equal("still here", "1006");
    }

    private async Task<Tab> OpenAsync()
    {
        Tab tab = await chromium.OpenAsync();
        await tab.Page.GotoAsync(_site.Url);
        await tab.RunAsync("url => { window.brokerUrl = url; }", _broker.WebSocketUrl);
        return tab;
    }
}
