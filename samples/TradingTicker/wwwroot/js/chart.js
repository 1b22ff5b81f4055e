// The selected symbol's price over the last two minutes, moving with the clock.

import * as format from './format.js';
import { colour } from './spark.js';

const SECONDS = 120;
const COALESCE = 0.05;
const FRAME = 33;

export class Chart {
  #root;
  #plot;
  #times = [];
  #prices = [];
  #close = 0;
  #drawn = 0;

  constructor(root) {
    this.#root = root;
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(root);
  }

  /** Starts with where the price has been; later quotes that already came stay. */
  load(history, close) {
    const end = history.times.at(-1) / 1000;
    const later = this.#times.findIndex(time => time > end);
    this.#times = [...history.times.map(time => time / 1000), ...(later < 0 ? [] : this.#times.slice(later))];
    this.#prices = [...history.prices, ...(later < 0 ? [] : this.#prices.slice(later))];
    this.#close = close;
    this.restyle();
  }

  clear() { this.#times = []; this.#prices = []; }

  add(time, price) {
    const seconds = time / 1000, last = this.#times.length - 1;
    if (this.#times[last] > seconds) return;
    // A point for every 50 ms is more than the screen can show.
    if (last > 0 && seconds - this.#times[last - 1] < COALESCE) {
      this.#prices[last] = price;
      return;
    }
    this.#times.push(seconds);
    this.#prices.push(price);
    if (this.#times.length > 16384) {
      this.#times.splice(0, 8192);
      this.#prices.splice(0, 8192);
    }
  }

  /** Highest and lowest of the last five minutes. */
  range() {
    const from = this.#times.findIndex(time => time > Date.now() / 1000 - 300);
    const recent = from < 0 ? [] : this.#prices.slice(from);
    return { high: Math.max(...recent), low: Math.min(...recent) };
  }

  render(now) {
    if (now - this.#drawn < FRAME || !this.#times.length) return;
    this.#drawn = now;
    this.#plot ??= this.#make();
    this.#plot.setData([this.#times, this.#prices]);
    this.#root.dataset.points = this.#times.length;
  }

  restyle() {
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  #size() { return { width: this.#root.clientWidth, height: this.#root.clientHeight }; }

  #make() {
    const line = () => colour(this.#prices.at(-1) >= this.#close ? 'up' : 'down');
    const axis = { stroke: colour('soft'), font: '11px system-ui, sans-serif', ticks: { show: false }, grid: { stroke: colour('line'), width: 1 } };
    return new uPlot({
      ...this.#size(),
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 8 } },
      padding: [12, 0, 0, 8],
      scales: {
        x: { time: true, range: () => [Date.now() / 1000 - SECONDS, Date.now() / 1000] },
        y: { range: () => this.#span() },
      },
      axes: [
        { ...axis, size: 26, space: 70, grid: { show: false }, values: (plot, ticks) => ticks.map(tick => tick < plot.scales.x.min + 10 ? '' : format.time(tick * 1000).slice(0, 8)) },
        { ...axis, side: 1, size: 70, space: 44, values: (_, ticks) => ticks.map(format.price) },
      ],
      series: [
        {},
        { stroke: line, width: 1.8, points: { show: false }, fill: plot => this.#shade(plot, line()) },
      ],
      hooks: { draw: [plot => this.#drawLast(plot, line())] },
    }, [this.#times, this.#prices], this.#root);
  }

  /** What is seen of the prices, with some air. */
  #span() {
    const start = Date.now() / 1000 - SECONDS;
    let low = Infinity, high = -Infinity;
    for (let i = this.#times.length - 1; i >= 0 && this.#times[i] >= start; i--) {
      low = Math.min(low, this.#prices[i]);
      high = Math.max(high, this.#prices[i]);
    }
    if (low > high) low = high = this.#prices.at(-1);
    const air = Math.max((high - low) * 0.12, high * 0.0004, 0.02);
    return [low - air, high + air];
  }

  #shade(plot, from) {
    const shade = plot.ctx.createLinearGradient(0, plot.bbox.top, 0, plot.bbox.top + plot.bbox.height);
    shade.addColorStop(0, `${from}55`);
    shade.addColorStop(1, `${from}00`);
    return shade;
  }

  /** A line across at the last price, and the price on the axis. */
  #drawLast(plot, stroke) {
    const price = this.#prices.at(-1);
    const { ctx, bbox } = plot;
    const scale = window.devicePixelRatio || 1;
    const y = Math.round(plot.valToPos(price, 'y', true));
    const right = bbox.left + bbox.width;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = stroke;
    ctx.globalAlpha = 0.7;
    ctx.setLineDash([3 * scale, 4 * scale]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(right, y);
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.beginPath();
    ctx.roundRect(right + 2 * scale, y - 10 * scale, 66 * scale, 20 * scale, 4 * scale);
    ctx.fill();
    ctx.fillStyle = colour('on-tone');
    ctx.font = `600 ${11 * scale}px system-ui, sans-serif`;
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'center';
    ctx.fillText(format.price(price), right + 35 * scale, y + scale);
    ctx.restore();
  }
}
