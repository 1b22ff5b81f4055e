using Broker.Tests.TestHost;

namespace Broker.Tests.Semantics;

/// <summary>
/// SEMANTICS 5: "Another prefix, an empty name, an empty segment, or a kind not available: err+close, the text lists the valid prefixes. Names are
/// case-sensitive UTF-8, at most 1 KiB and 64 segments; <c>.</c> and <c>/</c> both separate segments."
/// </summary>
public class DestinationTests
{
    private static readonly string LongestName = string.Join('.', Enumerable.Repeat(new string('n', 15), 63)) + "." + new string('n', 16);

    [Theory]
    [InlineData("")]
    [InlineData("topic")]
    [InlineData("/topic")]
    [InlineData("topic/a")]
    [InlineData("/Topic/a")]
    [InlineData("/TOPIC/a")]
    [InlineData(" /topic/a")]
    [InlineData("/exchange/a")]
    [InlineData("/topic.a")]
    [InlineData("//topic/a")]
    public Task Another_prefix_is_refused_and_the_text_lists_the_valid_ones(string destination) => IsRefusedAsync(destination, "bad destination");

    [Theory]
    [InlineData("/topic/")]
    [InlineData("/topic/a/")]
    [InlineData("/topic/a.")]
    [InlineData("/topic//a")]
    [InlineData("/topic/.a")]
    [InlineData("/topic/a..b")]
    [InlineData("/topic/a//b")]
    [InlineData("/topic/a./b")]
    public Task An_empty_name_or_segment_is_refused(string destination) => IsRefusedAsync(destination, "bad destination");

    [Theory]
    [InlineData("/user/a")]
    [InlineData("/app/a")]
    public Task A_kind_that_is_not_available_is_refused_and_called_so(string destination) => IsRefusedAsync(destination, "destination not available");

    [Fact]
    public Task A_name_of_more_than_1_KiB_is_refused() => IsRefusedAsync("/topic/" + new string('n', 1025), "destination too long", 1008);

    [Fact]
    public Task A_name_of_more_than_1_KiB_in_UTF_8_is_refused() => IsRefusedAsync("/topic/" + new string('ö', 513), "destination too long", 1008);

    [Fact]
    public Task A_name_of_more_than_64_segments_is_refused() =>
        IsRefusedAsync("/topic/" + string.Join('/', Enumerable.Repeat("s", 65)), "destination too long", 1008);

    [Fact]
    public async Task A_name_of_1_KiB_and_64_segments_is_a_name()
    {
        LongestName.Should().HaveLength(1024).And.Subject.Split('.').Should().HaveCount(64);
        await ShouldArriveAsync("/topic/" + LongestName);
    }

    [Fact]
    public async Task Limits_of_names_are_those_that_are_configured()
    {
        await using var broker = new MemoryBroker(options => (options.Limits.DestinationBytes, options.Limits.DestinationSegments) = (5, 2));
        using (StompTestClient client = await broker.ConnectAsync())
        {
            await client.PublishAsync("/topic/abc.d", "fits");
            await client.SendAsync("/topic/abcdef", "does not");
            await client.ReadErrorAndEndAsync(1008);
        }

        using StompTestClient second = await broker.ConnectAsync();
        await second.SendAsync("/topic/a.b.c", "has three");
        await second.ReadErrorAndEndAsync(1008);
    }

    [Theory]
    [InlineData("/topic/Zürich/東京/😀")]
    [InlineData("/topic/a b")]
    [InlineData("/topic/ a")]
    [InlineData("/topic/a:b\\c")]
    [InlineData("/topic/line\nfeed")]
    [InlineData("/topic/a*/*b/#c/d#/***/>>/a>")]
    public Task Any_UTF_8_is_a_name(string destination) => ShouldArriveAsync(destination);

    [Fact]
    public async Task Names_are_case_sensitive_and_compared_as_bytes()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("lower", "/topic/name");
        await client.SubscribeAsync("composed", "/topic/\u00e9");

        await client.PublishAsync("/topic/Name", "upper");
        await client.PublishAsync("/topic/e\u0301", "decomposed");

        await client.ShouldHaveNothingToReadAsync();
    }

    [Fact]
    public async Task A_dot_and_a_slash_make_two_topics_that_the_same_patterns_match()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("dot", "/topic/a.b");
        await client.SubscribeAsync("slash", "/topic/a/b");
        using StompTestClient patterns = await broker.ConnectAsync();
        await patterns.SubscribeAsync("one.", "/topic/a.*");
        await patterns.SubscribeAsync("one/", "/topic/a/*");

        await client.SendAsync("/topic/a.b", "by dot");
        await client.SendAsync("/topic/a/b", "by slash");

        (await client.ReadFrameAsync("MESSAGE"))["subscription"].Should().Be("dot");
        (await client.ReadFrameAsync("MESSAGE"))["subscription"].Should().Be("slash");
        await client.ShouldHaveNothingToReadAsync();
        var seen = new List<string>();
        for (int i = 0; i < 4; i++)
        {
            TestFrame message = await patterns.ReadFrameAsync("MESSAGE");
            seen.Add($"{message["subscription"]} {message["destination"]}");
        }

        seen.Should().BeEquivalentTo("one. /topic/a.b", "one/ /topic/a.b", "one. /topic/a/b", "one/ /topic/a/b");
        seen.Take(2).Should().OnlyContain(line => line.EndsWith("/topic/a.b"));
    }

    [Fact]
    public async Task None_is_kept_when_there_is_no_subscriber()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.PublishAsync("/topic/a", "nobody heard");

        await client.SubscribeAsync("0", "/topic/a");

        await client.ShouldHaveNothingToReadAsync();
    }

    [Theory]
    [InlineData("reply-to", "/temp-queue/", "bad reply-to")]
    [InlineData("reply-to", "/temp-queue/a..b", "bad reply-to")]
    [InlineData("reply-to", "/temp-queue/*", "bad reply-to")]
    [InlineData("retain", "keep", "bad retain")]
    public async Task A_SEND_that_asks_for_what_cannot_be_is_refused(string name, string value, string text)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();

        await client.SendAsync("/topic/a", "", (name, value));

        (await client.ReadErrorAndEndAsync())["message"].Should().Be(text);
    }

    [Fact]
    public async Task Another_reply_to_is_the_applications_own_and_forwarded()
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", "/topic/a");

        await client.SendAsync("/topic/a", "", ("reply-to", "/topic/replies"));

        (await client.ReadFrameAsync("MESSAGE"))["reply-to"].Should().Be("/topic/replies");
    }

    private static async Task IsRefusedAsync(string destination, string text, int closeCode = 1002)
    {
        await using var broker = new MemoryBroker();
        (string, (string, string)[])[] frames =
        [
            ("SEND", [("destination", destination), ("receipt", "r")]),
            ("SUBSCRIBE", [("id", "0"), ("destination", destination), ("receipt", "r")]),
        ];
        foreach ((string command, (string, string)[] headers) in frames)
        {
            using StompTestClient client = await broker.ConnectAsync();
            await client.SendFrameAsync(command, headers);
            TestFrame error = await client.ReadErrorAndEndAsync(closeCode);
            error["message"].Should().Be(text);
            error["receipt-id"].Should().Be("r");
            if (closeCode == 1002)
                error.Text.Should().Contain("/topic/NAME");
        }
    }

    private static async Task ShouldArriveAsync(string destination)
    {
        await using var broker = new MemoryBroker();
        using StompTestClient client = await broker.ConnectAsync();
        await client.SubscribeAsync("0", destination);

        await client.SendAsync(destination, "here");

        TestFrame message = await client.ReadFrameAsync("MESSAGE");
        message["destination"].Should().Be(destination);
        message.Text.Should().Be("here");
    }
}
