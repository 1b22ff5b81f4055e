using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 7: "<c>receipt</c> works on every client frame but CONNECT, exactly one RECEIPT each, in request order, after the effect (for a frame inside a
/// transaction: after it was enlisted)." And of 6: "RECEIPT for SUBSCRIBE is sent once the subscription is live, before its first MESSAGE."
/// </summary>
public class QueueReceiptTests
{
    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    [InlineData("client-individual")]
    public async Task SUBSCRIBEs_comes_before_the_first_MESSAGE_also_where_many_wait(string ack)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        for (int i = 0; i < 100; i++)
            await client.SendAsync("/queue/a", $"{i}");
        for (int round = 0; round < 2; round++)
        {
            await client.SubscribeAsync("s", "/queue/a", ("ack", ack));
            if (ack == "auto")
            {
                (await client.ReadTextsAsync(100)).Should().Equal(Enumerable.Range(0, 100).Select(i => $"{i}"));
                return;
            }

            await client.ReadTextsAsync(100);
            await client.DoAsync("UNSUBSCRIBE", [("id", "s")]);
        }
    }

    [Fact]
    public async Task After_UNSUBSCRIBEs_nothing_comes_for_it()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.OpenConsumerAsync();
        using StompTestClient publisher = await broker.ConnectAsync();
        bool stop = false;
        Task publishing = ClientSteps.RunAsync(async () =>
        {
            while (!Volatile.Read(ref stop))
                await publisher.PublishAsync("/queue/a", "");
        });
        for (int i = 0; i < 40; i++)
        {
            await consumer.SubscribeAsync($"{i}", "/queue/a", i % 2 == 0 ? "auto" : "client");
            await consumer.TakeAsync();
            await consumer.UnsubscribeAsync($"{i}");
            (await consumer.TakeAllAsync()).Should().NotContain(message => message["subscription"] != $"{i}");
            await consumer.ShouldHaveNothingAsync();
        }

        Volatile.Write(ref stop, true);
        await publishing;
    }

    [Fact]
    public async Task After_a_SENDs_anybody_can_have_the_message()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        using Consumer waits = await broker.ConsumeAsync("/queue/waited-for", "auto");
        for (int i = 0; i < 50; i++)
        {
            await publisher.PublishAsync("/queue/a", $"{i}");
            using Consumer consumer = await broker.ConsumeAsync("/queue/a", "auto");
            (await consumer.TakeAllTextsAsync()).Should().Equal($"{i}");
            await broker.EndAsync(consumer, Ending.Disconnect);
            await publisher.PublishAsync("/queue/waited-for", $"{i}");
            (await waits.TakeAllTextsAsync()).Should().Equal($"{i}");
        }
    }

    [Fact]
    public async Task After_a_NACKs_another_has_the_message_and_after_an_ACKs_nobody_will()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < 50; i++)
        {
            Consumer one = await broker.ConsumeAsync("/queue/a");
            await publisher.PublishAsync("/queue/a", $"{i}");
            TestFrame message = await one.TakeAsync($"{i}");
            using Consumer two = await broker.ConsumeAsync("/queue/a");
            await one.NackAsync(message);
            TestFrame again = (await two.TakeAllAsync()).Should().ContainSingle().Which;
            await two.AckAsync(again);
            await broker.EndAsync(two, Ending.Lost);
            await one.ShouldHaveNothingAsync();
            await broker.EndAsync(one, Ending.Lost);
            one.Dispose();
        }

        using Consumer last = await broker.ConsumeAsync("/queue/a");
        await last.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task They_come_in_request_order_whatever_is_asked_for_together()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        await consumer.PublishAsync("/queue/a", "1");
        await consumer.PublishAsync("/queue/a", "2");
        TestFrame[] given = await consumer.TakeAsync(2);
        StompTestClient client = consumer.Client;
        (string Command, (string, string)[] Headers)[] frames =
        [
            ("SEND", [("destination", "/queue/b")]), ("ACK", [("id", given[0]["ack"]!)]), ("SEND", [("destination", "/topic/b")]),
            ("BEGIN", [("transaction", "t")]), ("SEND", [("destination", "/queue/b"), ("transaction", "t")]), ("NACK", [("id", given[1]["ack"]!)]),
            ("SUBSCRIBE", [("id", "b"), ("destination", "/queue/b"), ("ack", "client")]), ("COMMIT", [("transaction", "t")]),
            ("UNSUBSCRIBE", [("id", "b")]), ("SEND", [("destination", "/queue/b")]), ("DISCONNECT", []),
        ];

        await client.Socket.SendBinaryAsync(
            (byte[])[.. frames.SelectMany((frame, i) => client.Encode(frame.Command, [.. frame.Headers, ("receipt", $"{i}")]))]);

        var receipts = new List<string?>();
        while (receipts.Count < frames.Length)
        {
            TestFrame frame = await client.ReadFrameAsync();
            if (frame.Command != "MESSAGE")
                receipts.Add(frame["receipt-id"]);
        }

        receipts.Should().Equal(Enumerable.Range(0, frames.Length).Select(i => $"{i}"));
        using Consumer next = await broker.ConsumeAsync("/queue/b", "auto");
        (await next.TakeAsync(3)).Should().HaveCount(3);
    }

    [Fact]
    public async Task In_a_transaction_a_SENDs_says_that_it_is_enlisted_and_no_more()
    {
        await using var broker = new MemoryBroker();
        using Consumer publisher = await broker.OpenConsumerAsync();
        await publisher.BeginAsync("t");
        await publisher.PublishAsync("/queue/a", "1", ("transaction", "t"));
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");

        await consumer.ShouldHaveNothingAsync();
    }
}
