/**
 * Files that changed in two places: the copies that the engine kept beside them, found by the names it gives, and what the user decides.
 * Nothing is lost by any answer: what is not kept goes to the folder's own trash.
 */
import type { EngineHandlers, TwoVersionsView, VersionSide } from '../../preload/contract.ts';
import { SyncError } from '../model/errors.ts';
import type { SyncPath } from '../model/path.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { BaseEntry } from '../model/snapshot.ts';
import { pathOf } from './files.ts';
import type { WiredFolder } from './open-folder.ts';

/** As conflict-copy.ts names them: `name (conflict device 2026-11-20 174210 1a2b).ext`. */
const COPY = /^(?<stem>.*) \(conflict (?<device>.+) \d{4}-\d{2}-\d{2} \d{6}(?: [0-9a-f]{4}(?: \d+)?)?\)(?<extension>\.[^./]*)?$/;
const SETTLED_FACT = 'two-versions-settled';

/** @returns null where the name is not that of a copy. */
export function originalOf(path: string): { readonly original: string; readonly device: string } | null {
  const at = path.lastIndexOf('/') + 1;
  const groups = COPY.exec(path.slice(at))?.groups;
  if (groups === undefined) return null;
  return { original: `${path.slice(0, at)}${groups['stem'] ?? ''}${groups['extension'] ?? ''}`, device: groups['device'] ?? '' };
}

const sideOf = ({ path, sizeBytes, mtimeMs }: BaseEntry): VersionSide => ({ path, sizeBytes, modifiedMs: mtimeMs });

export function createVersionsHandlers(wired: (folderId: string) => Promise<WiredFolder>, find: (folderId: string) => FolderSettings): Pick<EngineHandlers, 'folders.twoVersions' | 'folders.settleTwoVersions'> {
  return {
    'folders.twoVersions': async ({ folderId }) => {
      const { state } = await wired(folderId);
      const settled = new Set(state.fact<string[]>(SETTLED_FACT) ?? []);
      const found: TwoVersionsView[] = [];
      for (const entry of state.baseByKeyRange('', null)) {
        const named = settled.has(entry.path) ? null : originalOf(entry.path);
        if (named === null) continue;
        const original = state.baseAt(named.original as SyncPath);
        found.push({ copy: sideOf(entry), original: original === null ? null : sideOf(original), device: named.device });
      }
      return found;
    },
    'folders.settleTwoVersions': async ({ folderId, copies, keep }) => {
      const { engine, state } = await wired(folderId);
      if (keep === 'both') {
        state.putFact(SETTLED_FACT, [...new Set([...(state.fact<string[]>(SETTLED_FACT) ?? []), ...copies])]);
        return null;
      }
      const { openLocalTree } = await import('../local/tree.ts');
      const tree = openLocalTree({ root: find(folderId).localPath, folderId });
      await tree.checkRoot();
      for (const path of copies) {
        const named = originalOf(path);
        const copy = await tree.entryAt(pathOf(path));
        if (named === null || copy === null) throw new SyncError('target-changed', { path });
        if (keep === 'original') {
          await tree.moveToTrash(copy);
          continue;
        }
        const original = await tree.entryAt(pathOf(named.original));
        if (original !== null) await tree.moveToTrash(original);
        await tree.rename(copy, pathOf(named.original));
      }
      engine.syncNow();
      return null;
    },
  };
}
