using System.Text.Json;

namespace Broker.Tests.Browser;

/// <summary>What pages with @stomp/stompjs 7.5.0 rely on when they use queues.</summary>
[Collection(SharedChromium.Name)]
public sealed class StompJsQueueTests(Chromium chromium) : IAsyncLifetime
{
    private RunningBroker _broker = null!;
    private ForeignSite _site = null!;

    public async ValueTask InitializeAsync()
    {
        _broker = await RunningBroker.StartAsync();
        _site = await ForeignSite.StartAsync($"<script src=\"{_broker.Url}/stomp.umd.min.js\"></script>{StompJsTests.Words}");
    }

    public async ValueTask DisposeAsync()
    {
        await _broker.DisposeAsync();
        await _site.DisposeAsync();
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task A_message_that_is_rejected_twice_and_then_acknowledged_comes_three_times_before_the_next_one(string version)
    {
        await using Tab tab = await OpenAsync();

        JsonElement seen = await tab.RunAsync(
            """
            async version => {
              const client = await connect({ stompVersions: new StompJs.Versions([version]) }), messages = inbox(), seen = [];
              const begin = () => receipt(client, id => {
                client.subscribe('/queue/work', messages.take, { id: 'work', ack: 'client-individual', 'prefetch-count': '1', receipt: id });
              });
              await begin();
              client.publish({ destination: '/queue/work', body: 'one' });
              client.publish({ destination: '/queue/work', body: 'two' });
              const next = async () => {
                const message = await messages.next();
                seen.push([message.body, message.headers.redelivered, message.headers['x-delivery-count']].join(' '));
                return message;
              };
              (await next()).nack();
              (await next()).nack();
              (await next()).ack();
              (await next()).ack();
              await receipt(client, id => client.unsubscribe('work', { receipt: id }));
              await begin();
              await receipt(client, id => client.publish({ destination: '/topic/else', headers: { receipt: id } }));
              seen.push(messages.arrived.length);
              await client.deactivate();
              return seen;
            }
            """, version);

        seen.EnumerateArray().Select(item => item.ToString())
            .Should().Equal("one false 1", "one true 2", "one true 3", "two false 1", "0");
        tab.Complaints.Should().BeEmpty();
    }

    [Fact]
    public async Task A_message_that_is_rejected_for_good_is_found_in_the_dead_letter_queue()
    {
        await using Tab tab = await OpenAsync();

        JsonElement letter = await tab.RunAsync(
            """
            async () => {
              const client = await connect(), messages = inbox(), letters = inbox();
              client.subscribe('/queue/work', messages.take, { ack: 'client' });
              client.subscribe('/queue/DLQ.work', letters.take, { ack: 'client' });
              client.publish({ destination: '/queue/work', body: 'poison', headers: { note: 'kept' } });
              (await messages.next()).nack({ requeue: 'false' });
              const { body, headers } = await letters.next();
              return [body, headers.note, headers['x-death-reason'], headers['x-death-queue']];
            }
            """);

        letter.EnumerateArray().Select(item => item.GetString()).Should().Equal("poison", "kept", "rejected", "/queue/work");
    }

    [Fact]
    public async Task What_was_not_acknowledged_when_the_connection_was_cut_comes_again_after_the_reconnect()
    {
        await using Tab tab = await OpenAsync();
        await tab.RunAsync(
            """
            () => {
              window.messages = inbox();
              window.connects = 0;
              window.client = new StompJs.Client({ brokerURL: window.brokerUrl, reconnectDelay: 50 });
              client.onConnect = () => {
                client.subscribe('/queue/orders', messages.take, { id: 'orders', ack: 'client-individual', receipt: 'live' });
                client.watchForReceipt('live', () => window.connects++);
              };
              client.activate();
            }
            """);
        await tab.UntilAsync("() => connects === 1");
        await tab.RunAsync(
            """
            async () => {
              for (const body of ['one', 'two', 'three']) await receipt(client, id => client.publish({ destination: '/queue/orders', body, headers: { receipt: id } }));
              window.first = [await messages.next(), await messages.next(), await messages.next()];
              await receipt(client, id => first[0].ack({ receipt: id }));
            }
            """);

        _broker.CutConnections();
        await tab.UntilAsync("() => connects === 2");
        JsonElement seen = await tab.RunAsync(
            """
            async () => {
              const again = [await messages.next(), await messages.next()];
              for (const message of again) await receipt(client, id => message.ack({ receipt: id }));
              await receipt(client, id => client.publish({ destination: '/topic/else', headers: { receipt: id } }));
              return [...again.map(({ body, headers }) => [body, headers.redelivered, headers['x-delivery-count']].join(' ')), messages.arrived.length];
            }
            """);
        _broker.CutConnections();
        await tab.UntilAsync("() => connects === 3");
        JsonElement left = await tab.RunAsync(
            """
            async () => {
              await receipt(client, id => client.publish({ destination: '/topic/else', headers: { receipt: id } }));
              return messages.arrived.length;
            }
            """);

        seen.EnumerateArray().Select(item => item.ToString()).Should().Equal("two true 2", "three true 2", "0");
        left.GetInt32().Should().Be(0, "all are acknowledged");
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task An_ACK_that_comes_after_a_reconnect_settles_none_of_the_new_connections_messages(string version)
    {
        await using Tab tab = await OpenAsync();
        await tab.RunAsync(
            """
            version => {
              window.messages = inbox();
              window.connects = 0;
              window.client = new StompJs.Client({ brokerURL: window.brokerUrl, reconnectDelay: 50, stompVersions: new StompJs.Versions([version]) });
              client.onConnect = () => {
                client.subscribe('/queue/orders', messages.take, { id: 'orders', ack: 'client-individual', receipt: 'live' });
                client.watchForReceipt('live', () => window.connects++);
              };
              client.activate();
            }
            """, version);
        await tab.UntilAsync("() => connects === 1");
        await tab.RunAsync(
            """
            async () => {
              for (const body of ['one', 'two', 'three']) await receipt(client, id => client.publish({ destination: '/queue/orders', body, headers: { receipt: id } }));
              window.first = [await messages.next(), await messages.next(), await messages.next()];
              await receipt(client, id => first[0].ack({ receipt: id }));
            }
            """);
        _broker.CutConnections();
        await tab.UntilAsync("() => connects === 2");

        // Its work takes long, and the page does not know which connection it was of. Ignored or refused, but never another message's.
        await tab.RunAsync(
            """
            async () => {
              await messages.next();
              await messages.next();
              const refused = new Promise(done => client.onStompError = done);
              first[1].ack();
              client.ack(first[1].headers.ack ?? first[1].headers['message-id'], 'orders');
              await Promise.race([refused, receipt(client, id => client.publish({ destination: '/topic/else', headers: { receipt: id } }))]);
            }
            """);
        _broker.CutConnections();
        await tab.UntilAsync("() => connects >= 3");
        JsonElement again = await tab.RunAsync("async () => [(await messages.next()).body, (await messages.next()).body]");
        again.EnumerateArray().Select(item => item.GetString()).Should().Equal("two", "three");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_tabs_that_ask_at_the_same_time_over_the_same_temporary_queue_each_get_their_own_answers(bool subscribes)
    {
        const int Questions = 100;
        await using Tab worker = await OpenAsync(), one = await OpenAsync(), two = await OpenAsync();
        await worker.RunAsync(
            """
            async () => {
              const client = await connect();
              await receipt(client, id => client.subscribe('/queue/sums', question => {
                client.publish({
                  destination: question.headers['reply-to'],
                  headers: { 'correlation-id': question.headers['correlation-id'] },
                  body: `${question.body} of ${question.headers['reply-to']}`,
                });
                question.ack();
              }, { ack: 'client-individual', 'prefetch-count': '10', receipt: id }));
            }
            """);
        const string Ask =
            """
            async ([name, count, subscribes]) => {
              const client = await connect(), answers = inbox(), seen = [];
              if (subscribes) await receipt(client, id => client.subscribe('/temp-queue/x', answers.take, { id: 'mine', receipt: id }));
              else client.onUnhandledMessage = answers.take;
              for (let i = 0; i < count; i++)
                client.publish({ destination: '/queue/sums', body: name, headers: { 'reply-to': '/temp-queue/x', 'correlation-id': String(i) } });
              while (seen.length < count) {
                const { body, headers } = await answers.next();
                seen.push([body, headers['correlation-id'], headers.subscription]);
              }
              await receipt(client, id => client.publish({ destination: '/topic/else', headers: { receipt: id } }));
              return [...seen, ...answers.arrived.map(answer => [answer.body, 'too', 'many'])];
            }
            """;

        JsonElement[] answers = await Task.WhenAll(
            one.RunAsync(Ask, new object[] { "one", Questions, subscribes }), two.RunAsync(Ask, new object[] { "two", Questions, subscribes }));

        var tokens = new List<string>();
        foreach ((JsonElement own, string name) in answers.Zip(["one", "two"]))
        {
            string[][] rows = [.. own.EnumerateArray().Select(row => row.EnumerateArray().Select(item => item.GetString()!).ToArray())];
            rows.Select(row => row[1]).Should().Equal(Enumerable.Range(0, Questions).Select(i => $"{i}"));
            rows.Should().OnlyContain(row => row[0].StartsWith(name + " of /temp-queue/") && row[2] == (subscribes ? "mine" : "/temp-queue/x"));
            tokens.AddRange(rows.Select(row => row[0].Split(' ')[2]).Distinct());
        }

        tokens.Should().OnlyHaveUniqueItems("no tab has another's");
        worker.Complaints.Concat(one.Complaints).Concat(two.Complaints).Should().BeEmpty();
    }

    private async Task<Tab> OpenAsync()
    {
        Tab tab = await chromium.OpenAsync();
        await tab.Page.GotoAsync(_site.Url);
        await tab.RunAsync("url => { window.brokerUrl = url; }", _broker.WebSocketUrl);
        return tab;
    }
}
