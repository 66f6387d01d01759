/** Objects: put, get, head, delete, and deleting many. */
import { planBody, receiveAll, receiveBody } from '../body.ts';
import { childTextOf, parseDeletions } from './delete-many.ts';
import { checkRead, checkWrite, recheckWrite, writeConditionOf, type WriteCondition } from '../conditions.ts';
import { S3Error, invalidArgument } from '../errors.ts';
import { checksumHeaders, keptHeadersOf, metadataOf, objectHeaders } from '../object-headers.ts';
import { NO_CONTENT, encryptionHeaders, newDataKey, openDataKey, quoted, requireBucket, requireKey, wholeSeconds, xmlAnswer, type Answer, type Context, type Operation } from '../operation.ts';
import { parseRange } from '../range.ts';
import type { WrittenBody } from '../bodies.ts';
import type { Bucket, ObjectRecord } from '../records.ts';
import { document, element } from '../xml.ts';

const MAX_DELETE_XML_BYTES = 8 * 1024 * 1024;

/** Without versioning there is the version `null` and no other. @throws S3Error NoSuchVersion */
export function checkVersion(version: string | undefined): void {
  if (version === undefined || version === 'null') return;
  throw new S3Error('NoSuchVersion', undefined, { VersionId: version });
}

/** @throws S3Error NoSuchBucket, NoSuchKey, NoSuchVersion */
export function requireObject(context: Context, bucket: Bucket, objectKey: string, version: string | undefined): ObjectRecord {
  checkVersion(version);
  const object = context.catalogue.object(bucket.id, objectKey);
  if (object === null) throw new S3Error('NoSuchKey', undefined, { Key: objectKey });
  return object;
}

/**
 * Commits a written body as an object, if the condition still holds; else the body is removed again.
 *
 * @throws S3Error ConditionalRequestConflict, NoSuchBucket
 */
export async function commitObject(
  context: Context, objectKey: string, condition: WriteCondition, written: WrittenBody, object: Omit<ObjectRecord, 'bodies' | 'size'>,
): Promise<void> {
  const { catalogue, request } = context;
  try {
    await catalogue.commit(() => {
      const bucket = requireBucket(context, request.bucketName);
      recheckWrite(condition, catalogue.object(bucket.id, objectKey), objectKey);
      catalogue.putObject(bucket.id, objectKey, { ...object, size: written.size, bodies: [written.attach()] });
    });
  } catch (error) {
    await written.discard();
    throw error;
  }
  written.settle();
}

export const putObject: Operation = async (context) => {
  const { request, payload, catalogue, bodies, keyRing } = context;
  const objectKey = requireKey(request);
  const bucket = requireBucket(context, request.bucketName);
  const condition = writeConditionOf(request);
  const headers = keptHeadersOf(request);
  const metadata = metadataOf(request);
  const plan = planBody(request, payload);
  checkWrite(condition, catalogue.object(bucket.id, objectKey), objectKey);

  const { dataKey, encryption } = newDataKey(keyRing);
  const writer = bodies.createWriter(dataKey);
  try {
    const received = await receiveBody(request, plan, (chunk) => writer.write(chunk));
    const written = await writer.finish();
    const checksum = received.checksum === null ? null : { ...received.checksum, type: 'FULL_OBJECT' as const };
    await commitObject(context, objectKey, condition, written, { versionId: 'null', etag: received.md5, modifiedMs: wholeSeconds(Date.now()), headers, metadata, encryption, checksum });
    return { status: 200, headers: ['ETag', quoted(received.md5), ...encryptionHeaders(encryption), ...checksumHeaders(checksum)] };
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

function readObject(context: Context): { readonly object: ObjectRecord; readonly selection: Selection; readonly headers: string[] } {
  const { request } = context;
  const bucket = requireBucket(context, request.bucketName);
  const object = requireObject(context, bucket, requireKey(request), request.query.get('versionId'));
  checkRead(request, object, ['ETag', quoted(object.etag), 'Last-Modified', new Date(object.modifiedMs).toUTCString()]);
  const selection = selectBytes(context, object);
  const isWhole = selection.end - selection.start === object.size;
  return { object, selection, headers: [...objectHeaders(request, object, isWhole), ...selection.headers, 'Content-Length', String(selection.end - selection.start)] };
}

export const getObject: Operation = (context) => {
  const { object, selection, headers } = readObject(context);
  const dataKey = openDataKey(context.keyRing, object.encryption);
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
  if (version !== undefined && version !== 'null') throw new S3Error('InvalidArgument', 'Invalid version id specified', { ArgumentName: 'versionId', ArgumentValue: version });
  await receiveAll(request, context.payload, 64 * 1024);
  await catalogue.commit(() => {
    const bucket = requireBucket(context, request.bucketName);
    checkWrite(condition, catalogue.object(bucket.id, objectKey), objectKey);
    catalogue.removeObject(bucket.id, objectKey);
  });
  return NO_CONTENT;
};

export const deleteObjects: Operation = async (context) => {
  const { catalogue, request, payload } = context;
  const bucketName = requireBucket(context, request.bucketName).name;
  const isVerified = Object.keys(request.headers).some((name) => name === 'content-md5' || name.startsWith('x-amz-checksum-') || name === 'x-amz-trailer');
  if (!isVerified) throw new S3Error('InvalidRequest', 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*');
  const { deletions, isQuiet } = parseDeletions(await receiveAll(request, payload, MAX_DELETE_XML_BYTES));
  const outcomes = await catalogue.commit(() => {
    const bucket = requireBucket(context, bucketName);
    return deletions.map((deletion): string => {
      try {
        checkVersion(deletion.versionId);
        checkWrite({ mustBeFree: false, ifMatch: deletion.etag ?? null }, catalogue.object(bucket.id, deletion.objectKey), deletion.objectKey);
      } catch (error) {
        if (!(error instanceof S3Error)) throw error;
        return `<Error>${childTextOf(deletion)}${element('Code', error.code)}${element('Message', error.message)}</Error>`;
      }
      catalogue.removeObject(bucket.id, deletion.objectKey);
      return isQuiet ? '' : `<Deleted>${childTextOf(deletion)}</Deleted>`;
    });
  });
  return xmlAnswer(document('DeleteResult', outcomes.join('')));
};

/** Tags cannot be set yet, so every object has none. */
export const getObjectTagging: Operation = (context) => {
  const bucket = requireBucket(context, context.request.bucketName);
  requireObject(context, bucket, requireKey(context.request), context.request.query.get('versionId'));
  return xmlAnswer(document('Tagging', '<TagSet></TagSet>'));
};

export type { Answer };
