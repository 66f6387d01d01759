/** Reads back what S3 holds of a folder: every object whole, tag, hash and mode checked, nothing kept. */
import { randomInt } from 'node:crypto';
import { SyncError, toWire } from '../model/errors.ts';
import { isDirectoryPath, type SyncPath } from '../model/path.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { FolderState, ListedObject } from '../sync/ports.ts';
import type { Enfold, FailedPath, VerifyReport } from './api.ts';
import { openCurrentSide, type Wiring } from './open-folder.ts';
import { inHome, removeTemporary } from './temporary.ts';

type Item = { readonly path: SyncPath; readonly object: ListedObject };

/** Keeps `size` of a stream of unknown length, each as likely as any other. */
function createSample<T>(size: number | null): { add(item: T): void; items: T[] } {
  const items: T[] = [];
  let seen = 0;
  return {
    items,
    add: (item) => {
      seen += 1;
      if (size === null || items.length < size) items.push(item);
      else {
        const at = randomInt(seen);
        if (at < size) items[at] = item;
      }
    },
  };
}

/** Sees each verified file before it is thrown away; what it throws counts as that file's failure. */
export type OnFile = (file: { readonly path: SyncPath; readonly etag: string; readonly staged: string }, state: FolderState) => Promise<void>;

export async function verifyFolder(folder: FolderSettings, wiring: Wiring, { sample, versions = false, signal, onProgress, onFile }: Parameters<Enfold['verify']>[1] & { readonly onFile?: OnFile }): Promise<VerifyReport> {
  const { openFolderState } = await import('../state/folder-state.ts');
  const state = openFolderState(wiring.home, folder.id);
  let side: Awaited<ReturnType<typeof openCurrentSide>> | null = null;
  try {
    side = await openCurrentSide(folder, state, wiring, signal);
    const { remote, transfers } = side;
    const chosen = createSample<Item>(sample);
    const foreign: string[] = [];
    const failed: FailedPath[] = [];
    let objects = 0;
    for await (const page of remote.list(signal)) {
      const resolved = await remote.resolve(page.map(({ objectKey }) => objectKey), signal);
      page.forEach((object, index) => {
        objects += 1;
        const one = resolved[index];
        if (one?.type === 'path') chosen.add({ path: one.path, object });
        else if (one?.reason === 'foreign') foreign.push(object.objectKey);
        else failed.push({ path: null, error: toWire(new SyncError('not-authentic', { objectKey: object.objectKey, detail: 'its name' })) });
      });
    }

    let checked = 0;
    let bytes = 0;
    const check = async ({ path, object }: Item): Promise<void> => {
      const staged = inHome(wiring.home);
      try {
        if (isDirectoryPath(path)) await remote.head(object.objectKey, path, signal);
        else {
          const { attributes, version } = await transfers.download({ path, objectKey: object.objectKey, etag: object.etag, objectBytes: object.objectBytes, staged }, () => undefined, signal);
          bytes += attributes.sizeBytes;
          const base = state.baseAt(path);
          // The same version must still be what was recorded when it was stored.
          if (base !== null && base.etag === version.etag && base.operationId === attributes.operationId && attributes.sha256 !== null && base.sha256 !== attributes.sha256) throw new SyncError('not-authentic', { path });
          await onFile?.({ path, etag: version.etag, staged }, state);
        }
        checked += 1;
      } catch (error) {
        signal.throwIfAborted();
        const wire = toWire(error);
        // Another tool's object is left alone; where a file of the folder stood, it is a file that was replaced.
        if (wire.code === 'not-ours' && state.baseAt(path) === null) foreign.push(path);
        else failed.push({ path, error: wire });
      } finally {
        removeTemporary(staged);
        onProgress?.(checked + failed.length, chosen.items.length);
      }
    };
    const waiting = chosen.items.values();
    await Promise.all(Array.from({ length: Math.min(transfers.concurrency, 16) }, async () => {
      for (const item of waiting) await check(item);
    }));
    const report = { id: folder.id, name: folder.name, objects, checked, bytes, failed, foreign };
    if (!versions) return report;
    const { verifyVersions } = await import('./versions.ts');
    const all = await verifyVersions(folder, state, wiring, { signal, onProgress: (done) => onProgress?.(checked + failed.length + done, chosen.items.length + done) });
    const known = new Set(failed.map(({ path }) => path));
    return { ...report, failed: [...failed, ...all.failed.filter(({ path }) => !known.has(path))], versions: all.report };
  } finally {
    await side?.close();
    state.close();
  }
}
