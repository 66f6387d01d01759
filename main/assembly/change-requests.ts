/** The window's requests about changing how folders are encrypted, and about what earlier modes and keys leave behind. */
import type { ChangePreviewView, EngineHandlers, FolderView } from '../../preload/contract.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { Enfold } from './api.ts';
import type { ChangePreview } from './change-preview.ts';

type Names = 'folders.previewChange' | 'folders.beginChange' | 'folders.acceptEpoch' | 'folders.oldVersions' | 'folders.verifyVersions' | 'keys.previewRotation' | 'keys.rotate';

function viewOf({ ways, bytesUp, bytesDown, requests, costUsd, oldVersions, namesNeedOldKey, isUnderWay }: ChangePreview): ChangePreviewView {
  return { ways: { ...ways }, bytesUp, bytesDown, requests, costUsd, oldVersions, namesNeedOldKey, isUnderWay };
}

type Options = {
  readonly enfold: Enfold;
  readonly folderView: (folder: FolderSettings) => FolderView;
  /** Does what changes how a folder is opened, while it is not; opens it again, which goes on with the change. */
  readonly whileClosed: <T>(folderId: string, change: () => Promise<T>) => Promise<T>;
  readonly signal: AbortSignal;
};

export function createChangeHandlers({ enfold, folderView, whileClosed, signal }: Options): Pick<EngineHandlers, Names> {
  const { folders, keys, settings } = enfold;
  return {
    'folders.previewChange': async ({ folderId, ...changes }) => viewOf(await folders.previewChange(folderId, changes, signal)),
    'folders.beginChange': async ({ folderId, ...changes }) => folderView(await whileClosed(folderId, async () => folders.beginChange(folderId, changes, signal))),
    'folders.acceptEpoch': async ({ folderId }) => folderView(await whileClosed(folderId, async () => folders.acceptEpoch(folderId, signal))),
    'folders.oldVersions': async ({ folderId, isConfirmed }) => enfold.deleteOldVersions(folderId, { isConfirmed, signal }),
    'folders.verifyVersions': async ({ folderId }) => {
      const { versions: report, failed } = await enfold.verify(folderId, { sample: 0, versions: true, signal });
      const { versions = 0, bytes = 0, keys: needed = [], retirable = [] } = report ?? {};
      return {
        versions, bytes, failed: failed.length,
        keys: needed.map(({ name, keyId, kmsKeyId, versions: all, standing, why }) => ({ name: name ?? kmsKeyId ?? keyId ?? '', versions: all, standing, why })), retirable: retirable.map(({ name, keyId }) => name ?? keyId),
      };
    },
    'keys.previewRotation': async ({ keyId, to }) => {
      const { planRotation } = await import('./rotation.ts');
      const { next, folders: previews } = await planRotation(keyId, to, { keys, folders, settings }, signal);
      return { nextKeyName: next?.name ?? null, folders: previews.map((preview) => ({ ...viewOf(preview), folderId: preview.id, name: preview.name })) };
    },
    'keys.rotate': async ({ keyId, to }) => {
      const { beginRotation } = await import('./rotation.ts');
      // Each folder is closed only while its own description is rewritten.
      const closing: typeof folders = { ...folders, beginChange: async (folderId, ...given) => whileClosed(folderId, async () => folders.beginChange(folderId, ...given)) };
      const begun = await beginRotation(keyId, to, { keys, folders: closing, settings }, signal);
      return { nextKeyId: begun.next.keyId, folderIds: begun.folders.map(({ id }) => id) };
    },
  };
}
