/** Rows for the planner: each side of a path in the states that the decision table names. */
import { DEFAULT_GUARD } from '../../main/model/action.ts';
import type { PlanPolicy } from '../../main/model/action.ts';
import { syncPath } from '../../main/model/path.ts';
import type { ObjectKey } from '../../main/model/path.ts';
import { EMPTY_SHA256 } from '../../main/model/snapshot.ts';
import type { BaseEntry, FileAttributes, LocalEntry, LocalState, OperationId, PathStates, RemoteState, RemoteVersion, Tombstone } from '../../main/model/snapshot.ts';
import type { VersionVector } from '../../main/model/version-vector.ts';
import { sha256Of, sizeOf } from '../helpers/memory-disk.ts';

export const ME = '0123456789ab';
export const OTHER = 'cccccccccccc';

export function operation(n: number): OperationId {
  return n.toString(16).padStart(32, '0') as OperationId;
}

export function baseOf(path: string, content = 'base', changes: Partial<BaseEntry> = {}): BaseEntry {
  const isDirectory = path.endsWith('/');
  return {
    path: syncPath(path), kind: isDirectory ? 'directory' : 'file', objectKey: `p/${path}` as ObjectKey, etag: `etag of ${path}`, versionId: null, operationId: operation(1),
    vector: { [ME]: 3, [OTHER]: 2 }, sizeBytes: isDirectory ? 0 : sizeOf(content), mtimeMs: 1_000, modeBits: 0o644, sha256: isDirectory ? EMPTY_SHA256 : sha256Of(content),
    inode: `inode of ${path}`, stamp: `stamp of ${path}`, epoch: 0, keyId: null, ...changes,
  };
}

/** The entry that is on disk when nothing changed since `base`. */
export function entryOf(base: BaseEntry, changes: Partial<LocalEntry> = {}): LocalEntry {
  const { path, kind, sizeBytes, mtimeMs, modeBits, inode, stamp } = base;
  return { path, kind, sizeBytes, mtimeMs, modeBits, inode, stamp, ...(kind === 'directory' ? { isEmpty: true } : {}), ...changes };
}

export function presentHere(entry: LocalEntry, content: string | null): LocalState {
  return { type: 'present', entry: content === null ? entry : { ...entry, sizeBytes: entry.kind === 'file' ? sizeOf(content) : 0 }, sha256: content === null ? null : sha256Of(content) };
}

export function newFile(path: string, content: string, changes: Partial<LocalEntry> = {}): LocalState {
  return presentHere({ ...entryOf(baseOf(path)), inode: `new inode of ${path}`, stamp: `new stamp of ${path}`, ...changes }, content);
}

export function versionOf(path: string, content: string, vector: VersionVector, changes: Partial<FileAttributes> = {}): RemoteVersion {
  const isDirectory = path.endsWith('/');
  return {
    objectKey: `p/${path}` as ObjectKey, etag: `new etag of ${path}`, versionId: null, objectBytes: sizeOf(content), lastModifiedMs: 2_000,
    attributes: {
      operationId: operation(2), vector, mtimeMs: 2_000, modeBits: 0o644, kind: isDirectory ? 'directory' : 'file', sizeBytes: sizeOf(content),
      sha256: isDirectory ? EMPTY_SHA256 : sha256Of(content), ...changes,
    },
  };
}

export function unchangedThere(base: BaseEntry): RemoteState {
  const { objectKey, etag, versionId, sizeBytes, mtimeMs, modeBits, kind, sha256, operationId, vector } = base;
  return { type: 'present', version: { objectKey, etag, versionId, objectBytes: sizeBytes, lastModifiedMs: mtimeMs, attributes: { operationId, vector, mtimeMs, modeBits, kind, sizeBytes, sha256 } } };
}

export function tombstoneOf(path: string, vector: VersionVector): Tombstone {
  return { path: syncPath(path), operationId: operation(9), vector, deletedAtMs: 3_000, device: OTHER };
}

export function row(path: string, base: BaseEntry | null, local: LocalState, remote: RemoteState): PathStates {
  return { path: syncPath(path), base, local, remote };
}

export const ABSENT_HERE: LocalState = { type: 'absent' };
export const ABSENT_THERE: RemoteState = { type: 'absent', tombstone: null };

/** A file deleted locally and unchanged remotely. */
export function deletedHere(path: string, content = path): PathStates {
  const base = baseOf(path, content);
  return row(path, base, ABSENT_HERE, unchangedThere(base));
}

/** A file untouched locally whose deletion elsewhere is proved. */
export function deletedThere(path: string, content = path): PathStates {
  const base = baseOf(path, content);
  return row(path, base, presentHere(entryOf(base), content), { type: 'absent', tombstone: tombstoneOf(path, base.vector) });
}

export function createdHere(path: string, content = path, changes: Partial<LocalEntry> = {}): PathStates {
  return row(path, null, newFile(path, content, changes), ABSENT_THERE);
}

export function createdThere(path: string, content = path): PathStates {
  return row(path, null, ABSENT_HERE, { type: 'present', version: versionOf(path, content, { [OTHER]: 1 }) });
}

export function policyOf(changes: Partial<PlanPolicy> = {}): PlanPolicy {
  return {
    direction: 'two-way', isJoining: false, isClientSide: false, acceptHeld: false, isLocalComplete: true, isRemoteComplete: true, guard: DEFAULT_GUARD,
    totals: { baseFiles: 1_000, localFiles: 1_000, remoteFiles: 1_000 }, ...changes,
  };
}
