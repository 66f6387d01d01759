/** How a base entry is made from what both sides turned out to hold. */
import { SyncError } from '../model/errors.ts';
import type { BaseEntry, FileAttributes, LocalEntry, OperationId, RemoteVersion } from '../model/snapshot.ts';
import type { VersionVector } from '../model/version-vector.ts';
import type { Random } from './ports.ts';
import type { FolderFacts } from './parts.ts';

/** The attributes of a version whose HEAD or GET has been made. @throws SyncError invariant */
export function attributesOf(version: RemoteVersion): FileAttributes {
  if (version.attributes === null) throw new SyncError('invariant', { objectKey: version.objectKey, detail: 'attributes were not fetched' });
  return version.attributes;
}

/**
 * The vector to remember for a version. Other programs write none; what was known before then stays known, so that this
 * device's next version is not taken for a fork by the devices that have not seen the foreign one.
 */
export function vectorOf(attributes: FileAttributes, ancestor: VersionVector): VersionVector {
  return isFromOtherProgram(attributes) ? ancestor : attributes.vector;
}

export function isFromOtherProgram(attributes: FileAttributes): boolean {
  return Object.keys(attributes.vector).length === 0;
}

/** @param source - the local entry as it was when its content was read or written, never a later look at the path. */
export function baseEntryOf(source: {
  readonly local: LocalEntry;
  readonly version: RemoteVersion;
  readonly sha256: string;
  readonly operationId: OperationId;
  readonly vector: VersionVector;
  readonly facts: Pick<FolderFacts, 'epoch' | 'keyId'>;
}): BaseEntry {
  const { local, version, facts } = source;
  return {
    path: local.path,
    kind: local.kind,
    objectKey: version.objectKey,
    etag: version.etag,
    versionId: version.versionId,
    operationId: source.operationId,
    vector: source.vector,
    sizeBytes: local.sizeBytes,
    mtimeMs: local.mtimeMs,
    modeBits: local.modeBits,
    sha256: source.sha256,
    inode: local.inode,
    stamp: local.stamp,
    epoch: version.epoch ?? facts.epoch,
    keyId: version.keyId === undefined ? facts.keyId : version.keyId,
    objectBytes: version.objectBytes,
  };
}

/**
 * The row of a version that was brought under another mode or key since: what it holds is what it held, so that neither an edit nor
 * a deletion made of it meets anything new. Null where it is another version, or where the row says all this already.
 *
 * @param listedMs - the time that a listing tells of it; null where none did.
 */
export function knownAgain(base: BaseEntry, version: RemoteVersion, listedMs: number | null): BaseEntry | null {
  const { attributes, etag, versionId, objectBytes, epoch = base.epoch, keyId = base.keyId } = version;
  if (attributes === null || attributes.operationId !== base.operationId || attributes.sizeBytes !== base.sizeBytes || (attributes.sha256 ?? base.sha256) !== base.sha256) return null;
  const isSame = etag === base.etag;
  // Only who brings the folder's objects under a later epoch keeps their operation id.
  if (!isSame && epoch <= base.epoch) return null;
  if (isSame && epoch === base.epoch && keyId === base.keyId && (base.listedMs ?? null) === listedMs) return null;
  return { ...base, etag, versionId, objectBytes, epoch, keyId, listedMs };
}

/** 32 random hex digits, for one attempt to change one path. */
export function newOperationId(random: Random): OperationId {
  return Buffer.from(random.bytes(16)).toString('hex') as OperationId;
}
