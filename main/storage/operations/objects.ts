/** Objects: put, get, head, delete, and deleting many. */
import { planBody, receiveAll, receiveBody } from '../body.ts';
import { childTextOf, parseDeletions } from './delete-many.ts';
import { checkRead, checkWrite, recheckWrite, writeConditionOf, type WriteCondition } from '../conditions.ts';
import { S3Error, invalidArgument } from '../errors.ts';
import { checksumHeaders, keptHeadersOf, metadataOf, objectHeaders } from '../object-headers.ts';
import { authorizeObject } from '../authorize.ts';
import { customerKeyOf, type CustomerKey } from '../customer-key.ts';
import { checkCustomer, etagOf, newDataKey, openDataKey, wishOf, writtenHeaders } from '../encryption.ts';
import { quoted, requireBucket, requireKey, wholeSeconds, xmlAnswer, type Answer, type Context, type Operation } from '../operation.ts';
import { tagsOfHeader } from '../tags.ts';
import { checkVersionId, deleteVersion, nextVersionId, requireVersion, versionHeaders } from '../versions.ts';
import { parseRange } from '../range.ts';
import type { WrittenBody } from '../body-writer.ts';
import type { Bucket, ObjectRecord } from '../records.ts';
import { document, element, optionalElement } from '../xml.ts';

const MAX_DELETE_XML_BYTES = 8 * 1024 * 1024;

/**
 * Commits a written body as an object, if the condition still holds; else the body is removed again.
 *
 * @returns the headers that name its version.
 * @throws S3Error ConditionalRequestConflict, NoSuchBucket
 */
export async function commitObject(
  context: Context, objectKey: string, condition: WriteCondition, written: WrittenBody, object: Omit<ObjectRecord, 'bodies' | 'size' | 'versionId'>,
): Promise<string[]> {
  const { catalogue, request } = context;
  let headers: string[];
  try {
    headers = await catalogue.commit(() => {
      const bucket = requireBucket(context, request.bucketName);
      recheckWrite(condition, catalogue.object(bucket.id, objectKey), objectKey);
      const versionId = nextVersionId(bucket);
      catalogue.putVersion(bucket.id, objectKey, { ...object, versionId, isMarker: false, size: written.size, bodies: [written.attach()] });
      return versionHeaders(bucket, versionId);
    });
  } catch (error) {
    await written.discard(error);
    throw error;
  }
  written.settle();
  return headers;
}

export const putObject: Operation = async (context) => {
  const { request, payload, catalogue, bodies } = context;
  const objectKey = requireKey(request);
  const bucket = requireBucket(context, request.bucketName);
  const condition = writeConditionOf(request);
  const wish = wishOf(request, bucket);
  const tags = tagsOfHeader(request);
  const headers = keptHeadersOf(request);
  const metadata = metadataOf(request);
  const plan = planBody(request, payload);
  checkWrite(condition, catalogue.object(bucket.id, objectKey), objectKey);
  bodies.requireRoom(plan.sizeBytes);

  const { dataKey, encryption } = await newDataKey(context, wish, bucket, objectKey);
  const writer = bodies.createWriter(dataKey);
  try {
    const received = await receiveBody(request, plan, (chunk) => writer.write(chunk), { createHashes: bodies.createHashes });
    const written = await writer.finish();
    const checksum = received.checksum === null ? null : { ...received.checksum, type: 'FULL_OBJECT' as const };
    const etag = etagOf(encryption, dataKey, received.md5);
    const version = await commitObject(context, objectKey, condition, written, { etag, modifiedMs: wholeSeconds(Date.now()), headers, metadata, encryption, checksum, ...(tags !== null && { tags }) });
    return { status: 200, headers: ['ETag', quoted(etag), ...version, ...writtenHeaders(encryption, wish), ...checksumHeaders(checksum)] };
  } catch (error) {
    await writer.abort();
    throw error;
  } finally {
    dataKey.fill(0);
  }
};

/** Which bytes of the object are asked for, and how that is answered. */
type Selection = { readonly status: 200 | 206; readonly start: number; readonly end: number; readonly headers: readonly string[] };

function selectBytes(context: Context, object: ObjectRecord): Selection {
  const { request } = context;
  const partNumber = request.query.get('partNumber');
  const range = request.header('range');
  if (partNumber !== undefined) {
    if (range !== undefined) throw new S3Error('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter');
    if (!/^\d{1,5}$/.test(partNumber) || Number(partNumber) < 1 || Number(partNumber) > 10_000) throw invalidArgument('partNumber', partNumber, 'Part number must be an integer between 1 and 10000, inclusive');
    const index = Number(partNumber) - 1;
    const part = object.bodies[index];
    if (part === undefined) throw new S3Error('InvalidPartNumber');
    const start = object.bodies.slice(0, index).reduce((sum, body) => sum + body.size, 0);
    const counted = object.parts === undefined ? [] : ['x-amz-mp-parts-count', String(object.parts.length)];
    const contentRange = object.size === 0 ? [] : ['Content-Range', `bytes ${start}-${start + part.size - 1}/${object.size}`];
    return { status: object.size === 0 ? 200 : 206, start, end: start + part.size, headers: [...contentRange, ...counted] };
  }
  const wanted = range === undefined ? null : parseRange(range, object.size);
  if (wanted === null) return { status: 200, start: 0, end: object.size, headers: [] };
  if (wanted === 'unsatisfiable') throw new S3Error('InvalidRange', undefined, { RangeRequested: range ?? '', ActualObjectSize: String(object.size) }, ['Content-Range', `bytes */${object.size}`]);
  return { status: 206, ...wanted, headers: ['Content-Range', `bytes ${wanted.start}-${wanted.end - 1}/${object.size}`] };
}

type Reading = { readonly object: ObjectRecord; readonly selection: Selection; readonly headers: string[]; readonly customerKey: CustomerKey | null };

function readObject(context: Context): Reading {
  const { request } = context;
  const bucket = requireBucket(context, request.bucketName);
  const misplaced = ['x-amz-server-side-encryption', 'x-amz-server-side-encryption-aws-kms-key-id', 'x-amz-server-side-encryption-context'].find((name) => request.header(name) !== undefined);
  if (misplaced !== undefined) throw invalidArgument(misplaced, request.header(misplaced) ?? '', `${misplaced} header is not supported for this operation.`);
  const customerKey = customerKeyOf(request);
  const object = requireVersion(context.catalogue, bucket, requireKey(request), request.query.get('versionId'));
  checkCustomer(object.encryption, customerKey);
  checkRead(request, object, ['ETag', quoted(object.etag), 'Last-Modified', new Date(object.modifiedMs).toUTCString()]);
  const selection = selectBytes(context, object);
  const isWhole = selection.end - selection.start === object.size;
  return { object, selection, customerKey, headers: [...objectHeaders(request, object, isWhole, customerKey), ...versionHeaders(bucket, object.versionId), ...selection.headers, 'Content-Length', String(selection.end - selection.start)] };
}

export const getObject: Operation = (context) => {
  const { object, selection, headers, customerKey } = readObject(context);
  const dataKey = openDataKey(context, object.encryption, customerKey);
  const content = context.bodies.open(dataKey, object.bodies, selection.start, selection.end);
  return { status: selection.status, headers, body: { content, sizeBytes: selection.end - selection.start } };
};

export const headObject: Operation = (context) => {
  const { selection, headers } = readObject(context);
  return { status: selection.status, headers };
};

export const deleteObject: Operation = async (context) => {
  const { catalogue, request } = context;
  const objectKey = requireKey(request);
  const condition = writeConditionOf(request);
  if (condition.mustBeFree) throw invalidArgument('If-None-Match', '*', 'If-None-Match is not supported on DELETE');
  const version = request.query.get('versionId');
  if (version !== undefined) checkVersionId(version);
  await receiveAll(request, context.payload, 64 * 1024);
  const deleted = await catalogue.commit(() => {
    const bucket = requireBucket(context, request.bucketName);
    checkDeletion(context, bucket, objectKey, version, condition);
    return deleteVersion(catalogue, bucket, objectKey, version, wholeSeconds(Date.now()));
  }, 'deletion');
  const headers = deleted.versionId === null ? [] : ['x-amz-version-id', deleted.versionId];
  return { status: 204, headers: deleted.isMarker ? [...headers, 'x-amz-delete-marker', 'true'] : headers };
};

/** The condition of a deletion is about the version that is named, else about the current one. @throws S3Error PreconditionFailed, NoSuchKey */
function checkDeletion({ catalogue }: Context, bucket: Bucket, objectKey: string, versionId: string | undefined, condition: WriteCondition): void {
  if (condition.ifMatch === null) return;
  const meant = versionId === undefined ? catalogue.object(bucket.id, objectKey) : catalogue.version(bucket.id, objectKey, versionId);
  checkWrite(condition, meant, objectKey);
}

export const deleteObjects: Operation = async (context) => {
  const { catalogue, request, payload } = context;
  const bucketName = requireBucket(context, request.bucketName).name;
  const isVerified = Object.keys(request.headers).some((name) => name === 'content-md5' || name.startsWith('x-amz-checksum-') || name === 'x-amz-trailer');
  if (!isVerified) throw new S3Error('InvalidRequest', 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*');
  const { deletions, isQuiet } = parseDeletions(await receiveAll(request, payload, MAX_DELETE_XML_BYTES));
  const modifiedMs = wholeSeconds(Date.now());
  const outcomes = await catalogue.commit(() => {
    const bucket = requireBucket(context, bucketName);
    return deletions.map((deletion): string => {
      const { objectKey, versionId, etag } = deletion;
      try {
        if (versionId !== undefined) checkVersionId(versionId);
        authorizeObject(context, bucket, versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion', objectKey);
        checkDeletion(context, bucket, objectKey, versionId, { mustBeFree: false, ifMatch: etag ?? null });
      } catch (error) {
        if (!(error instanceof S3Error)) throw error;
        return `<Error>${childTextOf(deletion)}${element('Code', error.code)}${element('Message', error.message)}</Error>`;
      }
      const deleted = deleteVersion(catalogue, bucket, objectKey, versionId, modifiedMs);
      const marker = deleted.isMarker ? element('DeleteMarker', true) + optionalElement('DeleteMarkerVersionId', deleted.versionId) : '';
      return isQuiet ? '' : `<Deleted>${childTextOf(deletion)}${marker}</Deleted>`;
    });
  }, 'deletion');
  return xmlAnswer(document('DeleteResult', outcomes.join('')));
};

export type { Answer };
