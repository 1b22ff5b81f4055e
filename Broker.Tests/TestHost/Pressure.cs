namespace Broker.Tests.TestHost;

/// <summary>
/// A publisher against subscribers that do not keep up, over a clock that stands still: it publishes numbered messages of one
/// size, and tells whether the broker holds it. The only timers of such a broker are its sweep's and those of who is held.
/// </summary>
internal sealed class Pressure(MemoryBroker broker, StompTestClient publisher, string destination, int bodyBytes = 1000)
{
    private Task? _held;

    /// <summary>How many were published, the one that is held included.</summary>
    public int Count { get; private set; }

    /// <summary>True while the broker holds the publisher.</summary>
    public bool IsHeld => _held is { IsCompleted: false };

    public string Body(int number) => $"{number} ".PadRight(bodyBytes, 'x');

    /// <summary>Publishes one; true when its RECEIPT came, false when the publisher is held.</summary>
    public async Task<bool> TryPublishAsync()
    {
        Count++;
        _held = publisher.PublishAsync(destination, Body(Count));
        await ClientSteps.UntilAsync(() => _held.IsCompleted || broker.Time.Timers > 1, "the message is published, or the publisher is held");
        if (_held.IsCompleted)
            await _held;
        return _held.IsCompleted;
    }

    /// <summary>Publishes until the publisher is held.</summary>
    public async Task PublishUntilHeldAsync()
    {
        for (int i = 0; await TryPublishAsync(); i++)
            i.Should().BeLessThan(10_000, "a full outbox holds its publisher");
    }

    /// <summary>Awaits the RECEIPT of the message that was held.</summary>
    public Task ReleasedAsync() => _held!;

    /// <summary>The numbers of MESSAGEs up to the first other frame, or so many.</summary>
    public static async Task<(List<int> Numbers, TestFrame? Other)> ReadNumbersAsync(StompTestClient subscriber, int count = int.MaxValue)
    {
        var numbers = new List<int>();
        while (numbers.Count < count)
        {
            TestFrame frame = await subscriber.ReadFrameAsync();
            if (frame.Command != "MESSAGE")
                return (numbers, frame);
            numbers.Add(int.Parse(frame.Text.AsSpan(0, frame.Text.IndexOf(' ', StringComparison.Ordinal)), System.Globalization.CultureInfo.InvariantCulture));
        }

        return (numbers, null);
    }
}
