// A table of which only the visible rows exist. Quotes only change the model; once per frame the rows catch up.

import { percentOf } from './market.js';
import * as format from './format.js';
import { drawSpark } from './spark.js';

const SPARKS_EVERY = 250;

// Less often than three times a second: what flashes faster is unpleasant, and for some a danger.
const FLASH_EVERY = 500;

const columns = [
  { id: 'symbol', title: 'Symbol', key: entry => entry.symbol },
  { id: 'trend', title: 'Trend' },
  { id: 'price', title: 'Price', key: entry => entry.price },
  { id: 'change', title: 'Change', key: entry => entry.change },
  { id: 'percent', title: 'Change %', key: percentOf },
  { id: 'volume', title: 'Volume', key: entry => entry.volume },
];

const calm = matchMedia('(prefers-reduced-motion: reduce)');

export class Table {
  #root; #viewport; #body;
  #rows = [];
  #shown = [];
  #height = 0;
  #sorted = { column: columns.find(column => column.id === 'volume'), down: true };
  #sparked = 0;
  #selected;
  #onSelect;

  constructor(root, onSelect) {
    this.#root = root;
    this.#viewport = root.querySelector('.viewport');
    this.#body = root.querySelector('.rows');
    this.#onSelect = onSelect;
    root.querySelector('.head').append(...columns.map(column => this.#heading(column)));
    this.#viewport.addEventListener('keydown', event => this.#key(event));
    this.#body.addEventListener('click', event => {
      const row = this.#rows.find(row => row.element.contains(event.target));
      if (row) this.#onSelect(row.entry);
    });
    new ResizeObserver(() => this.#fit()).observe(this.#viewport);
    this.#fit();
  }

  show(entries) {
    this.#shown = entries;
    this.#root.setAttribute('aria-rowcount', entries.length + 1);
    this.#body.style.height = `${entries.length * this.#height}px`;
    this.sort();
  }

  sort() {
    const { column, down } = this.#sorted;
    const sign = down ? -1 : 1;
    this.#shown.sort((a, b) => {
      const x = column.key(a), y = column.key(b);
      return x < y ? -sign : x > y ? sign : a.symbol < b.symbol ? -1 : 1;
    });
  }

  select(entry) { this.#selected = entry; }

  render(now) {
    const first = Math.max(0, Math.floor(this.#viewport.scrollTop / this.#height) - 1);
    const sparks = now - this.#sparked > SPARKS_EVERY;
    if (sparks) this.#sparked = now;
    for (let i = 0; i < this.#rows.length; i++) {
      const index = first + (i - first % this.#rows.length + this.#rows.length) % this.#rows.length;
      this.#renderRow(this.#rows[i], index, sparks);
    }
  }

  #renderRow(row, index, sparks) {
    const entry = this.#shown[index];
    row.element.hidden = !entry;
    if (!entry) { row.entry = undefined; return; }
    const other = row.entry !== entry;
    if (row.index !== index) {
      row.index = index;
      row.element.style.transform = `translateY(${index * this.#height}px)`;
      row.element.setAttribute('aria-rowindex', index + 2);
    }
    if (other) {
      row.entry = entry;
      row.symbol.textContent = entry.symbol;
      row.name.textContent = entry.name;
      row.element.dataset.symbol = entry.symbol;
      row.flashes.up.cancel();
      row.flashes.down.cancel();
    }
    const selected = entry === this.#selected;
    if (row.selected !== selected) {
      row.selected = selected;
      row.element.setAttribute('aria-selected', selected);
      if (selected) this.#viewport.setAttribute('aria-activedescendant', row.element.id);
    }
    if (other || sparks) drawSpark(row.spark, entry.trend, format.tone(entry.change));
    if (other || row.version !== entry.version) this.#renderQuote(row, entry, other);
  }

  #renderQuote(row, entry, other) {
    row.version = entry.version;
    const price = format.price(entry.price);
    const moved = row.price.textContent !== price;
    row.price.textContent = price;
    row.change.textContent = format.signed(entry.change);
    row.percent.textContent = format.percent(percentOf(entry));
    row.volume.textContent = format.volume(entry.volume);
    row.element.dataset.tone = format.tone(entry.change);
    row.price.dataset.moved = other || !entry.direction ? '' : entry.direction > 0 ? 'up' : 'down';
    const now = performance.now();
    if (other || !moved || calm.matches || now - row.flashed < FLASH_EVERY) return;
    row.flashed = now;
    const flash = entry.direction > 0 ? row.flashes.up : row.flashes.down;
    (entry.direction > 0 ? row.flashes.down : row.flashes.up).cancel();
    flash.currentTime = 0;
    flash.play();
  }

  /** As many rows as the viewport shows, and two more. */
  #fit() {
    this.#height = parseFloat(getComputedStyle(this.#root).getPropertyValue('--row'));
    this.#body.style.height = `${this.#shown.length * this.#height}px`;
    const wanted = Math.ceil(this.#viewport.clientHeight / this.#height) + 3;
    while (this.#rows.length < wanted) this.#rows.push(this.#row());
    for (const row of this.#rows.splice(wanted)) row.element.remove();
    for (const row of this.#rows) row.index = row.entry = undefined;
  }

  #row() {
    const make = (tag, name, role) => {
      const element = document.createElement(tag);
      if (name) element.className = name;
      if (role) element.role = role;
      return element;
    };
    const cells = Object.fromEntries(columns.map(column => [column.id, make('div', `cell ${column.id}`, 'gridcell')]));
    const symbol = make('b'), name = make('span', 'name'), spark = make('canvas');
    spark.ariaHidden = 'true';
    cells.symbol.append(symbol, name);
    cells.trend.append(spark);
    const element = make('div', 'row', 'row');
    element.id = `row-${this.#rows.length}`;
    element.hidden = true;
    element.append(...Object.values(cells));
    this.#body.append(element);
    const flash = tone => {
      const animation = cells.price.animate([{ backgroundColor: `var(--${tone}-flash)` }, { backgroundColor: 'transparent' }], { duration: 700, easing: 'ease-out' });
      animation.cancel();
      return animation;
    };
    return { ...cells, element, symbol, name, spark, flashed: 0, flashes: { up: flash('up'), down: flash('down') } };
  }

  #heading(column) {
    const cell = document.createElement('div');
    cell.className = `cell ${column.id}`;
    cell.role = 'columnheader';
    if (!column.key) { cell.textContent = column.title; return cell; }
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = column.title;
    button.addEventListener('click', () => {
      const down = this.#sorted.column === column ? !this.#sorted.down : column.id !== 'symbol';
      this.#sorted = { column, down };
      this.#markSorted();
      this.sort();
      this.#viewport.scrollTop = 0;
    });
    cell.append(button);
    column.heading = cell;
    this.#markSorted();
    return cell;
  }

  #markSorted() {
    for (const column of columns) {
      column.heading?.setAttribute('aria-sort', column !== this.#sorted.column ? 'none' : this.#sorted.down ? 'descending' : 'ascending');
    }
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.#viewport.clientHeight / this.#height) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (!step || !this.#shown.length) return;
    event.preventDefault();
    const at = Math.min(this.#shown.length - 1, Math.max(0, this.#shown.indexOf(this.#selected) + step));
    this.#onSelect(this.#shown[at]);
    const top = at * this.#height, bottom = top + this.#height;
    if (top < this.#viewport.scrollTop) this.#viewport.scrollTop = top;
    else if (bottom > this.#viewport.scrollTop + this.#viewport.clientHeight) this.#viewport.scrollTop = bottom - this.#viewport.clientHeight;
  }
}
