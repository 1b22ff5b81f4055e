using System.Globalization;
using System.Text.Json;
using Broker.Endpoints;

namespace TradingTicker;

/// <summary>Publishes every quote to /topic/quotes.SYMBOL, where the last one is retained, at a rate that pages change through /topic/market.rate.</summary>
internal sealed partial class QuoteFeed(Market market, StompBroker broker, TimeProvider time, ILogger<QuoteFeed> log) : BackgroundService
{
    private const string RateTopic = "/topic/market.rate";
    private const string StateTopic = "/topic/market.state";
    private const int MaximumRate = 10_000;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);

    private static readonly KeyValuePair<string, string>[] Headers = [new("content-type", "application/json")];

    private readonly List<Quote> _quotes = [];
    private readonly List<OutgoingMessage> _messages = [];
    private long _published;
    private volatile int _rate = 1000;

    /// <summary>The first page finds a quote of every company.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        market.Open(_quotes);
        await PublishAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(PublishQuotesAsync(stoppingToken), PublishStateAsync(stoppingToken), FollowRateAsync(stoppingToken));

    private async Task PublishQuotesAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Tick, time);
        double owed = 0;
        long last = time.GetTimestamp();
        while (await timer.WaitForNextTickAsync(stopping))
        {
            // After a pause of the machine, nobody wants all the quotes of the pause at once.
            owed = Math.Min(owed + _rate * time.GetElapsedTime(last).TotalSeconds, MaximumRate / 10);
            last = time.GetTimestamp();
            market.Trade((int)owed, _quotes);
            owed -= _quotes.Count;
            await PublishAsync(stopping);
        }
    }

    private async Task PublishAsync(CancellationToken stopping)
    {
        foreach (Quote quote in _quotes)
            _messages.Add(new OutgoingMessage($"/topic/quotes.{quote.Symbol}", JsonSerializer.SerializeToUtf8Bytes(quote, TickerJson.Default.Quote), Headers, Retain: true));
        try
        {
            await broker.PublishAsync(_messages, stopping);
        }
        catch (StompBrokerException refusal)
        {
            LogRefused(log, refusal.Message);
        }

        Interlocked.Add(ref _published, _quotes.Count);
        _quotes.Clear();
        _messages.Clear();
    }

    private async Task PublishStateAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            market.Sample();
            await PublishStateNowAsync(stopping);
        }
    }

    private async Task FollowRateAsync(CancellationToken stopping)
    {
        await foreach (StompMessage message in broker.Subscribe(RateTopic, stopping))
        {
            if (!int.TryParse(message.Text, NumberStyles.Integer, CultureInfo.InvariantCulture, out int rate))
                continue;
            _rate = Math.Clamp(rate, 0, MaximumRate);
            await PublishStateNowAsync(stopping);
        }
    }

    private ValueTask PublishStateNowAsync(CancellationToken stopping) =>
        broker.PublishAsync(StateTopic, new FeedState(_rate, Interlocked.Read(ref _published)), TickerJson.Default.FeedState, retain: true, cancellationToken: stopping);

    [LoggerMessage(1, LogLevel.Warning, "The broker refused a quote: {Reason}")]
    private static partial void LogRefused(ILogger logger, string reason);
}
