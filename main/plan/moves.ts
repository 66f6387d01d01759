/**
 * A file that is gone at one path and new at another is a rename where its identity proves it: equal content, and no other
 * path that could be meant. The same inode alone proves nothing, since the system gives it away again, but it decides between
 * files of equal content.
 */
import type { Action } from '../model/action.ts';

type Deletion = Extract<Action, { type: 'delete-remote' }>;
type Creation = Extract<Action, { type: 'upload' }>;
/** An upload to a path that neither base nor the bucket knows, with the content's hash. */
export type Created = { readonly action: Creation; readonly sha256: string };
export type Rename = { readonly deletion: Deletion; readonly creation: Creation; readonly action: Extract<Action, { type: 'rename-remote' }> };

/** Each deletion and each creation is in one pair at most; what is left over stays what it was. */
export function findRenames(deletions: readonly Deletion[], creations: readonly Created[]): readonly Rename[] {
  const goneByHash = groupBy(deletions.filter(({ base }) => base.kind === 'file' && base.sizeBytes > 0), ({ base }) => base.sha256);
  const newByHash = groupBy(creations.filter(({ action }) => action.local.sizeBytes > 0), ({ sha256 }) => sha256);
  const renames: Rename[] = [];
  for (const [sha256, gone] of goneByHash) renames.push(...pairUp(gone, (newByHash.get(sha256) ?? []).map(({ action }) => action)));
  return renames;
}

/** All of equal content: first those of one inode, then the one deletion and the one creation left over. */
function pairUp(gone: readonly Deletion[], created: readonly Creation[]): Rename[] {
  const renames: Rename[] = [];
  const goneByInode = groupBy(gone, ({ base }) => base.inode);
  const newByInode = groupBy(created, ({ local }) => local.inode);
  const freeDeletions = new Set(gone);
  const freeCreations = new Set(created);
  for (const [inode, deletions] of goneByInode) {
    const [deletion, ...moreGone] = deletions;
    const [creation, ...moreNew] = newByInode.get(inode) ?? [];
    // Two of one inode are hard links: which of them went where cannot be told.
    if (deletion === undefined || creation === undefined || moreGone.length + moreNew.length > 0) continue;
    renames.push(renameOf(deletion, creation));
    freeDeletions.delete(deletion);
    freeCreations.delete(creation);
  }
  const [deletion] = freeDeletions;
  const [creation] = freeCreations;
  if (freeDeletions.size === 1 && freeCreations.size === 1 && deletion !== undefined && creation !== undefined) renames.push(renameOf(deletion, creation));
  return renames;
}

function renameOf(deletion: Deletion, creation: Creation): Rename {
  return { deletion, creation, action: { type: 'rename-remote', from: deletion.base, path: creation.path, local: creation.local } };
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
