const number = (minimum, maximum) => new Intl.NumberFormat('en-US', { minimumFractionDigits: minimum, maximumFractionDigits: maximum });
const cents = number(2, 2);
const whole = number(0, 0);
const short = new Intl.NumberFormat('en-US', { notation: 'compact', minimumFractionDigits: 1, maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 2 });

export const price = value => cents.format(value);
export const count = value => whole.format(value);
export const volume = value => short.format(value);
export const time = value => clock.format(value);
export const signed = value => (value > 0 ? '+' : value < 0 ? '−' : '') + cents.format(Math.abs(value));
export const percent = value => signed(value) + '%';
export const arrow = value => value > 0 ? '▲' : value < 0 ? '▼' : '•';
export const tone = value => value > 0 ? 'up' : value < 0 ? 'down' : 'flat';
export const latency = value => value < 10 ? value.toFixed(1) : count(value);
export const interval = value => value === 0 ? 'every tick' : value < 1000 ? `${value} ms` : `${value / 1000} s`;
