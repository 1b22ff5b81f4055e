// The console page: puts the parts together and reads the forms.

import { Connection } from './connection.js';
import { Log } from './log.js';
import { Subscriptions } from './subscriptions.js';
import { parseFrame, textOf } from './wire.js';

const at = id => document.getElementById(id);
const endpoint = new URL(`.${document.body.dataset.endpoint}`, document.baseURI);
endpoint.protocol = endpoint.protocol === 'https:' ? 'wss:' : 'ws:';

const states = {
  connecting: 'Connecting', connected: 'Connected', reconnecting: 'Reconnecting', disconnected: 'Not connected',
};

const log = new Log();
const subscriptions = new Subscriptions();
const connection = new Connection(endpoint.href, {
  frame: showFrame,
  state: showState,
  event: text => log.event(text),
  problem: showProblem,
  connected: () => subscriptions.restore(),
  error: frame => subscriptions.refused(frame.headers['receipt-id']),
});
subscriptions.attach(connection);

function showFrame(direction, data) {
  const frame = parseFrame(data);
  if (!frame) {
    log.beat(direction);
    return;
  }

  log.frame(kindOf(direction, frame.command), direction, frame);
  if (direction === 'in' && frame.command === 'MESSAGE') {
    subscriptions.received(frame.headers.get('subscription'));
    say(`Message on ${frame.headers.get('destination')}: ${(textOf(frame.body) ?? 'binary').slice(0, 200)}`);
  }
}

function kindOf(direction, command) {
  if (direction === 'out') return 'sent';
  return { MESSAGE: 'message', RECEIPT: 'receipt', ERROR: 'error' }[command] ?? 'connection';
}

function showState(name, facts) {
  at('state').dataset.state = name;
  at('state-text').textContent = states[name];
  at('toggle').textContent = name === 'disconnected' ? 'Connect' : 'Disconnect';
  for (const fact of ['server', 'version', 'user', 'session']) {
    at(`fact-${fact}`).textContent = facts?.[fact] ?? '–';
    at(`fact-${fact}`).title = facts?.[fact] ?? '';
  }
  if (name !== 'connected') subscriptions.suspend();
}

function showProblem(title, text) {
  at('alert-title').textContent = title;
  at('alert-text').textContent = text;
  at('alert').hidden = false;
}

// A screen reader hears one message a second at most.
let nextSaid;
function say(text) {
  if (nextSaid === undefined) {
    setTimeout(() => {
      at('said').textContent = nextSaid;
      nextSaid = undefined;
    }, 1000);
  }
  nextSaid = text;
}

function readHeaders(text) {
  const headers = {};
  for (const line of text.split('\n')) {
    if (!line.trim()) continue;
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`"${line.trim()}" is no header: write NAME:VALUE, one per line.`);
    headers[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
  }
  return headers;
}

function connect() {
  at('alert').hidden = true;
  return connection.connect(at('login-name').value, at('login-passcode').value);
}

function whenConnected(what) {
  if (connection.isConnected) return true;
  showProblem('Not connected', `${what} when the page is connected.`);
  return false;
}

at('send').addEventListener('submit', event => {
  event.preventDefault();
  if (!whenConnected('Send')) return;
  try {
    connection.send(at('send-destination').value.trim(), readHeaders(at('send-headers').value), at('send-body').value);
  } catch (error) {
    showProblem('Not sent', error.message);
    return;
  }
  at('alert').hidden = true;
  at('send-body').value = '';
  at('send-body').focus();
});

at('send-body').addEventListener('keydown', event => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  at('send').requestSubmit();
});

at('subscribe').addEventListener('submit', event => {
  event.preventDefault();
  if (!whenConnected('Subscribe')) return;
  at('alert').hidden = true;
  subscriptions.add(at('subscribe-destination').value.trim());
  at('subscribe-destination').value = '';
});

at('login').addEventListener('submit', event => {
  event.preventDefault();
  connect();
});

at('toggle').addEventListener('click', () => {
  if (at('state').dataset.state === 'disconnected') connect();
  else connection.disconnect();
});

at('alert-close').addEventListener('click', () => {
  at('alert').hidden = true;
  at('send-body').focus();
});

at('url').textContent = endpoint.href;
at('own').textContent = `<script src="${new URL('stomp.umd.min.js', document.baseURI)}"></script>
<script>
  const client = new StompJs.Client({ brokerURL: '${endpoint.href}' });
  client.onConnect = () => {
    client.subscribe('/topic/demo', message => console.log(message.body));
    client.publish({ destination: '/topic/demo', body: 'hello' });
  };
  client.activate();
</script>`;

// Only pages of a secure origin, such as localhost, may write to the clipboard.
at('copy').hidden = !navigator.clipboard;
at('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText(at('own').textContent);
  at('copy').textContent = 'Copied';
  setTimeout(() => { at('copy').textContent = 'Copy'; }, 1500);
});

subscriptions.add('/topic/demo');
at('send-body').focus();
connect();
