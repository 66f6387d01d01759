import { expect, test } from 'vitest';
import type { FolderState5, FolderStatus } from '../../preload/contract.ts';
import { headlines, overallState, trayTemplate, type FolderLine } from '../../main/app/tray-menu.ts';

const folder = (name: string, state: FolderState5, part: Partial<FolderStatus> = {}): FolderLine => ({
  id: name, name, isPaused: state === 'paused',
  status: { change: null, folderId: name, state, phase: 'idle', progress: null, transfers: [], lastSuccessMs: null, changedMs: null, files: 0, bytes: 0, problems: [], held: null, twoVersions: 0, skippedCount: 0, ...part },
});
const moving = (bytesPerSecond: number, doneBytes: number, totalBytes: number): Partial<FolderStatus> => ({ progress: { doneFiles: 0, totalFiles: 1, doneBytes, totalBytes, bytesPerSecond } });
const nothing = (): void => undefined;
const actions = { show: nothing, open: nothing, quit: nothing, lock: nothing, setPaused: nothing };

test('what needs the user stands for all folders, then what moves, then what is locked', () => {
  expect(overallState([])).toBe('up-to-date');
  expect(overallState([folder('a', 'up-to-date'), folder('b', 'paused')])).toBe('up-to-date');
  expect(overallState([folder('a', 'paused'), folder('b', 'paused')])).toBe('paused');
  expect(overallState([folder('a', 'locked'), folder('b', 'up-to-date')])).toBe('locked');
  expect(overallState([folder('a', 'locked'), folder('b', 'syncing')])).toBe('syncing');
  expect(overallState([folder('a', 'needs-attention'), folder('b', 'syncing')])).toBe('needs-attention');
});

test('the headline says how things stand, how fast they move and how long it takes', () => {
  expect(headlines([], true)).toEqual(['No folders yet']);
  expect(headlines([folder('a', 'up-to-date')], false)).toEqual(['The engine is being started again']);
  expect(headlines([folder('a', 'up-to-date')], true)).toEqual(['Up to date']);
  expect(headlines([folder('a', 'syncing', moving(38_000_000, 1e9, 5.56e9)), folder('b', 'needs-attention')], true)).toEqual(['One folder needs you', '38\u00a0MB/s, about 2\u00a0min left']);
  expect(headlines([folder('a', 'syncing', moving(0, 0, 100))], true)).toEqual(['Syncing']);
  expect(headlines([folder('a', 'syncing', moving(2000, 0, 30_000_000))], true)).toEqual(['Syncing', '2\u00a0KB/s, about 4\u00a0h left']);
});

test('all folders are paused while one of them runs, and resumed once all are paused', () => {
  const labels = (folders: FolderLine[]): (string | undefined)[] => trayTemplate(folders, true, actions, () => undefined).map(({ label }) => label);
  expect(labels([folder('a', 'up-to-date'), folder('b', 'paused')])).toContain('Pause all folders');
  expect(labels([folder('a', 'paused'), folder('b', 'paused')])).toContain('Resume all folders');
  expect(labels([]).filter((label) => label?.includes('all folders'))).toEqual([]);
});
