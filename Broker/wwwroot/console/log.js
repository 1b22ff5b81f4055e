// The live log: bounded, drawn at most once per screen refresh, newest on top. Content is only ever set as text.

import { hexOf, sizeOf, textOf } from './wire.js';

const MAX_ROWS = 500;
const PREVIEW = 600;
const KEPT_BYTES = 16 * 1024;

const kinds = [
  { name: 'message', label: 'Messages' },
  { name: 'sent', label: 'Sent' },
  { name: 'receipt', label: 'Receipts' },
  { name: 'error', label: 'Errors' },
  { name: 'connection', label: 'Connection' },
  { name: 'beat', label: 'Heart-beats', isHidden: true },
];

const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23',
});

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export class Log {
  #list = document.getElementById('log');
  #empty = document.getElementById('log-empty');
  #pending = [];
  #isPaused = false;
  #isDrawing = false;
  #kinds = new Map();

  constructor() {
    const filters = document.getElementById('filters');
    for (const { name, label, isHidden } of kinds) {
      const counter = element('span', 'count', '0');
      const chip = element('button', `chip ${name}`, label);
      chip.type = 'button';
      chip.append(counter);
      chip.setAttribute('aria-pressed', String(!isHidden));
      chip.addEventListener('click', () => this.#toggle(name));
      filters.append(chip);
      this.#kinds.set(name, { chip, counter, in: 0, out: 0, isHidden: Boolean(isHidden) });
    }

    const pause = document.getElementById('pause');
    pause.addEventListener('click', () => {
      this.#isPaused = !this.#isPaused;
      pause.setAttribute('aria-pressed', String(this.#isPaused));
      pause.textContent = this.#isPaused ? 'Go on' : 'Pause';
      this.#draw();
    });
    document.getElementById('clear').addEventListener('click', () => this.#clear());
  }

  frame(kind, direction, frame) {
    // What a row keeps is bounded too: five hundred bodies of megabytes would be too much for a tab.
    const size = frame.body.length;
    this.#add({ kind, direction, frame: { ...frame, size, body: frame.body.slice(0, KEPT_BYTES) } });
  }

  beat(direction) {
    const kind = this.#kinds.get('beat');
    if (kind.isHidden) this.#count('beat', direction);
    else this.#add({ kind: 'beat', direction, text: direction === 'in' ? 'from the broker' : 'to the broker' });
  }

  event(text) {
    this.#add({ kind: 'connection', direction: 'event', text });
  }

  #add(entry) {
    this.#count(entry.kind, entry.direction);
    entry.time = new Date();
    this.#pending.push(entry);
    if (this.#pending.length > MAX_ROWS) this.#pending.shift();
    if (!this.#isPaused) this.#draw();
  }

  #count(name, direction) {
    this.#kinds.get(name)[direction === 'out' ? 'out' : 'in']++;
    this.#draw();
  }

  #draw() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      for (const [name, kind] of this.#kinds) {
        kind.counter.textContent = name === 'beat' && kind.in + kind.out > 0 ? `↑ ${kind.out} ↓ ${kind.in}` : (kind.in + kind.out).toLocaleString('en');
      }
      if (this.#isPaused || this.#pending.length === 0) return;
      this.#list.prepend(...this.#pending.map(row).reverse());
      this.#pending = [];
      this.#empty.hidden = true;
      while (this.#list.childElementCount > MAX_ROWS) this.#list.lastElementChild.remove();
    });
  }

  #toggle(name) {
    const kind = this.#kinds.get(name);
    kind.isHidden = !kind.isHidden;
    kind.chip.setAttribute('aria-pressed', String(!kind.isHidden));
    this.#list.classList.toggle(`without-${name}`, kind.isHidden);
  }

  #clear() {
    this.#pending = [];
    this.#list.replaceChildren();
    this.#empty.hidden = false;
    for (const kind of this.#kinds.values()) kind.in = kind.out = 0;
    this.#draw();
  }
}

function row(entry) {
  const item = element('li', `row ${entry.kind} ${entry.direction}`);
  const arrow = element('span', 'arrow', { in: '↓', out: '↑', event: '•' }[entry.direction]);
  arrow.setAttribute('role', 'img');
  arrow.setAttribute('aria-label', { in: 'received', out: 'sent', event: 'event' }[entry.direction]);
  const time = element('time', 'time', clock.format(entry.time));
  if (!entry.frame) {
    const line = element('p', 'line');
    line.append(arrow, time, element('span', 'command', entry.kind === 'beat' ? 'heart-beat' : ''), element('span', 'what', entry.text));
    item.append(line);
    return item;
  }

  const { frame } = entry;
  const details = document.createElement('details');
  const line = element('summary', 'line');
  line.append(arrow, time, element('span', 'command', frame.command), element('span', 'what', whatOf(frame)));
  if (frame.size > 0) appendBody(line, frame);
  // Most rows are never opened.
  details.addEventListener('toggle', () => details.append(headersOf(frame)), { once: true });
  details.append(line);
  item.append(details);
  return item;
}

function whatOf({ command, headers }) {
  switch (command) {
    case 'CONNECT': return `versions ${headers.get('accept-version')}`;
    case 'CONNECTED': return `STOMP ${headers.get('version')}, session ${headers.get('session')}`;
    case 'SUBSCRIBE': return `${headers.get('destination')} as ${headers.get('id')}`;
    case 'RECEIPT': return headers.get('receipt-id') ?? '';
    case 'ERROR': return headers.get('message') ?? '';
    default: return headers.get('destination') ?? headers.get('id') ?? headers.get('receipt') ?? '';
  }
}

function appendBody(line, { body, size, headers }) {
  const isCut = size > body.length;
  // A cut may fall within a character: of its bytes, the last three may be missing.
  const text = textOf(body) ?? (isCut ? [1, 2, 3].map(n => textOf(body.subarray(0, -n))).find(found => found !== undefined) : undefined);
  const isText = text !== undefined;
  const type = headers.get('content-type') ?? (isText ? '' : 'binary');
  line.append(element('span', 'size', type ? `${type} · ${sizeOf(size)}` : sizeOf(size)));
  const shown = isText ? text.slice(0, PREVIEW) : hexOf(body.subarray(0, 256));
  line.append(element('span', isText ? 'body' : 'body hex', shown));
  const isShort = isText ? shown.length < text.length || isCut : size > 256;
  if (isShort) line.append(element('span', 'cut', `The first ${isText ? `${shown.length} characters` : '256 bytes'} of ${sizeOf(size)}`));
}

function headersOf({ headers }) {
  const table = element('dl', 'headers');
  for (const [name, value] of headers) {
    const term = element('dt', '', name);
    const isSecret = name === 'passcode';
    table.append(term, element('dd', '', isSecret ? '••••••' : value));
  }
  return table;
}
