/** The words that the shell itself shows: menus, tray, notifications. The window's words are in renderer/strings. */
import type { FolderState5, FolderStatus } from '../../preload/contract.ts';

export const words = {
  app: 'Enfold',
  file: 'File', edit: 'Edit', view: 'View', go: 'Go', help: 'Help',
  addFolder: 'Add folder…', close: 'Close window', quit: 'Quit Enfold', open: 'Open Enfold',
  home: 'Home', folders: 'Folders', browse: 'Browse', keys: 'Keys', storage: 'Storage',
  noFolders: 'No folders yet', nothingToDo: 'Nothing to do', engineRestarting: 'The engine is being started again',
  stillRunning: 'Enfold keeps your folders in step', stillRunningBody: 'It is in the tray. Choose Quit there to stop it.',
  unlockReason: 'unlock your folders', lockNow: 'Lock now',
  heldBody: 'Nothing was deleted. Enfold waits for your answer.',
} as const;

const STATES: Record<FolderState5, string> = { 'up-to-date': 'Up to date', syncing: 'Syncing', paused: 'Paused', 'needs-attention': 'Needs attention', locked: 'Locked' };

export function stateWords(status: FolderStatus): string {
  const { progress, state } = status;
  if (state === 'syncing' && progress !== null && progress.totalBytes > 0) return `${STATES.syncing} ${Math.floor((100 * progress.doneBytes) / progress.totalBytes)}\u00a0%`;
  return STATES[state];
}

export function needWords(count: number): string {
  return count === 1 ? 'One folder needs you' : `${count} folders need you`;
}

export function heldTitle(name: string, deletions: number): string {
  return `${deletions} files vanished from ${name}`;
}
