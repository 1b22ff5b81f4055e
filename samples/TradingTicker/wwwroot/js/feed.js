// The STOMP side: one subscription to quotes that the page changes, one to the feed's state, and the market's speed.

export class Feed {
  #client;
  #quotes;
  #destination;
  #handlers;

  constructor(url, destination, handlers) {
    this.#destination = destination;
    this.#handlers = handlers;
    this.#client = new StompJs.Client({
      brokerURL: url,
      reconnectDelay: 500,
      maxReconnectDelay: 5000,
      reconnectTimeMode: StompJs.ReconnectionTimeMode.EXPONENTIAL,
      connectionTimeout: 5000,
      heartbeatIncoming: 4000,
      heartbeatOutgoing: 10000,
      beforeConnect: () => handlers.state('connecting'),
      onConnect: () => this.#connected(),
      onWebSocketClose: () => { this.#quotes = undefined; handlers.state('disconnected'); },
      onStompError: frame => console.warn(frame.headers.message, frame.body),
    });
  }

  start() { this.#client.activate(); }

  /** Subscribes to something else: first the new, then without the old, so that no quote is missed. */
  watch(destination) {
    if (destination === this.#destination) return;
    this.#destination = destination;
    if (!this.#client.connected) return;
    const before = this.#quotes;
    this.#subscribe();
    before?.unsubscribe();
  }

  setSpeed(quotesPerSecond) {
    if (this.#client.connected) this.#client.publish({ destination: '/topic/market.rate', body: String(quotesPerSecond) });
  }

  #connected() {
    // With its receipt the subscription is live: a snapshot asked for after it leaves no gap.
    this.#client.watchForReceipt('live', () => this.#handlers.state('connected'));
    this.#subscribe({ receipt: 'live' });
    this.#client.subscribe('/topic/market.state', message => this.#handlers.feedState(JSON.parse(message.body)));
  }

  #subscribe(headers) {
    const own = this.#client.subscribe(this.#destination, message => {
      if (this.#quotes?.id === own.id) this.#handlers.quote(JSON.parse(message.body));
    }, headers);
    this.#quotes = own;
  }
}
