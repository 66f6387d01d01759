/** The headers that travel with an object: which are kept, which are refused, and how they are answered. */
import { checksumHeader, type ChecksumAlgorithm } from './checksums.ts';
import { S3Error, invalidArgument, notImplemented } from './errors.ts';
import type { CustomerKey } from './customer-key.ts';
import { encryptionHeaders } from './encryption.ts';
import { quoted } from './operation.ts';
import type { Checksum, KeptHeaders, ObjectRecord, UserMetadata } from './records.ts';
import type { S3Request } from './request.ts';

const META = 'x-amz-meta-';
const MAX_METADATA_BYTES = 2048;
const KEPT: Readonly<Record<string, string>> = {
  'content-type': 'Content-Type', 'content-encoding': 'Content-Encoding', 'content-language': 'Content-Language',
  'content-disposition': 'Content-Disposition', 'cache-control': 'Cache-Control', expires: 'Expires',
};
const OVERRIDES: Readonly<Record<string, string>> = {
  'response-content-type': 'content-type', 'response-content-encoding': 'content-encoding', 'response-content-language': 'content-language',
  'response-content-disposition': 'content-disposition', 'response-cache-control': 'cache-control', 'response-expires': 'expires',
};
const PRIVATE_ACLS = new Set(['private', 'bucket-owner-full-control', 'bucket-owner-read']);
const NOT_BUILT = [
  'x-amz-object-lock-', 'x-amz-website-redirect-location', 'x-amz-write-offset-bytes', 'x-amz-bucket-object-lock-enabled',
];

/** Nothing that asks for protection or behaviour the storage does not have is ever silently ignored. @throws S3Error NotImplemented and others */
export function refuseUnsupported(request: S3Request): void {
  for (const name in request.headers) {
    if (!name.startsWith('x-amz-')) continue;
    if (name === 'x-amz-object-lock-enabled' || name === 'x-amz-bucket-object-lock-enabled') {
      if (request.header(name)?.toLowerCase() === 'false') continue;
    }
    if (NOT_BUILT.some((prefix) => name.startsWith(prefix))) throw notImplemented(name);
    if (name.startsWith('x-amz-grant-')) throw new S3Error('AccessControlListNotSupported');
  }
  const acl = request.header('x-amz-acl');
  if (acl !== undefined && !PRIVATE_ACLS.has(acl)) throw new S3Error('AccessControlListNotSupported');
  const storageClass = request.header('x-amz-storage-class');
  if (storageClass !== undefined && storageClass !== 'STANDARD') throw new S3Error('InvalidStorageClass', undefined, { StorageClassRequested: storageClass });
}

/** @throws S3Error MetadataTooLarge */
export function metadataOf(request: S3Request): UserMetadata {
  const metadata: Record<string, string> = {};
  let size = 0;
  for (const name in request.headers) {
    if (!name.startsWith(META)) continue;
    const value = request.header(name) ?? '';
    metadata[name.slice(META.length)] = value;
    size += name.length - META.length + value.length;
  }
  if (size > MAX_METADATA_BYTES) throw new S3Error('MetadataTooLarge', undefined, { Size: String(size), MaxSizeAllowed: String(MAX_METADATA_BYTES) });
  return metadata;
}

export function keptHeadersOf(request: S3Request): KeptHeaders {
  const kept: Record<string, string> = {};
  for (const name in KEPT) {
    const value = request.header(name);
    if (value === undefined) continue;
    // How the body came is not what the object is.
    const lasting = name === 'content-encoding' ? value.split(',').map((coding) => coding.trim()).filter((coding) => coding !== 'aws-chunked' && coding !== '').join(',') : value;
    if (lasting !== '') kept[name] = lasting;
  }
  kept['content-type'] ??= 'binary/octet-stream';
  return kept;
}

const isAscii = (text: string): boolean => /^[\x20-\x7e\t]*$/.test(text);

/** Values that are not ASCII are answered as RFC 2047 encoded words, as S3 does. */
const metadataValue = (value: string): string => (isAscii(value) ? value : `=?UTF-8?B?${Buffer.from(value, 'latin1').toString('base64')}?=`);

export function checksumHeaders(checksum: Checksum | null): string[] {
  return checksum === null ? [] : [checksumHeader(checksum.algorithm), checksum.value, 'x-amz-checksum-type', checksum.type];
}

/** What GET and HEAD answer about an object, without length and range. */
export function objectHeaders(request: S3Request, object: ObjectRecord, withChecksum: boolean, customerKey: CustomerKey | null): string[] {
  const answer = ['Last-Modified', new Date(object.modifiedMs).toUTCString(), 'ETag', quoted(object.etag), 'Accept-Ranges', 'bytes', ...encryptionHeaders(object.encryption, customerKey)];
  const tagCount = Object.keys(object.tags ?? {}).length;
  if (tagCount > 0) answer.push('x-amz-tagging-count', String(tagCount));
  const kept: Record<string, string> = { ...object.headers };
  for (const parameter in OVERRIDES) {
    const value = request.query.get(parameter);
    const name = OVERRIDES[parameter];
    if (value === undefined || name === undefined) continue;
    if (!/^[\x20-\x7e\t]*$/.test(value)) throw invalidArgument(parameter, value, 'Header value cannot be represented using ISO-8859-1.');
    kept[name] = value;
  }
  for (const name in kept) answer.push(KEPT[name] ?? name, kept[name] ?? '');
  for (const name in object.metadata) answer.push(`${META}${name}`, metadataValue(object.metadata[name] ?? ''));
  if (withChecksum && request.header('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED') answer.push(...checksumHeaders(object.checksum));
  return answer;
}

/** `ChecksumCRC32` and the like, as elements of XML answers. */
export const checksumElementName = (algorithm: ChecksumAlgorithm): string => `Checksum${algorithm}`;
