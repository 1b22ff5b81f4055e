namespace TradingTicker;

/// <summary>A company and its last close, in dollars.</summary>
internal sealed record Listing(string Symbol, string Name, string Sector, double Close);

/// <summary>Five hundred companies in ten sectors: some whose names one knows, the others invented. All prices are invented.</summary>
internal static class Listings
{
    private const int Count = 500;

    /// <summary>A line for each sector: its name, then symbol, company and close; those that trade most come first.</summary>
    private const string Known =
        """
        Tech | NVDA NVIDIA 131.20 | AAPL Apple 228.40 | MSFT Microsoft 431.10 | AVGO Broadcom 172.60 | ORCL Oracle 168.90 | AMD Advanced Micro Devices 152.30 | CSCO Cisco Systems 53.10 | IBM International Business Machines 221.40 | INTC Intel 23.70 | TXN Texas Instruments 201.50
        Retail | AMZN Amazon 186.50 | TSLA Tesla 248.90 | WMT Walmart 80.70 | COST Costco Wholesale 892.30 | KO Coca-Cola 71.40 | PEP PepsiCo 172.80 | MCD McDonald's 301.20 | NKE Nike 82.60 | SBUX Starbucks 96.80 | BF.B Brown-Forman B 47.90
        Media | GOOG Alphabet C 166.80 | GOOGL Alphabet A 165.30 | META Meta Platforms 572.40 | NFLX Netflix 709.20 | DIS Walt Disney 95.60 | CMCSA Comcast 41.90 | T AT&T 21.80 | VZ Verizon 44.70 | TMUS T-Mobile 204.10 | EA Electronic Arts 143.20
        Finance | BRK.B Berkshire Hathaway B 459.70 | JPM JPMorgan Chase 211.30 | V Visa 276.50 | MA Mastercard 494.80 | BAC Bank of America 39.60 | WFC Wells Fargo 56.40 | GS Goldman Sachs 497.10 | MS Morgan Stanley 104.90 | AXP American Express 270.60 | BRK.A Berkshire Hathaway A 689300.00
        Health | LLY Eli Lilly 886.10 | UNH UnitedHealth 584.90 | JNJ Johnson & Johnson 162.20 | ABBV AbbVie 195.80 | MRK Merck 113.60 | PFE Pfizer 28.90 | TMO Thermo Fisher 617.30 | ABT Abbott 113.90 | AMGN Amgen 322.40 | BIO.B Bio-Rad Laboratories B 334.20
        Energy | XOM Exxon Mobil 117.20 | CVX Chevron 147.40 | COP ConocoPhillips 105.20 | SLB Schlumberger 42.10 | EOG EOG Resources 122.90 | OXY Occidental Petroleum 51.60 | PSX Phillips 66 131.50 | MPC Marathon Petroleum 162.80 | VLO Valero Energy 135.10 | KMI Kinder Morgan 22.10
        Industry | GE GE Aerospace 188.40 | CAT Caterpillar 391.10 | BA Boeing 152.00 | HON Honeywell 206.70 | UPS United Parcel Service 136.20 | UNP Union Pacific 246.40 | DE Deere 417.30 | LMT Lockheed Martin 584.60 | MMM 3M 136.70 | HEI.A Heico A 203.80
        Materials | LIN Linde 476.90 | FCX Freeport-McMoRan 49.90 | NEM Newmont 53.40 | SHW Sherwin-Williams 381.70 | APD Air Products 297.70 | ECL Ecolab 255.30 | DOW Dow 54.60 | NUE Nucor 150.30 | ALB Albemarle 94.70 | VMC Vulcan Materials 246.00
        Utilities | NEE NextEra Energy 84.50 | SO Southern 90.20 | DUK Duke Energy 115.30 | CEG Constellation Energy 260.00 | AEP American Electric Power 102.60 | D Dominion Energy 57.80 | SRE Sempra 83.60 | EXC Exelon 40.50 | XEL Xcel Energy 65.30 | ED Consolidated Edison 104.10
        Property | PLD Prologis 126.30 | AMT American Tower 232.60 | EQIX Equinix 887.60 | SPG Simon Property 169.00 | O Realty Income 63.40 | PSA Public Storage 363.90 | WELL Welltower 128.00 | DLR Digital Realty 161.80 | LEN.B Lennar B 172.90 | VICI VICI Properties 32.40
        """;

    private static readonly string[] Places =
    [
        "Alder", "Basalt", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Indigo", "Juniper", "Kestrel", "Lumen", "Meridian", "Nimbus", "Orchard", "Pinnacle", "Quarry", "Redwood", "Summit", "Tundra",
        "Umber", "Vertex", "Willow", "Xenon", "Yarrow", "Zephyr", "Aurora", "Bramble", "Cascade", "Dunes", "Estuary", "Falcon", "Glacier", "Horizon", "Isthmus", "Jasper", "Krypton", "Lagoon", "Mosaic", "Northern",
    ];

    private static readonly Dictionary<string, string[]> Trades = new()
    {
        ["Tech"] = ["Robotics", "Semiconductor", "Software", "Networks", "Systems"],
        ["Retail"] = ["Foods", "Apparel", "Stores", "Brands", "Leisure"],
        ["Media"] = ["Studios", "Broadcasting", "Games", "Wireless", "Publishing"],
        ["Finance"] = ["Bancorp", "Capital", "Insurance", "Trust", "Payments"],
        ["Health"] = ["Therapeutics", "Diagnostics", "Biosciences", "Medical", "Care"],
        ["Energy"] = ["Petroleum", "Drilling", "Pipelines", "Solar", "Refining"],
        ["Industry"] = ["Aerospace", "Freight", "Machines", "Tools", "Rail"],
        ["Materials"] = ["Chemicals", "Mining", "Steel", "Paper", "Minerals"],
        ["Utilities"] = ["Power", "Water", "Gas", "Grid", "Electric"],
        ["Property"] = ["Realty", "Towers", "Homes", "Storage", "Estates"],
    };

    public static IReadOnlyList<Listing> All { get; } = Build();

    private static List<Listing> Build()
    {
        string[][] sectors = [.. Known.Split('\n').Select(line => line.Split(" | "))];
        List<Listing> all = [];
        for (int i = 1; i < sectors[0].Length; i++)
            all.AddRange(sectors.Select(sector => Parse(sector[i], sector[0])));

        var taken = all.Select(listing => listing.Symbol).ToHashSet();
        var random = new Random(500);
        for (int i = 0; all.Count < Count; i++)
        {
            string sector = sectors[i % sectors.Length][0];
            string place = Places[i / sectors.Length % Places.Length];
            string trade = Trades[sector][(i + i / sectors.Length) % Trades[sector].Length];
            double close = Math.Round(Math.Exp(2.2 + 3.4 * random.NextDouble()), 2);
            all.Add(new Listing(NewSymbol(place.ToUpperInvariant(), trade.ToUpperInvariant(), taken), $"{place} {trade}", sector, close));
        }

        return all;
    }

    private static Listing Parse(string entry, string sector)
    {
        string[] words = entry.Split(' ');
        return new Listing(words[0], string.Join(' ', words[1..^1]), sector, double.Parse(words[^1], System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>The place's first letters and the trade's; where that is taken, the next letter of the trade.</summary>
    private static string NewSymbol(string place, string trade, HashSet<string> taken)
    {
        IEnumerable<string> candidates =
            from letters in Enumerable.Range(2, 2)
            from second in trade
            select place[..letters] + trade[0] + second;
        return candidates.Append(place[..3] + trade[..2]).First(taken.Add);
    }
}
