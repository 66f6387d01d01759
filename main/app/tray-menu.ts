/** What the tray icon says and offers: words and order are ours, the looks are the system's. Pure, so that it can be tested anywhere. */
import type { MenuItemConstructorOptions, NativeImage } from 'electron';
import type { Events, FolderState5, FolderStatus } from '../../preload/contract.ts';
import { leftWords, needWords, rateWords, stateWords, words } from './words.ts';

export type FolderLine = { id: string; name: string; isPaused: boolean; status: FolderStatus };
export type TrayActions = {
  readonly show: (place: Events['show']) => void;
  readonly open: () => void;
  readonly quit: () => void;
  readonly lock: () => void;
  /** Of every folder. */
  readonly setPaused: (isPaused: boolean) => void;
};

/** The one state that stands for all folders: what needs the user first, then what moves. */
export function overallState(folders: readonly FolderLine[]): FolderState5 {
  const states = new Set(folders.map((folder) => folder.status.state));
  for (const state of ['needs-attention', 'syncing', 'locked'] as const) if (states.has(state)) return state;
  return states.size > 0 && !states.has('up-to-date') ? 'paused' : 'up-to-date';
}

/** One line on how things stand, and what is moving if anything is. */
export function headlines(folders: readonly FolderLine[], isEngineRunning: boolean): string[] {
  if (!isEngineRunning) return [words.engineRestarting];
  if (folders.length === 0) return [words.noFolders];
  const needing = folders.filter(({ status }) => status.state === 'needs-attention').length;
  const moving = folders.flatMap(({ status }) => (status.state === 'syncing' ? [status] : []));
  const speed = moving.reduce((sum, { progress }) => sum + (progress?.bytesPerSecond ?? 0), 0);
  const leftBytes = moving.reduce((sum, { progress }) => sum + (progress === null ? 0 : progress.totalBytes - progress.doneBytes), 0);
  const how = needing > 0 ? needWords(needing) : moving.length > 0 ? words.syncing : { 'up-to-date': words.upToDate, syncing: words.syncing, paused: words.paused, 'needs-attention': words.needsAttention, locked: words.locked }[overallState(folders)];
  return [how, ...(speed > 0 ? [`${rateWords(speed)}, ${leftWords(leftBytes / speed)}`] : [])];
}

/** An ampersand in a name would be taken for the mark of an access key, and left out. */
const literal = (text: string): string => text.replaceAll('&', '&&');

export function trayTemplate(folders: readonly FolderLine[], isEngineRunning: boolean, actions: TrayActions, iconOf: (state: FolderState5) => NativeImage | undefined): MenuItemConstructorOptions[] {
  const line = { type: 'separator' } as const;
  const lines = folders.map(({ id, name, status }): MenuItemConstructorOptions => {
    const icon = iconOf(status.state);
    return { label: literal(`${name}: ${stateWords(status)}`), ...(icon !== undefined && { icon }), click: () => actions.show({ view: 'folder', folderId: id }) };
  });
  const isAnyRunning = folders.some(({ isPaused }) => !isPaused);
  return [
    ...headlines(folders, isEngineRunning).map((label): MenuItemConstructorOptions => ({ label, enabled: false })), line,
    ...lines, ...(lines.length > 0 ? [line] : []),
    ...(folders.length > 0 ? [{ label: isAnyRunning ? words.pauseAll : words.resumeAll, enabled: isEngineRunning, click: () => actions.setPaused(isAnyRunning) }] : []),
    { label: words.lock, enabled: isEngineRunning, click: actions.lock }, line,
    { label: words.open, click: actions.open }, { label: words.addFolder, click: () => actions.show({ view: 'add-folder', folderId: null }) }, { label: words.settings, click: () => actions.show({ view: 'settings', folderId: null }) },
    line, { label: words.quit, click: actions.quit },
  ];
}
