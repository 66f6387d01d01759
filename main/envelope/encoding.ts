/** The small encodings that the formats are written in: strict base64, base32hex, Crockford base32, canonical ASCII JSON. */
import { SyncError } from '../model/errors.ts';

export type StringMap = Readonly<Record<string, string>>;

/** Standard base64 with padding and nothing else, decoded; null otherwise (Node's own decoder takes anything). */
export function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

const BASE32HEX = '0123456789abcdefghijklmnopqrstuv';
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ENCODE_HEX32 = Buffer.from(BASE32HEX, 'latin1');
const ENCODE_CROCKFORD = Buffer.from(CROCKFORD, 'latin1');
const DECODE_HEX32 = new Int8Array(256).fill(-1);
for (const [index, code] of ENCODE_HEX32.entries()) DECODE_HEX32[code] = index;

function encodeBase32(bytes: Uint8Array, alphabet: Buffer): string {
  const out = Buffer.allocUnsafe(Math.ceil((bytes.length * 8) / 5));
  let at = 0;
  let bits = 0;
  let held = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    held = ((held << 8) | (bytes[index] as number)) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out[at++] = alphabet[(held >>> bits) & 31] as number;
    }
  }
  if (bits > 0) out[at++] = alphabet[(held << (5 - bits)) & 31] as number;
  return out.toString('latin1', 0, at);
}

/** RFC 4648 base32hex, lower case, without padding: sorts as the bytes do and survives any S3 tool. */
export function encodeBase32Hex(bytes: Uint8Array): string {
  return encodeBase32(bytes, ENCODE_HEX32);
}

/** The bytes, or null where `text` is not exactly what {@link encodeBase32Hex} writes. */
export function decodeBase32Hex(text: string): Buffer | null {
  const length = Math.floor((text.length * 5) / 8);
  const spareBits = text.length * 5 - length * 8;
  if (spareBits >= 5) return null;
  const out = Buffer.allocUnsafe(length);
  let at = 0;
  let bits = 0;
  let held = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    const value = code < 256 ? (DECODE_HEX32[code] as number) : -1;
    if (value < 0) return null;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = (held >>> bits) & 0xff;
    }
  }
  return (held & ((1 << bits) - 1)) === 0 ? out : null;
}

/** Crockford base32, upper case, in groups of four: for people to read out and compare. */
export function encodeCrockford(bytes: Uint8Array): string {
  return encodeBase32(bytes, ENCODE_CROCKFORD).match(/.{1,4}/g)?.join('-') ?? '';
}

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/**
 * JSON in one form only: no spaces, object members sorted by name, everything outside printable ASCII as `\uXXXX`.
 * The same bytes as Python's `json.dumps(value, sort_keys=True, separators=(',', ':'))` for ASCII names and whole numbers.
 */
export function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return asciiJson(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.keys(value).sort().map((name) => `${asciiJson(name)}:${canonicalJson(value[name] as JsonValue)}`);
  return `{${members.join(',')}}`;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

const OUTSIDE_ASCII = /[\x7f-\uffff]/g;

function asciiJson(value: string | number | boolean | null): string {
  return JSON.stringify(value).replace(OUTSIDE_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Parses JSON; @throws SyncError malformed */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SyncError('malformed', { detail: 'It is not JSON.' });
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Strict UTF-8; @throws SyncError malformed */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new SyncError('malformed', { detail: 'It is not UTF-8.' });
  }
}
