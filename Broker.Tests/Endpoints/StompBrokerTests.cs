using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Broker.Endpoints;

namespace Broker.Tests.Endpoints;

/// <summary>The one type that an application injects.</summary>
public partial class StompBrokerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_client_gets_what_the_application_publishes_as_bytes_text_or_JSON()
    {
        await using HostApplication host = await HostApplication.Create(app => app.MapStompBroker("/ws")).StartAsync();
        using NetClient client = await host.ConnectAsync();
        await client.SubscribeAsync("/topic/a.*");

        await host.Broker.PublishAsync("/topic/a.bytes", Encoding.UTF8.GetBytes("bytes"), [new("x-own", "1:2")], Cancel);
        await host.Broker.PublishAsync("/topic/a.text", "text", cancellationToken: Cancel);
        await host.Broker.PublishAsync("/topic/a.json", new Quote("BRK.B", 1.5m), QuoteJson.Default.Quote, cancellationToken: Cancel);
        await host.Broker.PublishAsync("/topic/a.options", new Quote("X", 2), new JsonSerializerOptions(), cancellationToken: Cancel);

        (await client.ReadAsync()).Should().Contain("\ndestination:/topic/a.bytes\nx-own:1\\c2\ncontent-length:5\n").And.EndWith("\n\nbytes\0").And.NotContain("content-type");
        (await client.ReadAsync()).Should().Contain("\ncontent-type:text/plain\n").And.EndWith("\n\ntext\0");
        (await client.ReadAsync()).Should().Contain("\ncontent-type:application/json\n").And.EndWith("\n\n{\"Symbol\":\"BRK.B\",\"Price\":1.5}\0");
        (await client.ReadAsync()).Should().EndWith("\n\n{\"Symbol\":\"X\",\"Price\":2}\0");
    }

    [Fact]
    public async Task The_application_hears_what_clients_and_itself_publish_until_it_leaves()
    {
        await using HostApplication host = await HostApplication.Create(app => app.MapStompBroker("/ws")).StartAsync();
        using NetClient client = await host.ConnectAsync(login: "ann");
        IAsyncEnumerable<StompMessage> messages = host.Broker.SubscribeAsync("/topic/#", Cancel);

        await client.SendAsync("SEND\ndestination:/topic/a\ncolon:a\\cb\nreceipt:r\n\n\u00e9\0");
        (await client.ReadAsync()).Should().StartWith("RECEIPT");
        await host.Broker.PublishAsync("/topic/b", new byte[300_000], cancellationToken: Cancel);

        await using IAsyncEnumerator<StompMessage> reader = messages.GetAsyncEnumerator(Cancel);
        (await reader.MoveNextAsync()).Should().BeTrue();
        StompMessage first = reader.Current;
        (first.Destination, first.Text, first.UserId, first["colon"]).Should().Be(("/topic/a", "\u00e9", "ann", "a:b"));
        (await reader.MoveNextAsync()).Should().BeTrue();
        reader.Current.Body.Length.Should().Be(300_000);
        reader.Current.UserId.Should().BeNull();
        reader.Current.Id.Should().NotBe(first.Id);
    }

    [Fact]
    public async Task Cancellation_ends_the_subscription()
    {
        await using HostApplication host = await HostApplication.Create(app => app.MapStompBroker("/ws")).StartAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        IAsyncEnumerator<StompMessage> reader = host.Broker.SubscribeAsync("/topic/a", stop.Token).GetAsyncEnumerator(Cancel);
        ValueTask<bool> next = reader.MoveNextAsync();

        await stop.CancelAsync();

        await FluentActions.Awaiting(() => next.AsTask()).Should().ThrowAsync<OperationCanceledException>();
    }

    [Theory]
    [InlineData("/topic/*", "send to a pattern")]
    [InlineData("/nowhere/a", "bad destination")]
    [InlineData("/queue/a", "destination not available")]
    public async Task A_wrong_destination_is_an_exception_that_says_so(string destination, string text)
    {
        await using HostApplication host = await HostApplication.Create(app => app.MapStompBroker("/ws")).StartAsync();

        (await FluentActions.Awaiting(() => host.Broker.PublishAsync(destination, "x", cancellationToken: Cancel).AsTask())
            .Should().ThrowAsync<StompBrokerException>()).Which.Message.Should().StartWith(text);
    }

    [Fact]
    public async Task Sessions_are_listed_and_disconnected_by_user()
    {
        await using HostApplication host = await HostApplication.Create(app => app.MapStompBroker("/ws")).StartAsync();
        using NetClient ann = await host.ConnectAsync(login: "ann");
        using NetClient bob = await host.ConnectAsync(login: "bob");

        host.Broker.Sessions.Select(session => session.User).Should().BeEquivalentTo("ann", "bob");
        host.Broker.Disconnect("ann").Should().Be(1);

        (await ann.ReadAsync()).Should().Be("CLOSE 1000");
        host.Broker.Sessions.Select(session => session.User).Should().BeEquivalentTo("bob");
    }

    private sealed record Quote(string Symbol, decimal Price);

    [JsonSerializable(typeof(Quote))]
    private sealed partial class QuoteJson : JsonSerializerContext;
}
