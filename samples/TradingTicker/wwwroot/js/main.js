import { Chart } from './chart.js';
import { Feed } from './feed.js';
import * as format from './format.js';
import { Market, percentOf } from './market.js';
import { Meter } from './meter.js';
import { Sectors } from './sectors.js';
import { forgetColours } from './spark.js';
import { Table } from './table.js';
import { Tape } from './tape.js';

const ALL = '/topic/quotes.#';
const SPEEDS = [0, 10, 50, 100, 250, 500, 1000, 2000, 5000, 10000];
const STATES = { connecting: 'Connecting', connected: 'Connected', disconnected: 'Reconnecting' };

const at = id => document.getElementById(id);
const market = new Market();
const meter = new Meter();
const chart = new Chart(at('chart'));
const tape = new Tape(at('tape'));
const table = new Table(at('table'), select);
const sectors = new Sectors(at('sectors'), name => search(name));
let selected;
let speedTouched = 0;

const feed = new Feed(new URL('ws', location.href.replace(/^http/, 'ws')).href, ALL, {
  state(state) {
    at('state').textContent = STATES[state];
    at('state').dataset.state = state;
    if (state === 'connected') { market.renew(); meter.restart(); load(); }
  },
  quote(quote) {
    meter.add(quote.time);
    const entry = market.apply(quote);
    if (entry && entry === selected) {
      chart.add(quote.time, quote.price);
      tape.add(quote);
    }
  },
  feedState(state) {
    if (performance.now() - speedTouched > 2000) showSpeed(state.rate);
  },
});

/** What has been, once the subscription brings what comes. */
async function load() {
  try {
    const response = await fetch('market');
    market.load(await response.json());
  } catch {
    return; // the connection is gone again; the next one asks again
  }
  sectors.show(market.sectors);
  filter();
  select(selected ?? market.all[0]);
}

async function select(entry) {
  const other = entry !== selected;
  selected = entry;
  table.select(entry);
  at('symbol').textContent = entry.symbol;
  at('company').textContent = `${entry.name} · ${entry.sector}`;
  at('close').textContent = format.price(entry.close);
  at('chart').ariaLabel = `Price of ${entry.name} over the last two minutes`;
  if (other) { chart.clear(); tape.clear(); }
  showSelected();
  try {
    const response = await fetch(`market/${encodeURIComponent(entry.symbol)}`);
    const history = await response.json();
    if (selected === entry) chart.load(history, entry.close);
  } catch {
    // Without its past, the chart starts now.
  }
}

// The search box: a symbol or a pattern changes the subscription; any other text filters what comes.

function filter() {
  const text = at('search').value.trim();
  const symbol = text.toUpperCase();
  let entries, destination = ALL;
  if (market.bySymbol.has(symbol)) {
    entries = [market.bySymbol.get(symbol)];
    destination = `/topic/quotes.${symbol}`;
  } else if (/^([A-Z]+|\*)(\.([A-Z]+|\*))*(\.#)?$/.test(symbol) && /[*#]/.test(symbol)) {
    const pattern = new RegExp(`^${symbol.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replace('\\.#', '(\\..+)?')}$`);
    entries = market.all.filter(entry => pattern.test(entry.symbol));
    destination = `/topic/quotes.${symbol}`;
  } else {
    const wanted = text.toLowerCase();
    entries = market.all.filter(entry => entry.search.includes(wanted));
  }
  feed.watch(destination);
  at('subscription').textContent = destination;
  at('count').textContent = entries.length === 1 ? '1 symbol' : `${format.count(entries.length)} symbols`;
  at('nothing').hidden = entries.length > 0 || !market.all.length;
  table.show(entries);
  sectors.mark(text);
  if (destination !== ALL && entries.length && !entries.includes(selected)) select(entries[0]);
}

function search(text) {
  at('search').value = at('search').value === text ? '' : text;
  filter();
}

let typing;
at('search').addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(filter, 200);
});

document.addEventListener('keydown', event => {
  if (event.key === '/' && document.activeElement !== at('search')) {
    event.preventDefault();
    at('search').focus();
  }
});

// The market's speed: everybody's, since it is the feed that changes.

function showSpeed(rate) {
  let nearest = 0;
  for (let i = 1; i < SPEEDS.length; i++) if (Math.abs(SPEEDS[i] - rate) < Math.abs(SPEEDS[nearest] - rate)) nearest = i;
  at('speed').value = nearest;
  at('speed').style.setProperty('--filled', `${100 * nearest / (SPEEDS.length - 1)}%`);
  at('speed-text').textContent = rate === 0 ? 'paused' : `${format.count(rate)}/s`;
}

at('speed').addEventListener('input', () => {
  speedTouched = performance.now();
  const rate = SPEEDS[at('speed').value];
  showSpeed(rate);
  feed.setSpeed(rate);
});

// What changes all the time, once per frame or seldom enough to be read.

function showSelected() {
  const tone = format.tone(selected.change);
  at('price').textContent = format.price(selected.price);
  at('change').textContent = `${format.arrow(selected.change)} ${format.signed(selected.change)} (${format.percent(percentOf(selected))})`;
  at('change').dataset.tone = tone;
  at('volume').textContent = format.volume(selected.volume);
  const { high, low } = chart.range();
  at('high').textContent = Number.isFinite(high) ? format.price(high) : '–';
  at('low').textContent = Number.isFinite(low) ? format.price(low) : '–';
}

function showMeter() {
  const { perSecond, p50, p99 } = meter.read();
  at('rate').textContent = format.count(perSecond);
  at('p50').textContent = p50 === undefined ? '–' : format.latency(p50);
  at('p99').textContent = p99 === undefined ? '–' : format.latency(p99);
}

function frame(now) {
  table.render(now);
  chart.render(now);
  requestAnimationFrame(frame);
}

matchMedia('(prefers-color-scheme: light)').addEventListener('change', () => { forgetColours(); chart.restyle(); });
setInterval(showMeter, 500);
setInterval(() => { if (selected) { showSelected(); tape.render(); } }, 150);
setInterval(() => { table.sort(); sectors.render(); }, 1000);
setInterval(() => market.step(), Market.stepMilliseconds);
showSpeed(1000);
feed.start();
requestAnimationFrame(frame);
