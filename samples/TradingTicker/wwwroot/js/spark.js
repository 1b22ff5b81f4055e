const colours = {};

/** The page's colours as the canvas needs them; read again when the scheme changes. */
export function colour(name) {
  return colours[name] ??= getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function forgetColours() { for (const name in colours) delete colours[name]; }

/** Draws a line of a few dozen values over the whole canvas. */
export function drawSpark(canvas, values, tone) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width) return;
  if (canvas.width !== Math.round(width * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  let low = Infinity, high = -Infinity;
  for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
  const span = high - low || 1;
  const context = canvas.getContext('2d');
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.beginPath();
  const x = i => 2 + i * (width - 5) / (values.length - 1);
  const y = value => height - 3 - (value - low) / span * (height - 6);
  for (let i = 0; i < values.length; i++) context.lineTo(x(i), y(values[i]));
  context.strokeStyle = colour(tone);
  context.lineWidth = 1.4;
  context.lineJoin = 'round';
  context.stroke();
  context.beginPath();
  context.arc(x(values.length - 1), y(values[values.length - 1]), 1.8, 0, 7);
  context.fillStyle = colour(tone);
  context.fill();
}
