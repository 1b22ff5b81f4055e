using System.Globalization;
using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 6: "<c>expires</c> (epoch ms) or <c>expiration</c> (ms from now), 0 meaning never: past that, not delivered (queues: dead-lettered)."
/// And: "to <c>/queue/DLQ.NAME</c> with <c>x-death-reason</c> (<c>rejected</c>, <c>delivery-limit</c>, <c>expired</c>)."
/// </summary>
public class QueueExpiryTests
{
    // Long enough for whatever looks after it now and then, and too short for a silent client to be lost.
    private static readonly TimeSpan AWhile = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("auto")]
    [InlineData("client")]
    [InlineData("client-individual")]
    public async Task What_is_past_its_time_when_it_is_sent_is_dead_lettered(string ack)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", ack);
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        using StompTestClient publisher = await broker.ConnectAsync();
        long now = broker.Time.GetUtcNow().ToUnixTimeMilliseconds();

        await publisher.PublishAsync("/queue/a", "long past", ("expires", "1"));
        await publisher.PublishAsync("/queue/a", "just past", ("expires", Text(now)));
        await publisher.PublishAsync("/queue/a", "soon", ("expires", Text(now + 1)));
        await publisher.PublishAsync("/queue/a", "never", ("expires", "0"), ("expiration", "0"));
        await publisher.PublishAsync("/queue/a", "in a while", ("expiration", "1"));
        await publisher.PublishAsync("/queue/a", "the earlier counts", ("expiration", "1000"), ("expires", Text(now - 1)));

        (await consumer.TakeAllTextsAsync()).Should().Equal("soon", "never", "in a while");
        broker.Time.Advance(AWhile);
        TestFrame[] letters = await dead.TakeAsync(3);
        letters.Select(letter => letter.Text).Should().Equal("long past", "just past", "the earlier counts");
        letters.Should().OnlyContain(letter => letter["x-death-reason"] == "expired" && letter["x-death-queue"] == "/queue/a");
    }

    [Theory]
    [InlineData("expires")]
    [InlineData("expiration")]
    public async Task What_waits_behind_a_full_consumer_past_its_time_is_dead_lettered_and_leaves_its_place_to_the_next(string header)
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        using StompTestClient publisher = await broker.ConnectAsync();
        long from = header == "expires" ? broker.Time.GetUtcNow().ToUnixTimeMilliseconds() : 0;
        await publisher.PublishAsync("/queue/a", "given");
        for (int i = 0; i < 300; i++)
            await publisher.PublishAsync("/queue/a", $"{i}", (header, Text(from + 500)));
        await publisher.PublishAsync("/queue/a", "stays", (header, Text(from + 600_000)));
        TestFrame given = await consumer.TakeAsync("given");
        broker.Time.Advance(TimeSpan.FromMilliseconds(500));

        await consumer.AckAsync(given);

        await consumer.TakeAsync("stays");
        await consumer.ShouldHaveNothingAsync();
        broker.Time.Advance(AWhile);
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        (await dead.TakeTextsAsync(300)).Should().Equal(Enumerable.Range(0, 300).Select(i => $"{i}"));
    }

    [Fact]
    public async Task Without_a_consumer_it_is_dead_lettered_by_itself()
    {
        await using var broker = new MemoryBroker();
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "1", ("expiration", "100"));
        await publisher.PublishAsync("/queue/a", "2", ("expiration", "100"));
        await publisher.PublishAsync("/queue/a", "stays");
        broker.Time.Advance(TimeSpan.FromMilliseconds(99));
        await dead.ShouldHaveNothingAsync();

        broker.Time.Advance(AWhile);

        TestFrame[] letters = await dead.TakeAsync(2);
        letters.Select(letter => (letter.Text, letter["x-death-reason"], letter["x-death-queue"]))
            .Should().Equal(("1", "expired", "/queue/a"), ("2", "expired", "/queue/a"));
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        (await consumer.TakeAllTextsAsync()).Should().Equal("stays");
    }

    [Fact]
    public async Task Behind_one_that_stays_it_is_not_delivered_either()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.PublishAsync("/queue/a", "1");
        await publisher.PublishAsync("/queue/a", "expires", ("expiration", "100"));
        await publisher.PublishAsync("/queue/a", "2");
        broker.Time.Advance(AWhile);

        using Consumer consumer = await broker.ConsumeAsync("/queue/a");

        (await consumer.TakeAllTextsAsync()).Should().Equal("1", "2");
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        (await dead.TakeAsync("expires"))["x-death-reason"].Should().Be("expired");
    }

    [Fact]
    public async Task Behind_very_many_past_their_time_the_one_that_stays_is_delivered_and_they_are_dead_lettered_in_order()
    {
        const int Messages = 5000, Together = 1000;
        await using var broker = new MemoryBroker();
        broker.Time.Advance(TimeSpan.FromSeconds(0.5)); // whoever looks after queues now and then has just done it
        using StompTestClient publisher = await broker.ConnectAsync();
        for (int i = 0; i < Messages; i += Together)
        {
            await publisher.Socket.SendBinaryAsync((byte[])
            [
                .. Enumerable.Range(i, Together).SelectMany(n => publisher.Encode("SEND", [("destination", "/queue/a"), ("expiration", "10")], System.Text.Encoding.ASCII.GetBytes(Text(n)))),
            ]);
        }

        await publisher.PublishAsync("/queue/a", "stays");
        broker.Time.Advance(TimeSpan.FromMilliseconds(10));

        using Consumer consumer = await broker.ConsumeAsync("/queue/a");

        await consumer.TakeAsync("stays");
        await consumer.ShouldHaveNothingAsync();
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a", headers: ("prefetch-count", "0"));
        (await dead.TakeTextsAsync(Messages)).Should().Equal(Enumerable.Range(0, Messages).Select(i => Text(i)));
        await dead.ShouldHaveNothingAsync();
    }


    [Fact]
    public async Task A_dead_letter_does_not_expire_again()
    {
        await using var broker = new MemoryBroker();
        using (StompTestClient publisher = await broker.ConnectAsync())
        {
            await publisher.PublishAsync("/queue/a", "expired", ("expiration", "100"));
            using Consumer consumer = await broker.ConsumeAsync("/queue/b");
            await publisher.PublishAsync("/queue/b", "rejected", ("expiration", "60000"));
            await consumer.NackAsync(await consumer.TakeAsync("rejected"), ("requeue", "false"));
        }

        for (int i = 0; i < 100; i++)
            broker.Time.Advance(TimeSpan.FromHours(1));

        using Consumer first = await broker.ConsumeAsync("/queue/DLQ.a"), second = await broker.ConsumeAsync("/queue/DLQ.b");
        await first.TakeAsync("expired");
        await second.TakeAsync("rejected");
        using Consumer none = await broker.ConsumeAsync("/queue/DLQ.DLQ.a");
        await none.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task What_a_consumer_has_can_be_acknowledged_past_its_time()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        await consumer.PublishAsync("/queue/a", "1", ("expiration", "100"));
        TestFrame given = await consumer.TakeAsync("1");
        broker.Time.Advance(AWhile);
        await dead.ShouldHaveNothingAsync();

        await consumer.AckAsync(given);

        broker.Time.Advance(AWhile);
        await dead.ShouldHaveNothingAsync();
        await consumer.UnsubscribeAsync("s");
        await consumer.SubscribeAsync("s", "/queue/a");
        await consumer.ShouldHaveNothingAsync();
    }

    [Theory]
    [InlineData("NACK")]
    [InlineData("UNSUBSCRIBE")]
    [InlineData("lost")]
    public async Task What_goes_back_past_its_time_is_dead_lettered(string how)
    {
        await using var broker = new MemoryBroker();
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        using Consumer other = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        await dead.PublishAsync("/queue/a", "held");
        await other.TakeAsync("held");
        using Consumer consumer = await broker.ConsumeAsync("/queue/a", headers: ("prefetch-count", "1"));
        await dead.PublishAsync("/queue/a", "1", ("expiration", "100"));
        TestFrame given = await consumer.TakeAsync("1");
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));

        if (how == "NACK")
            await consumer.NackAsync(given);
        else if (how == "lost")
            await broker.EndAsync(consumer, Ending.Lost);
        else
            await consumer.UnsubscribeAsync("s");

        broker.Time.Advance(AWhile);
        (await dead.TakeAsync("1"))["x-death-reason"].Should().Be("expired");
        await other.ShouldHaveNothingAsync();
        if (how != "lost")
            await consumer.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task What_expires_in_a_transaction_is_dead_lettered_at_COMMIT()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        using Consumer dead = await broker.ConsumeAsync("/queue/DLQ.a");
        using StompTestClient publisher = await broker.ConnectAsync();
        await publisher.DoAsync("BEGIN", [("transaction", "t")]);
        await publisher.PublishAsync("/queue/a", "expires", ("transaction", "t"), ("expiration", "100"));
        await publisher.PublishAsync("/queue/a", "stays", ("transaction", "t"), ("expiration", "100000"));
        broker.Time.Advance(TimeSpan.FromMilliseconds(100));

        await publisher.DoAsync("COMMIT", [("transaction", "t")]);

        await consumer.TakeAsync("stays");
        await consumer.ShouldHaveNothingAsync();
        broker.Time.Advance(AWhile);
        await dead.TakeAsync("expires");
    }

    [Theory]
    [InlineData("expires")]
    [InlineData("expiration")]
    public async Task A_malformed_number_is_refused(string header)
    {
        await using var broker = new MemoryBroker();
        foreach (string value in (string[])["", "-1", "1.5", "soon", "99999999999999999999"])
        {
            using StompTestClient client = await broker.ConnectAsync();
            await client.SendAsync("/queue/a", "", (header, value), ("receipt", "r"));
            TestFrame error = await client.ReadErrorAndEndAsync();
            (error["message"], error["receipt-id"]).Should().Be(("bad number", "r"), "of '{0}'", value);
        }

        using Consumer consumer = await broker.ConsumeAsync("/queue/a");
        await consumer.ShouldHaveNothingAsync();
    }

    [Fact]
    public async Task The_header_reaches_the_consumer()
    {
        await using var broker = new MemoryBroker();
        using Consumer consumer = await broker.ConsumeAsync("/queue/a");

        await consumer.PublishAsync("/queue/a", "1", ("expiration", "1000"));

        (await consumer.TakeAsync("1"))["expiration"].Should().Be("1000");
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
