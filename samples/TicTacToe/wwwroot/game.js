// The page draws the retained board and asks for moves; what is allowed, the referee in the server decides.

const STATES = { connecting: 'Connecting', connected: 'Connected', disconnected: 'Reconnecting' };
const EMPTY = { cells: ' '.repeat(9), x: null, o: null, line: null, turn: 'X' };

const at = id => document.getElementById(id);
const name = location.hash.slice(1).toLowerCase().replace(/[^a-z0-9-]/g, '') || Math.random().toString(36).slice(2, 6);
const topic = `/topic/tictactoe.${name}`;

// A name for this tab, which keeps its seat over a reload; the broker sets it as `user-id` on all that the tab sends.
const me = sessionStorage.me ??= crypto.randomUUID();

const client = new StompJs.Client({
  brokerURL: new URL('ws', location.href.replace(/^http/, 'ws')).href,
  connectHeaders: { login: me },
  reconnectDelay: 500,
  heartbeatIncoming: 4000,
  beforeConnect: () => showState('connecting'),
  onConnect() {
    showState('connected');
    // The last board comes at once; of a game that nobody has begun, an empty message.
    client.subscribe(topic + '.board', message => show(message.body ? JSON.parse(message.body) : EMPTY), { 'x-snapshot': 'true' });
  },
  onWebSocketClose: () => showState('disconnected'),
});

const ask = wish => { if (client.connected) client.publish({ destination: topic + '.moves', body: wish }); };

const cells = [...EMPTY.cells].map((_, i) => {
  const cell = document.createElement('button');
  cell.type = 'button';
  cell.addEventListener('click', () => ask(String(i)));
  at('board').append(cell);
  return cell;
});

function show({ cells: marks, x, o, line, turn }) {
  const seats = { X: x, O: o };
  const mine = x === me ? 'X' : o === me ? 'O' : undefined;
  cells.forEach((cell, i) => {
    const mark = marks[i].trim();
    cell.dataset.mark = mark;
    cell.dataset.won = line?.includes(i) ?? false;
    cell.ariaLabel = `Row ${Math.floor(i / 3) + 1}, column ${i % 3 + 1}: ${mark || 'free'}`;
    cell.disabled = !mine || turn !== mine || mark !== '';
  });
  at('board').dataset.over = !turn;
  for (const mark of 'XO') {
    at(mark).textContent = seats[mark] === me ? 'You' : seats[mark] ? mine ? 'Opponent' : 'Taken' : mine ? 'Nobody yet' : 'Take this seat';
    at(mark).ariaLabel = `${mark}: ${at(mark).textContent}`;
    at(mark).title = seats[mark] && !mine ? 'Yours by a click, if its player has gone' : '';
    at(mark).disabled = mine !== undefined;
    at(mark).dataset.turn = turn === mark;
  }
  at('news').textContent = line ? `${marks[line[0]]} wins${!mine ? '' : marks[line[0]] === mine ? ': well played' : ' this time'}`
    : !turn ? 'A draw' : turn === mine ? 'Your turn' : !seats[turn] ? `Who plays ${turn}?` : `${turn} to move`;
  at('restart').hidden = !mine;
}

function showState(state) {
  at('state').textContent = STATES[state];
  at('state').dataset.state = state;
  at('board').inert = state !== 'connected';
}

for (const mark of 'XO') at(mark).addEventListener('click', () => ask(mark));
at('restart').addEventListener('click', () => ask('restart'));
at('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText(location.href);
  at('copy').textContent = 'Copied';
});
at('name').textContent = name;
history.replaceState(null, '', '#' + name);
addEventListener('hashchange', () => location.reload());
show(EMPTY);
client.activate();
