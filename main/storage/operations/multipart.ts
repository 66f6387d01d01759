/** Multipart uploads. Parts are bodies of their own, sealed under the future object's data key; completing only names them as the object's content. */
import { createHash, randomBytes } from 'node:crypto';
import { algorithmNamed, checksumOfHeaders, planBody, receiveAll, receiveBody } from '../body.ts';
import { CHECKSUM_ALGORITHMS, combineCrcs, createChecksum, isCombinable, type ChecksumAlgorithm } from '../checksums.ts';
import { checkWrite, recheckWrite, writeConditionOf } from '../conditions.ts';
import { S3Error, invalidArgument } from '../errors.ts';
import { checksumElementName, checksumHeaders, keptHeadersOf, metadataOf } from '../object-headers.ts';
import { customerKeyOf, type CustomerKey } from '../customer-key.ts';
import { checkCustomer, encryptionHeaders, etagOf, newDataKey, openDataKey, wishOf, writtenHeaders } from '../encryption.ts';
import { tagsOfHeader } from '../tags.ts';
import { nextVersionId, versionHeaders } from '../versions.ts';
import { NO_CONTENT, OWNER, isoTime, quoted, requireBucket, requireKey, wholeSeconds, xmlAnswer, type Answer, type Context, type Operation } from '../operation.ts';
import { keyBytes } from '../catalogue.ts';
import type { WrittenBody } from '../body-writer.ts';
import type { Checksum, PartRecord, Upload } from '../records.ts';
import { childText, document, element, escapeXml, optionalElement, parseXml } from '../xml.ts';
import { MAX_COPY_BYTES, copyContent, copySourceOf } from './copy.ts';

const MIN_PART_BYTES = 5 * 1024 * 1024;
const MAX_PARTS = 10_000;
const MAX_XML_BYTES = 4 * 1024 * 1024;
const PAGE = 1000;

type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

function checksumTypeOf(context: Context, algorithm: ChecksumAlgorithm | null): ChecksumType | null {
  const text = context.request.header('x-amz-checksum-type')?.toUpperCase();
  if (text !== undefined && text !== 'FULL_OBJECT' && text !== 'COMPOSITE') throw invalidArgument('x-amz-checksum-type', text, 'Value for x-amz-checksum-type header is invalid.');
  if (algorithm === null) return null;
  const fallback = algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE';
  const isPossible = text === undefined || (text === 'FULL_OBJECT' ? isCombinable(algorithm) : algorithm !== 'CRC64NVME');
  if (!isPossible) throw new S3Error('InvalidRequest', `The ${text} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`);
  return text ?? fallback;
}

function requireUpload(context: Context): Upload {
  const bucket = requireBucket(context, context.request.bucketName);
  const id = context.request.query.get('uploadId') ?? '';
  const upload = context.catalogue.upload(id, bucket.id, requireKey(context.request));
  if (upload === null) throw new S3Error('NoSuchUpload', undefined, { UploadId: id });
  return upload;
}

export const createUpload: Operation = async (context) => {
  const { request, payload, catalogue, nowMs } = context;
  const objectKey = requireKey(request);
  const target = requireBucket(context, request.bucketName);
  const wish = wishOf(request, target);
  const tags = tagsOfHeader(request);
  const checksumAlgorithm = algorithmNamed(request.header('x-amz-checksum-algorithm'), 'x-amz-checksum-algorithm');
  const checksumType = checksumTypeOf(context, checksumAlgorithm);
  const headers = keptHeadersOf(request);
  const metadata = metadataOf(request);
  await receiveAll(request, payload, MAX_XML_BYTES);
  const { dataKey, encryption } = await newDataKey(context, wish, target, objectKey);
  dataKey.fill(0);
  const id = randomBytes(24).toString('base64url');
  await catalogue.commit(() => {
    const bucket = requireBucket(context, request.bucketName);
    catalogue.addUpload({ id, bucketId: bucket.id, objectKey, createdMs: wholeSeconds(nowMs), headers, metadata, encryption, checksumAlgorithm, checksumType, ...(tags !== null && { tags }) });
  });
  const checksums = checksumAlgorithm === null ? [] : ['x-amz-checksum-algorithm', checksumAlgorithm, 'x-amz-checksum-type', checksumType ?? 'COMPOSITE'];
  return xmlAnswer(
    document('InitiateMultipartUploadResult', element('Bucket', request.bucketName ?? '') + element('Key', objectKey) + element('UploadId', id)),
    [...writtenHeaders(encryption, wish), ...checksums],
  );
};

function partNumberOf(context: Context): number {
  const text = context.request.query.get('partNumber') ?? '';
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > MAX_PARTS) throw invalidArgument('partNumber', text, 'Part number must be an integer between 1 and 10000, inclusive');
  return number;
}

async function commitPart(context: Context, upload: Upload, written: WrittenBody, part: Omit<PartRecord, 'body'>): Promise<void> {
  try {
    await context.catalogue.commit(() => {
      requireUpload(context);
      context.catalogue.putPart(upload.id, { ...part, body: written.attach() });
    });
  } catch (error) {
    await written.discard(error);
    throw error;
  }
  written.settle();
}

/** Every part of an upload under a customer key brings that key. @throws S3Error InvalidRequest, AccessDenied */
function checkPartKey(upload: Upload, customerKey: CustomerKey | null): void {
  if (upload.encryption.type === 'sse-c' && customerKey === null) {
    throw new S3Error('InvalidRequest', 'The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.');
  }
  if (upload.encryption.type !== 'sse-c' && customerKey !== null) throw new S3Error('InvalidRequest', 'The multipart upload initiate did not request encryption with a customer key.');
  checkCustomer(upload.encryption, customerKey);
}

export const uploadPart: Operation = async (context) => {
  const { request, payload, bodies } = context;
  const number = partNumberOf(context);
  const upload = requireUpload(context);
  const customerKey = customerKeyOf(request);
  checkPartKey(upload, customerKey);
  const given = planBody(request, payload);
  const wanted = upload.checksumAlgorithm;
  if (wanted !== null && given.algorithm !== null && given.algorithm !== wanted) {
    throw new S3Error('InvalidRequest', `Checksum Type mismatch occurred, expected checksum Type: ${wanted.toLowerCase()}, actual checksum Type: ${given.algorithm.toLowerCase()}`);
  }
  bodies.requireRoom(given.sizeBytes);
  const dataKey = openDataKey(context, upload.encryption, customerKey);
  const writer = bodies.createWriter(dataKey);
  try {
    // Where the upload asked for a checksum that this part does not bring, it is computed here, so that the object has one.
    const received = await receiveBody(request, given, (chunk) => writer.write(chunk), { createHashes: bodies.createHashes, computes: wanted });
    const written = await writer.finish();
    const checksum = received.checksum?.value ?? null;
    const etag = etagOf(upload.encryption, dataKey, received.md5);
    await commitPart(context, upload, written, { number, etag, modifiedMs: wholeSeconds(Date.now()), checksum: wanted === null ? null : checksum });
    const algorithm = received.checksum?.algorithm ?? wanted;
    const checksums = algorithm === null || checksum === null ? [] : checksumHeaders({ algorithm, value: checksum, type: 'FULL_OBJECT' }).slice(0, 2);
    return { status: 200, headers: ['ETag', quoted(etag), ...encryptionHeaders(upload.encryption, customerKey), ...checksums] };
  } catch (error) {
    await writer.abort();
    throw error;
  } finally {
    dataKey.fill(0);
  }
};

export const uploadPartCopy: Operation = async (context) => {
  const { request } = context;
  const number = partNumberOf(context);
  const upload = requireUpload(context);
  const customerKey = customerKeyOf(request);
  checkPartKey(upload, customerKey);
  const source = copySourceOf(context);
  const header = request.header('x-amz-copy-source-range');
  let [start, end] = [0, source.object.size];
  if (header !== undefined) {
    const found = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header);
    if (found === null) throw invalidArgument('x-amz-copy-source-range', header, 'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy');
    [start, end] = [Number(found[1]), Number(found[2]) + 1];
    if (start >= end || end > source.object.size) throw invalidArgument('x-amz-copy-source-range', header, `Range specified is not valid for source object of size: ${source.object.size}`);
  }
  if (end - start > MAX_COPY_BYTES) throw new S3Error('InvalidRequest', `The specified copy source is larger than the maximum allowable size for a copy source: ${MAX_COPY_BYTES}`);
  const dataKey = openDataKey(context, upload.encryption, customerKey);
  try {
    const { written, md5, checksum } = await copyContent(context, source, dataKey, start, end, upload.checksumAlgorithm);
    const modifiedMs = wholeSeconds(Date.now());
    const etag = etagOf(upload.encryption, dataKey, md5);
    await commitPart(context, upload, written, { number, etag, modifiedMs, checksum });
    const checksumXml = upload.checksumAlgorithm === null || checksum === null ? '' : element(checksumElementName(upload.checksumAlgorithm), checksum);
    return xmlAnswer(document('CopyPartResult', element('LastModified', isoTime(modifiedMs)) + element('ETag', quoted(etag)) + checksumXml), [...source.headers, ...encryptionHeaders(upload.encryption, customerKey)]);
  } finally {
    dataKey.fill(0);
  }
};

export const abortUpload: Operation = async (context) => {
  await receiveAll(context.request, context.payload, MAX_XML_BYTES);
  await context.catalogue.commit(() => context.catalogue.removeUpload(requireUpload(context).id, true), 'deletion');
  return NO_CONTENT;
};

type ListedPart = { readonly number: number; readonly etag: string; readonly checksums: ReadonlyMap<ChecksumAlgorithm, string> };

function parseCompletion(body: Uint8Array): ListedPart[] {
  const root = parseXml(body);
  if (root.name !== 'CompleteMultipartUpload' && root.name !== 'CompleteMultipartUploadResult') throw new S3Error('MalformedXML');
  const parts = root.children.filter((child) => child.name === 'Part').map((child): ListedPart => {
    const number = childText(child, 'PartNumber')?.trim() ?? '';
    const etag = childText(child, 'ETag')?.trim().replace(/^"(.*)"$/, '$1');
    if (!/^\d{1,5}$/.test(number) || etag === undefined) throw new S3Error('MalformedXML');
    const checksums = new Map<ChecksumAlgorithm, string>();
    for (const algorithm of CHECKSUM_ALGORITHMS) {
      const value = childText(child, checksumElementName(algorithm));
      if (value !== undefined && value !== '') checksums.set(algorithm, value);
    }
    return { number: Number(number), etag, checksums };
  });
  if (parts.length === 0 || parts.length > MAX_PARTS) throw new S3Error('MalformedXML');
  return parts;
}

/** The stored parts that were listed, in order. @throws S3Error InvalidPartOrder, InvalidPart, EntityTooSmall */
function matchParts(upload: Upload, stored: readonly PartRecord[], listed: readonly ListedPart[]): PartRecord[] {
  const byNumber = new Map(stored.map((part) => [part.number, part]));
  const chosen: PartRecord[] = [];
  let before = 0;
  for (const { number, etag, checksums } of listed) {
    if (number <= before) throw new S3Error('InvalidPartOrder', undefined, { UploadId: upload.id });
    before = number;
    const part = byNumber.get(number);
    const given = upload.checksumAlgorithm === null ? undefined : checksums.get(upload.checksumAlgorithm);
    if (part === undefined || part.etag !== etag || (given !== undefined && given !== part.checksum)) {
      throw new S3Error('InvalidPart', undefined, { UploadId: upload.id, PartNumber: String(number), ETag: etag });
    }
    chosen.push(part);
  }
  const small = chosen.slice(0, -1).find((part) => part.body.size < MIN_PART_BYTES);
  if (small !== undefined) {
    throw new S3Error('EntityTooSmall', undefined, { PartNumber: String(small.number), ETag: small.etag, ProposedSize: String(small.body.size), MinSizeAllowed: String(MIN_PART_BYTES) });
  }
  return chosen;
}

/** The checksum of the whole, from those of the parts. */
function combineChecksums({ checksumAlgorithm: algorithm, checksumType: type }: Upload, parts: readonly PartRecord[]): Checksum | null {
  if (algorithm === null || type === null) return null;
  if (type === 'FULL_OBJECT' && isCombinable(algorithm)) {
    return { algorithm, type, value: combineCrcs(algorithm, parts.map((part) => ({ value: part.checksum ?? '', sizeBytes: part.body.size }))) };
  }
  const running = createChecksum(algorithm);
  for (const part of parts) running.update(Buffer.from(part.checksum ?? '', 'base64'));
  return { algorithm, type, value: `${running.digest()}-${parts.length}` };
}

function compositeETag(parts: readonly PartRecord[]): string {
  const md5 = createHash('md5');
  for (const part of parts) md5.update(Buffer.from(part.etag, 'hex'));
  return `${md5.digest('hex')}-${parts.length}`;
}

export const completeUpload: Operation = async (context) => {
  const { request, payload, catalogue } = context;
  const objectKey = requireKey(request);
  const condition = writeConditionOf(request);
  // Here the checksum header is the whole object's, not the request body's.
  const expected = checksumOfCompletion(context);
  const listed = parseCompletion(await receiveAll({ ...request, headers: withoutChecksums(request.headers) }, payload, MAX_XML_BYTES));
  const first = requireUpload(context);
  // The customer key is not needed to put parts together; one that is given must fit.
  const customerKey = customerKeyOf(request);
  if (customerKey !== null) checkPartKey(first, customerKey);
  checkWrite(condition, catalogue.object(first.bucketId, objectKey), objectKey);
  const result = await catalogue.commit(() => {
    const upload = requireUpload(context);
    const stored = catalogue.parts(upload.id);
    const parts = matchParts(upload, stored, listed);
    const size = parts.reduce((sum, part) => sum + part.body.size, 0);
    const expectedSize = request.header('x-amz-mp-object-size');
    if (expectedSize !== undefined && expectedSize !== String(size)) throw new S3Error('InvalidRequest', 'The provided \'x-amz-mp-object-size\' header does not match what was computed.');
    const checksum = combineChecksums(upload, parts);
    if (expected !== null && (checksum === null || checksum.algorithm !== expected.algorithm || checksum.value !== expected.value)) {
      throw new S3Error('BadDigest', `The ${expected.algorithm} you specified did not match the calculated checksum.`);
    }
    recheckWrite(condition, catalogue.object(upload.bucketId, objectKey), objectKey);
    const etag = compositeETag(parts);
    const bucket = requireBucket(context, request.bucketName);
    const versionId = nextVersionId(bucket);
    catalogue.putVersion(upload.bucketId, objectKey, {
      versionId, isMarker: false, ...(upload.tags !== undefined && { tags: upload.tags }), etag, size, modifiedMs: wholeSeconds(Date.now()), headers: upload.headers, metadata: upload.metadata, encryption: upload.encryption,
      checksum, bodies: parts.map((part) => part.body), parts: parts.map((part) => part.checksum),
    });
    const chosen = new Set(parts);
    for (const part of stored) if (!chosen.has(part)) catalogue.removeBody(part.body);
    catalogue.removeUpload(upload.id, false);
    return { etag, checksum, headers: [...versionHeaders(bucket, versionId), ...encryptionHeaders(upload.encryption, customerKey)] };
  });
  const checksumXml = result.checksum === null ? '' : element(checksumElementName(result.checksum.algorithm), result.checksum.value) + element('ChecksumType', result.checksum.type);
  const location = `${request.isSecure ? 'https' : 'http'}://${request.header('host') ?? 'localhost'}/${request.bucketName ?? ''}/${objectKey}`;
  return xmlAnswer(
    document('CompleteMultipartUploadResult', element('Location', location) + element('Bucket', request.bucketName ?? '') + element('Key', objectKey) + element('ETag', quoted(result.etag)) + checksumXml),
    result.headers,
  );
};

function checksumOfCompletion({ request }: Context): { algorithm: ChecksumAlgorithm; value: string } | null {
  const composite = CHECKSUM_ALGORITHMS.map((algorithm) => ({ algorithm, value: request.header(`x-amz-checksum-${algorithm.toLowerCase()}`) })).find(({ value }) => value !== undefined && /-\d+$/.test(value));
  if (composite?.value !== undefined) return { algorithm: composite.algorithm, value: composite.value };
  return checksumOfHeaders(request);
}

function withoutChecksums(headers: Context['request']['headers']): Context['request']['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-amz-checksum-') && name !== 'x-amz-sdk-checksum-algorithm'));
}

function limitOf(context: Context, name: string): number {
  const text = context.request.query.get(name);
  if (text === undefined) return PAGE;
  if (!/^\d{1,10}$/.test(text)) throw invalidArgument(name, text, `Provided ${name} not an integer or within integer range`);
  return Math.min(PAGE, Number(text));
}

export const listParts: Operation = (context) => {
  const upload = requireUpload(context);
  const limit = limitOf(context, 'max-parts');
  const marker = Number(context.request.query.get('part-number-marker') ?? 0);
  if (!Number.isInteger(marker) || marker < 0) throw invalidArgument('part-number-marker', String(marker), 'Provided part-number-marker not an integer or within integer range');
  const found = context.catalogue.parts(upload.id, marker, limit + 1);
  const parts = found.slice(0, limit);
  const { checksumAlgorithm: algorithm } = upload;
  const listed = parts.map((part) => `<Part>${element('PartNumber', part.number)}${element('LastModified', isoTime(part.modifiedMs))}${element('ETag', quoted(part.etag))}${element('Size', part.body.size)}${algorithm === null ? '' : optionalElement(checksumElementName(algorithm), part.checksum)}</Part>`);
  return xmlAnswer(document('ListPartsResult', [
    element('Bucket', context.request.bucketName ?? ''), element('Key', upload.objectKey), element('UploadId', upload.id),
    `<Initiator>${OWNER}</Initiator><Owner>${OWNER}</Owner><StorageClass>STANDARD</StorageClass>`,
    optionalElement('ChecksumAlgorithm', algorithm), optionalElement('ChecksumType', upload.checksumType),
    element('PartNumberMarker', marker), element('NextPartNumberMarker', parts.at(-1)?.number ?? 0), element('MaxParts', limit),
    element('IsTruncated', found.length > limit), listed.join(''),
  ].join('')));
};

export const listUploads: Operation = (context): Answer => {
  const { query } = context.request;
  const bucket = requireBucket(context, context.request.bucketName);
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const keyMarker = query.get('key-marker') ?? '';
  const idMarker = query.get('upload-id-marker') ?? '';
  const limit = limitOf(context, 'max-uploads');
  const encode = query.get('encoding-type') === 'url' ? (text: string): string => encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%20', '+') : escapeXml;
  const uploads: Upload[] = [];
  const prefixes = new Set<string>();
  let isTruncated = false;
  let last: { readonly key: string; readonly id: string } | null = null;
  for (const upload of context.catalogue.scanUploads(bucket.id, keyBytes(keyMarker > prefix ? keyMarker : prefix))) {
    const { objectKey, id } = upload;
    if (!objectKey.startsWith(prefix)) {
      if (Buffer.compare(keyBytes(objectKey), keyBytes(prefix)) > 0) break;
      continue;
    }
    if (objectKey === keyMarker && keyMarker !== '' && (idMarker === '' || id <= idMarker)) continue;
    const found = delimiter === '' ? -1 : objectKey.indexOf(delimiter, prefix.length);
    const folded = found === -1 ? null : objectKey.slice(0, found + delimiter.length);
    if (folded !== null && (prefixes.has(folded) || folded === keyMarker)) continue;
    if (uploads.length + prefixes.size >= limit) {
      isTruncated = true;
      break;
    }
    if (folded === null) uploads.push(upload);
    else prefixes.add(folded);
    last = { key: folded ?? objectKey, id };
  }
  const listed = uploads.map((upload) => `<Upload><Key>${encode(upload.objectKey)}</Key>${element('UploadId', upload.id)}<Initiator>${OWNER}</Initiator><Owner>${OWNER}</Owner><StorageClass>STANDARD</StorageClass>${element('Initiated', isoTime(upload.createdMs))}${optionalElement('ChecksumAlgorithm', upload.checksumAlgorithm)}${optionalElement('ChecksumType', upload.checksumType)}</Upload>`);
  return xmlAnswer(document('ListMultipartUploadsResult', [
    element('Bucket', bucket.name), `<KeyMarker>${encode(keyMarker)}</KeyMarker>`, element('UploadIdMarker', idMarker),
    isTruncated && last !== null ? `<NextKeyMarker>${encode(last.key)}</NextKeyMarker>${element('NextUploadIdMarker', last.id)}` : '',
    `<Prefix>${encode(prefix)}</Prefix>`, delimiter === '' ? '' : `<Delimiter>${encode(delimiter)}</Delimiter>`, element('MaxUploads', limit),
    optionalElement('EncodingType', query.get('encoding-type')), element('IsTruncated', isTruncated), listed.join(''),
    [...prefixes].map((text) => `<CommonPrefixes><Prefix>${encode(text)}</Prefix></CommonPrefixes>`).join(''),
  ].join('')));
};
