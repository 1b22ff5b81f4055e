// A button for each sector: how it stands, and where it has been. A click shows its companies alone.

import { sectorPercent } from './market.js';
import * as format from './format.js';
import { drawSpark } from './spark.js';

export class Sectors {
  #root;
  #cards = [];
  #onPick;

  constructor(root, onPick) {
    this.#root = root;
    this.#onPick = onPick;
  }

  show(sectors) {
    if (!this.#cards.length) this.#cards = sectors.map(sector => this.#card(sector));
    this.#cards.forEach((card, i) => card.sector = sectors[i]);
    this.render();
  }

  mark(text) {
    for (const card of this.#cards) card.element.setAttribute('aria-pressed', card.sector.name === text);
  }

  render() {
    for (const { sector, value, spark, element } of this.#cards) {
      const percent = sectorPercent(sector);
      value.textContent = format.percent(percent);
      element.dataset.tone = format.tone(Math.round(percent * 100));
      drawSpark(spark, sector.trend, element.dataset.tone);
    }
  }

  #card(sector) {
    const element = document.createElement('button');
    const name = document.createElement('span'), value = document.createElement('b'), spark = document.createElement('canvas');
    element.type = 'button';
    element.ariaPressed = 'false';
    name.textContent = sector.name;
    spark.ariaHidden = 'true';
    element.append(name, value, spark);
    element.addEventListener('click', () => this.#onPick(sector.name));
    this.#root.append(element);
    return { sector, value, spark, element };
  }
}
