/** What the window shows: the last word of the engine, and where the user is. No truth of its own. */
import { useState } from 'react';
import { create } from 'zustand';
import type { AppSettings, ConnectionView, Events, FolderStatus, FolderView, KeyView, RequestAnswer, WireError } from '../preload/contract.ts';
import { speak } from './i18n.ts';
import { ask, onAnyError, wireOf } from './bridge.ts';

export type FolderTab = 'transfers' | 'activity' | 'twoVersions' | 'skipped' | 'trash' | 'settings';
export type Place =
  | { view: 'home' }
  /** `opens`: the dialog that is open there at once. */
  | { view: 'folders'; opens?: 'join' }
  | { view: 'folder'; folderId: string; tab: FolderTab }
  | { view: 'browse'; folderId: string | null; directory: string; /** Earlier times instead of what stands. */ isPast?: boolean }
  | { view: 'keys'; opens?: 'new' | 'import' }
  | { view: 'activity' }
  | { view: 'storage'; opens?: 'add' }
  | { view: 'settings' };
/** Where the wizard starts: nothing, or a folder that was dropped onto the window. */
export type WizardStart = { localPath: string | null };

type State = {
  info: RequestAnswer<'app.info'> | null;
  defaults: RequestAnswer<'host.defaults'> | null;
  settings: RequestAnswer<'host.settings'> | null;
  lock: RequestAnswer<'lock.state'> | null;
  isFinding: boolean;
  keychain: RequestAnswer<'keychain.state'> | null;
  /** Where keys live in a file: its passphrase is wanted, to open it or, where there is none yet, to make it. */
  passphraseFor: 'old-file' | 'new-file' | null;
  folders: FolderView[];
  connections: ConnectionView[];
  keys: KeyView[];
  engine: Events['engine'];
  startError: WireError | null;
  place: Place;
  wizard: WizardStart | null;
  /** The folder whose encryption is to be changed: as the wizard, it takes the whole window. */
  changing: string | null;
};

export const useStore = create<State>(() => ({
  info: null, defaults: null, settings: null, lock: null, isFinding: false, keychain: null, passphraseFor: null, folders: [], connections: [], keys: [], engine: { state: 'running', error: null }, startError: null, place: { view: 'home' }, wizard: null, changing: null,
}));
const set = useStore.setState;

export const go = (place: Place): void => set({ place });
export const openWizard = (start: WizardStart = { localPath: null }): void => set({ wizard: start });
/** Later is fine: what needs a key asks again. */
export const putOffPassphrase = (): void => set({ passphraseFor: null });
export const showFind = (isFinding: boolean): void => set({ isFinding });
export const closeWizard = (): void => set({ wizard: null, changing: null });
export const changeEncryption = (folderId: string): void => set({ changing: folderId });
export const openFolder = (folderId: string, tab: FolderTab = 'transfers'): void => go({ view: 'folder', folderId, tab });

/** Nothing was ever in step: its first cycle is looked at before it runs. */
export const awaitsFirstLook = ({ isPaused, status }: FolderView): boolean => isPaused && status.lastSuccessMs === null && status.files === 0;
/** @returns whether it runs now; else what it would do is shown first. */
export async function resumeFolder(folder: FolderView): Promise<boolean> {
  if (awaitsFirstLook(folder)) {
    openFolder(folder.id);
    return false;
  }
  await ask('folders.start', { folderId: folder.id });
  return true;
}

const byName = (left: FolderView, right: FolderView): number =>
  Number(right.status.state === 'syncing') - Number(left.status.state === 'syncing') || left.name.localeCompare(right.name);

/** Stops every folder, or starts it again; one that has yet to be looked at first is left alone. */
export async function setAllPaused(isPaused: boolean): Promise<void> {
  await Promise.allSettled(useStore.getState().folders.filter((folder) => folder.isPaused !== isPaused && !awaitsFirstLook(folder)).map(({ id }) => ask(isPaused ? 'folders.pause' : 'folders.start', { folderId: id })));
  await refreshFolders();
}
export async function refreshFolders(): Promise<void> {
  set({ folders: (await ask('folders.list', undefined)).toSorted(byName) });
}
/** Whether the dialog of this name is open, which the place that the view was entered by may have asked for. */
export function useOpens(name: string): [boolean, (isOpen: boolean) => void] {
  const place = useStore((state) => state.place);
  const [isOpen, setOpen] = useState('opens' in place && place.opens === name);
  return [isOpen, (next) => {
    setOpen(next);
    // So that asking for it once more is something new.
    if (!next && 'opens' in place) go({ view: place.view });
  }];
}
export async function refreshConnections(): Promise<void> {
  set({ connections: await ask('connections.list', undefined) });
}
export async function refreshKeys(): Promise<void> {
  set({ keys: await ask('keys.list', undefined) });
}
export async function refreshKeychain(): Promise<void> {
  const keychain = await ask('keychain.state', undefined);
  set({ keychain, passphraseFor: keychain.state === 'passphrase-needed' ? 'old-file' : null });
}

const refresh = { folders: refreshFolders, connections: refreshConnections, keys: refreshKeys };
const ignore = (): void => undefined;

function mergeStatus(statuses: readonly FolderStatus[]): void {
  const known = new Map(statuses.map((status) => [status.folderId, status]));
  set((state) => ({ folders: state.folders.map((folder) => ({ ...folder, status: known.get(folder.id) ?? folder.status })) }));
}

function showPlace({ view, folderId }: Events['show']): void {
  if (view === 'find') return showFind(true);
  if (view === 'add-folder') return openWizard();
  closeWizard();
  if (view === 'folder') return folderId === null ? go({ view: 'folders' }) : openFolder(folderId);
  go(view === 'browse' ? { view, folderId, directory: '' } : { view });
}

function askForPassphrase({ code }: WireError): void {
  if (code === 'passphrase-missing') set((state) => ({ passphraseFor: state.keychain?.state === 'passphrase-needed' ? 'old-file' : 'new-file' }));
}

async function refreshLock(): Promise<void> {
  set({ lock: await ask('lock.state', undefined) });
}
async function refreshSettings(): Promise<void> {
  const settings = await ask('host.settings', undefined);
  speak(settings.language === 'system' ? settings.locale : settings.language);
  set({ settings });
}
export async function changeSettings(part: Partial<AppSettings>): Promise<void> {
  await ask('host.changeSettings', part);
  await refreshSettings();
}

/** Loads everything once and listens from then on. */
export async function connect(): Promise<void> {
  onAnyError(askForPassphrase);
  window.enfold.on('status', mergeStatus);
  window.enfold.on('changed', (what) => {
    void refresh[what]().catch(ignore);
    // A key says which folders it opens.
    if (what === 'folders') void refreshKeys().catch(ignore);
  });
  window.enfold.on('lock', () => void load());
  window.enfold.on('engine', (engine) => {
    const wasDown = useStore.getState().engine.state !== 'running';
    set({ engine });
    if (engine.state === 'running' && wasDown) void load();
  });
  window.enfold.on('show', showPlace);
  await load();
}

export async function load(): Promise<void> {
  try {
    const [info, defaults] = await Promise.all([ask('app.info', undefined), ask('host.defaults', undefined)]);
    await Promise.all([refreshLock(), refreshSettings(), refreshFolders(), refreshConnections(), refreshKeys(), refreshKeychain()]);
    const isFirst = useStore.getState().info === null && info.isFirstRun && useStore.getState().folders.length === 0;
    set({ info, defaults, startError: null, ...(isFirst ? { wizard: { localPath: null } } : {}) });
    // For measuring: from here on the window shows what the user has.
    performance.mark('enfold-ready');
  } catch (error) {
    set({ startError: wireOf(error) });
  }
}
