// What arrived, held against what the feed says it published. Each quote has its company's number, which counts that company's
// quotes, and the market's sequence, which is the sum of all companies' numbers: what is missing cannot hide.

export class Ledger {
  /** Quotes that arrived, by themselves or in the newer one that stands for them; and in how many messages. */
  ticks = 0;
  messages = 0;

  /** Quotes that no message stood for, and messages that came twice or out of order. */
  missing = 0;
  repeated = 0;

  cuts = 0;
  recovered = 0;

  #numbers = new Map();
  #sum = 0;
  #newest = 0;

  /** Before a snapshot: all that is known comes from there. */
  begin() {
    this.#numbers.clear();
    this.#sum = this.#newest = 0;
  }

  /** A retained quote: the count of its company begins there. */
  retained(quote) { this.#note(quote, quote.number - (this.#numbers.get(quote.symbol) ?? 0)); }

  /** Returns how many quotes this message brings: zero when its quote is known already. */
  take(quote, standsFor) {
    const known = this.#numbers.get(quote.symbol);
    const count = known === undefined ? standsFor : quote.number - known;
    if (count <= 0) return 0;
    this.messages++;
    this.ticks += Math.min(count, standsFor);
    this.missing += Math.max(0, count - standsFor);
    this.#note(quote, known === undefined ? quote.number : count);
    return count;
  }

  /** Whether everything is here up to the newest quote that is here. */
  get isComplete() { return this.#sum === this.#newest; }

  #note(quote, count) {
    this.#numbers.set(quote.symbol, quote.number);
    this.#sum += count;
    this.#newest = Math.max(this.#newest, quote.sequence);
  }
}
