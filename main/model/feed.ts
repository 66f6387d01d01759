/**
 * The change feed: what one device has changed in the bucket, by number, so that others learn of it without listing the
 * bucket. An entry is a hint where to look: what is concluded from it is what a HEAD, a GET or a tombstone proves.
 */
import type { KeyId } from './mode.ts';
import type { ObjectKey } from './path.ts';
import type { BaseEntry, OperationId } from './snapshot.ts';
import type { DeviceId, VersionVector } from './version-vector.ts';

/** One object version that was stored, or (`isDeleted`) deleted. */
export type Change = {
  readonly objectKey: ObjectKey;
  readonly etag: string;
  readonly operationId: OperationId;
  readonly vector: VersionVector;
  /** Of the stored body. */
  readonly objectBytes: number;
  /** Which master or customer key opens it; null where S3 or KMS holds the key. */
  readonly keyId: KeyId | null;
  readonly isDeleted: boolean;
};

/** `seq` counts from 1 without gaps, over all that a device has ever changed. */
export type NumberedChange = Change & { readonly seq: number };

/** The last changes of a device, oldest first, without gaps and never empty. */
export type ChangeFeed = { readonly device: DeviceId; readonly changes: readonly NumberedChange[] };

/** Most entries, and most bytes of the encoded feed, before it is sealed. */
export const MAX_FEED_ENTRIES = 10_000;
export const MAX_FEED_BYTES = 1024 * 1024;

export function storedChange(entry: BaseEntry): Change {
  const { objectKey, etag, operationId, vector, keyId } = entry;
  return { objectKey, etag, operationId, vector, objectBytes: entry.objectBytes ?? entry.sizeBytes, keyId, isDeleted: false };
}

export function deletedChange(entry: BaseEntry): Change {
  return { ...storedChange(entry), isDeleted: true };
}
