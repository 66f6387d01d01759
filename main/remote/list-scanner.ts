/**
 * Reads a page of ListObjectsV2 by looking for its tags: a general XML parser costs ten times as much, and a listing is
 * most of what an idle folder costs. Asks for `encoding-type=url`, since keys may hold what XML cannot.
 */
import { SyncError } from '../model/errors.ts';
import type { ObjectKey } from '../model/path.ts';
import { bareEtag } from './object-store.ts';
import type { ListPage, ListedKey, ListedPart, ListedVersion, UnfinishedUpload } from './object-store.ts';

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(#x[0-9a-fA-F]+|#\d+|\w+);/g, (_whole, name: string) => {
    if (!name.startsWith('#')) return entities[name] ?? '\u{FFFD}';
    return String.fromCodePoint(name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1)));
  });
}

function decodeKey(text: string, isUrlEncoded: boolean): string {
  const plain = decodeEntities(text);
  if (!isUrlEncoded || !(plain.includes('%') || plain.includes('+'))) return plain;
  return decodeURIComponent(plain.replaceAll('+', ' '));
}

/** The text of the first `<tag>` at or after `from` and before `until`; null where there is none. */
function textOf(xml: string, tag: string, from: number, until: number): string | null {
  const open = xml.indexOf(`<${tag}>`, from);
  if (open < 0 || open >= until) return null;
  const start = open + tag.length + 2;
  const end = xml.indexOf('<', start);
  return end < 0 || end > until ? null : xml.slice(start, end);
}

/** True where `a` comes before `b` in byte order of UTF-8. */
function isBefore(a: string, b: string): boolean {
  // UTF-16 order differs from UTF-8 order only where surrogates are involved.
  if (/[\ud800-\udfff]/.test(a) || /[\ud800-\udfff]/.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  return a < b;
}

/**
 * @throws SyncError answer-invalid where the page is not a whole listing, its keys are not in order, or it promises more without saying how to go on;
 *   not-s3 where it is something else altogether.
 */
export function scanListPage(body: Buffer): ListPage {
  const xml = body.toString('utf8');
  const root = xml.indexOf('<ListBucketResult');
  if (root < 0) throw new SyncError('not-s3', { detail: 'The answer is not a listing.' });
  if (!xml.endsWith('</ListBucketResult>') && !xml.trimEnd().endsWith('</ListBucketResult>')) throw new SyncError('answer-invalid', { detail: 'The listing is cut short.' });

  const objects: ListedKey[] = [];
  const prefixes: string[] = [];
  let position = xml.indexOf('<Contents>', root);
  const headEnd = position < 0 ? xml.length : position;
  const isUrlEncoded = xml.indexOf('<EncodingType>url<', root) >= 0;
  let previous = '';
  try {
    while (position >= 0) {
      const end = xml.indexOf('</Contents>', position);
      const key = textOf(xml, 'Key', position, end);
      const size = Number(textOf(xml, 'Size', position, end));
      const lastModifiedMs = Date.parse(textOf(xml, 'LastModified', position, end) ?? '');
      const etag = textOf(xml, 'ETag', position, end);
      if (end < 0 || key === null || key === '' || etag === null || !Number.isSafeInteger(size) || Number.isNaN(lastModifiedMs)) throw new SyncError('answer-invalid', { detail: 'The listing has an entry that makes no sense.' });
      const objectKey = decodeKey(key, isUrlEncoded);
      if (previous !== '' && !isBefore(previous, objectKey)) throw new SyncError('answer-invalid', { detail: 'The listing is not in order.' });
      previous = objectKey;
      objects.push({ objectKey: objectKey as ObjectKey, etag: bareEtag(decodeEntities(etag)), objectBytes: size, lastModifiedMs });
      position = xml.indexOf('<Contents>', end);
    }
    for (let common = xml.indexOf('<CommonPrefixes>', root); common >= 0; common = xml.indexOf('<CommonPrefixes>', common + 1)) {
      const prefix = textOf(xml, 'Prefix', common, xml.length);
      if (prefix !== null) prefixes.push(decodeKey(prefix, isUrlEncoded));
    }
  } catch (error) {
    throw error instanceof URIError ? new SyncError('answer-invalid', { detail: 'The listing has a name that makes no sense.' }, { cause: error }) : error;
  }
  // Some servers put these before the entries, some after them.
  const outside = xml.slice(root, headEnd) + xml.slice(Math.max(headEnd, xml.lastIndexOf('</Contents>')));
  const isTruncated = textOf(outside, 'IsTruncated', 0, outside.length);
  if (isTruncated !== 'true' && isTruncated !== 'false') throw new SyncError('answer-invalid', { detail: 'The listing does not say whether it is whole.' });
  if (isTruncated === 'false') return { objects, prefixes, next: null };
  const token = textOf(outside, 'NextContinuationToken', 0, outside.length);
  if (token === null || token === '') throw new SyncError('answer-invalid', { detail: 'The listing does not say how it goes on.' });
  return { objects, prefixes, next: decodeEntities(token) };
}

/** The decoded text of the first `<tag>`; null where there is none. */
export function textIn(xml: string, tag: string): string | null {
  const text = textOf(xml, tag, 0, xml.length);
  return text === null ? null : decodeEntities(text);
}

export type PartsPage = { readonly parts: readonly ListedPart[]; readonly next: string | null };

/** A page of ListParts. @throws SyncError answer-invalid */
export function scanPartsPage(xml: string): PartsPage {
  const parts: ListedPart[] = [];
  for (let position = xml.indexOf('<Part>'); position >= 0; position = xml.indexOf('<Part>', position + 1)) {
    const end = xml.indexOf('</Part>', position);
    const [partNumber, sizeBytes] = [Number(textOf(xml, 'PartNumber', position, end)), Number(textOf(xml, 'Size', position, end))];
    const etag = bareEtag(decodeEntities(textOf(xml, 'ETag', position, end) ?? ''));
    if (end < 0 || etag === '' || !Number.isSafeInteger(partNumber) || partNumber < 1 || !Number.isSafeInteger(sizeBytes)) throw new SyncError('answer-invalid', { detail: 'The list of parts makes no sense.' });
    parts.push({ partNumber, etag, sizeBytes });
  }
  return { parts, next: textIn(xml, 'IsTruncated') === 'true' ? textIn(xml, 'NextPartNumberMarker') : null };
}

export type UploadsPage = { readonly uploads: readonly UnfinishedUpload[]; readonly next: { readonly key: string; readonly uploadId: string } | null };

/** A page of ListMultipartUploads. @throws SyncError answer-invalid */
export function scanUploadsPage(xml: string): UploadsPage {
  const isUrlEncoded = xml.includes('<EncodingType>url<');
  const uploads: UnfinishedUpload[] = [];
  for (let position = xml.indexOf('<Upload>'); position >= 0; position = xml.indexOf('<Upload>', position + 1)) {
    const end = xml.indexOf('</Upload>', position);
    const key = textOf(xml, 'Key', position, end);
    const uploadId = textOf(xml, 'UploadId', position, end);
    if (key === null || uploadId === null) throw new SyncError('answer-invalid', { detail: 'The list of uploads makes no sense.' });
    const initiatedMs = Date.parse(textOf(xml, 'Initiated', position, end) ?? '');
    uploads.push({ objectKey: decodeKey(key, isUrlEncoded) as ObjectKey, uploadId: decodeEntities(uploadId), initiatedMs: Number.isNaN(initiatedMs) ? 0 : initiatedMs });
  }
  if (textIn(xml, 'IsTruncated') !== 'true') return { uploads, next: null };
  const key = textOf(xml, 'NextKeyMarker', 0, xml.length);
  if (key === null || key === '') throw new SyncError('answer-invalid', { detail: 'The list of uploads does not say how it goes on.' });
  return { uploads, next: { key: decodeKey(key, isUrlEncoded), uploadId: textIn(xml, 'NextUploadIdMarker') ?? '' } };
}

export type VersionsPage = { readonly versions: readonly ListedVersion[]; readonly next: { readonly key: string; readonly versionId: string } | null };

/** A page of ListObjectVersions, delete markers included, in the server's order. @throws SyncError answer-invalid */
export function scanVersionsPage(xml: string): VersionsPage {
  const isUrlEncoded = xml.includes('<EncodingType>url<');
  const versions: ListedVersion[] = [];
  for (const [, kind, entry = ''] of xml.matchAll(/<(Version|DeleteMarker)>(.*?)<\/\1>/gs)) {
    const text = (tag: string): string | null => textOf(entry, tag, 0, entry.length);
    const isDeleteMarker = kind === 'DeleteMarker';
    const [key, versionId, etag] = [text('Key'), text('VersionId'), text('ETag')];
    const size = isDeleteMarker ? 0 : Number(text('Size') ?? Number.NaN);
    const lastModifiedMs = Date.parse(text('LastModified') ?? '');
    if (key === null || key === '' || versionId === null || (etag === null && !isDeleteMarker) || !Number.isSafeInteger(size) || Number.isNaN(lastModifiedMs)) throw new SyncError('answer-invalid', { detail: 'The list of versions has an entry that makes no sense.' });
    versions.push({
      objectKey: decodeKey(key, isUrlEncoded) as ObjectKey, versionId: decodeEntities(versionId), etag: bareEtag(decodeEntities(etag ?? '')), objectBytes: size, lastModifiedMs,
      isLatest: text('IsLatest') === 'true', isDeleteMarker,
    });
  }
  if (textIn(xml, 'IsTruncated') !== 'true') return { versions, next: null };
  const key = textOf(xml, 'NextKeyMarker', 0, xml.length);
  if (key === null || key === '') throw new SyncError('answer-invalid', { detail: 'The list of versions does not say how it goes on.' });
  return { versions, next: { key: decodeKey(key, isUrlEncoded), versionId: textIn(xml, 'NextVersionIdMarker') ?? '' } };
}
