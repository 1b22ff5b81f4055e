using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 2: "MESSAGE carries every header of the SEND, in its order, except [...] what the broker alone sets: [...] <c>redelivered</c>, [...]
/// <c>x-delivery-count</c>, [...] <c>x-death-*</c>. No value, name or subscription id can smuggle a header or a frame into anybody's stream." And of 6:
/// "<c>redelivered</c> and <c>x-delivery-count</c> (1 the first time) are on every queue MESSAGE."
/// </summary>
public class QueueHeadersTests
{
    public static TheoryData<string, string> VersionPairs
    {
        get
        {
            var pairs = new TheoryData<string, string>();
            foreach (string from in (string[])["1.0", "1.1", "1.2"])
            {
                foreach (string to in (string[])["1.0", "1.1", "1.2"])
                    pairs.Add(from, to);
            }

            return pairs;
        }
    }

    [Theory]
    [MemberData(nameof(VersionPairs))]
    public async Task What_the_broker_alone_sets_is_not_forwarded(string from, string to)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "client", to);
        using StompTestClient publisher = await broker.ConnectAsync(from);
        string[] names =
        [
            "redelivered", "x-delivery-count", "x-death-reason", "x-death-queue", "x-death-", "x-death-anything", "subscription", "message-id", "ack",
            "user-id", "retained", "x-snapshot", "x-conflated", "x-stream-offset",
        ];
        await publisher.PublishAsync("/queue/a", "1", [("before", "1"), .. names.Select(name => (name, "forged")), ("after", "1")]);

        TestFrame first = await consumer.TakeAsync("1");
        await consumer.NackAsync(first);
        TestFrame second = await consumer.TakeAsync("1", delivery: 2);

        foreach (TestFrame message in (TestFrame[])[first, second])
        {
            message.Headers.Should().NotContain(header => header.Value == "forged");
            message.Headers.Select(header => header.Key).Should().OnlyHaveUniqueItems();
            message.Headers.Select(header => header.Key).Should().BeEquivalentTo((string[])
            [
                "subscription", "message-id", "destination", "before", "after", "content-length", "redelivered", "x-delivery-count", .. to == "1.2" ? ["ack"] : (string[])[],
            ]);
        }
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    [InlineData("client-individual")]
    public async Task Every_queue_MESSAGE_has_redelivered_and_x_delivery_count_once(string ack)
    {
        await using var broker = new MemoryBroker();
        foreach (string version in (string[])["1.0", "1.1", "1.2"])
        {
            using Consumer consumer = await broker.ConsumeAsync("/queue/" + version, ack, version);
            for (int i = 0; i < 5; i++)
            {
                await consumer.PublishAsync("/queue/" + version, "");
                TestFrame message = await consumer.TakeAsync();
                message.Headers.Where(header => header.Key is "redelivered" or "x-delivery-count").Select(header => (header.Key, header.Value))
                    .Should().BeEquivalentTo([("redelivered", "false"), ("x-delivery-count", "1")]);
            }
        }
    }

    [Fact]
    public async Task A_topics_MESSAGE_has_neither()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/topic/a", "client");

        await consumer.PublishAsync("/topic/a", "");

        (await consumer.TakeAsync()).Headers.Should().NotContain(header => header.Key == "redelivered" || header.Key == "x-delivery-count");
    }

    [Fact]
    public async Task A_whole_MESSAGE_sent_on_as_it_is_forges_nothing()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        await consumer.PublishAsync("/queue/a", "1", ("k", "v"));
        await consumer.NackAsync(await consumer.TakeAsync("1"));
        await consumer.NackAsync(await consumer.TakeAsync("1", delivery: 2), ("requeue", "false"));
        TestFrame letter = await dead.TakeAsync("1");

        await dead.DoAsync("SEND", [("destination", "/queue/a"), .. letter.Headers.Where(header => header.Key != "destination").Select(header => (header.Key, header.Value))], "1");

        TestFrame message = await consumer.TakeAsync("1", delivery: 1);
        message["k"].Should().Be("v");
        message.Headers.Should().NotContain(header => header.Key.StartsWith("x-death-", StringComparison.Ordinal));
        message["message-id"].Should().NotBe(letter["message-id"]);
    }

    [Theory]
    [InlineData("1.1", "redelivered\nx-delivery-count:99")]
    [InlineData("1.2", "a\r\nredelivered:true")]
    [InlineData("1.2", "x\n\nMESSAGE\nsubscription:s")]
    public async Task A_subscription_id_smuggles_nothing(string version, string id)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.OpenConsumerAsync(version);
        await consumer.SubscribeAsync(id, "/queue/a");
        await consumer.PublishAsync("/queue/a", "1");

        TestFrame message = await consumer.TakeAsync("1");

        (message["subscription"], message["redelivered"], message["x-delivery-count"]).Should().Be((id, "false", "1"));
    }

    [Fact]
    public async Task Towards_1_0_a_name_with_a_line_in_it_poses_as_none_of_the_brokers()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", "client", "1.0");
        using StompTestClient publisher = await broker.ConnectAsync();

        await publisher.PublishAsync("/queue/a", "1",
            ("redelivered\n", "true"), ("\nx-delivery-count", "9"), (" redelivered", "true"), ("x-death-reason ", "forged"), ("k\nredelivered:true\n", "forged"));

        TestFrame message = await consumer.TakeAsync("1");
        message.Headers.Where(header => header.Key.Trim() is "redelivered" or "x-delivery-count").Select(header => (header.Key, header.Value))
            .Should().BeEquivalentTo([("redelivered", "false"), ("x-delivery-count", "1")]);
        message.Headers.Should().NotContain(header => header.Key.Trim().StartsWith("x-death-", StringComparison.Ordinal));
    }
}
