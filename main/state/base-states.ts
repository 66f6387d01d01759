/** What a side looks like that did not change since base: its state, derived from the base row. Pure. */
import type { BaseEntry, LocalState, RemoteState } from '../model/snapshot.ts';

export function localStateOf(base: BaseEntry | null): LocalState {
  if (base === null) return { type: 'absent' };
  const { path, kind, sizeBytes, mtimeMs, modeBits, inode, stamp } = base;
  const entry = { path, kind, sizeBytes, mtimeMs, modeBits, inode, stamp };
  // Only empty directories have rows.
  return { type: 'present', entry: kind === 'directory' ? { ...entry, isEmpty: true } : entry, sha256: base.sha256 };
}

/** `objectBytes` falls back to the plaintext's size and `lastModifiedMs` to the file's own time: both are hints to whoever shows them. */
export function remoteStateOf(base: BaseEntry | null): RemoteState {
  if (base === null) return { type: 'absent', tombstone: null };
  const { operationId, vector, mtimeMs, modeBits, kind, sizeBytes, sha256 } = base;
  return {
    type: 'present',
    version: {
      objectKey: base.objectKey,
      etag: base.etag,
      versionId: base.versionId,
      objectBytes: base.objectBytes ?? sizeBytes,
      lastModifiedMs: mtimeMs,
      attributes: { operationId, vector, mtimeMs, modeBits, kind, sizeBytes, sha256: sha256 === '' ? null : sha256 },
      epoch: base.epoch,
      keyId: base.keyId,
    },
  };
}
