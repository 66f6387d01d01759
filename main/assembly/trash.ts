/** What the engine removed or replaced in a folder on this disk, and bringing it back. Needs no server and no key. */
import { SyncError, isSyncError, toWire } from '../model/errors.ts';
import { isDirectoryPath } from '../model/path.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { FolderOnDisk } from '../local/tree.ts';
import type { TrashedFile } from '../local/trash.ts';
import type { RestoredFromTrash, Trash, TrashedView } from './api.ts';
import { pathOf } from './files.ts';

async function treeOf(folder: FolderSettings): Promise<FolderOnDisk> {
  const { openLocalTree } = await import('../local/tree.ts');
  const tree = openLocalTree({ root: folder.localPath, folderId: folder.id });
  await tree.checkRoot();
  return tree;
}

/** @throws SyncError root-missing, root-foreign, … */
export async function trashOf(folder: FolderSettings): Promise<readonly TrashedView[]> {
  const tree = await treeOf(folder);
  return tree.listTrash().map(({ id, path, sizeBytes, mtimeMs, trashedAtMs }) => ({ folderId: folder.id, folder: folder.name, id, path, sizeBytes, modifiedMs: mtimeMs, trashedAtMs }));
}

/** An id names one; a path the newest that was trashed there; a directory's path the newest of each below. */
function chosen(trash: readonly TrashedFile[], what: string): readonly TrashedFile[] {
  const byId = trash.find(({ id }) => id === what);
  if (byId !== undefined) return [byId];
  const path = what === '/' ? '' : pathOf(what);
  const isBelow = path === '' || isDirectoryPath(path);
  const newest = new Map<string, TrashedFile>();
  for (const file of trash) if ((isBelow ? file.path.startsWith(path) : file.path === path) && !newest.has(file.path)) newest.set(file.path, file);
  return [...newest.values()];
}

export const restoreTrashed = async (folder: FolderSettings, what: string, { to, replaces }: Parameters<Trash['restore']>[2]): Promise<readonly RestoredFromTrash[]> => {
  const tree = await treeOf(folder);
  const files = chosen(tree.listTrash(), what);
  const [first] = files;
  if (first === undefined) throw new SyncError('no-such-path', { path: what, detail: 'not in the trash' });
  if (to !== null && files.length > 1) throw new SyncError('bad-usage', { detail: '--to goes with a single file' });
  const target = to === null ? undefined : pathOf(to.endsWith('/') ? `${to}${first.path.slice(first.path.lastIndexOf('/') + 1)}` : to);
  const restored: RestoredFromTrash[] = [];
  for (const { id, path } of files) {
    try {
      const standing = replaces ? await tree.entryAt(target ?? path) : null;
      if (standing !== null) await tree.moveToTrash(standing);
      restored.push({ id, path: await tree.restoreFromTrash(id, target), error: null });
    } catch (error) {
      if (!isSyncError(error)) throw error;
      restored.push({ id, path, error: toWire(error) });
    }
  }
  return restored;
};

/** @param ids - of the list; null: all of it. Nothing goes where one of them is not there. @throws SyncError no-such-path */
export async function emptyTrash(folder: FolderSettings, ids: readonly string[] | null): Promise<{ readonly removed: number; readonly bytes: number }> {
  const tree = await treeOf(folder);
  const trash = new Set(tree.listTrash().map(({ id }) => id));
  const unknown = ids?.find((id) => !trash.has(id));
  if (unknown !== undefined) throw new SyncError('no-such-path', { path: unknown, detail: 'not in the trash' });
  return tree.removeFromTrash(ids ?? [...trash]);
}
