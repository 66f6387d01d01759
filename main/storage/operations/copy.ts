/** CopyObject, and what UploadPartCopy shares with it: finding the source and streaming it, decrypted and encrypted anew. */
import type { WrittenBody } from '../body-writer.ts';
import { algorithmNamed } from '../body.ts';
import type { ChecksumAlgorithm } from '../checksums.ts';
import { checkCopySource, checkWrite, writeConditionOf } from '../conditions.ts';
import { S3Error, invalidArgument } from '../errors.ts';
import { checksumElementName, keptHeadersOf, metadataOf } from '../object-headers.ts';
import { authorizeObject } from '../authorize.ts';
import { COPY_SOURCE_CUSTOMER_HEADERS, customerKeyOf } from '../customer-key.ts';
import { asksForEncryption, checkCustomer, etagOf, newDataKey, openDataKey, wishOf, writtenHeaders } from '../encryption.ts';
import { tagsOfHeader } from '../tags.ts';
import { requireVersion, versionHeaders } from '../versions.ts';
import { isoTime, quoted, requireBucket, requireKey, wholeSeconds, xmlAnswer, type Context, type Operation } from '../operation.ts';
import type { Bucket, ObjectRecord } from '../records.ts';
import { document, element } from '../xml.ts';
import { commitObject } from './objects.ts';

export const MAX_COPY_BYTES = 5 * 1024 ** 3;

export type Source = { readonly bucketName: string; readonly objectKey: string; readonly object: ObjectRecord; /** `x-amz-copy-source-version-id`, and how the source is decrypted. */ readonly headers: readonly string[]; readonly isNamedVersion: boolean; readonly openKey: () => Buffer };

/** @throws S3Error InvalidArgument, NoSuchBucket, NoSuchKey, PreconditionFailed */
export function copySourceOf(context: Context): Source {
  const header = context.request.header('x-amz-copy-source') ?? '';
  const bad = (): S3Error => invalidArgument('x-amz-copy-source', header, 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey');
  const mark = header.indexOf('?');
  let path: string;
  try {
    path = decodeURIComponent(mark === -1 ? header : header.slice(0, mark)).replace(/^\//, '');
  } catch {
    throw bad();
  }
  const slash = path.indexOf('/');
  if (slash <= 0 || slash === path.length - 1 || path.startsWith('arn:')) throw bad();
  const [name, versionId] = mark === -1 ? [] : header.slice(mark + 1).split('=');
  if (name !== undefined && name !== 'versionId') throw bad();
  const bucket = requireBucket(context, path.slice(0, slash));
  const objectKey = path.slice(slash + 1);
  authorizeObject(context, bucket, versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion', objectKey);
  const object = sourceVersion(context, bucket, objectKey, versionId);
  const customerKey = customerKeyOf(context.request, COPY_SOURCE_CUSTOMER_HEADERS);
  checkCustomer(object.encryption, customerKey);
  checkCopySource(context.request, object);
  const headers = versionHeaders(bucket, object.versionId).map((text) => (text === 'x-amz-version-id' ? 'x-amz-copy-source-version-id' : text));
  return { bucketName: bucket.name, objectKey, object, headers, isNamedVersion: versionId !== undefined, openKey: () => openDataKey(context, object.encryption, customerKey) };
}

function sourceVersion(context: Context, bucket: Bucket, objectKey: string, versionId: string | undefined): ObjectRecord {
  try {
    return requireVersion(context.catalogue, bucket, objectKey, versionId);
  } catch (error) {
    if (!(error instanceof S3Error) || error.code !== 'MethodNotAllowed') throw error;
    throw new S3Error('InvalidRequest', 'The source of a copy request may not specifically refer to a delete marker by version id.');
  }
}

export type Copied = { readonly written: WrittenBody; readonly md5: string; readonly checksum: string | null };

/** Streams bytes `start` to `end` of an object into a new body under `dataKey`. */
export async function copyContent(context: Context, source: Source, dataKey: Uint8Array, start: number, end: number, algorithm: ChecksumAlgorithm | null): Promise<Copied> {
  context.bodies.requireRoom(end - start);
  const content = context.bodies.open(source.openKey(), source.object.bodies, start, end);
  const writer = context.bodies.createWriter(dataKey);
  const hashes = context.bodies.createHashes({ md5: true, sha256: false, checksum: algorithm }, end - start);
  try {
    for await (const piece of content.pieces()) {
      const hashed = hashes.update(piece);
      await writer.write(piece);
      await hashed;
    }
    const { md5, checksum } = await hashes.finish();
    return { written: await writer.finish(), md5: md5 ?? '', checksum };
  } catch (error) {
    hashes.drop();
    await writer.abort();
    throw error;
  } finally {
    content.release();
  }
}

const directives = new Set(['COPY', 'REPLACE']);

export const copyObject: Operation = async (context) => {
  const { request, catalogue } = context;
  const objectKey = requireKey(request);
  const bucket = requireBucket(context, request.bucketName);
  const condition = writeConditionOf(request);
  const wish = wishOf(request, bucket);
  const directive = request.header('x-amz-metadata-directive') ?? 'COPY';
  if (!directives.has(directive)) throw invalidArgument('x-amz-metadata-directive', directive, 'Unknown metadata directive.');
  const tagging = request.header('x-amz-tagging-directive') ?? 'COPY';
  if (!directives.has(tagging)) throw invalidArgument('x-amz-tagging-directive', tagging, 'Unknown tagging directive.');
  const source = copySourceOf(context);
  const tags = tagging === 'REPLACE' ? tagsOfHeader(request) : (source.object.tags ?? null);
  const isOntoItself = source.bucketName === bucket.name && source.objectKey === objectKey;
  if (isOntoItself && !source.isNamedVersion && directive === 'COPY' && !asksForEncryption(request) && request.header('x-amz-storage-class') === undefined) {
    throw new S3Error('InvalidRequest', 'This copy request is illegal because it is trying to copy an object to itself without changing the object\'s metadata, storage class, website redirect location or encryption attributes.');
  }
  if (source.object.size > MAX_COPY_BYTES) throw new S3Error('InvalidRequest', `The specified copy source is larger than the maximum allowable size for a copy source: ${MAX_COPY_BYTES}`);
  const headers = directive === 'REPLACE' ? keptHeadersOf(request) : source.object.headers;
  const metadata = directive === 'REPLACE' ? metadataOf(request) : source.object.metadata;
  const algorithm = algorithmNamed(request.header('x-amz-checksum-algorithm'), 'x-amz-checksum-algorithm') ?? source.object.checksum?.algorithm ?? null;
  checkWrite(condition, catalogue.object(bucket.id, objectKey), objectKey);

  const { dataKey, encryption } = await newDataKey(context, wish, bucket, objectKey);
  try {
    const { written, md5, checksum: value } = await copyContent(context, source, dataKey, 0, source.object.size, algorithm);
    const checksum = algorithm === null || value === null ? null : { algorithm, value, type: 'FULL_OBJECT' as const };
    const modifiedMs = wholeSeconds(Date.now());
    const etag = etagOf(encryption, dataKey, md5);
    const version = await commitObject(context, objectKey, condition, written, { etag, modifiedMs, headers, metadata, encryption, checksum, ...(tags !== null && { tags }) });
    const checksumXml = checksum === null ? '' : element(checksumElementName(checksum.algorithm), checksum.value) + element('ChecksumType', checksum.type);
    return xmlAnswer(document('CopyObjectResult', element('LastModified', isoTime(modifiedMs)) + element('ETag', quoted(etag)) + checksumXml), [...version, ...source.headers, ...writtenHeaders(encryption, wish)]);
  } finally {
    dataKey.fill(0);
  }
};
