/** The shell's half of the contract: dialogs, the file manager, and where things usually go. */
import os from 'node:os';
import path from 'node:path';
import { app, dialog, shell, type BrowserWindow } from 'electron';
import type { Answer, EngineRequest, FolderView, HostHandlers } from '../../preload/contract.ts';
import { SyncError, fromWire } from '../model/errors.ts';
import { saveKitPdf } from './kit-printer.ts';
import type { SettingsFile } from './settings.ts';
import type { StorageHost } from './storage-host.ts';
import { createStorageOwner } from './storage-owner.ts';
import { isUserVerified } from './user-check.ts';
import { words } from './words.ts';

type Options = {
  dragIcon: string;
  settings: SettingsFile;
  window: () => BrowserWindow | null;
  askEngine: (name: EngineRequest, input: unknown) => Promise<Answer<EngineRequest>>;
  makeKit: (keyId: string) => Promise<{ page: string; age: string | null }>;
  unlockVerified: () => void;
  storage: StorageHost;
  platform: string;
};

export function createHostHandlers({ window, askEngine, dragIcon, settings, makeKit, unlockVerified, storage, platform }: Options): HostHandlers {
  const parent = (): BrowserWindow => {
    const current = window();
    if (current === null) throw new SyncError('bad-usage', { detail: 'no window' });
    return current;
  };
  const localRoot = async (folderId: string): Promise<string> => {
    const answer = await askEngine('folders.list', undefined);
    if (!answer.ok) throw fromWire(answer.error);
    const folder = (answer.value as FolderView[]).find(({ id }) => id === folderId);
    if (folder === undefined) throw new SyncError('no-such-folder');
    return folder.localPath;
  };

  return {
    'host.chooseFolder': async ({ title }) => {
      const { filePaths, canceled } = await dialog.showOpenDialog(parent(), { title, properties: ['openDirectory', 'createDirectory'] });
      return canceled ? null : (filePaths[0] ?? null);
    },
    'host.chooseSaveFile': async ({ title, suggestedName }) => {
      const defaultPath = path.join(app.getPath('documents'), path.basename(suggestedName));
      const { filePath, canceled } = await dialog.showSaveDialog(parent(), { title, defaultPath, properties: ['createDirectory', 'showOverwriteConfirmation'] });
      return canceled || filePath === '' ? null : filePath;
    },
    'host.chooseOpenFile': async ({ title }) => {
      const { filePaths, canceled } = await dialog.showOpenDialog(parent(), { title, properties: ['openFile'] });
      return canceled ? null : (filePaths[0] ?? null);
    },
    'host.dragOut': async ({ folderId, paths }) => {
      const staged = await askEngine('drag.stage', { folderId, paths });
      if (!staged.ok) throw fromWire(staged.error);
      const { files } = staged.value as { files: string[] };
      parent().webContents.startDrag({ file: files[0] ?? '', files, icon: dragIcon });
      return null;
    },
    'host.revealLocal': async ({ folderId, path: inside }) => {
      const root = await localRoot(folderId);
      if (inside === '') {
        const problem = await shell.openPath(root);
        if (problem !== '') throw new SyncError('root-missing', { detail: problem });
      } else shell.showItemInFolder(path.join(root, ...inside.split('/')));
      return null;
    },
    'host.saveKitPdf': async ({ keyId, file }) => saveKitPdf(async () => makeKit(keyId), file),
    ...createStorageOwner({ askEngine, storage }),
    'host.unlockWithSystem': async () => {
      const isThere = await isUserVerified(platform, words.unlockReason);
      if (isThere) unlockVerified();
      return isThere;
    },
    'host.settings': async () => ({ ...settings.current(), locale: app.getLocale() }),
    'host.changeSettings': async (part) => {
      settings.change(Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined)));
      return null;
    },
    'host.defaults': async () => ({
      storageDirectory: path.join(app.getPath('home'), 'Enfold storage'), documentsDirectory: app.getPath('documents'), hostName: os.hostname(),
    }),
  };
}
