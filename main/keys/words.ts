/**
 * 32 bytes as 24 words that people write down: BIP-39 with its English list, whose last word carries a checksum.
 * What is typed may be in capitals, numbered, over several lines, and each word cut after its fourth letter: no two words of
 * the list agree in those.
 * @see https://github.com/bitcoin/bips/blob/master/bip-0039.mediawiki, "Generating the mnemonic"
 */
import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { SyncError } from '../model/errors.ts';

export const WORD_COUNT = 24;
const SECRET_BYTES = 32;
const TELLING_LETTERS = 4;
/** With a few words too many or too few, words are still what was meant. */
const MIN_TOKENS = 12;
const MAX_TEXT = 4_096;

const known = new Set(wordlist);
const byStart = new Map(wordlist.map((word) => [word.slice(0, TELLING_LETTERS), word]));

/** @param secret - 32 bytes. @returns 24 words with one blank between them, as secret as the bytes */
export function wordsOf(secret: Uint8Array): string {
  if (secret.length !== SECRET_BYTES) throw new SyncError('invariant', { detail: 'Words are made of 32 bytes.' });
  return entropyToMnemonic(secret, wordlist);
}

const tokensOf = (text: string): string[] => text.normalize('NFKD').toLowerCase().split(/[\s,;]+/).map((token) => token.replace(/^[0-9]+[.):]?/, '')).filter((token) => token !== '');

/** True for what was meant as words, whether they are right or not: letters alone, and not one of the other forms of a key. */
export function areWords(text: string): boolean {
  if (text.length > MAX_TEXT) return false;
  const tokens = tokensOf(text);
  return tokens.length >= MIN_TOKENS && tokens.every((token) => /^\p{L}{2,12}$/u.test(token));
}

/**
 * The words as they stand in the list, one blank between them.
 *
 * @throws SyncError kit-word-unknown, which says which one does not pass; kit-words-wrong where their number or the checksum is not right
 */
export function normalizeWords(text: string): string {
  const words = tokensOf(text).map((token, index) => {
    const word = known.has(token) ? token : token.length >= TELLING_LETTERS ? byStart.get(token.slice(0, TELLING_LETTERS)) : undefined;
    // A longer word must be the one that its start tells, cut or whole.
    if (word === undefined || !word.startsWith(token)) throw new SyncError('kit-word-unknown', { detail: `word ${index + 1}` });
    return word;
  });
  if (words.length !== WORD_COUNT) throw new SyncError('kit-words-wrong', { detail: `there are ${words.length} words instead of ${WORD_COUNT}` });
  const normal = words.join(' ');
  secretOfWords(normal).fill(0);
  return normal;
}

/** @param words - as {@link normalizeWords} answers. @returns 32 bytes, which the caller zeroes. @throws SyncError kit-words-wrong */
export function secretOfWords(words: string): Buffer {
  try {
    return Buffer.from(mnemonicToEntropy(words, wordlist));
  } catch {
    // Its own message would name words.
    throw new SyncError('kit-words-wrong', { detail: 'all are in the list, but together they do not pass the checksum: one is another than it was, or two are swapped' });
  }
}

/** Positions, from 1, at which typed words are not the right ones; compares what can be compared. */
export function differingWords(typed: string, right: string): number[] {
  const expected = right.split(' ');
  return tokensOf(typed).flatMap((token, index) => {
    const word = expected[index] ?? '';
    const isSame = token === word || (token.length >= TELLING_LETTERS && word.startsWith(token));
    return isSame ? [] : [index + 1];
  });
}
