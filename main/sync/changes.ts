/** The actions that move no content through this computer: deletions, renames, new attributes. */
import { isSyncError, SyncError } from '../model/errors.ts';
import { deletedChange, storedChange } from '../model/feed.ts';
import { isDirectoryPath, parentOf } from '../model/path.ts';
import type { Action } from '../model/action.ts';
import type { SyncPath } from '../model/path.ts';
import type { BaseEntry, FileAttributes, LocalEntry } from '../model/snapshot.ts';
import { attributesOf, baseEntryOf } from './base-entry.ts';
import type { FolderParts } from './parts.ts';
import type { Intent } from './ports.ts';
import type { Run } from './run.ts';
import { upload } from './transfer.ts';

type Of<T extends Action['type']> = Extract<Action, { type: T }>;

/** Tombstone first, so that no device ever finds the object gone without a reason; then the conditional deletion. */
export async function deleteRemote(action: Of<'delete-remote'>, intent: Intent, run: Run): Promise<void> {
  await expectLocal(action.path, null, run);
  await buryRemote(action.base, run);
  run.recorder.record({ drop: action.path, finish: intent.operationId, changes: [deletedChange(action.base)], note: { kind: 'deleted-remote', path: action.path, bytes: action.base.sizeBytes } });
  run.board.finishFile();
}

async function buryRemote(base: BaseEntry, run: Run): Promise<void> {
  const { remote, state, clock } = run.parts;
  await remote.putTombstone({ path: base.path, operationId: base.operationId, vector: base.vector, deletedAtMs: clock.nowMs(), device: state.device }, run.signal);
  try {
    await remote.delete({ objectKey: base.objectKey, etag: base.etag, operationId: base.operationId }, base.path, run.signal);
  } catch (error) {
    // Gone already: that is what was wanted.
    if (!isSyncError(error, 'object-not-found')) throw error;
  }
}

/** Into the folder's trash. The directories that became empty by it go together, when the stage is through. */
export async function deleteLocal(action: Of<'delete-local'>, run: Run): Promise<void> {
  const { path } = action;
  if (isDirectoryPath(path)) {
    const now = await run.parts.tree.entryAt(path);
    // With something new inside it stays, and needs no object of its own.
    if (now !== null && now.isEmpty !== true) {
      run.recorder.record({ drop: path });
      return;
    }
    if (now !== null) await moveToTrash(now, run);
  } else {
    await moveToTrash(action.local, run);
  }
  run.recorder.record({ drop: path, note: { kind: 'deleted-local', path, bytes: action.base.sizeBytes } });
  run.board.finishFile();
}

const PRUNING = 'pruning';

/**
 * Notes the directories that may become empty by these deletions, and those that are about to be made. A crash between a
 * deletion and the removal of its empty directory, or between making a directory and recording it, would otherwise leave
 * one that looks like the user's own, and bring it back on every device.
 */
export function beginPruning(deletions: readonly Of<'delete-local'>[], made: readonly SyncPath[], { state }: FolderParts): void {
  if (deletions.length + made.length === 0) return;
  state.putFact(PRUNING, [...new Set([...deletions.map(({ path }) => parentOf(path)), ...made])].filter((directory) => directory !== ''));
}

/** Removes those that were noted and are empty now, unless they are in step; what a crash left of them is removed by the next cycle. */
export async function finishPruning({ state, tree }: FolderParts): Promise<void> {
  const directories = state.fact<SyncPath[]>(PRUNING) ?? [];
  if (directories.length === 0) return;
  for (const directory of directories) await tree.pruneEmptyParents(`${directory}-` as SyncPath, (kept) => state.baseAt(kept) !== null);
  state.putFact(PRUNING, []);
}

async function moveToTrash(entry: LocalEntry, run: Run): Promise<void> {
  try {
    await run.parts.tree.moveToTrash(entry);
  } catch (error) {
    if (!isSyncError(error, 'file-vanished')) throw error;
  }
}

/**
 * A local rename: the object is copied to its new key, proved to be there, and only then deleted under the old one.
 * Where the endpoint cannot copy, the file is uploaded instead.
 */
export async function renameRemote(action: Of<'rename-remote'>, intent: Intent, run: Run): Promise<void> {
  const { from, path, local } = action;
  await expectLocal(from.path, null, run);
  await expectLocal(path, local, run);
  const attributes: FileAttributes = {
    operationId: intent.operationId, vector: intent.vector, mtimeMs: local.mtimeMs, modeBits: local.modeBits, kind: local.kind, sizeBytes: from.sizeBytes, sha256: from.sha256,
  };
  await copyOrUpload(from, { path, local, replaces: null, attributes }, intent, run);
  await buryRemote(from, run);
  run.recorder.record({ drop: from.path, finish: intent.operationId, changes: [deletedChange(from)], note: { kind: 'renamed', path, bytes: from.sizeBytes, detail: from.path } });
  run.board.finishFile();
}

/** Only the permission bits changed: the object is copied onto itself. The vector stays: the content is the same version. */
export async function updateAttributes(action: Of<'update-attributes'>, intent: Intent, run: Run): Promise<void> {
  const { base, path, local } = action;
  await expectLocal(path, local, run);
  const attributes: FileAttributes = {
    operationId: intent.operationId, vector: intent.vector, mtimeMs: local.mtimeMs, modeBits: local.modeBits, kind: local.kind, sizeBytes: base.sizeBytes, sha256: base.sha256,
  };
  await copyOrUpload(base, { path, local, replaces: base.etag, attributes }, intent, run);
  run.recorder.record({ finish: intent.operationId, note: { kind: 'attributes-updated', path, bytes: 0 } });
  run.board.finishFile();
}

/** Records the new version's base entry. A copy must hold the content, since the last other holder may go after it. */
async function copyOrUpload(
  from: BaseEntry,
  to: { readonly path: SyncPath; readonly local: LocalEntry; readonly replaces: string | null; readonly attributes: FileAttributes },
  intent: Intent,
  run: Run,
): Promise<void> {
  try {
    const version = await run.parts.remote.copy({ objectKey: from.objectKey, etag: from.etag, path: from.path }, to.path, to.attributes, run.signal);
    const copied = attributesOf(version).sha256;
    if (copied !== null && copied !== from.sha256) throw new SyncError('version-changed', { path: to.path, detail: 'the copy does not hold the content' });
    const put = baseEntryOf({ local: to.local, version: { epoch: from.epoch, keyId: from.keyId, ...version }, sha256: from.sha256, operationId: intent.operationId, vector: intent.vector, facts: run.facts });
    run.recorder.record({ put, changes: [storedChange(put)] });
    return;
  } catch (error) {
    if (!isSyncError(error, 'rejected')) throw error;
  }
  const replaces = to.replaces === null ? null : { objectKey: from.objectKey, etag: to.replaces, versionId: from.versionId, objectBytes: from.sizeBytes, lastModifiedMs: 0, attributes: null };
  await upload({ type: 'upload', path: to.path, local: to.local, replaces, ancestor: from.vector }, intent, run);
}

/** What stands at a path right before a request that rests on it. @throws SyncError target-changed */
async function expectLocal(path: SyncPath, expected: LocalEntry | null, run: Run): Promise<void> {
  const now = await run.parts.tree.entryAt(path);
  if (now?.stamp !== expected?.stamp && !(now !== null && expected !== null && now.kind === 'directory' && expected.kind === 'directory')) {
    throw new SyncError('target-changed', { path });
  }
}
