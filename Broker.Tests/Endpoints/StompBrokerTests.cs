using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Broker.Diagnostics;
using Broker.Endpoints;
using Broker.Messaging;
using Broker.Sessions;
using Broker.Tests.TestHost;

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

        await host.Broker.PublishAsync("/topic/a.bytes", Encoding.UTF8.GetBytes("bytes"), [new("x-own", "1:2")], cancellationToken: Cancel);
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
        StompSubscription messages = host.Broker.Subscribe("/topic/#", Cancel);

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
    public async Task What_the_application_retains_comes_first_to_who_subscribes_later_and_can_be_removed()
    {
        await using HostApplication host = await HostApplication.Create(app => app.MapStompBroker("/ws")).StartAsync();
        using NetClient client = await host.ConnectAsync();
        await host.Broker.PublishAsync("/topic/a", "old", retain: true, cancellationToken: Cancel);
        await host.Broker.PublishAsync("/topic/a", Encoding.UTF8.GetBytes("new"), [new("retain", "remove")], retain: true, cancellationToken: Cancel);
        await host.Broker.PublishAsync("/topic/b", new Quote("X", 2), QuoteJson.Default.Quote, retain: true, cancellationToken: Cancel);
        await host.Broker.PublishAsync([new OutgoingMessage("/topic/c", "c"u8.ToArray(), Retain: true), new OutgoingMessage("/topic/d", "not kept"u8.ToArray())], Cancel);
        await host.Broker.RemoveRetainedAsync("/topic/b", Cancel);

        await client.SubscribeAsync("/topic/*");
        string[] values = [await client.ReadAsync(), await client.ReadAsync()];
        values.Should().OnlyContain(value => value.Contains("\nretained:true\n")).And.Contain(value => value.EndsWith("\n\nnew\0")).And.Contain(value => value.EndsWith("\n\nc\0"));

        await using StompSubscription subscription = host.Broker.Subscribe("/topic/a", Cancel);
        await using IAsyncEnumerator<StompMessage> reader = subscription.GetAsyncEnumerator(Cancel);
        (await reader.MoveNextAsync()).Should().BeTrue();
        (reader.Current.Text, reader.Current.IsRetained).Should().Be(("new", true));
        await host.Broker.PublishAsync("/topic/a", "live", retain: true, cancellationToken: Cancel);
        (await reader.MoveNextAsync()).Should().BeTrue();
        (reader.Current.Text, reader.Current.IsRetained).Should().Be(("live", false));
    }

    [Fact]
    public async Task Cancellation_ends_the_subscription()
    {
        await using HostApplication host = await HostApplication.Create(app => app.MapStompBroker("/ws")).StartAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        IAsyncEnumerator<StompMessage> reader = host.Broker.Subscribe("/topic/a", stop.Token).GetAsyncEnumerator(Cancel);
        ValueTask<bool> next = reader.MoveNextAsync();

        await stop.CancelAsync();

        await FluentActions.Awaiting(() => next.AsTask()).Should().ThrowAsync<OperationCanceledException>();
    }

    [Theory]
    [InlineData("/topic/*", "send to a pattern")]
    [InlineData("/nowhere/a", "bad destination")]
    [InlineData("/temp-queue/a", "destination not available")]
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

    [Fact]
    public async Task A_slow_subscriber_holds_the_application_as_it_holds_a_client_and_then_meets_the_policy()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 4096);
        var application = new StompBroker(broker.Environment);
        using StompTestClient slow = await broker.ConnectAsync(unread: 1);
        await slow.SubscribeAsync("0", "/topic/a");
        Session session = broker.Environment.Sessions.All.Single();

        Task held = await FillAsync(application, "/topic/a", Cancel);
        Task alsoHeld = application.PublishAsync("/topic/a", new byte[1000], cancellationToken: Cancel).AsTask();
        held.IsCompleted.Should().BeFalse();
        while (!held.IsCompleted || !alsoHeld.IsCompleted)
        {
            broker.Time.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Yield();
        }

        await held;
        await alsoHeld;
        session.CloseReason.Should().Be(CloseReason.SlowConsumer);
    }

    [Fact]
    public async Task A_held_publish_that_is_cancelled_is_not_published()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 4096);
        var application = new StompBroker(broker.Environment);
        using StompTestClient slow = await broker.ConnectAsync(unread: 1);
        await slow.SubscribeAsync("0", "/topic/a");
        await using StompSubscription other = application.Subscribe("/topic/a", Cancel);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);

        Task held = await FillAsync(application, "/topic/a", stop.Token);
        await stop.CancelAsync();

        await FluentActions.Awaiting(() => held).Should().ThrowAsync<OperationCanceledException>();
        broker.Environment.Sessions.All.Should().OnlyContain(session => session.CloseReason == CloseReason.None);
    }

    [Fact]
    public async Task A_subscription_of_the_application_that_falls_behind_ends_with_an_exception()
    {
        await using var broker = new MemoryBroker(options => options.Limits.OutboxBytes = 4096);
        var application = new StompBroker(broker.Environment);
        await using StompSubscription subscription = application.Subscribe("/topic/a", Cancel);

        for (int i = 0; i < 200; i++)
        {
            Task publish = application.PublishAsync("/topic/a", new byte[1000], cancellationToken: Cancel).AsTask();
            while (!publish.IsCompleted)
            {
                broker.Time.Advance(TimeSpan.FromMilliseconds(50));
                await Task.Yield();
            }
        }

        var read = async () =>
        {
            await foreach (StompMessage message in subscription)
                message.Body.Length.Should().Be(1000);
        };
        (await read.Should().ThrowAsync<StompBrokerException>()).Which.Message.Should().Contain("slow consumer");
    }

    [Fact]
    public async Task A_subscription_ends_with_its_disposal_enumerated_or_not()
    {
        await using var broker = new MemoryBroker();
        var application = new StompBroker(broker.Environment);
        await using (application.Subscribe("/topic/a", Cancel))
            SubscriptionsOf(broker).Should().Be(1);
        SubscriptionsOf(broker).Should().Be(0);

        await using (StompSubscription subscription = application.Subscribe("/topic/a", Cancel))
        {
            await application.PublishAsync("/topic/a", "one", cancellationToken: Cancel);
            await foreach (StompMessage message in subscription)
            {
                message.Text.Should().Be("one");
                break;
            }

            SubscriptionsOf(broker).Should().Be(0);
        }

        using var stop = new CancellationTokenSource();
        application.Subscribe("/topic/a", stop.Token);
        await stop.CancelAsync();
        SubscriptionsOf(broker).Should().Be(0);
    }

    [Fact]
    public async Task Disposal_ends_an_enumeration_that_waits()
    {
        await using var broker = new MemoryBroker();
        StompSubscription subscription = new StompBroker(broker.Environment).Subscribe("/topic/a", Cancel);
        await using IAsyncEnumerator<StompMessage> reader = subscription.GetAsyncEnumerator(Cancel);
        ValueTask<bool> next = reader.MoveNextAsync();
        next.IsCompleted.Should().BeFalse();

        await subscription.DisposeAsync();

        (await next).Should().BeFalse();
    }

    [Fact]
    public async Task Headers_that_the_broker_alone_sets_are_left_out_and_a_bad_one_is_an_exception()
    {
        await using var broker = new MemoryBroker();
        var application = new StompBroker(broker.Environment);
        await using StompSubscription subscription = application.Subscribe("/topic/a", cancellationToken: Cancel);

        await application.PublishAsync("/topic/a", "x", [new("user-id", "root"), new("subscription", "9"), new("x-own", "yes")], cancellationToken: Cancel);
        await FluentActions.Awaiting(() => application.PublishAsync("/topic/a", "x", [new("expires", "soon")], cancellationToken: Cancel).AsTask()).Should().ThrowAsync<StompBrokerException>();
        await FluentActions.Awaiting(() => application.PublishAsync("/topic/a", "x", [new("long", new string('x', 20_000))], cancellationToken: Cancel).AsTask()).Should().ThrowAsync<StompBrokerException>();

        await foreach (StompMessage message in subscription)
        {
            message["user-id"].Should().BeNull();
            message["subscription"].Should().Be("0");
            message["x-own"].Should().Be("yes");
            break;
        }
    }

    private static async Task<Task> FillAsync(StompBroker application, string destination, CancellationToken cancel)
    {
        while (true)
        {
            Task publish = application.PublishAsync(destination, new byte[1000], cancellationToken: cancel).AsTask();
            if (!publish.IsCompleted)
                return publish;
            await publish;
        }
    }

    private static long SubscriptionsOf(MemoryBroker broker)
    {
        using var text = new StringWriter();
        PrometheusText.Write(broker.Metrics, text);
        string line = text.ToString().Split('\n').Single(l => l.StartsWith("stompbroker_subscriptions ", StringComparison.Ordinal));
        return long.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private sealed record Quote(string Symbol, decimal Price);

    [JsonSerializable(typeof(Quote))]
    private sealed partial class QuoteJson : JsonSerializerContext;
}
