/** Many folders, each on its own: one that fails, waits or is paused never stops another. */
import type { FolderEngine } from './folder-engine.ts';
import type { SyncStatus } from './status.ts';

export type Engine = {
  /** Takes the folder over; `start` is the caller's to call. */
  add(folder: FolderEngine): void;
  /** Closes the folder and forgets it; its ports are the caller's to close afterwards. */
  remove(folderId: string): Promise<void>;
  get(folderId: string): FolderEngine | null;
  folders(): readonly FolderEngine[];
  statuses(): readonly SyncStatus[];
  onStatus(listener: (status: SyncStatus) => void): () => void;
  /** Waits until every folder has ended what it was at, also where one of them fails at that. */
  close(): Promise<void>;
};

export function createEngine(): Engine {
  const folders = new Map<string, { readonly folder: FolderEngine; readonly unsubscribe: () => void }>();
  const listeners = new Set<(status: SyncStatus) => void>();

  const remove = async (folderId: string): Promise<void> => {
    const known = folders.get(folderId);
    folders.delete(folderId);
    known?.unsubscribe();
    await known?.folder.close();
  };

  return {
    add(folder) {
      if (folders.has(folder.folderId)) throw new TypeError('the folder is there already');
      const unsubscribe = folder.onStatus((status) => {
        for (const listener of listeners) listener(status);
      });
      folders.set(folder.folderId, { folder, unsubscribe });
    },
    remove,
    get: (folderId) => folders.get(folderId)?.folder ?? null,
    folders: () => [...folders.values()].map(({ folder }) => folder),
    statuses: () => [...folders.values()].map(({ folder }) => folder.status()),
    onStatus(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      const closed = await Promise.allSettled([...folders.keys()].map(remove));
      for (const result of closed) if (result.status === 'rejected') throw result.reason;
    },
  };
}
