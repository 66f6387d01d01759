import { expect, test } from 'vitest';
import { visible } from '../../renderer/format.ts';

/** Two hundred names that try to look like others, or like something to run. */
const NAMES = [
  ...Array.from({ length: 32 }, (_, code) => `control${String.fromCharCode(code)}here`), ...Array.from({ length: 33 }, (_, index) => `c1${String.fromCharCode(127 + index)}x`),
  ...[0x200b, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0x2066, 0x2067, 0x2068, 0x2069, 0x206a, 0x206f, 0xfeff, 0x00ad, 0x061c, 0x180e, 0x2028, 0x2029, 0x3164, 0xffa0, 0x115f, 0x1160, 0xe0001, 0xe0041, 0xf0000].flatMap((code) => [`photo${String.fromCodePoint(code)}gpj.exe`, `${String.fromCodePoint(code)}start`, `end${String.fromCodePoint(code)}`, String.fromCodePoint(code).repeat(3)]),
  ...['\ud800', '\udfff', 'half\ud83d', '\ude00half', 'a\ud800b', '\udc00\ud800', 'x\udbff'],
];

test('every hostile name is shown without a character that hides or turns anything', () => {
  expect(NAMES.length).toBeGreaterThanOrEqual(200);
  for (const name of NAMES) {
    expect(visible(name)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\u3164\uFFA0\u115F\u1160]/u);
    expect(visible(name)).toContain('⟨U+');
  }
});

test('ordinary names of every script stay as they are', () => {
  for (const name of ['Ground floor.pdf', 'Über uns.md', '日本語.txt', 'שלום.txt', 'مرحبا', '👩‍👩‍👧.png', 'می‌خواهم', 'a b']) expect(visible(name)).toBe(name);
});
