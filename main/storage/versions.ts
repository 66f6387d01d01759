/** Versions: what is written, found, read and deleted in buckets whose versioning is on, suspended, or was never on. */
import { randomBytes } from 'node:crypto';
import { S3Error } from './errors.ts';
import type { Catalogue } from './catalogue.ts';
import type { Bucket, ObjectRecord, Version } from './records.ts';

/** The id of the next version of a key in this bucket. */
export const nextVersionId = (bucket: Bucket): string => (bucket.settings.versioning === 'Enabled' ? newVersionId() : 'null');

/** 32 characters that mean nothing and that no shell takes for an option. */
function newVersionId(): string {
  return randomBytes(24).toString('base64url').replaceAll('-', '.');
}

/** `x-amz-version-id`, where versioning is or was on. */
export function versionHeaders(bucket: Bucket, versionId: string): string[] {
  return bucket.settings.versioning === undefined ? [] : ['x-amz-version-id', versionId];
}

/** @throws S3Error InvalidArgument where no version could have this id */
export function checkVersionId(versionId: string): void {
  if (versionId === 'null' || /^[\w.]{32}$/.test(versionId)) return;
  throw new S3Error('InvalidArgument', 'Invalid version id specified', { ArgumentName: 'versionId', ArgumentValue: versionId });
}

/**
 * The version a read means: the named one, or the current one.
 *
 * @throws S3Error NoSuchKey, NoSuchVersion, InvalidArgument; MethodNotAllowed where a delete marker was named
 */
export function requireVersion(catalogue: Catalogue, bucket: Bucket, objectKey: string, versionId: string | undefined): ObjectRecord {
  if (versionId !== undefined) checkVersionId(versionId);
  const found = versionId === undefined ? catalogue.latest(bucket.id, objectKey) : catalogue.version(bucket.id, objectKey, versionId);
  if (found !== null && !found.isMarker) return found;
  const marker = found === null ? [] : ['x-amz-delete-marker', 'true', ...versionHeaders(bucket, found.versionId)];
  if (versionId === undefined) throw new S3Error('NoSuchKey', undefined, { Key: objectKey }, marker);
  if (found === null) throw new S3Error('NoSuchVersion', undefined, { Key: objectKey, VersionId: versionId });
  throw new S3Error('MethodNotAllowed', undefined, { Method: 'GET', ResourceType: 'DeleteMarker' }, [...marker, 'Allow', 'DELETE', 'Last-Modified', new Date(found.modifiedMs).toUTCString()]);
}

export type Deleted = { readonly versionId: string | null; readonly isMarker: boolean };

/** Deletes inside a commit: a named version for good, else the key, which leaves a marker where versioning is or was on. */
export function deleteVersion(catalogue: Catalogue, bucket: Bucket, objectKey: string, versionId: string | undefined, modifiedMs: number): Deleted {
  const { versioning } = bucket.settings;
  if (versionId !== undefined) {
    const isMarker = catalogue.version(bucket.id, objectKey, versionId)?.isMarker === true;
    catalogue.removeVersion(bucket.id, objectKey, versionId);
    return { versionId: versioning === undefined ? null : versionId, isMarker };
  }
  if (versioning === undefined) {
    catalogue.removeVersion(bucket.id, objectKey, 'null');
    return { versionId: null, isMarker: false };
  }
  const marker = markerOf(nextVersionId(bucket), modifiedMs);
  catalogue.putVersion(bucket.id, objectKey, marker);
  return { versionId: marker.versionId, isMarker: true };
}

function markerOf(versionId: string, modifiedMs: number): Version {
  return { versionId, isMarker: true, etag: '', size: 0, modifiedMs, headers: {}, metadata: {}, encryption: { type: 'sse-s3', objectId: '', masterKeyId: '', wrapped: '' }, checksum: null, bodies: [] };
}
