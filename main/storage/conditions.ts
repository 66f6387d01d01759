/** Preconditions of reads and writes, with S3's answers. */
import { S3Error, notImplemented } from './errors.ts';
import type { ObjectRecord } from './records.ts';
import type { S3Request } from './request.ts';

/** `"a", W/"b", c` -> `a`, `b`, `c`; S3 takes ETags with and without quotes. */
function parseETags(text: string): string[] {
  return text.split(',').map((etag) => etag.trim().replace(/^W\//, '').replace(/^"(.*)"$/, '$1'));
}

function namesETag(text: string, etag: string): boolean {
  return text.trim() === '*' || parseETags(text).includes(etag);
}

const failed = (condition: string): S3Error => new S3Error('PreconditionFailed', undefined, { Condition: condition });

/** A date header as milliseconds; null where it is missing or no date, which HTTP says to ignore. */
function dateOf(text: string | undefined): number | null {
  const timeMs = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(timeMs) ? null : timeMs;
}

/** @throws S3Error PreconditionFailed, NotModified */
export function checkRead(request: S3Request, object: ObjectRecord, notModifiedHeaders: readonly string[]): void {
  const ifMatch = request.header('if-match');
  const ifNoneMatch = request.header('if-none-match');
  const unmodifiedSince = dateOf(request.header('if-unmodified-since'));
  const modifiedSince = dateOf(request.header('if-modified-since'));
  if (ifMatch !== undefined && !namesETag(ifMatch, object.etag)) throw failed('If-Match');
  if (ifMatch === undefined && unmodifiedSince !== null && object.modifiedMs > unmodifiedSince) throw failed('If-Unmodified-Since');
  if (ifNoneMatch !== undefined && namesETag(ifNoneMatch, object.etag)) throw new S3Error('NotModified', undefined, {}, notModifiedHeaders);
  if (ifNoneMatch === undefined && modifiedSince !== null && object.modifiedMs <= modifiedSince) throw new S3Error('NotModified', undefined, {}, notModifiedHeaders);
}

/** The conditions on the source of a copy. @throws S3Error PreconditionFailed */
export function checkCopySource(request: S3Request, object: ObjectRecord): void {
  const ifMatch = request.header('x-amz-copy-source-if-match');
  const ifNoneMatch = request.header('x-amz-copy-source-if-none-match');
  const unmodifiedSince = dateOf(request.header('x-amz-copy-source-if-unmodified-since'));
  const modifiedSince = dateOf(request.header('x-amz-copy-source-if-modified-since'));
  if (ifMatch !== undefined && !namesETag(ifMatch, object.etag)) throw failed('x-amz-copy-source-If-Match');
  if (ifMatch === undefined && unmodifiedSince !== null && object.modifiedMs > unmodifiedSince) throw failed('x-amz-copy-source-If-Unmodified-Since');
  if (ifNoneMatch !== undefined && namesETag(ifNoneMatch, object.etag)) throw failed('x-amz-copy-source-If-None-Match');
  if (ifNoneMatch === undefined && modifiedSince !== null && object.modifiedMs <= modifiedSince) throw failed('x-amz-copy-source-If-Modified-Since');
}

/** What must stand at the key for a write to happen. */
export type WriteCondition = { readonly mustBeFree: boolean; readonly ifMatch: string | null };

/** @throws S3Error NotImplemented for conditions S3 does not have on writes */
export function writeConditionOf(request: S3Request): WriteCondition {
  const ifNoneMatch = request.header('if-none-match');
  const ifMatch = request.header('if-match') ?? null;
  if (ifNoneMatch !== undefined && ifNoneMatch.trim() !== '*') throw notImplemented('If-None-Match');
  if (ifNoneMatch !== undefined && ifMatch !== null) throw notImplemented('If-Match,If-None-Match');
  for (const name of ['x-amz-if-match-size', 'x-amz-if-match-last-modified-time', 'if-modified-since', 'if-unmodified-since']) {
    if (request.header(name) !== undefined) throw notImplemented(name);
  }
  return { mustBeFree: ifNoneMatch !== undefined, ifMatch };
}

/** @throws S3Error PreconditionFailed, NoSuchKey */
export function checkWrite(condition: WriteCondition, current: ObjectRecord | null, objectKey: string): void {
  if (condition.mustBeFree && current !== null) throw failed('If-None-Match');
  if (condition.ifMatch === null) return;
  if (current === null) throw new S3Error('NoSuchKey', undefined, { Key: objectKey });
  if (!namesETag(condition.ifMatch, current.etag)) throw failed('If-Match');
}

/**
 * The same, at the moment of the commit: what held when the request came and does not hold now was changed by another request meanwhile.
 *
 * @throws S3Error ConditionalRequestConflict
 */
export function recheckWrite(condition: WriteCondition, current: ObjectRecord | null, objectKey: string): void {
  try {
    checkWrite(condition, current, objectKey);
  } catch {
    throw new S3Error('ConditionalRequestConflict', undefined, { Condition: condition.mustBeFree ? 'If-None-Match' : 'If-Match', Key: objectKey });
  }
}
