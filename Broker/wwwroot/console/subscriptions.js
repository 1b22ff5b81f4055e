// The list of subscriptions: it outlives a connection, and each new connection subscribes to all of it.

export class Subscriptions {
  #list = document.getElementById('subscriptions');
  #items = new Map();
  #connection;
  #last = 0;
  #isCounting = false;

  attach(connection) {
    this.#connection = connection;
  }

  add(destination) {
    const id = `sub-${++this.#last}`;
    const item = { id, destination, count: 0, ...this.#row(id, destination) };
    this.#items.set(id, item);
    this.#list.append(item.row);
    if (this.#connection.isConnected) this.#subscribe(item);
  }

  /** On a new connection. */
  restore() {
    for (const item of this.#items.values()) this.#subscribe(item);
  }

  /** On a lost one. */
  suspend() {
    for (const item of this.#items.values()) item.row.dataset.live = 'false';
  }

  /** A subscription that the broker refuses must go, or the next connection would end over it too. */
  refused(receipt) {
    if (this.#items.has(receipt)) this.#drop(this.#items.get(receipt));
  }

  received(id) {
    const item = this.#items.get(id);
    if (!item) return;
    item.count++;
    if (this.#isCounting) return;
    this.#isCounting = true;
    requestAnimationFrame(() => {
      this.#isCounting = false;
      for (const { counter, count } of this.#items.values()) counter.textContent = count.toLocaleString('en');
    });
  }

  #subscribe(item) {
    this.#connection.subscribe(item.id, item.destination, () => { item.row.dataset.live = 'true'; });
  }

  #remove(item) {
    if (this.#connection.isConnected) this.#connection.unsubscribe(item.id);
    this.#drop(item);
    document.getElementById('subscribe-destination').focus();
  }

  #drop(item) {
    this.#items.delete(item.id);
    item.row.remove();
  }

  #row(id, destination) {
    const row = document.createElement('li');
    row.dataset.live = 'false';
    const name = document.createElement('span');
    name.className = 'name';
    name.textContent = destination;
    name.title = `${destination} (${id})`;
    const counter = document.createElement('span');
    counter.className = 'count';
    counter.textContent = '0';
    counter.title = 'Messages received';
    const remove = document.createElement('button');
    remove.type = 'button';
    remove.className = 'icon';
    remove.textContent = '×';
    remove.setAttribute('aria-label', `Unsubscribe from ${destination}`);
    remove.addEventListener('click', () => this.#remove(this.#items.get(id)));
    row.append(name, counter, remove);
    return { row, counter };
  }
}
