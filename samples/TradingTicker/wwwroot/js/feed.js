// The STOMP side: one subscription to quotes that the page changes, one to the feed's state, and the market's speed.
//
// A subscription begins with a snapshot: the retained quotes. From then on the page remembers the offset up to which it has
// everything; a subscription that takes over, after a cut or with another rate, names it and gets what came since.

import { Ledger } from './ledger.js';

export class Feed {
  ledger = new Ledger();
  #client;
  #all;
  #destination;
  #handlers;
  #interval = 0;
  #quotes;
  #epoch;
  #next; // the offset to go on with; undefined: a snapshot is due
  #last; // the offset before
  #liveFrom; // what has a lower offset is history
  #conflates; // whether messages may stand for others
  #recovering; // the offset up to which a cut has been made up for; undefined: there was none
  #isBack = false; // whether this connection follows one that was cut
  #count = 0;
  #mended;

  constructor(url, all, handlers) {
    this.#all = this.#destination = all;
    this.#handlers = handlers;
    this.#client = new StompJs.Client({
      brokerURL: url,
      reconnectDelay: 500,
      maxReconnectDelay: 5000,
      reconnectTimeMode: StompJs.ReconnectionTimeMode.EXPONENTIAL,
      connectionTimeout: 5000,
      heartbeatIncoming: 4000,
      heartbeatOutgoing: 10000,
      beforeConnect: async () => { await this.#mended; handlers.state('connecting'); },
      onConnect: () => this.#connected(),
      onWebSocketClose: () => this.#disconnected(),
      onStompError: frame => console.warn(frame.headers.message, frame.body),
    });
  }

  start() { this.#client.activate(); }

  /** Subscribes to something else, with a snapshot of it. */
  watch(destination) {
    if (destination === this.#destination) return;
    this.#destination = destination;
    this.#next = undefined;
    if (this.#client.connected) this.#subscribe();
  }

  /** At most one message of each company in so many milliseconds; zero for every quote. Goes on where it was. */
  conflate(milliseconds) {
    if (milliseconds === this.#interval) return;
    this.#interval = milliseconds;
    if (this.#client.connected) this.#subscribe();
  }

  setSpeed(quotesPerSecond) {
    if (this.#client.connected) this.#client.publish({ destination: '/topic/market.rate', body: String(quotesPerSecond) });
  }

  /** Ends the connection without a word to the broker; no new one for so many milliseconds. */
  cut(milliseconds) {
    this.#mended = new Promise(done => setTimeout(done, milliseconds));
    this.#client.forceDisconnect();
  }

  #connected() {
    this.#subscribe();
    this.#client.subscribe('/topic/market.state', message => this.#handlers.feedState(JSON.parse(message.body)));
  }

  #disconnected() {
    if (this.#quotes) {
      this.#quotes = undefined;
      this.#isBack = true;
      this.ledger.cuts++;
    }
    this.#handlers.state('disconnected');
  }

  /** In place of the subscription before, whose further messages do not count. */
  #subscribe() {
    const before = this.#quotes, asked = this.#next, isBack = this.#isBack, receipt = `quotes-${++this.#count}`;
    const headers = { receipt, 'x-snapshot': 'true', 'x-stream-offset': 'next' };
    if (asked === undefined) this.ledger.begin();
    else Object.assign(headers, { 'x-stream-offset': `offset=${asked}`, 'x-stream-epoch': this.#epoch });
    if (this.#interval) headers['x-conflate-ms'] = String(this.#interval);
    this.#client.watchForReceipt(receipt, frame => { if (this.#quotes === own) this.#live(frame.headers, asked, isBack); });
    const own = this.#client.subscribe(this.#destination, message => { if (this.#quotes === own) this.#take(message); }, headers);
    this.#quotes = own;
    this.#conflates = this.#interval > 0;
    this.#isBack = false;
    before?.unsubscribe();
  }

  /** The receipt: where the stream is, and whether it has all that was asked for. */
  #live(headers, asked, isBack) {
    this.#handlers.state('connected');
    if (asked !== undefined && headers['x-recovered'] !== 'true') {
      this.#handlers.recovered(false);
      this.#next = undefined;
      this.#subscribe();
      return;
    }
    this.#epoch = headers['x-stream-epoch'];
    this.#liveFrom = Number(headers['x-stream-offset']);
    this.#last = (asked ?? this.#liveFrom) - 1;
    this.#recovering = asked !== undefined && isBack ? asked : undefined;
    if (this.#recovering !== undefined) this.#handlers.recovered(true);
  }

  #take({ headers, body }) {
    if (headers.retained) {
      const quote = JSON.parse(body);
      this.ledger.retained(quote);
      this.#handlers.retained(quote);
    } else if (body) {
      this.#takeQuote(JSON.parse(body), Number(headers['x-stream-offset']), headers['x-conflated']);
    }
    if (headers['x-snapshot'] !== 'end' || this.#next !== undefined) return;
    this.#next = this.#liveFrom;
    this.#handlers.snapshot();
  }

  #takeQuote(quote, offset, conflated) {
    if (conflated) this.#conflates = true;
    if (offset <= this.#last) this.ledger.repeated++;
    this.#last = Math.max(this.#last, offset);
    const isLive = offset >= this.#liveFrom;
    const count = this.ledger.take(quote, Number(conflated ?? 1));
    this.#next = this.#resumption();
    if (!count) return;
    this.#recover(isLive ? 0 : count);
    this.#handlers.quote(quote, isLive);
  }

  /** Of the whole market each offset is a quote; else the quotes are counted. */
  #recover(count) {
    if (this.#recovering === undefined) return;
    if (this.#destination !== this.#all) {
      this.ledger.recovered += count;
      return;
    }
    const to = Math.max(this.#recovering, Math.min(this.#next, this.#liveFrom));
    this.ledger.recovered += to - this.#recovering;
    this.#recovering = to;
  }

  /**
   * Where to go on: behind the last offset, if every quote up to it was counted. With conflation one that was not may be behind it, in
   * a message that still waits and stands for several: resumed there, it would come without those before. Then only the counts tell.
   * Those of some companies do not add up to the market's: without an answer, the next subscription begins with a snapshot.
   */
  #resumption() {
    const isPattern = /[*#]/.test(this.#destination);
    if (!this.#conflates || !isPattern) return this.#last + 1;
    if (this.#destination !== this.#all) return undefined;
    return this.ledger.isComplete ? this.#last + 1 : this.#next;
  }
}
