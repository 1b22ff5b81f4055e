using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 5: "Patterns, in SUBSCRIBE to topics only: <c>*</c> one segment; <c>#</c> or <c>**</c> zero or more, anywhere, at most two of them; <c>&gt;</c> zero
/// or more, last only (elsewhere err+close). A segment that merely contains such a character (<c>a*</c>) is a plain name. A SEND to a
/// pattern, or a pattern on a queue, is err+close. MESSAGE carries the concrete destination. Overlapping subscriptions each get their own copy."
/// </summary>
public class PatternTests
{
    [Theory]
    [InlineData("*", "a", "a.b")]
    [InlineData("a.*", "a.b", "a")]
    [InlineData("a.*", "a.*x", "a.b.c")]
    [InlineData("*.b", "a.b", "b")]
    [InlineData("a.*.c", "a.b.c", "a.c")]
    [InlineData("*.*", "a/b", "a")]
    [InlineData("#", "a", null)]
    [InlineData("#", "a.b.c.d", null)]
    [InlineData("**", "a.b.c.d", null)]
    [InlineData("a.#", "a", "b")]
    [InlineData("a.#", "a.b.c", "ab")]
    [InlineData("#.c", "c", "c.d")]
    [InlineData("#.c", "a.b.c", "a.b.cc")]
    [InlineData("a.#.c", "a.c", "a")]
    [InlineData("a.**.c", "a.b.b.c", "a.b.b")]
    [InlineData("#.b.#", "b", "a")]
    [InlineData("#.b.#", "a.a.b.c.c", "a.a.c")]
    [InlineData("**.#", "a", null)]
    [InlineData("#.*", "a", null)]
    [InlineData("a.>", "a", "b.a")]
    [InlineData("a.>", "a.b.c", "A.b.c")]
    [InlineData(">", "a.b", null)]
    [InlineData("#.*.**.>", "a", null)]
    [InlineData("*.#.>", "a.b.c", null)]
    [InlineData("a*", "a*", "ab")]
    [InlineData("a.*b", "a.*b", "a.xb")]
    [InlineData("a#", "a#", "a.b")]
    [InlineData("***", "***", "a")]
    [InlineData("##", "##", "a")]
    [InlineData(">>", ">>", "a")]
    [InlineData("a>.b", "a>.b", "a.b")]
    public async Task A_pattern_gets_what_it_matches_and_nothing_else(string pattern, string matching, string? other)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("p", "/topic/" + pattern);

        if (other is not null)
            await client.SendAsync("/topic/" + other, "not for you");
        await client.SendAsync("/topic/" + matching, "for you");

        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        message.Text.Should().Be("for you");
        message["destination"].Should().Be("/topic/" + matching, "MESSAGE carries the concrete destination");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("#.a.#.b.#")]
    [InlineData("#.#.#")]
    [InlineData("**.a.#.**")]
    [InlineData(">.a")]
    [InlineData("a.>.b")]
    [InlineData(">.>")]
    [InlineData("a.>.*")]
    [InlineData(">.#")]
    public async Task A_third_of_many_and_a_tail_elsewhere_than_last_are_refused(string pattern)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", "/topic/" + pattern)]);

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("bad pattern");
    }

    [Theory]
    [InlineData("*")]
    [InlineData("a.*")]
    [InlineData("*.a")]
    [InlineData("#")]
    [InlineData("a.**.b")]
    [InlineData("a.>")]
    public async Task A_SEND_to_a_pattern_is_refused(string pattern)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendAsync("/topic/" + pattern, "to whom");

        (await client.ReadErrorAndEndAsync())["message"].Should().Be("send to a pattern");
    }

    [Theory]
    [InlineData("/queue/*")]
    [InlineData("/queue/a.#")]
    [InlineData("/temp-queue/>")]
    public async Task A_pattern_on_a_queue_is_refused(string destination)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendFrameAsync("SUBSCRIBE", [("id", "0"), ("destination", destination)]);

        await client.ReadErrorAndEndAsync();
    }

    [Fact]
    public async Task Overlapping_subscriptions_each_get_their_own_copy()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        string[] destinations = ["a.b", "a.b", "a.*", "a.*", "#", "**", ">", "a.>", "*.b", "#.b.#"];
        for (int i = 0; i < destinations.Length; i++)
            await client.SubscribeAsync($"{i}", "/topic/" + destinations[i]);

        await client.SendAsync("/topic/a.b", "once");

        var ids = new List<string>();
        for (int i = 0; i < destinations.Length; i++)
        {
            TestFrame message = await client.ReadFrameAsync("MESSAGE");
            message.Text.Should().Be("once");
            message["destination"].Should().Be("/topic/a.b");
            ids.Add(message["subscription"]!);
        }

        ids.Should().BeEquivalentTo(destinations.Select((_, i) => $"{i}"));
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task An_ended_pattern_gets_no_more_and_its_equal_goes_on()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("ends", "/topic/a.#");
        await client.SubscribeAsync("stays", "/topic/a.#");
        await client.PublishAsync("/topic/elsewhere", "");

        await client.DoAsync("UNSUBSCRIBE", [("id", "ends")]);
        await client.SendAsync("/topic/a.b", "still");

        (await client.ReadFrameAsync("MESSAGE"))["subscription"].Should().Be("stays");
        await client.DoAsync("UNSUBSCRIBE", [("id", "stays")]);
        await client.PublishAsync("/topic/a.b", "nobody");
        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task A_pattern_of_many_wildcards_meets_the_longest_name()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        string name = string.Join('.', Enumerable.Repeat("s", 64));
        await client.SubscribeAsync("0", "/topic/#.s.#." + string.Join('.', Enumerable.Repeat("*", 60)));

        await client.SendAsync("/topic/" + name, "once");

        (await client.ReadTextAsync()).Should().Be("once");
        await client.ShouldHaveNothingToReadAsync();
    }
}
