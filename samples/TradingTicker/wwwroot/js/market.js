// What the page knows: every listed company, its last quote and where its price has been.

const TREND_SECONDS = 4;

export class Market {
  all = [];
  bySymbol = new Map();
  sectors = [];
  #early = [];

  /** Takes a snapshot; quotes that are later than it stay. After a restart of the feed, its numbers start again. */
  load(snapshot) {
    for (const standing of snapshot.standings) {
      const known = this.bySymbol.get(standing.symbol);
      if (known && known.sequence > snapshot.sequence && known.fresh) continue;
      const entry = known ?? { symbol: standing.symbol, name: standing.name, sector: standing.sector, version: 0 };
      Object.assign(entry, {
        price: standing.price, change: standing.change, volume: standing.volume, close: standing.price - standing.change,
        trend: Float64Array.from(standing.trend), sequence: snapshot.sequence, direction: 0, version: entry.version + 1,
        search: `${standing.symbol} ${standing.name} ${standing.sector}`.toLowerCase(),
      });
      if (known) continue;
      this.all.push(entry);
      this.bySymbol.set(entry.symbol, entry);
    }
    for (const quote of this.#early.splice(0)) this.apply(quote);
    this.sectors = [...Map.groupBy(this.all, entry => entry.sector)].map(([name, members]) => ({ name, members, trend: sectorTrend(members) }));
  }

  /** Before the quotes of a new connection. */
  renew() { for (const entry of this.all) entry.fresh = false; }

  /** The company that the quote changed. */
  apply(quote) {
    if (!this.all.length) this.#early.push(quote);
    const entry = this.bySymbol.get(quote.symbol);
    if (!entry || quote.sequence <= entry.sequence && entry.fresh) return undefined;
    entry.direction = Math.sign(quote.price - entry.price) || entry.direction;
    entry.price = quote.price;
    entry.change = quote.change;
    entry.volume = quote.volume;
    entry.sequence = quote.sequence;
    entry.trend[entry.trend.length - 1] = quote.price;
    entry.fresh = true;
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
