// The last quotes of the selected symbol, newest first.

import * as format from './format.js';

const LENGTH = 12;

export class Tape {
  #root;
  #quotes = [];
  #changed = false;

  constructor(root) {
    this.#root = root;
    for (let i = 0; i < LENGTH; i++) {
      const row = document.createElement('li');
      row.append(document.createElement('time'), document.createElement('b'), document.createElement('span'));
      row.hidden = true;
      root.append(row);
    }
  }

  add(quote) {
    const step = this.#quotes.length ? quote.price - this.#quotes[0].price : 0;
    this.#quotes.unshift({ ...quote, step });
    this.#quotes.length = Math.min(this.#quotes.length, LENGTH);
    this.#changed = true;
  }

  clear() { this.#quotes = []; this.#changed = true; }

  render() {
    if (!this.#changed) return;
    this.#changed = false;
    [...this.#root.children].forEach((row, i) => {
      const quote = this.#quotes[i];
      row.hidden = !quote;
      if (!quote) return;
      const [time, price, step] = row.children;
      time.textContent = format.time(quote.time);
      price.textContent = format.price(quote.price);
      step.textContent = `${format.arrow(quote.step)} ${format.signed(quote.step)}`;
      row.dataset.tone = format.tone(quote.step);
    });
  }
}
