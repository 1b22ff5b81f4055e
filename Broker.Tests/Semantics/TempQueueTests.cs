using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>SEMANTICS 5: "<c>/temp-queue/NAME</c>: belongs to the connection that uses it, vanishes with it."</summary>
public class TempQueueTests
{
    private const string Own = "/temp-queue/x";

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    public async Task What_a_connection_sends_there_it_gets_there(string version)
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.ConsumeAsync(Own, "auto", version);

        await client.PublishAsync(Own, "1", ("k", "v"));
        await client.PublishAsync(Own, "2");

        TestFrame first = await client.TakeAsync("1");
        (first["subscription"], first["k"]).Should().Be(("s", "v"));
        await client.TakeAsync("2");
    }

    [Fact]
    public async Task It_keeps_what_comes_before_the_SUBSCRIBE_in_order()
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.OpenConsumerAsync();
        for (int i = 1; i <= 3; i++)
            await client.PublishAsync(Own, $"{i}");

        await client.SubscribeAsync("s", Own, "auto");

        (await client.TakeAllTextsAsync()).Should().Equal("1", "2", "3");
    }

    [Fact]
    public async Task It_is_a_queue_with_acknowledgement_and_redelivery()
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.ConsumeAsync(Own, "client", headers: ("prefetch-count", "2"));
        for (int i = 1; i <= 4; i++)
            await client.PublishAsync(Own, $"{i}");
        TestFrame[] given = await client.TakeAsync(2);
        await client.ShouldHaveNothingAsync();
        await client.NackAsync(given[1]);
        TestFrame[] again = await client.TakeAsync(2);
        again.Select(message => (message.Text, message["x-delivery-count"])).Should().Equal(("1", "2"), ("2", "2"));
        await client.UnsubscribeAsync("s");
        await client.SubscribeAsync("t", Own);

        TestFrame[] all = await client.TakeAsync(4);

        all.Select(message => (message.Text, message["x-delivery-count"])).Should().Equal(("1", "3"), ("2", "3"), ("3", "1"), ("4", "1"));
        foreach (TestFrame message in all)
            await client.AckAsync(message);
        await client.UnsubscribeAsync("t");
        await client.SubscribeAsync("t", Own);
        await client.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task Of_two_subscriptions_one_gets_each_message()
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.OpenConsumerAsync();
        await client.SubscribeAsync("one", Own, "auto");
        await client.SubscribeAsync("two", Own, "auto");
        for (int i = 0; i < 10; i++)
            await client.PublishAsync(Own, $"{i}");

        (await client.TakeAllTextsAsync()).Should().Equal(Enumerable.Range(0, 10).Select(i => $"{i}"));
    }

    [Fact]
    public async Task Two_connections_with_the_same_name_have_two()
    {
        await using var broker = new MemoryBroker();
        using Consumer one = await broker.ConsumeAsync(Own, "auto"), two = await broker.ConsumeAsync(Own, "auto");

        await one.PublishAsync(Own, "of one");
        await two.PublishAsync(Own, "of two");

        (await one.TakeAllTextsAsync()).Should().Equal("of one");
        (await two.TakeAllTextsAsync()).Should().Equal("of two");
    }

    [Theory]
    [InlineData(Ending.Lost)]
    [InlineData(Ending.Disconnect)]
    [InlineData(Ending.Error)]
    public async Task It_vanishes_with_its_connection(Ending how)
    {
        await using var broker = new MemoryBroker();
        using (Consumer client = await broker.OpenConsumerAsync())
        {
            await client.PublishAsync(Own, "1");
            await client.SubscribeAsync("s", Own, headers: ("prefetch-count", "1"));
            await client.PublishAsync(Own, "2");
            await client.TakeAsync("1");
            broker.ReadMetric(QueueMetrics.Waiting).Should().Be(1);
            await broker.EndAsync(client, how);
        }

        await ClientSteps.UntilAsync(() => broker.ReadMetric(QueueMetrics.Queues) == 0, "it is gone at once");
        broker.ReadMetric(QueueMetrics.Waiting).Should().Be(0);
        broker.ReadMetric(QueueMetrics.Unacknowledged).Should().Be(0);
        broker.ReadMetric(QueueMetrics.Bytes).Should().Be(0);
        using Consumer again = await broker.ConsumeAsync(Own);
        await again.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task Its_bytes_count_until_it_vanishes()
    {
        await using var broker = new MemoryBroker(options => options.Limits.TotalQueueBytes = 100_000);
        for (int round = 0; round < 5; round++)
        {
            using Consumer client = await broker.OpenConsumerAsync();
            for (int i = 0; i < 3; i++)
                await client.PublishAsync(Own, new string('x', 30_000));

            await client.Client.SendAsync(Own, new string('x', 30_000));

            (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("queue full");
            await ClientSteps.UntilAsync(() => broker.ReadMetric(QueueMetrics.Bytes) == 0, "it gives back what it took");
        }
    }

    [Fact]
    public async Task Names_are_compared_as_bytes()
    {
        await using var broker = new MemoryBroker();
        using Consumer client = await broker.OpenConsumerAsync();
        string[] destinations = ["/temp-queue/a.b", "/temp-queue/a/b", "/temp-queue/A.b", "/temp-queue/Zürich"];
        foreach (string destination in destinations)
            await client.SubscribeAsync(destination, destination, "auto");

        foreach (string destination in destinations)
            await client.PublishAsync(destination, destination);

        (await client.TakeAllAsync()).Select(message => (message.Text, message["subscription"]!)).Should().Equal(destinations.Select(name => (name, name)));
    }

    [Fact]
    public async Task One_connection_cannot_have_them_without_number()
    {
        await using var broker = new MemoryBroker(options => options.Limits.TempQueues = 100);
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 300; i++)
            await client.SendAsync($"/temp-queue/{i}", "");

        (await client.ReadErrorAndEndAsync(1008))["message"].Should().Be("too many destinations");

        using StompTestClient asks = await broker.ConnectAsync();
        for (int i = 0; i < 300; i++)
            await asks.SendAsync("/topic/a", "", ("reply-to", $"/temp-queue/{i}"));
        (await asks.ReadErrorAndEndAsync(1008))["message"].Should().Be("too many destinations");
    }
}
