// STOMP frames as they are on the wire. The broker puts one frame into each WebSocket message, and so does the client.

const strict = new TextDecoder('utf-8', { fatal: true });
const lenient = new TextDecoder('utf-8');
const encoder = new TextEncoder();

const LF = 10;
const NUL = 0;
const unescapes = { '\\n': '\n', '\\r': '\r', '\\c': ':', '\\\\': '\\' };

/** Text or an ArrayBuffer to { command, headers: Map, body: Uint8Array }; null for a heart-beat. */
export function parseFrame(data) {
  const bytes = typeof data === 'string' ? encoder.encode(data)
    : ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  let start = 0;
  while (start < bytes.length && (bytes[start] === LF || bytes[start] === 13)) start++;
  if (start === bytes.length) return null;

  let end = start;
  while (end < bytes.length && !(bytes[end] === LF && bytes[end + 1] === LF)) end++;
  const [command, ...lines] = lenient.decode(bytes.subarray(start, end)).split('\n');
  const isEscaped = command !== 'CONNECT' && command !== 'CONNECTED';
  const headers = new Map();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = unescape(line.slice(0, colon), isEscaped);
    // Of repeated headers the first counts.
    if (colon > 0 && !headers.has(name)) headers.set(name, unescape(line.slice(colon + 1), isEscaped));
  }

  const body = bytes.subarray(end + 2);
  const stated = headers.get('content-length');
  const length = /^\d+$/.test(stated ?? '') ? Number(stated) : body.indexOf(NUL);
  return { command, headers, body: body.subarray(0, length < 0 ? body.length : length) };
}

function unescape(text, isEscaped) {
  return isEscaped ? text.replace(/\\[nrc\\]/g, found => unescapes[found]) : text;
}

/** Text when the bytes are text, else undefined. */
export function textOf(bytes) {
  try {
    const text = strict.decode(bytes);
    return /[\u0000-\u0008\u000e-\u001f\u007f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Sixteen bytes to a line: offset, hexadecimal, ASCII. */
export function hexOf(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const hex = row.map(byte => byte.toString(16).padStart(2, '0')).join(' ').padEnd(47);
    const ascii = row.map(byte => byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.').join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex}  ${ascii}`);
  }
  return lines.join('\n');
}

/** A size that a person reads: 5 bytes, 1.5 KiB. */
export function sizeOf(count) {
  if (count < 1024) return count === 1 ? '1 byte' : `${count} bytes`;
  return count < 1024 * 1024 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1024 / 1024).toFixed(1)} MiB`;
}
