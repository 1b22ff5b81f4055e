// What the page knows: every listed company, its last quote and where its price has been.

const TREND_SECONDS = 4;

export class Market {
  all = [];
  bySymbol = new Map();
  sectors = [];
  #early = [];

  /** Who is listed, and where prices have been; how they stand, quotes tell. */
  load(companies) {
    for (const { symbol, name, sector, trend } of companies) {
      const entry = this.bySymbol.get(symbol) ?? { symbol, name, sector, direction: 0, version: 0, search: `${symbol} ${name} ${sector}`.toLowerCase() };
      entry.trend = Float64Array.from(trend);
      if (entry.price) entry.trend[trend.length - 1] = entry.price;
      this.bySymbol.set(symbol, entry);
    }
    for (const quote of this.#early.splice(0)) this.apply(quote);
    this.all = [...this.bySymbol.values()].filter(entry => entry.price);
    this.sectors = [...Map.groupBy(this.all, entry => entry.sector)].map(([name, members]) => ({ name, members, trend: sectorTrend(members) }));
  }

  /** The company that the quote changed. */
  apply(quote) {
    if (!this.bySymbol.size) this.#early.push(quote);
    const entry = this.bySymbol.get(quote.symbol);
    if (!entry) return undefined;
    entry.direction = Math.sign(quote.price - entry.price) || entry.direction;
    entry.price = quote.price;
    entry.change = quote.change;
    entry.close = quote.price - quote.change;
    entry.volume = quote.volume;
    entry.trend[entry.trend.length - 1] = quote.price;
    entry.version++;
    return entry;
  }

  /** Moves all sparklines one place on. */
  step() {
    for (const entry of this.all) entry.trend.copyWithin(0, 1);
    for (const sector of this.sectors) sector.trend = sectorTrend(sector.members);
  }

  static stepMilliseconds = TREND_SECONDS * 1000;
}

export const percentOf = entry => 100 * entry.change / entry.close;

export const sectorPercent = sector => sector.members.reduce((sum, entry) => sum + percentOf(entry), 0) / sector.members.length;

function sectorTrend(members) {
  return Float64Array.from(members[0].trend, (_, i) => members.reduce((sum, entry) => sum + entry.trend[i] / entry.close, 0));
}
