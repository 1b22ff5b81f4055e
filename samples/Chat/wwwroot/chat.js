// Everything that comes from others is set as text, never as markup; who wrote it is the broker's `user-id`, never the body.

const ROOMS = '/topic/rooms.';
const STATES = { connecting: 'Connecting', connected: 'Connected', disconnected: 'Reconnecting' };
const KEPT = 200;
const ROOM_LIMIT = 50;

const at = id => document.getElementById(id);
const make = (tag, text, name) => Object.assign(document.createElement(tag), { textContent: text, className: name ?? '' });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

const rooms = new Map();
let me;
let current;

const client = new StompJs.Client({
  brokerURL: new URL('ws', location.href.replace(/^http/, 'ws')).href,
  reconnectDelay: 500,
  maxReconnectDelay: 5000,
  reconnectTimeMode: StompJs.ReconnectionTimeMode.EXPONENTIAL,
  heartbeatIncoming: 4000,
  beforeConnect: () => showState('connecting'),
  onConnect() {
    client.watchForReceipt('live', () => { showState('connected'); refresh(); });
    client.subscribe(ROOMS + '*', take, { receipt: 'live' });
  },
  onWebSocketClose() { showState('disconnected'); refresh(); },
});

function take(message) {
  const name = message.headers.destination.slice(ROOMS.length);
  if (!rooms.has(name) && rooms.size >= ROOM_LIMIT) return;
  const room = openRoom(name);
  room.messages.push({ author: message.headers['user-id'] ?? 'the server', text: message.body, time: new Date() });
  if (room.messages.length > KEPT) room.messages.shift();
  if (room === current) showMessage(room.messages.at(-1)); else room.unread++;
  showRooms();
}

// Rooms

function openRoom(name) {
  if (!rooms.has(name)) rooms.set(name, { name, messages: [], unread: 0 });
  return rooms.get(name);
}

function enter(room) {
  current = room;
  room.unread = 0;
  at('title').textContent = '#' + room.name;
  at('messages').replaceChildren();
  room.messages.forEach(showMessage);
  showRooms();
  at('text').focus();
}

function showRooms() {
  at('rooms').replaceChildren(...[...rooms.values()].map(room => {
    const item = make('li', ''), button = make('button', '#' + room.name);
    button.type = 'button';
    button.ariaCurrent = room === current ? 'true' : 'false';
    if (room.unread) button.append(make('span', room.unread, 'unread'));
    button.addEventListener('click', () => enter(room));
    item.append(button);
    return item;
  }));
}

function showMessage({ author, text, time }) {
  const list = at('messages');
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const item = make('li', '', author === me ? 'mine' : '');
  const head = make('p', '', 'head'), name = make('b', author, 'author');
  name.style.setProperty('--hue', [...author].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7));
  head.append(name, make('time', clock.format(time)));
  item.append(head, make('p', text, 'text'));
  list.append(item);
  if (list.children.length > KEPT) list.firstChild.remove();
  if (atEnd || author === me) list.scrollTop = list.scrollHeight;
}

// Who is here, and whether this page still is

async function refresh() {
  const response = await fetch('here').catch(() => undefined);
  if (response?.status === 204) return showLogin();
  if (!response?.ok) return;
  const here = await response.json();
  me = here.me;
  at('me').textContent = me;
  at('here').replaceChildren(...here.names.map(name => make('li', name, name === me ? 'me' : '')));
  if (!at('chat').hidden) return;
  at('login').hidden = true;
  at('chat').hidden = false;
  enter(current ?? openRoom('lobby'));
  client.activate();
}

function showState(state) {
  at('state').textContent = STATES[state];
  at('state').dataset.state = state;
}

function showLogin() {
  client.deactivate();
  at('chat').hidden = true;
  at('login').hidden = false;
  at('name').focus();
}

at('login').addEventListener('submit', async event => {
  event.preventDefault();
  const response = await fetch('login', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: at('name').value }),
  });
  at('refusal').textContent = response.ok ? '' : await response.text();
  if (response.ok) await refresh();
});

at('leave').addEventListener('click', async () => {
  await fetch('logout', { method: 'POST' });
  location.reload();
});

at('send').addEventListener('submit', event => {
  event.preventDefault();
  const text = at('text').value.trim();
  if (!text || !client.connected) return;
  client.publish({ destination: ROOMS + current.name, body: text });
  at('text').value = '';
});

at('open').addEventListener('submit', event => {
  event.preventDefault();
  const name = at('new-room').value.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '');
  at('new-room').value = '';
  if (name) enter(openRoom(name));
});

['lobby', 'help', 'random'].forEach(openRoom);
setInterval(() => { if (client.connected) refresh(); }, 3000);
refresh();
