using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Broker.Configuration;
using Broker.Messaging;
using Broker.Tests.Delivery;
using Broker.Tests.TestHost;

namespace Broker.Tests.Routing;

/// <summary>
/// SEMANTICS 12: one offset sequence over all topics of a stream, one epoch, the last N messages, B bytes or T seconds kept.
/// </summary>
public class StreamLogTests
{
    private static readonly byte[] Quotes = "/topic/quotes.a"u8.ToArray();
    private static readonly byte[] Other = "/topic/other"u8.ToArray();
    private static readonly DestinationPattern OnlyQuotes = new("/topic/quotes.*"u8.ToArray());

    private readonly ManualTime _time = new();

    [Fact]
    public void Offsets_begin_at_zero_and_have_no_gap()
    {
        StreamLog log = Create();
        (log.First, log.Next, log.Count, log.Bytes).Should().Be((0, 0, 0, 0));
        log.Append(Messages("0", "1", "2"), Quotes).Should().Be(0);
        log.Append(Messages("3"), Other).Should().Be(3);
        log.Append([], Other).Should().Be(4);
        (log.First, log.Next, log.Count).Should().Be((0, 4, 4));
        ReadAll(log, 0).Should().Equal("0", "1", "2", "3");
        ReadAll(log, 2).Should().Equal("2", "3");
        ReadAll(log, 4).Should().BeEmpty();
    }

    [Fact]
    public void Each_history_has_its_own_epoch()
    {
        string epoch = Create().Epoch;
        epoch.Should().MatchRegex("^[0-9a-f]{16}$");
        Create().Epoch.Should().NotBe(epoch);
    }

    [Fact]
    public void No_more_messages_are_kept_than_may_be()
    {
        StreamLog log = Create(messages: 3);
        log.Append(Messages("0", "1"), Quotes);
        log.Append(Messages("2", "3", "4"), Quotes).Should().Be(2);
        (log.First, log.Next, log.Count).Should().Be((2, 5, 3));
        log.Append(Messages("5", "6", "7", "8"), Quotes).Should().Be(5);
        ReadAll(log, 6).Should().Equal("6", "7", "8");
    }

    [Fact]
    public void No_more_bytes_are_kept_than_may_be_and_the_newest_message_stays_whatever_its_size()
    {
        int size = SizeOf("12345");
        StreamLog log = Create(bytes: 3 * size);
        log.Append(Messages("aaaaa", "bbbbb", "ccccc"), Quotes);
        (log.Count, log.Bytes).Should().Be((3, 3 * size));
        log.Append(Messages("d"), Quotes);
        ReadAll(log, 1).Should().Equal("bbbbb", "ccccc", "d");

        string large = new('x', 10 * size);
        log.Append(Messages(large), Quotes);
        (log.First, log.Count, log.Bytes).Should().Be((4, 1, SizeOf(large)));
        log.Append(Messages("e"), Quotes);
        (log.First, log.Bytes).Should().Be((5, SizeOf("e")));
    }

    [Fact]
    public void What_is_older_than_the_age_goes_at_the_next_message_or_when_it_is_looked_for()
    {
        StreamLog log = Create(age: TimeSpan.FromSeconds(10));
        log.Append(Messages("0"), Quotes);
        _time.Advance(TimeSpan.FromSeconds(6));
        log.Append(Messages("1"), Quotes);
        _time.Advance(TimeSpan.FromSeconds(4));
        log.Append(Messages("2"), Quotes);
        log.First.Should().Be(0, "it is 10 s old and no older");

        _time.Advance(TimeSpan.FromTicks(1));
        log.Append(Messages("3"), Quotes);
        ReadAll(log, log.First).Should().Equal("1", "2", "3");

        _time.Advance(TimeSpan.FromSeconds(8));
        log.First.Should().Be(1);
        log.Trim();
        ReadAll(log, log.First).Should().Equal("2", "3");

        _time.Advance(TimeSpan.FromDays(1));
        log.Trim();
        (log.First, log.Next, log.Count, log.Bytes).Should().Be((4, 4, 0, 0));
        log.Append(Messages("4"), Quotes).Should().Be(4);
    }

    [Fact]
    public void Without_an_age_nothing_is_too_old()
    {
        StreamLog log = Create();
        log.Append(Messages("0"), Quotes);
        _time.Advance(TimeSpan.FromDays(1000));
        log.Trim();
        log.Append(Messages("1"), Quotes);
        log.Count.Should().Be(2);
    }

    [Fact]
    public void A_reader_gets_what_it_listens_to_and_moves_past_the_rest()
    {
        StreamLog log = Create();
        for (int i = 0; i < 10; i++)
            log.Append(Messages(Text(i)), i % 3 == 0 ? Quotes : Other);
        long next = 1;
        var into = new Message[2];
        log.Read(ref next, into, OnlyQuotes, int.MaxValue, out bool atEnd, out bool isLost).Should().Be(2);
        into.Select(Body).Should().Equal("3", "6");
        (next, atEnd, isLost).Should().Be((7, false, false));
        log.Read(ref next, into, OnlyQuotes, int.MaxValue, out atEnd, out isLost).Should().Be(1);
        (Body(into[0]), next, atEnd, isLost).Should().Be(("9", 10, true, false));
        log.Read(ref next, into, OnlyQuotes, int.MaxValue, out atEnd, out isLost).Should().Be(0);
        (next, atEnd, isLost).Should().Be((10, true, false));
    }

    [Fact]
    public void A_reader_that_finds_nothing_lets_go_of_the_log_now_and_then()
    {
        StreamLog log = Create();
        log.Append([.. Enumerable.Range(0, 2500).Select(i => OutboxStand.Message(Text(i)))], Other);
        long next = 0;
        var steps = new List<long>();
        bool atEnd = false;
        while (!atEnd)
        {
            log.Read(ref next, new Message[10], OnlyQuotes, int.MaxValue, out atEnd, out _).Should().Be(0);
            steps.Add(next);
        }

        steps.Should().Equal([.. Enumerable.Range(1, 2500 / StreamLog.LookAtMost).Select(i => (long)i * StreamLog.LookAtMost), 2500]);
    }

    [Fact]
    public void A_reader_whose_offset_is_gone_or_not_there_yet_is_told()
    {
        StreamLog log = Create(messages: 2);
        log.Append(Messages("0", "1", "2"), Quotes);
        foreach (long offset in new[] { 0, 4, long.MaxValue, -1 })
        {
            long next = offset;
            log.Read(ref next, new Message[5], null, int.MaxValue, out bool atEnd, out bool isLost).Should().Be(0);
            (next, atEnd, isLost).Should().Be((offset, false, true));
        }
    }

    [Fact]
    public void The_last_message_is_the_last_that_matches()
    {
        StreamLog log = Create(messages: 3000);
        log.FindLast(null).Should().Be(0);
        log.FindLast(OnlyQuotes).Should().Be(0);
        log.Append(Messages("0", "1"), Quotes);
        log.Append([.. Enumerable.Range(2, 2500).Select(i => OutboxStand.Message(Text(i)))], Other);
        log.FindLast(null).Should().Be(2501);
        log.FindLast(OnlyQuotes).Should().Be(1);
        log.FindLast(new DestinationPattern("/topic/none"u8.ToArray())).Should().Be(2502);
        log.Append([.. Enumerable.Range(0, 500).Select(i => OutboxStand.Message(Text(i)))], Other);
        log.FindLast(OnlyQuotes).Should().Be(3002, "it is not kept any more");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void It_agrees_with_a_list_whatever_comes(int seed)
    {
        var random = new Random(seed);
        int messages = random.Next(50, 400);
        StreamLog log = Create(messages, bytes: 300 * SizeOf("12345"), age: TimeSpan.FromSeconds(20));
        var model = new List<(string Body, DateTimeOffset At)>();
        long first = 0;
        for (int round = 0; round < 500; round++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(random.Next(500)));
            string[] bodies = [.. Enumerable.Range(0, random.Next(20)).Select(_ => new string('x', random.Next(10)) + Text(round))];
            log.Append(Messages(bodies), Quotes).Should().Be(first + model.Count);
            model.AddRange(bodies.Select(body => (body, _time.GetUtcNow())));
            while (model.Count > messages || (model.Count > 1 && model.Sum(m => SizeOf(m.Body)) > 300 * SizeOf("12345"))
                || (model.Count > 0 && _time.GetUtcNow() - model[0].At > TimeSpan.FromSeconds(20)))
            {
                model.RemoveAt(0);
                first++;
            }

            (log.First, log.Next, log.Count, log.Bytes).Should().Be((first, first + model.Count, model.Count, model.Sum(m => SizeOf(m.Body))));
            if (round % 20 == 0)
                ReadAll(log, first).Should().Equal(model.Select(m => m.Body));
        }
    }

    [Fact]
    public void A_message_that_is_dropped_is_not_held_in_memory()
    {
        StreamLog log = Create(messages: 1);
        WeakReference dropped = AppendOne(log);
        log.Append(Messages("next"), Quotes);
        GC.Collect();
        dropped.IsAlive.Should().BeFalse();
        GC.KeepAlive(log);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference AppendOne(StreamLog log)
        {
            Message message = OutboxStand.Message("gone");
            log.Append([message], Quotes);
            return new WeakReference(message);
        }
    }

    [Fact]
    public void A_burst_of_more_than_may_be_kept_takes_no_room_for_it()
    {
        StreamLog log = Create(messages: 50);
        Message[] burst = [.. Enumerable.Range(0, 10_000).Select(i => OutboxStand.Message(Text(i)))];
        long before = GC.GetAllocatedBytesForCurrentThread();
        log.Append(burst, Quotes);
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(4096);
        ReadAll(log, 9950).Should().HaveCount(50);
    }

    [Fact]
    public async Task Readers_see_every_message_in_order_while_others_append_and_no_gap_unseen()
    {
        const int writers = 2, each = 20_000;
        StreamLog log = Create(messages: 512);
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        Task[] appending = [.. Enumerable.Range(0, writers).Select(writer => Task.Run(() =>
        {
            for (int i = 0; i < each; i += 2)
            {
                // As a topic does: whoever knows an offset knows it from under the stream's order.
                lock (log.Order)
                {
                    long next = log.Next;
                    log.Append(Messages(Text(next), Text(next + 1)), writer == 0 ? Quotes : Other).Should().Be(next);
                }
            }
        }, cancellation))];
        Task<(int Read, int Lost)>[] reading = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            long next = 0;
            int read = 0, lost = 0;
            var into = new Message[64];
            while (true)
            {
                bool isOver = appending.All(task => task.IsCompleted);
                long from = next;
                int count = log.Read(ref next, into, null, int.MaxValue, out bool atEnd, out bool isLost);
                for (int i = 0; i < count; i++)
                    Body(into[i]).Should().Be(Text(from + i));
                (next - from).Should().Be(count);
                read += count;
                if (isOver && atEnd)
                    return (read, lost);
                if (!isLost)
                    continue;
                long first = log.First;
                lost += (int)(first - next);
                next = first;
            }
        }, cancellation))];

        await Task.WhenAll(appending);
        foreach ((int read, int lost) in await Task.WhenAll(reading))
            (read + lost).Should().Be(writers * each);
        (log.Next, log.Count).Should().Be((writers * each, 512));
    }

    private StreamLog Create(int messages = 100_000, long bytes = 64 * 1024 * 1024, TimeSpan age = default) =>
        new(new StreamOptions { Pattern = "/topic/#", Messages = messages, Bytes = bytes, Age = age }, _time);

    private static List<string> ReadAll(StreamLog log, long next)
    {
        var bodies = new List<string>();
        var into = new Message[7];
        bool atEnd = false;
        while (!atEnd)
        {
            int count = log.Read(ref next, into, null, int.MaxValue, out atEnd, out bool isLost);
            isLost.Should().BeFalse();
            bodies.AddRange(into[..count].Select(Body));
        }

        return bodies;
    }

    private static Message[] Messages(params string[] bodies) => [.. bodies.Select(OutboxStand.Message)];

    private static int SizeOf(string body) => OutboxStand.Message(body).Bytes.Length + StreamLog.MessageOverhead;

    private static string Body(Message message) => Encoding.ASCII.GetString(message.Body);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
