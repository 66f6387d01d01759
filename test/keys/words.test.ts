import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { areWords, differingWords, normalizeWords, secretOfWords, wordsOf } from '../../main/keys/words.ts';

const repeat = (text: string, times: number): string => Array.from({ length: times }, () => text).join(' ');

describe('24 words', () => {
  // The published vectors of BIP-39 for 256 bits.
  const published: [string, string][] = [
    ['00'.repeat(32), `${repeat('abandon', 23)} art`],
    ['7f'.repeat(32), `${repeat('legal winner thank year wave sausage worth useful', 2)} legal winner thank year wave sausage worth title`],
    ['80'.repeat(32), `${repeat('letter advice cage absurd amount doctor acoustic avoid', 2)} letter advice cage absurd amount doctor acoustic bless`],
    ['ff'.repeat(32), `${repeat('zoo', 23)} vote`],
    ['68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c', 'hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length'],
  ];
  test.each(published)('of %s are the published ones, and give the bytes back', (hex, words) => {
    expect(wordsOf(Buffer.from(hex, 'hex'))).toBe(words);
    expect(secretOfWords(words).toString('hex')).toBe(hex);
  });

  test('are read in any case, numbered, over lines, with four letters of each', () => {
    const secret = randomBytes(32);
    const words = wordsOf(secret).split(' ');
    const written = words.map((word, index) => `${index + 1}. ${(index % 2 === 0 ? word.slice(0, Math.max(4, 0)) : word).toUpperCase()}${index % 6 === 5 ? '\r\n' : ' '}`).join('');
    expect(normalizeWords(written)).toBe(words.join(' '));
    expect(areWords(words.join(' '))).toBe(true);
    expect(secretOfWords(normalizeWords(written))).toEqual(secret);
  });

  test('say which word is not one of them, and never what was typed', () => {
    const words = wordsOf(randomBytes(32)).split(' ');
    const typed = words.with(6, 'hoouse').join(' ');
    expect(() => normalizeWords(typed)).toThrow(expect.objectContaining({ code: 'kit-word-unknown', about: { detail: 'word 7' } }));
    const longer = words.with(2, 'abandoned').join(' ');
    expect(() => normalizeWords(longer)).toThrow(expect.objectContaining({ code: 'kit-word-unknown', about: { detail: 'word 3' } }));
  });

  test('are refused where one is missing, or the checksum does not pass, without naming words', () => {
    const words = wordsOf(Buffer.alloc(32, 7)).split(' ');
    expect(() => normalizeWords(words.slice(1).join(' '))).toThrow(expect.objectContaining({ code: 'kit-words-wrong', about: { detail: 'there are 23 words instead of 24' } }));
    const altered = words.with(0, words[0] === 'zoo' ? 'abandon' : 'zoo').join(' ');
    const refusal = (() => {
      try {
        normalizeWords(altered);
      } catch (error) {
        return error as Error;
      }
      return null;
    })();
    expect(refusal).toMatchObject({ code: 'kit-words-wrong' });
    expect(JSON.stringify(refusal)).not.toContain('zoo');
    expect(refusal?.cause).toBeUndefined();
  });

  test('tell which differ from the right ones', () => {
    const right = wordsOf(randomBytes(32));
    const words = right.split(' ');
    expect(differingWords(right, right)).toEqual([]);
    expect(differingWords(words.with(4, words[4] === 'zoo' ? 'art' : 'zoo').with(20, words[20] === 'zebra' ? 'art' : 'zebra').join(' '), right)).toEqual([5, 21]);
  });

  test('are told from the other forms of a key', () => {
    for (const text of [randomBytes(32).toString('hex'), randomBytes(32).toString('base64'), '', 'one two three', '-----BEGIN PRIVATE KEY-----']) expect(areWords(text)).toBe(false);
  });
});
