/**
 * The last look before anything is deleted: a plan that looks like an accident (a disk that came up empty, a bucket that was
 * wiped, a tree that went away) waits for the user. Renames are no deletions and were taken out before.
 */
import type { Action, HoldReason, PlanPolicy } from '../model/action.ts';
import { isDirectoryPath, parentOf } from '../model/path.ts';
import type { SyncPath } from '../model/path.ts';

type Deletion = Extract<Action, { type: 'delete-remote' | 'delete-local' }>;

/** An emptied folder is worth asking about; one whose only file was deleted is not. */
const MIN_FILES_TO_BE_EMPTIED = 2;

/** Why these deletions must wait, or null where they may go on. Each side is judged for itself. */
export function reasonToHold(deletions: readonly Deletion[], policy: PlanPolicy): HoldReason | null {
  return reasonOnSide(deletions.filter(({ type }) => type === 'delete-remote'), 'remote', policy) ?? reasonOnSide(deletions.filter(({ type }) => type === 'delete-local'), 'local', policy);
}

/** @param target - where the files would be deleted; what emptied is the other side. */
function reasonOnSide(deletions: readonly Deletion[], target: 'local' | 'remote', policy: PlanPolicy): HoldReason | null {
  const files = deletions.filter(({ path }) => !isDirectoryPath(path));
  if (files.length === 0) return null;
  const { guard, totals } = policy;
  const left = target === 'remote' ? totals.localFiles : totals.remoteFiles;
  if (left === 0 && totals.baseFiles >= MIN_FILES_TO_BE_EMPTIED) return target === 'remote' ? 'root-emptied' : 'remote-emptied';
  if (files.length > Math.max(guard.maxFiles, guard.maxShare * totals.baseFiles)) return target === 'remote' ? 'mass-delete-remote' : 'mass-delete-local';
  return hasVanishedTree(deletions.map(({ path }) => path), policy) ? (target === 'remote' ? 'tree-delete-remote' : 'tree-delete-local') : null;
}

/** True where all that base knows below some directory is to go, and there are more files in it than the guard lets pass. */
function hasVanishedTree(paths: readonly SyncPath[], policy: PlanPolicy): boolean {
  const { maxTree } = policy.guard;
  if (paths.length <= maxTree) return false;
  const deletedBelow = new Map<SyncPath, { files: number; all: number }>();
  for (const path of paths) {
    const isFile = !isDirectoryPath(path);
    for (let directory = parentOf(path); directory !== ''; directory = parentOf(directory)) {
      const counted = deletedBelow.get(directory) ?? { files: 0, all: 0 };
      deletedBelow.set(directory, { files: counted.files + (isFile ? 1 : 0), all: counted.all + 1 });
    }
  }
  for (const [directory, { files, all }] of deletedBelow) {
    if (files > maxTree && (policy.baseEntriesBelow?.(directory, all + 1) ?? all) <= all) return true;
  }
  return false;
}
