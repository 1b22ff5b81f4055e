// One connection to the broker that served the page, kept up by the stompjs client; every frame is seen as it passes.

const { Client, ReconnectionTimeMode } = globalThis.StompJs;

/** The refusal's text, which browsers keep from scripts when a WebSocket does not open. */
async function askRefusal() {
  const answer = await fetch(new URL('refusal', document.baseURI), { method: 'POST', cache: 'no-store' });
  return answer.ok ? undefined : { status: answer.status, text: (await answer.text()).trim() };
}

export class Connection {
  #client;
  #on;
  #isOpen = false;
  #isWanted = false;
  #wasTold = false;
  #error;

  /** on: frame(direction, data), state(name, facts), event(text), problem(title, text), connected(), error(frame). */
  constructor(url, on) {
    this.url = url;
    this.#on = on;
    this.#client = new Client({
      webSocketFactory: () => this.#openSocket(),
      reconnectDelay: 1000,
      maxReconnectDelay: 15000,
      reconnectTimeMode: ReconnectionTimeMode.EXPONENTIAL,
      onConnect: frame => this.#connected(frame.headers),
      onStompError: frame => this.#failed(frame),
      onWebSocketClose: event => this.#closed(event),
    });
  }

  get isConnected() {
    return this.#client.connected;
  }

  async connect(login, passcode) {
    await this.disconnect();
    const headers = { host: location.hostname };
    if (login) headers.login = login;
    if (passcode) headers.passcode = passcode;
    this.#client.connectHeaders = headers;
    this.#isWanted = true;
    this.#wasTold = false;
    this.#on.state('connecting');
    this.#client.activate();
  }

  async disconnect() {
    this.#isWanted = false;
    await this.#client.deactivate();
    this.#on.state('disconnected');
  }

  send(destination, headers, body) {
    this.#client.publish({ destination, headers, body });
  }

  subscribe(id, destination, onLive) {
    this.#client.watchForReceipt(id, onLive);
    this.#client.subscribe(destination, () => {}, { id, receipt: id });
  }

  unsubscribe(id) {
    this.#client.unsubscribe(id);
  }

  #openSocket() {
    const socket = new WebSocket(this.url, this.#client.stompVersions.protocolVersions());
    const send = socket.send.bind(socket);
    this.#isOpen = false;
    this.#error = undefined;
    socket.addEventListener('open', () => { this.#isOpen = true; });
    socket.addEventListener('message', event => this.#on.frame('in', event.data));
    socket.send = data => {
      this.#on.frame('out', data);
      send(data);
    };
    return socket;
  }

  #connected(headers) {
    this.#wasTold = false;
    this.#on.state('connected', {
      server: headers.server, version: headers.version, session: headers.session, user: headers['user-name'] ?? 'anonymous',
    });
    this.#on.connected();
  }

  #failed(frame) {
    this.#error = frame;
    // Before CONNECTED, as with a wrong passcode, the next attempt would end alike.
    if (!this.isConnected) this.#isWanted = false;
    this.#on.error(frame);
    this.#on.problem(`ERROR: ${frame.headers.message ?? 'without a message'}`, frame.body);
  }

  #closed(event) {
    if (!this.#isOpen) {
      this.#on.event('The WebSocket did not open');
      this.#explain();
    } else {
      this.#on.event(`The WebSocket closed: ${event.code}${event.reason ? ` ${event.reason}` : ''}`);
      if (this.#isWanted && !this.#error)
        this.#on.problem(`The connection was lost: ${event.code}`, event.reason || 'The socket ended without a reason.');
    }

    if (this.#isWanted) this.#on.state('reconnecting');
    else this.#stop();
  }

  async #explain() {
    let refusal;
    try {
      refusal = await askRefusal();
    } catch {
      this.#tellOnce('The broker does not answer', 'Is it running? The page tries again until it is.');
      return;
    }

    if (refusal) {
      this.#on.event(`Refused with ${refusal.status}: ${refusal.text}`);
      this.#on.problem(`The broker refused the connection: ${refusal.status}`, refusal.text);
      this.#isWanted = false;
      this.#stop();
    } else {
      this.#tellOnce('The connection did not open', 'The broker has nothing against this page. It may have as many connections as '
        + 'it allows (its log says so), or a proxy in between does not pass WebSockets on. The page tries again.');
    }
  }

  // The attempts go on; what was said about the first holds for the rest.
  #tellOnce(title, text) {
    if (!this.#wasTold && this.#isWanted) this.#on.problem(title, text);
    this.#wasTold = true;
  }

  #stop() {
    this.#client.deactivate();
    this.#on.state('disconnected');
  }
}
