namespace TradingTicker;

/// <summary>
/// A simulated market: each trade moves one price by a random step that pulls back to where the day opened. The same seed gives the
/// same prices. Thread-safe.
/// </summary>
internal sealed class Market
{
    private const int HistorySeconds = 300;
    private const int TrendStep = 4;
    private const int TrendLength = 40;

    // A second at the usual rate: 0.06 % up or down, and back by so much of the distance to the mood that 1.5 % is usual.
    private const double UsualRate = 1000;
    private const double Step = 0.0006;
    private const double Pull = 0.0008;
    private const double Skew = 1.5;

    private readonly Lock _lock = new();
    private readonly Instrument[] _instruments;
    private readonly Dictionary<string, Instrument> _bySymbol;
    private readonly double[] _times = new double[HistorySeconds];
    private readonly Random _random;
    private readonly TimeProvider _time;
    private int _samples;
    private long _sequence;

    public Market(IReadOnlyList<Listing> listings, int seed, TimeProvider time)
    {
        _random = new Random(seed);
        _time = time;
        Dictionary<string, double> moods = listings.Select(listing => listing.Sector).Distinct().ToDictionary(sector => sector, _ => 0.008 * Gaussian());
        _instruments = [.. listings.Select((listing, rank) => new Instrument(
            listing, moods[listing.Sector] + 0.012 * Gaussian(), _random.NextInt64(20, 900) * 400_000 / (rank + 20), UsualRate * Share(rank, listings.Count)))];
        _bySymbol = _instruments.ToDictionary(instrument => instrument.Listing.Symbol);

        // The market has been open for a while when the first page looks at it.
        double now = Milliseconds();
        for (int second = HistorySeconds; second > 0; second--)
        {
            foreach (Instrument instrument in _instruments)
                Trade(instrument, seconds: 1);
            Sample(now - second * 1000);
        }
    }

    /// <summary>A quote of each company, as it stands.</summary>
    public void Open(List<Quote> quotes)
    {
        lock (_lock)
        {
            double now = Milliseconds();
            foreach (Instrument instrument in _instruments)
                quotes.Add(Quote(instrument, now));
        }
    }

    /// <summary>The next trades, of any companies; those that are listed first trade most.</summary>
    public void Trade(int count, List<Quote> quotes)
    {
        lock (_lock)
        {
            double now = Milliseconds();
            for (int i = 0; i < count; i++)
            {
                Instrument instrument = _instruments[(int)(_instruments.Length * Math.Pow(_random.NextDouble(), Skew))];
                Trade(instrument, 1 / instrument.TradesPerSecond);
                quotes.Add(Quote(instrument, now));
            }
        }
    }

    /// <summary>Remembers all prices; called once a second.</summary>
    public void Sample()
    {
        lock (_lock)
            Sample(Milliseconds());
    }

    public Company[] Companies()
    {
        lock (_lock)
        {
            return [.. _instruments.Select(instrument => new Company(
                instrument.Listing.Symbol, instrument.Listing.Name, instrument.Listing.Sector,
                [.. Enumerable.Range(1, TrendLength).Select(i => instrument.Samples[(_samples + (i - TrendLength) * TrendStep + HistorySeconds - 1) % HistorySeconds])]))];
        }
    }

    /// <summary>Null for a symbol that is not listed.</summary>
    public PriceHistory? History(string symbol)
    {
        lock (_lock)
        {
            return _bySymbol.TryGetValue(symbol, out Instrument? instrument)
                ? new PriceHistory(symbol, OldestFirst(_times), OldestFirst(instrument.Samples))
                : null;
        }
    }

    private Quote Quote(Instrument instrument, double now) =>
        new(instrument.Listing.Symbol, instrument.Price, instrument.Change, instrument.Volume, now, ++instrument.Quotes, ++_sequence);

    private void Trade(Instrument instrument, double seconds)
    {
        instrument.Drift += Step * Math.Sqrt(seconds) * Gaussian() - Math.Min(1, Pull * seconds) * (instrument.Drift - instrument.Mood);
        instrument.Price = Math.Max(0.01, Math.Round(instrument.Listing.Close * Math.Exp(instrument.Drift), 2));
        instrument.Volume += 100 * (1 + (long)(-8 * Math.Log(1 - _random.NextDouble())));
    }

    private void Sample(double now)
    {
        int slot = _samples++ % HistorySeconds;
        _times[slot] = now;
        foreach (Instrument instrument in _instruments)
            instrument.Samples[slot] = instrument.Price;
    }

    /// <summary>How many of all trades are the company's at this place of the list.</summary>
    private static double Share(int rank, int count) => Math.Pow((rank + 1.0) / count, 1 / Skew) - Math.Pow((double)rank / count, 1 / Skew);

    private double[] OldestFirst(double[] ring) => [.. ring[(_samples % HistorySeconds)..], .. ring[..(_samples % HistorySeconds)]];

    private double Milliseconds() => (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds;

    private double Gaussian() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());

    /// <summary>A listed company's price, as the logarithm of what it moved since the close.</summary>
    private sealed class Instrument(Listing listing, double mood, long volume, double tradesPerSecond)
    {
        public Listing Listing { get; } = listing;

        public double Mood { get; } = mood;

        public double TradesPerSecond { get; } = tradesPerSecond;

        public double Drift { get; set; } = mood;

        public double Price { get; set; } = listing.Close;

        public double Change => Math.Round(Price - Listing.Close, 2);

        public long Volume { get; set; } = volume;

        public long Quotes { get; set; }

        public double[] Samples { get; } = new double[HistorySeconds];
    }
}
