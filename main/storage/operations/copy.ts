/** CopyObject, and what UploadPartCopy shares with it: finding the source and streaming it, decrypted and encrypted anew. */
import { createHash } from 'node:crypto';
import type { WrittenBody } from '../bodies.ts';
import { algorithmNamed } from '../body.ts';
import { createChecksum, type ChecksumAlgorithm } from '../checksums.ts';
import { checkCopySource, checkWrite, writeConditionOf } from '../conditions.ts';
import { S3Error, invalidArgument } from '../errors.ts';
import { checksumElementName, keptHeadersOf, metadataOf } from '../object-headers.ts';
import { encryptionHeaders, isoTime, newDataKey, openDataKey, quoted, requireBucket, requireKey, wholeSeconds, xmlAnswer, type Context, type Operation } from '../operation.ts';
import type { ObjectRecord } from '../records.ts';
import { document, element } from '../xml.ts';
import { checkVersion, commitObject } from './objects.ts';

export const MAX_COPY_BYTES = 5 * 1024 ** 3;

export type Source = { readonly bucketName: string; readonly objectKey: string; readonly object: ObjectRecord };

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
  if (mark !== -1) {
    const [name, version] = header.slice(mark + 1).split('=');
    if (name !== 'versionId') throw bad();
    checkVersion(version);
  }
  const bucket = requireBucket(context, path.slice(0, slash));
  const objectKey = path.slice(slash + 1);
  const object = context.catalogue.object(bucket.id, objectKey);
  if (object === null) throw new S3Error('NoSuchKey', undefined, { Key: objectKey });
  checkCopySource(context.request, object);
  return { bucketName: bucket.name, objectKey, object };
}

export type Copied = { readonly written: WrittenBody; readonly md5: string; readonly checksum: string | null };

/** Streams bytes `start` to `end` of an object into a new body under `dataKey`. */
export async function copyContent(context: Context, source: ObjectRecord, dataKey: Uint8Array, start: number, end: number, algorithm: ChecksumAlgorithm | null): Promise<Copied> {
  const content = context.bodies.open(openDataKey(context.keyRing, source.encryption), source.bodies, start, end);
  const writer = context.bodies.createWriter(dataKey);
  const md5 = createHash('md5');
  const checksum = algorithm === null ? null : createChecksum(algorithm);
  try {
    for await (const piece of content.pieces()) {
      md5.update(piece);
      checksum?.update(piece);
      await writer.write(piece);
    }
    return { written: await writer.finish(), md5: md5.digest('hex'), checksum: checksum?.digest() ?? null };
  } catch (error) {
    await writer.abort();
    throw error;
  } finally {
    content.release();
  }
}

const directives = new Set(['COPY', 'REPLACE']);

export const copyObject: Operation = async (context) => {
  const { request, catalogue, keyRing } = context;
  const objectKey = requireKey(request);
  const bucket = requireBucket(context, request.bucketName);
  const condition = writeConditionOf(request);
  const directive = request.header('x-amz-metadata-directive') ?? 'COPY';
  if (!directives.has(directive)) throw invalidArgument('x-amz-metadata-directive', directive, 'Unknown metadata directive.');
  const source = copySourceOf(context);
  const isOntoItself = source.bucketName === bucket.name && source.objectKey === objectKey;
  if (isOntoItself && directive === 'COPY' && request.header('x-amz-server-side-encryption') === undefined && request.header('x-amz-storage-class') === undefined) {
    throw new S3Error('InvalidRequest', 'This copy request is illegal because it is trying to copy an object to itself without changing the object\'s metadata, storage class, website redirect location or encryption attributes.');
  }
  if (source.object.size > MAX_COPY_BYTES) throw new S3Error('InvalidRequest', `The specified copy source is larger than the maximum allowable size for a copy source: ${MAX_COPY_BYTES}`);
  const headers = directive === 'REPLACE' ? keptHeadersOf(request) : source.object.headers;
  const metadata = directive === 'REPLACE' ? metadataOf(request) : source.object.metadata;
  const algorithm = algorithmNamed(request.header('x-amz-checksum-algorithm'), 'x-amz-checksum-algorithm') ?? source.object.checksum?.algorithm ?? null;
  checkWrite(condition, catalogue.object(bucket.id, objectKey), objectKey);

  const { dataKey, encryption } = newDataKey(keyRing);
  try {
    const { written, md5, checksum: value } = await copyContent(context, source.object, dataKey, 0, source.object.size, algorithm);
    const checksum = algorithm === null || value === null ? null : { algorithm, value, type: 'FULL_OBJECT' as const };
    const modifiedMs = wholeSeconds(Date.now());
    await commitObject(context, objectKey, condition, written, { versionId: 'null', etag: md5, modifiedMs, headers, metadata, encryption, checksum });
    const checksumXml = checksum === null ? '' : element(checksumElementName(checksum.algorithm), checksum.value) + element('ChecksumType', checksum.type);
    return xmlAnswer(document('CopyObjectResult', element('LastModified', isoTime(modifiedMs)) + element('ETag', quoted(md5)) + checksumXml), encryptionHeaders(encryption));
  } finally {
    dataKey.fill(0);
  }
};
