/**
 * AWS Signature Version 4, the parts that the two ends of a request share: canonical form, string to sign, signing key, signature.
 *
 * Pure functions on node:crypto. Who signs (`remote`) and who verifies (`storage`) build on the same code, and both are held to AWS's
 * published examples. Nothing here knows HTTP libraries, credentials stores or operations.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';

export const ALGORITHM = 'AWS4-HMAC-SHA256';
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
export const SIGNED_CHUNKS = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
export const SIGNED_CHUNKS_WITH_TRAILER = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER';
export const UNSIGNED_CHUNKS_WITH_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
export const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

export type Scope = {
  /** Eight digits, UTC: `20260131`. */
  readonly day: string;
  readonly region: string;
  readonly service: string;
};

export type CanonicalParts = {
  readonly method: string;
  /** Encoded as `encodePath` does. */
  readonly path: string;
  /** As `canonicalQuery` gives it. */
  readonly query: string;
  /** Lower-case names, sorted. */
  readonly signedHeaders: readonly string[];
  readonly header: (name: string) => string | undefined;
  /** 64 hex digits, or one of the constants above. */
  readonly payloadHash: string;
};

const NEEDS_ENCODING = /[^A-Za-z0-9\-._~]/;
const LEFT_BY_JAVASCRIPT = /[!'()*]/g;
const percent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

/**
 * Percent-encodes everything but `A-Z a-z 0-9 - . _ ~`, as UTF-8.
 *
 * @throws URIError where the text holds half a surrogate pair.
 */
export function encodeComponent(text: string): string {
  return NEEDS_ENCODING.test(text) ? encodeURIComponent(text).replace(LEFT_BY_JAVASCRIPT, percent) : text;
}

/** Encodes a decoded path once and keeps its slashes; S3 neither normalises paths nor encodes twice. */
export function encodePath(path: string): string {
  return encodeComponent(path).replaceAll('%2F', '/');
}

/** Encodes decoded names and values, and sorts them by encoded name, then value. */
export function canonicalQuery(pairs: Iterable<readonly [name: string, value: string]>): string {
  const encoded: string[][] = [];
  for (const [name, value] of pairs) encoded.push([encodeComponent(name), encodeComponent(value)]);
  if (encoded.length > 1) encoded.sort(([a = '', x = ''], [b = '', y = '']) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0));
  return encoded.map((pair) => pair.join('=')).join('&');
}

/** Spaces and tabs only: where values are bytes, 0xA0 is part of a UTF-8 letter, but a space to `trim` and `\s`. */
const canonicalValue = (value: string): string => value.replace(/[ \t]+/g, ' ').replace(/^ | $/g, '');

/** The canonical request as text; a signed header that is missing counts as empty. */
export function canonicalRequest(parts: CanonicalParts): string {
  let headers = '';
  for (const name of parts.signedHeaders) headers += `${name}:${canonicalValue(parts.header(name) ?? '')}\n`;
  return `${parts.method}\n${parts.path}\n${parts.query}\n${headers}\n${parts.signedHeaders.join(';')}\n${parts.payloadHash}`;
}

export function scopeText(scope: Scope): string {
  return `${scope.day}/${scope.region}/${scope.service}/aws4_request`;
}

/**
 * @param amzDate - `20260131T235959Z`.
 * @param headerEncoding - `latin1` where header values are bytes as Node's HTTP parser gives them; `utf8` where they are text still to be sent.
 */
export function stringToSign(amzDate: string, scope: Scope, canonical: string, headerEncoding: 'latin1' | 'utf8' = 'utf8'): string {
  return `${ALGORITHM}\n${amzDate}\n${scopeText(scope)}\n${sha256Hex(canonical, headerEncoding)}`;
}

const hmac = (secret: string | Uint8Array, text: string): Buffer => createHmac('sha256', secret).update(text).digest();

/** The signing key of one day, region and service; worth caching for the day. A key object, since Node takes five times as long over a key as bytes. */
export function deriveSigningKey(secretAccessKey: string, scope: Scope): KeyObject {
  return createSecretKey(hmac(hmac(hmac(hmac(`AWS4${secretAccessKey}`, scope.day), scope.region), scope.service), 'aws4_request'));
}

/** 64 hex digits. */
export function signText(signingKey: KeyObject, text: string): string {
  return createHmac('sha256', signingKey).update(text).digest('hex');
}

/** What one chunk of a signed streaming body must be signed with; each signature covers the one before it. */
export function chunkStringToSign(amzDate: string, scope: Scope, previousSignature: string, chunkSha256: string): string {
  return `${ALGORITHM}-PAYLOAD\n${amzDate}\n${scopeText(scope)}\n${previousSignature}\n${EMPTY_SHA256}\n${chunkSha256}`;
}

/** What the trailing headers of a signed streaming body must be signed with; `trailerSha256` is over `name:value\n` of each. */
export function trailerStringToSign(amzDate: string, scope: Scope, previousSignature: string, trailerSha256: string): string {
  return `${ALGORITHM}-TRAILER\n${amzDate}\n${scopeText(scope)}\n${previousSignature}\n${trailerSha256}`;
}

export function sha256Hex(content: string | Uint8Array, encoding: 'latin1' | 'utf8' = 'utf8'): string {
  const hash = createHash('sha256');
  return (typeof content === 'string' ? hash.update(content, encoding) : hash.update(content)).digest('hex');
}

/** `20260131T235959Z`. */
export function amzDateOf(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

/** Milliseconds, or null where the text is not an existing moment in the form `20260131T235959Z`. */
export function parseAmzDate(text: string): number | null {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (found === null) return null;
  const [, year, month, day, hour, minute, second] = found;
  const timeMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`);
  return Number.isNaN(timeMs) || amzDateOf(timeMs) !== text ? null : timeMs;
}
