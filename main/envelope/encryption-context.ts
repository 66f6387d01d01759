/** Encryption contexts and material descriptions: maps of strings that S3 metadata carries as JSON text. */
import { SyncError } from '../model/errors.ts';
import { canonicalJson, parseJson, type StringMap } from './encoding.ts';

export const EMPTY_MAP: StringMap = Object.freeze({});
/** More than S3 metadata can hold, and enough for an instruction file. */
const MAX_TEXT_LENGTH = 16_384;

/** One form for equal maps, ASCII only, so that no server has anything to re-encode. */
export function encodeStringMap(map: StringMap): string {
  return canonicalJson(map);
}

/** @throws SyncError malformed where the text is no JSON object of strings */
export function parseStringMap(text: string): StringMap {
  if (text.length > MAX_TEXT_LENGTH) throw new SyncError('malformed', { detail: 'A description in its metadata is too long.' });
  const value = parseJson(undoHeaderEncoding(text));
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new SyncError('malformed', { detail: 'A description in its metadata is not a JSON object.' });
  const entries = Object.entries(value);
  if (!entries.every(([, member]) => typeof member === 'string')) throw new SyncError('malformed', { detail: 'A description in its metadata holds other values than text.' });
  // Object.fromEntries defines, it does not assign: a member called __proto__ stays a member.
  return Object.fromEntries(entries);
}

/** Order and spelling of the JSON text play no part. */
export function equalStringMaps(a: StringMap, b: StringMap): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}

export function withoutNames(map: StringMap, names: readonly string[]): StringMap {
  return Object.fromEntries(Object.entries(map).filter(([name]) => !names.includes(name)));
}

const WORD = /=\?([^?\s]+)\?([BbQq])\?([^?\s]*)\?=(?:\s+(?==\?))?/g;

/**
 * Undoes what Amazon S3 makes of non-ASCII metadata: RFC 2047 words around UTF-8, inside which the original UTF-8 was read as Latin-1.
 * Text that needs none of it comes back as it is: S3 encodes whole values, so what starts as JSON holds no words of its making.
 */
export function undoHeaderEncoding(text: string): string {
  const unworded = text.startsWith('=?') ? text.replace(WORD, (word, charset: string, encoding: string, content: string) => decodeWord(charset, encoding, content) ?? word) : text;
  if (!/[\x80-\xff]/.test(unworded) || /[^\0-\xff]/.test(unworded)) return unworded;
  const bytes = Buffer.from(unworded, 'latin1');
  const decoded = bytes.toString('utf8');
  return Buffer.from(decoded, 'utf8').equals(bytes) ? decoded : unworded;
}

function decodeWord(charset: string, encoding: string, content: string): string | null {
  if (charset.toLowerCase() !== 'utf-8') return null;
  if (encoding.toUpperCase() === 'B') return Buffer.from(content, 'base64').toString('utf8');
  const latin1 = content.replaceAll('_', ' ').replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(latin1, 'latin1').toString('utf8');
}
