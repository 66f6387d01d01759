/** Reads a code from its picture, as a phone does: the drawing becomes pixels, and these are searched for a code. */
import { decodeQR } from 'qr/decode.js';

const PIXELS = 4;

/** @param svg - of squares of one unit, black on nothing. */
export function scanCode(svg: string): string {
  const [, size = '0'] = /viewBox="0 0 (\d+) /.exec(svg) ?? [];
  const side = Number(size) * PIXELS;
  const data = new Uint8Array(side * side * 4).fill(255);
  let [x, y] = [0, 0];
  for (const [, command, dx = '', dy = ''] of svg.matchAll(/([Mm])(-?\d+)[ ,]?(-?\d+)/g)) {
    [x, y] = command === 'M' ? [Number(dx), Number(dy)] : [x + Number(dx), y + Number(dy)];
    for (let row = y * PIXELS; row < (y + 1) * PIXELS; row += 1) for (let column = x * PIXELS; column < (x + 1) * PIXELS; column += 1) data.fill(0, (row * side + column) * 4, (row * side + column) * 4 + 3);
  }
  return decodeQR({ width: side, height: side, data }, { timeLimit: 10_000 });
}
