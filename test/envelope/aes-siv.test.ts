import { randomBytes } from 'node:crypto';
import { aessiv } from '@noble/ciphers/aes.js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSiv } from '../../main/envelope/aes-siv.ts';
import { decodeBase32Hex, decodeBase64, encodeBase32Hex, encodeCrockford } from '../../main/envelope/encoding.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('AES-SIV', () => {
  test('RFC 5297 A.1, deterministic encryption', () => {
    const siv = createSiv(hex('fffefdfc fbfaf9f8 f7f6f5f4 f3f2f1f0 f0f1f2f3 f4f5f6f7 f8f9fafb fcfdfeff'));
    const state = siv.associate([hex('10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627')]);
    const sealed = hex('85632d07 c6e8f37f 950acd32 0a2ecc93 40c02b96 90c4dc04 daef7f6a fe5c');
    expect(siv.seal(state, hex('11223344 55667788 99aabbcc ddee')).equals(sealed)).toBe(true);
    expect(siv.open(state, sealed)?.equals(hex('11223344 55667788 99aabbcc ddee'))).toBe(true);
  });

  test('RFC 5297 A.2, several strings of associated data', () => {
    const siv = createSiv(hex('7f7e7d7c 7b7a7978 77767574 73727170 40414243 44454647 48494a4b 4c4d4e4f'));
    const state = siv.associate([
      hex('00112233 44556677 8899aabb ccddeeff deaddada deaddada ffeeddcc bbaa9988 77665544 33221100'),
      hex('10203040 50607080 90a0'),
      hex('09f91102 9d74e35b d84156c5 635688c0'),
    ]);
    const sealed = hex('7bdb6e3b 432667eb 06f4d14b ff2fbd0f cb900f2f ddbe4043 26601965 c889bf17 dba77ceb 094fa663 b7a3f748 ba8af829 ea64ad54 4a272e9c 485b62a3 fd5c0d');
    const plaintext = Buffer.from('this is some plaintext to encrypt using SIV-AES');
    expect(siv.seal(state, plaintext).equals(sealed)).toBe(true);
    expect(siv.open(state, sealed)?.equals(plaintext)).toBe(true);
  });

  test('agrees with an independent implementation, one instance serving many texts', () => {
    const key = randomBytes(64);
    const siv = createSiv(key);
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { minLength: 1, maxLength: 3 }), fc.uint8Array({ minLength: 1, maxLength: 200 }), (associated, plaintext) => {
      const sealed = siv.seal(siv.associate(associated), plaintext);
      expect(sealed.equals(aessiv(key, ...associated).encrypt(plaintext))).toBe(true);
      expect(siv.open(siv.associate(associated), sealed)?.equals(plaintext)).toBe(true);
    }), { numRuns: 500 });
  });

  test('texts longer than its own work space', () => {
    const key = randomBytes(64);
    const plaintext = randomBytes(10_001);
    expect(createSiv(key).seal(createSiv(key).associate([Buffer.from('a')]), plaintext).equals(aessiv(key, Buffer.from('a')).encrypt(plaintext))).toBe(true);
  });

  test('every flipped bit is noticed', () => {
    const siv = createSiv(randomBytes(64));
    const state = siv.associate([Buffer.from('place')]);
    const sealed = siv.seal(state, Buffer.from('name'));
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(siv.open(state, changed)).toBeNull();
    }
    expect(siv.open(siv.associate([Buffer.from('elsewhere')]), sealed)).toBeNull();
    expect(siv.open(state, sealed.subarray(0, 15))).toBeNull();
  });
});

describe('encodings', () => {
  test('RFC 4648 base32hex, without padding and in lower case', () => {
    const known: readonly (readonly [string, string])[] = [['', ''], ['f', 'co'], ['fo', 'cpng'], ['foo', 'cpnmu'], ['foob', 'cpnmuog'], ['fooba', 'cpnmuoj1'], ['foobar', 'cpnmuoj1e8']];
    for (const [text, encoded] of known) {
      expect(encodeBase32Hex(Buffer.from(text))).toBe(encoded);
      expect(decodeBase32Hex(encoded)?.toString()).toBe(text);
    }
  });

  test('only the one right spelling is decoded', () => {
    for (const text of ['c', 'CO', 'cp', 'co=', 'c w', 'cpn', 'cö', 'cpnmuo']) expect(decodeBase32Hex(text)).toBeNull();
    for (const text of ['AA=', 'AA', 'AB==', 'A-==', ' AA==', 'AA==\n', 'AA==, AA==']) expect(decodeBase64(text)).toBeNull();
    expect(decodeBase64('AA==')?.length).toBe(1);
  });

  test('Crockford base32 knows no I, L, O or U', () => {
    expect(encodeCrockford(Buffer.from([...Array(160).keys()]))).toMatch(/^[0-9A-HJKMNP-TV-Z-]+$/);
  });
});
