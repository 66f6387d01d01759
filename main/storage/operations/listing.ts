/**
 * Listings: both versions of ListObjects, and ListObjectVersions. A page reads its own rows only: the database is asked from the
 * page's first key on, and a folded prefix is skipped by asking again from behind it.
 */
import { keyBytes, type Catalogue } from '../catalogue.ts';
import { invalidArgument } from '../errors.ts';
import { OWNER, isoTime, quoted, requireBucket, xmlAnswer, type Context, type Operation } from '../operation.ts';
import type { ListedRow, ListedVersion } from '../records.ts';
import { document, element, escapeXml, optionalElement } from '../xml.ts';

const MAX_KEYS = 1000;
/** Above every key: no UTF-8 text begins with this byte. */
const BEYOND = Uint8Array.of(0xff);

/** The smallest bytes above all that begin with these; for an empty prefix, above all keys. */
function behind(prefix: Uint8Array): Uint8Array {
  const bound = Uint8Array.from(prefix);
  const last = bound.length - 1;
  if (last < 0) return BEYOND;
  bound[last] = (bound[last] ?? 0) + 1; // The last byte of UTF-8 text is never 0xff.
  return bound;
}

type Entry = { readonly type: 'object'; readonly row: ListedRow; readonly key: string } | { readonly type: 'prefix'; readonly key: string };
export type Page = { readonly entries: readonly Entry[]; readonly isTruncated: boolean };

/** One page: objects and folded prefixes together, in byte order, at most `limit`, all of them above `after`. */
export function listPage(catalogue: Catalogue, bucketId: number, options: { prefix: string; delimiter: string; after: string; limit: number }): Page {
  const { prefix, delimiter, after, limit } = options;
  const prefixBytes = keyBytes(prefix);
  const until = behind(prefixBytes);
  const entries: Entry[] = [];
  if (limit === 0) return { entries, isTruncated: false };
  const afterBytes = keyBytes(after);
  let isInclusive = Buffer.compare(prefixBytes, afterBytes) > 0;
  let from: Uint8Array = isInclusive ? prefixBytes : afterBytes;
  if (after.startsWith(prefix) && delimiter !== '') {
    // A page that ended with a folded prefix goes on behind all it folds.
    const folded = foldedPrefix(after, prefix, delimiter);
    if (folded !== null) [from, isInclusive] = [behind(keyBytes(folded)), true];
  }
  for (;;) {
    let next: Uint8Array | null = null;
    for (const row of catalogue.scanObjects(bucketId, from, isInclusive, until)) {
      if (entries.length === limit) return { entries, isTruncated: true };
      const key = Buffer.from(row.key.buffer, row.key.byteOffset, row.key.byteLength).toString('utf8');
      const folded = delimiter === '' ? null : foldedPrefix(key, prefix, delimiter);
      if (folded === null) {
        entries.push({ type: 'object', row, key });
        continue;
      }
      entries.push({ type: 'prefix', key: folded });
      next = behind(keyBytes(folded));
      break;
    }
    if (next === null) return { entries, isTruncated: false };
    from = next;
    isInclusive = true;
  }
}

function foldedPrefix(key: string, prefix: string, delimiter: string): string | null {
  const found = key.indexOf(delimiter, prefix.length);
  return found === -1 ? null : key.slice(0, found + delimiter.length);
}

type Common = { readonly prefix: string; readonly delimiter: string; readonly limit: number; readonly encode: (text: string) => string; readonly encodingType: string | undefined };

function commonOf({ request }: Context): Common {
  const { query } = request;
  const maxKeys = query.get('max-keys');
  if (maxKeys !== undefined && !/^\d{1,10}$/.test(maxKeys)) throw invalidArgument('max-keys', maxKeys, 'Provided max-keys not an integer or within integer range');
  const encodingType = query.get('encoding-type');
  if (encodingType !== undefined && encodingType !== 'url') throw invalidArgument('encoding-type', encodingType, 'Invalid Encoding Method specified in Request');
  const encode = encodingType === undefined ? escapeXml : (text: string): string => encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%20', '+').replace(/[!'()]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return { prefix: query.get('prefix') ?? '', delimiter: query.get('delimiter') ?? '', limit: Math.min(MAX_KEYS, Number(maxKeys ?? MAX_KEYS)), encode, encodingType };
}

function objectXml(row: ListedRow, key: string, encode: (text: string) => string, owner: string, extra = ''): string {
  const checksum = row.checksum?.split(' ');
  const checksums = checksum === undefined ? '' : element('ChecksumAlgorithm', checksum[0] ?? '') + element('ChecksumType', checksum[1] ?? '');
  return `<Key>${encode(key)}</Key>${extra}<LastModified>${isoTime(row.modifiedMs)}</LastModified><ETag>${escapeXml(quoted(row.etag))}</ETag>${checksums}<Size>${row.size}</Size>${owner}<StorageClass>STANDARD</StorageClass>`;
}

function pageXml(page: Page, encode: (text: string) => string, owner: string): string {
  const contents = page.entries.map((entry) => (entry.type === 'object' ? `<Contents>${objectXml(entry.row, entry.key, encode, owner)}</Contents>` : ''));
  const prefixes = page.entries.map((entry) => (entry.type === 'prefix' ? `<CommonPrefixes><Prefix>${encode(entry.key)}</Prefix></CommonPrefixes>` : ''));
  return contents.join('') + prefixes.join('');
}

const encodeToken = (key: string): string => `1${Buffer.from(key).toString('base64url')}`;

function decodeToken(token: string): string {
  const key = token.startsWith('1') ? Buffer.from(token.slice(1), 'base64url').toString('utf8') : '';
  if (key === '' || encodeToken(key) !== token) throw invalidArgument('continuation-token', token, 'The continuation token provided is incorrect');
  return key;
}

const lastKey = (page: Page): string => page.entries.at(-1)?.key ?? '';

export const listObjectsV2: Operation = (context) => {
  const { query } = context.request;
  const bucket = requireBucket(context, context.request.bucketName);
  const { prefix, delimiter, limit, encode, encodingType } = commonOf(context);
  const token = query.get('continuation-token');
  if (token === '') throw invalidArgument('continuation-token', '', 'The continuation token provided is incorrect');
  const startAfter = query.get('start-after');
  const page = listPage(context.catalogue, bucket.id, { prefix, delimiter, after: token === undefined ? (startAfter ?? '') : decodeToken(token), limit });
  const owner = query.get('fetch-owner') === 'true' ? `<Owner>${OWNER}</Owner>` : '';
  return xmlAnswer(document('ListBucketResult', [
    element('Name', bucket.name), `<Prefix>${encode(prefix)}</Prefix>`, delimiter === '' ? '' : `<Delimiter>${encode(delimiter)}</Delimiter>`,
    startAfter === undefined ? '' : `<StartAfter>${encode(startAfter)}</StartAfter>`, optionalElement('ContinuationToken', token),
    page.isTruncated ? element('NextContinuationToken', encodeToken(lastKey(page))) : '',
    element('KeyCount', page.entries.length), element('MaxKeys', limit), optionalElement('EncodingType', encodingType), element('IsTruncated', page.isTruncated),
    pageXml(page, encode, owner),
  ].join('')), ['x-amz-bucket-region', bucket.region]);
};

export const listObjectsV1: Operation = (context) => {
  const bucket = requireBucket(context, context.request.bucketName);
  const { prefix, delimiter, limit, encode, encodingType } = commonOf(context);
  const marker = context.request.query.get('marker') ?? '';
  const page = listPage(context.catalogue, bucket.id, { prefix, delimiter, after: marker, limit });
  return xmlAnswer(document('ListBucketResult', [
    element('Name', bucket.name), `<Prefix>${encode(prefix)}</Prefix>`, `<Marker>${encode(marker)}</Marker>`,
    page.isTruncated && delimiter !== '' ? `<NextMarker>${encode(lastKey(page))}</NextMarker>` : '',
    element('MaxKeys', limit), delimiter === '' ? '' : `<Delimiter>${encode(delimiter)}</Delimiter>`, optionalElement('EncodingType', encodingType), element('IsTruncated', page.isTruncated),
    pageXml(page, encode, `<Owner>${OWNER}</Owner>`),
  ].join('')), ['x-amz-bucket-region', bucket.region]);
};

type VersionEntry = { readonly type: 'version'; readonly row: ListedVersion; readonly key: string } | { readonly type: 'prefix'; readonly key: string };

/** One page of versions, each key's newest first; `after` with a version means: behind that version of the key. */
function listVersionsPage(catalogue: Catalogue, bucketId: number, options: { prefix: string; delimiter: string; after: string; afterVersion: string | null; limit: number }): { readonly entries: readonly VersionEntry[]; readonly isTruncated: boolean } {
  const { prefix, delimiter, after, afterVersion, limit } = options;
  const prefixBytes = keyBytes(prefix);
  const until = behind(prefixBytes);
  const entries: VersionEntry[] = [];
  if (limit === 0) return { entries, isTruncated: false };
  const afterBytes = keyBytes(after);
  let isInclusive = afterVersion !== null || Buffer.compare(prefixBytes, afterBytes) > 0;
  let from: Uint8Array = Buffer.compare(prefixBytes, afterBytes) > 0 ? prefixBytes : afterBytes;
  // A version that was deleted since the last page: what is left of its key was not listed yet.
  let isSkipping = afterVersion !== null && catalogue.version(bucketId, after, afterVersion) !== null;
  if (after.startsWith(prefix) && delimiter !== '') {
    const folded = foldedPrefix(after, prefix, delimiter);
    if (folded !== null) [from, isInclusive, isSkipping] = [behind(keyBytes(folded)), true, false];
  }
  for (;;) {
    let next: Uint8Array | null = null;
    for (const row of catalogue.scanVersions(bucketId, from, isInclusive, until)) {
      const key = Buffer.from(row.key.buffer, row.key.byteOffset, row.key.byteLength).toString('utf8');
      if (isSkipping && key === after) {
        if (row.versionId === afterVersion) isSkipping = false;
        continue;
      }
      isSkipping = false;
      if (entries.length === limit) return { entries, isTruncated: true };
      const folded = delimiter === '' ? null : foldedPrefix(key, prefix, delimiter);
      if (folded === null) {
        entries.push({ type: 'version', row, key });
        continue;
      }
      entries.push({ type: 'prefix', key: folded });
      next = behind(keyBytes(folded));
      break;
    }
    if (next === null) return { entries, isTruncated: false };
    from = next;
    isInclusive = true;
  }
}

function versionXml(row: ListedVersion, key: string, encode: (text: string) => string): string {
  const names = element('VersionId', row.versionId) + element('IsLatest', row.isLatest);
  if (!row.isMarker) return `<Version>${objectXml(row, key, encode, `<Owner>${OWNER}</Owner>`, names)}</Version>`;
  return `<DeleteMarker><Key>${encode(key)}</Key>${names}<LastModified>${isoTime(row.modifiedMs)}</LastModified><Owner>${OWNER}</Owner></DeleteMarker>`;
}

export const listObjectVersions: Operation = (context) => {
  const { query } = context.request;
  const bucket = requireBucket(context, context.request.bucketName);
  const { prefix, delimiter, limit, encode, encodingType } = commonOf(context);
  const keyMarker = query.get('key-marker') ?? '';
  const versionMarker = query.get('version-id-marker') ?? '';
  if (versionMarker !== '' && keyMarker === '') throw invalidArgument('version-id-marker', versionMarker, 'A version-id marker cannot be specified without a key marker.');
  const page = listVersionsPage(context.catalogue, bucket.id, { prefix, delimiter, after: keyMarker, afterVersion: versionMarker === '' ? null : versionMarker, limit });
  const last = page.entries.at(-1);
  const next = !page.isTruncated || last === undefined ? ''
    : `<NextKeyMarker>${encode(last.key)}</NextKeyMarker>${last.type === 'version' ? element('NextVersionIdMarker', last.row.versionId) : ''}`;
  return xmlAnswer(document('ListVersionsResult', [
    element('Name', bucket.name), `<Prefix>${encode(prefix)}</Prefix>`, `<KeyMarker>${encode(keyMarker)}</KeyMarker>`, element('VersionIdMarker', versionMarker), next,
    element('MaxKeys', limit), delimiter === '' ? '' : `<Delimiter>${encode(delimiter)}</Delimiter>`, optionalElement('EncodingType', encodingType), element('IsTruncated', page.isTruncated),
    page.entries.map((entry) => (entry.type === 'version' ? versionXml(entry.row, entry.key, encode) : `<CommonPrefixes><Prefix>${encode(entry.key)}</Prefix></CommonPrefixes>`)).join(''),
  ].join('')));
};
