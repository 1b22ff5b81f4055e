using System.Globalization;
using System.Text;
using Broker.Endpoints;
using Broker.Tests.Sessions;
using Broker.Tests.TestHost;

namespace Broker.Tests.Endpoints;

/// <summary>The application as a producer and a consumer of queues, by the rules that hold for a client.</summary>
public class StompBrokerQueueTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_the_application_publishes_waits_for_a_consumer_in_order()
    {
        await using var broker = new MemoryBroker();
        var application = new StompBroker(broker.Environment);
        await application.PublishAsync("/queue/a", "1", [new("own", "kept")], cancellationToken: Cancel);
        await application.PublishAsync([.. Enumerable.Range(2, 8).Select(i => new OutgoingMessage(i == 5 ? "/topic/t" : "/queue/a", Encoding.ASCII.GetBytes(Text(i))))], Cancel);
        using StompTestClient client = await broker.ConnectAsync();

        await client.SubscribeAsync("s", "/queue/a");

        TestFrame first = await client.ReadFrameAsync("MESSAGE");
        (first.Text, first["own"], first["content-type"], first["user-id"]).Should().Be(("1", "kept", "text/plain", null));
        (await client.ReadTextsAsync(7)).Should().Equal("2", "3", "4", "6", "7", "8", "9");
    }

    [Fact]
    public async Task The_application_shares_a_queue_with_clients_and_acknowledges_by_asking_for_the_next()
    {
        await using var broker = new MemoryBroker();
        var application = new StompBroker(broker.Environment);
        StompSubscription subscription = application.Subscribe("/queue/a", Cancel);
        IAsyncEnumerator<StompMessage> reader = subscription.GetAsyncEnumerator(Cancel);
        using StompTestClient sender = await broker.ConnectAsync();
        for (int i = 0; i < 4; i++)
            await sender.PublishAsync("/queue/a", Text(i));

        for (int i = 0; i < 3; i++)
        {
            (await reader.MoveNextAsync()).Should().BeTrue();
            (reader.Current.Text, reader.Current["redelivered"], reader.Current["x-delivery-count"]).Should().Be((Text(i), "false", "1"));
        }

        broker.Environment.Queues.Totals().Unacknowledged.Should().Be(2, "the one at hand and the one behind it");
        await reader.DisposeAsync();

        broker.Environment.Queues.Totals().Consumers.Should().Be(0);
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("s", "/queue/a");
        (await client.ReadDeliveryAsync()).Should().Be(("2", "2", "true"));
        (await client.ReadDeliveryAsync()).Should().Be(("3", "2", "true"));
    }

    [Theory]
    [InlineData("disposed")]
    [InlineData("cancelled")]
    [InlineData("enumeration cancelled")]
    public async Task Who_is_ended_while_it_works_on_a_message_is_given_no_other(string how)
    {
        const int Messages = 20;
        await using var broker = new MemoryBroker();
        var application = new StompBroker(broker.Environment);
        for (int i = 0; i < Messages; i++)
            await application.PublishAsync("/queue/a", Text(i), cancellationToken: Cancel);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        using var stopReading = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        StompSubscription subscription = application.Subscribe("/queue/a", stop.Token);
        var seen = new List<string>();

        async Task ReadAsync()
        {
            await foreach (StompMessage message in subscription.WithCancellation(stopReading.Token))
            {
                if (seen.Count == 0)
                    broker.Environment.Queues.Totals().Unacknowledged.Should().Be(Messages, "all of them are at hand");
                seen.Add(message.Text);
                if (how == "disposed")
                    await subscription.DisposeAsync();
                else
                    await (how == "cancelled" ? stop : stopReading).CancelAsync();
            }
        }

        if (how == "disposed")
            await ReadAsync();
        else
            await FluentActions.Awaiting(ReadAsync).Should().ThrowAsync<OperationCanceledException>();

        seen.Should().Equal("0");

        // Who asked for the next one was done with this one; who had ended before left it to others.
        IEnumerable<string> left = Enumerable.Range(0, Messages).Select(Text).Skip(how == "enumeration cancelled" ? 1 : 0);
        (await broker.DrainAsync("/queue/a")).Should().Equal(left);
        broker.Environment.Queues.Bytes.Should().Be(0);
    }


    [Fact]
    public async Task A_backlog_is_worked_off_at_the_applications_pace()
    {
        const int Messages = 3000;
        await using var broker = new MemoryBroker();
        var application = new StompBroker(broker.Environment);
        for (int i = 0; i < Messages; i++)
            await application.PublishAsync("/queue/a", new byte[500], [new("n", Text(i))], cancellationToken: Cancel);
        int next = 0;
        await foreach (StompMessage message in application.Subscribe("/queue/a", Cancel))
        {
            message["n"].Should().Be(Text(next++));
            if (next == Messages)
                break;
        }

        (await broker.DrainAsync("/queue/a")).Should().ContainSingle("the last one was not acknowledged: nobody asked for another");
    }

    [Fact]
    public async Task The_application_answers_a_client()
    {
        await using var broker = new MemoryBroker();
        var application = new StompBroker(broker.Environment);
        await using StompSubscription subscription = application.Subscribe("/queue/requests", Cancel);
        await using IAsyncEnumerator<StompMessage> reader = subscription.GetAsyncEnumerator(Cancel);
        using StompTestClient client = await broker.ConnectAsync();
        await client.SendAsync("/queue/requests", "2+2", ("reply-to", "/temp-queue/sums"));

        (await reader.MoveNextAsync()).Should().BeTrue();
        string replyTo = reader.Current["reply-to"]!;
        await application.PublishAsync(replyTo, "4", cancellationToken: Cancel);

        TestFrame answer = await client.ReadFrameAsync("MESSAGE");
        (answer.Text, answer["subscription"]).Should().Be(("4", "/temp-queue/sums"));

        await broker.CutAsync(client);
        await application.PublishAsync(replyTo, "nobody is there", cancellationToken: Cancel);
        await application.PublishAsync("/queue/second", "x", [new("reply-to", replyTo)], cancellationToken: Cancel);
    }

    [Fact]
    public async Task A_full_queue_is_an_exception_and_what_stood_before_is_published()
    {
        await using var broker = new MemoryBroker(options => options.Limits.QueueMessages = 3);
        var application = new StompBroker(broker.Environment);

        (await FluentActions.Awaiting(() => application.PublishAsync([.. Enumerable.Range(0, 5).Select(i => new OutgoingMessage("/queue/a", Encoding.ASCII.GetBytes(Text(i))))], Cancel).AsTask())
            .Should().ThrowAsync<StompBrokerException>()).Which.Message.Should().StartWith("queue full");

        (await broker.DrainAsync("/queue/a")).Should().Equal("0", "1", "2");
        broker.Environment.Queues.Bytes.Should().Be(0);
    }

    [Theory]
    [InlineData("/queue/a", "reply-to", "/temp-queue/x", "destination not available")]
    [InlineData("/topic/a", "reply-to", "/temp-queue/x", "destination not available")]
    [InlineData("/queue/a", "persistent", "true", "feature not available")]
    [InlineData("/queue/a", "retain", "set", "bad retain")]
    [InlineData("/queue/a", "expires", "soon", "bad number")]
    public async Task What_cannot_be_is_an_exception_that_says_so(string destination, string header, string value, string text)
    {
        await using var broker = new MemoryBroker();
        var application = new StompBroker(broker.Environment);

        (await FluentActions.Awaiting(() => application.PublishAsync(destination, "x", [new(header, value)], cancellationToken: Cancel).AsTask())
            .Should().ThrowAsync<StompBrokerException>()).Which.Message.Should().StartWith(text);
        broker.Environment.Queues.Bytes.Should().Be(0);
    }

    [Theory]
    [InlineData("/temp-queue/x", "destination not available")]
    [InlineData("/queue/*", "bad pattern")]
    public async Task A_subscription_that_cannot_be_is_an_exception_that_says_so(string destination, string text)
    {
        await using var broker = new MemoryBroker();
        var application = new StompBroker(broker.Environment);

        FluentActions.Invoking(() => application.Subscribe(destination, Cancel)).Should().Throw<StompBrokerException>().Which.Message.Should().StartWith(text);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
