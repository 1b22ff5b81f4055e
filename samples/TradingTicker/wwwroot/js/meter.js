// Messages a second, and how long they were under way, over the last two seconds.

const WINDOW = 2000;
const CAPACITY = 1 << 15;

export class Meter {
  #arrived = new Float64Array(CAPACITY);
  #taken = new Float64Array(CAPACITY);
  #count = 0;
  #offset = performance.timeOrigin;
  #since = performance.now();

  /** Counts a message that was sent at this time (milliseconds since 1970; same machine, same clock). */
  add(sentAt) {
    const now = performance.now();
    const wall = Date.now();
    // The page's clock only counts on; when the machine's is set, it follows.
    if (Math.abs(this.#offset + now - wall) > 3) this.#offset = wall - now;
    const slot = this.#count++ % CAPACITY;
    this.#arrived[slot] = now;
    this.#taken[slot] = Math.max(0, this.#offset + now - sentAt);
  }

  restart() { this.#count = 0; this.#since = performance.now(); }

  /** Per second, and the latencies in milliseconds that half and 99 of 100 messages stay under. */
  read() {
    const now = performance.now();
    const recent = [];
    for (let i = this.#count - 1; i >= 0 && i > this.#count - CAPACITY; i--) {
      if (this.#arrived[i % CAPACITY] < now - WINDOW) break;
      recent.push(this.#taken[i % CAPACITY]);
    }
    const sorted = Float64Array.from(recent).sort();
    const at = share => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
    return { perSecond: recent.length * 1000 / Math.max(500, Math.min(WINDOW, now - this.#since)), p50: at(0.5), p99: at(0.99) };
  }
}
