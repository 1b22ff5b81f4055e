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
const CUT = 3000;
const SPEEDS = [0, 10, 50, 100, 250, 500, 1000, 2000, 5000, 10000];
const INTERVALS = [0, 100, 250, 500, 1000, 2000];
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
let isStale = true;

const feed = new Feed(new URL('ws', location.href.replace(/^http/, 'ws')).href, ALL, {
  state(state) {
    if (state === at('state').dataset.state) return;
    at('state').textContent = STATES[state];
    at('state').dataset.state = state;
    at('cut').disabled = state !== 'connected';
    if (state === 'connected') meter.restart();
  },
  retained: quote => market.apply(quote),
  snapshot() { if (isStale) load(); },
  quote(quote, isLive) {
    if (isLive) meter.add(quote.time);
    const entry = market.apply(quote);
    if (entry && entry === selected) {
      chart.add(quote.time, quote.price);
      tape.add(quote);
    }
  },
  recovered(all) {
    isStale ||= !all;
    at('verdict').textContent = all ? 'Recovered' : 'Not recovered: started anew';
    at('verdict').title = `The broker said x-recovered:${all}`;
    at('verdict').dataset.tone = all ? 'up' : 'down';
  },
  feedState(state) {
    if (performance.now() - speedTouched > 2000) showSpeed(state.rate);
  },
});

/** Names, sectors and where prices have been, once the snapshot tells how they stand. */
async function load() {
  isStale = false;
  try {
    const response = await fetch('market');
    market.load(await response.json());
  } catch {
    isStale = true; // the connection is gone again; the next snapshot asks again
    return;
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

// How often this page wants to hear of each company, and a cut that it survives.

function showInterval(step) {
  at('interval').value = step;
  at('interval').style.setProperty('--filled', `${100 * step / (INTERVALS.length - 1)}%`);
  at('interval-text').textContent = format.interval(INTERVALS[step]);
}

at('interval').addEventListener('input', () => {
  showInterval(Number(at('interval').value));
  feed.conflate(INTERVALS[at('interval').value]);
});

at('cut').addEventListener('click', () => feed.cut(CUT));

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

function showLedger() {
  const { ledger } = feed;
  for (const count of ['ticks', 'messages', 'cuts', 'recovered', 'missing', 'repeated']) at(count).textContent = format.count(ledger[count]);
  at('missing').parentElement.dataset.tone = ledger.missing ? 'down' : 'up';
  at('repeated').parentElement.hidden = !ledger.repeated;
}

function frame(now) {
  table.render(now);
  chart.render(now);
  requestAnimationFrame(frame);
}

matchMedia('(prefers-color-scheme: light)').addEventListener('change', () => { forgetColours(); chart.restyle(); });
setInterval(showMeter, 500);
setInterval(showLedger, 200);
setInterval(() => { if (selected) { showSelected(); tape.render(); } }, 150);
setInterval(() => { table.sort(); sectors.render(); }, 1000);
setInterval(() => market.step(), Market.stepMilliseconds);
showSpeed(1000);
showInterval(0);
feed.start();
requestAnimationFrame(frame);
