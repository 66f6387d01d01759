/**
 * Large uploads that survive a restart. A part's hash is on disk before its first byte leaves, so that the same data key never
 * encrypts two texts: an upload is gone on with only where every part ever attempted comes out the same again.
 */
import { isSyncError } from '../model/errors.ts';
import type { LocalEntry } from '../model/snapshot.ts';
import { dominates } from '../model/version-vector.ts';
import type { VersionVector } from '../model/version-vector.ts';
import type { FolderParts } from './parts.ts';
import type { Intent, SavedUpload, UploadJournal } from './ports.ts';

/** Buckets are often told to give unfinished uploads up after a week. */
const KEPT_MS = 6 * 24 * 3_600_000;

/** What can be gone on with: begun of the file as it is now, and as a version that has seen all that the new one must have seen. */
export function fittingUpload(saved: SavedUpload | null, local: LocalEntry, ancestor: VersionVector, nowMs: number): SavedUpload | null {
  if (saved === null) return null;
  const isFitting = saved.stamp === local.stamp && dominates(saved.vector, ancestor) && nowMs - saved.savedAtMs < KEPT_MS;
  return isFitting ? saved : null;
}

export function journalFor({ path, objectKey, operationId, vector }: Intent, local: LocalEntry, { state, clock }: FolderParts): UploadJournal {
  // The state's calls are synchronous: a promise of them resolves when they are on disk.
  const onDisk = async (write: () => void): Promise<void> => {
    write();
    return Promise.resolve();
  };
  return {
    saved: state.savedUpload(path),
    begin: (upload) => onDisk(() => state.saveUpload({ ...upload, path, objectKey, operationId, vector, stamp: local.stamp, savedAtMs: clock.nowMs(), parts: {} })),
    attempt: (partNumber, sha256) => onDisk(() => state.savePart(path, partNumber, sha256)),
    drop: () => onDisk(() => state.dropUpload(path)),
  };
}

/** Below this a file is one request, and leaves nothing behind. */
const SMALLEST_MULTIPART_BYTES = 5 * 1024 * 1024;

export function mayTakeParts({ sizeBytes }: Pick<LocalEntry, 'sizeBytes'>): boolean {
  return sizeBytes >= SMALLEST_MULTIPART_BYTES;
}

/** Once for each start, before the first cycle: parts that nobody will complete cost money for ever. */
export async function clearUploads(parts: FolderParts, signal: AbortSignal): Promise<void> {
  const { state, remote, tree, clock } = parts;
  if (remote.clearUploads === undefined) return;
  const named: SavedUpload[] = [];
  const keep = new Set<string>();
  for (const saved of state.savedUploads()) {
    const now = await tree.entryAt(saved.path);
    const isOver = now?.stamp !== saved.stamp || clock.nowMs() - saved.savedAtMs >= KEPT_MS || state.baseAt(saved.path)?.operationId === saved.operationId;
    if (isOver) named.push(saved);
    else keep.add(saved.uploadId);
  }
  const begun = state.openIntents().filter(({ kind, local }) => kind === 'upload' && local !== null && mayTakeParts(local)).map(({ objectKey, createdAtMs }) => ({ objectKey, sinceMs: createdAtMs }));
  if (named.length + begun.length === 0) return;
  try {
    await remote.clearUploads({ named, begun, keep }, signal);
    for (const { path } of named) state.dropUpload(path);
  } catch (error) {
    // Who may not list or end uploads can sync all the same; the next start tries again.
    if (!isSyncError(error)) throw error;
  }
}
