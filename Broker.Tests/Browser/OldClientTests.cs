using System.Text.Json;

namespace Broker.Tests.Browser;

/// <summary>The JavaScript clients that old pages use. They offer their subprotocols lowest first, and stompjs 2 speaks STOMP 1.1 at most.</summary>
[Collection(SharedChromium.Name)]
public sealed class OldClientTests(Chromium chromium)
{
    [Theory]
    [InlineData("stompjs/2.3.3/stomp.min.js", "Stomp")]
    [InlineData("webstomp-client/1.2.6/webstomp.min.js", "webstomp")]
    public async Task They_connect_subscribe_send_receive_and_disconnect(string library, string name)
    {
        await using RunningBroker broker = await RunningBroker.StartAsync();
        await using ForeignSite site = await ForeignSite.StartAsync($"<script src=\"/lib/{library}\"></script>");
        await using Tab tab = await chromium.OpenAsync();
        await tab.Page.GotoAsync(site.Url);

        JsonElement result = await tab.RunAsync(
            """
            ([name, url]) => new Promise((done, failed) => {
              const client = window[name].client(url);
              client.debug = () => {};
              client.connect({}, connected => {
                client.subscribe('/topic/old', message => {
                  const seen = [connected.command, message.body, message.headers.destination];
                  client.disconnect(() => done([...seen, 'disconnected']));
                });
                const headers = { note: 'x' }, body = 'Grüße, 世界: "quoted"';
                if (name === 'Stomp') client.send('/topic/old', headers, body);
                else client.send('/topic/old', body, headers);
              }, error => failed(new Error(String(error.body || error.reason || error))));
            })
            """, new[] { name, broker.WebSocketUrl });

        result.EnumerateArray().Select(item => item.GetString())
            .Should().Equal("CONNECTED", "Grüße, 世界: \"quoted\"", "/topic/old", "disconnected");
        tab.Complaints.Should().BeEmpty();
    }
}
