/** The tray icon as a panel has it, over the session bus: its picture in every state, its words, its menu, and the way back to the window. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RequestAnswer, RequestInput, RequestName } from '../../preload/contract.ts';
import { removeScratch, scratchDirectory, startApp, type RunningApp } from './enfold-app.ts';
import { openPanel, type Panel, type Picture } from './tray-panel.ts';

const LIMIT = { timeout: 60_000, interval: 200 };
let root: string, panel: Panel, running: RunningApp, folderId: string;
const at = (name: string): string => path.join(root, name);

async function value<N extends RequestName>(name: N, input: RequestInput<N>): Promise<RequestAnswer<N>> {
  const answer = await running.page.evaluate(([request, argument]) => window.enfold.request(request as N, argument as RequestInput<N>), [name, input] as const);
  if (!answer.ok) throw new Error(`${name}: ${answer.error.code}`);
  return answer.value;
}
const isShown = (): Promise<boolean> => running.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible() ?? false);
const closeWindow = (): Promise<void> => running.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
const labels = async (): Promise<string[]> => (await panel.menu()).map(({ label }) => label);

/** How opaque each pixel of the source picture is, at the size the panel was given. */
const opacityOf = (state: string, size: number): Promise<number[]> => running.app.evaluate(({ nativeImage }, { file, wanted }) => {
  const pixels = nativeImage.createFromPath(file).toBitmap({ scaleFactor: wanted === 32 ? 2 : 1 });
  return [...pixels].filter((_byte, index) => index % 4 === 3);
}, { file: path.resolve(`build/icons/tray-${state}-Template.png`), wanted: size });
const isOfState = async (picture: Picture | undefined, state: string): Promise<boolean> =>
  picture !== undefined && JSON.stringify([...picture.pixels].filter((_byte, index) => index % 4 === 0)) === JSON.stringify(await opacityOf(state, picture.width));
async function showsState(state: string): Promise<void> {
  await expect.poll(async () => isOfState((await panel.pictures())[0], state), { ...LIMIT, message: `the icon of ${state}` }).toBe(true);
}
/** The mean of red, green and blue where the picture is opaque. */
const brightness = async (): Promise<number> => {
  const [{ pixels }] = (await panel.pictures()) as [Picture];
  const opaque = Array.from({ length: pixels.length / 4 }, (_, index) => pixels.subarray(index * 4, index * 4 + 4)).filter(([alpha]) => alpha === 255);
  return opaque.reduce((sum, [, red, green, blue]) => sum + (red! + green! + blue!) / 3, 0) / opaque.length;
};

beforeAll(async () => {
  root = scratchDirectory('tray');
  fs.mkdirSync(at('R&D'));
  fs.writeFileSync(at('R&D/note.txt'), 'kept');
  panel = await openPanel();
  running = await startApp(at('home'));
  await running.page.getByRole('button', { name: 'Look around first' }).click();
});
afterAll(async () => {
  await running?.close();
  await panel?.close();
  removeScratch();
});

test('registers with the panel, and says that there is no folder yet', async () => {
  await expect.poll(() => panel.registered(), LIMIT).toBe(1);
  await showsState('up-to-date');
  await expect.poll(labels, LIMIT).toEqual(['No folders yet', 'Lock', 'Open Enfold', 'Add folder…', 'Settings…', 'Quit Enfold']);
  expect(await panel.toolTip()).toBe('Enfold: No folders yet');
});

test('shows a folder that moves, that is done, that is paused, and that cannot go on, each by icon and word', async () => {
  const connection = await value('connections.add', { kind: 'built-in', name: 'Disk', directory: at('storage') });
  const key = await value('keys.create', { name: 'tray key', type: 'aes' });
  const folder = await value('folders.add', { localPath: at('R&D'), connectionId: connection.id, bucket: 'enfold', prefix: 'rd/', mode: 'cse-c', keyId: key.keyId, names: 'readable', direction: 'two-way', createBucket: true });
  folderId = folder.id;
  await value('folders.start', { folderId });
  await expect.poll(labels, LIMIT).toContain('R&D: Up to date');
  await showsState('up-to-date');

  await value('limits.set', { folderId: null, upload: '256K' });
  for (let index = 0; index < 40; index += 1) fs.writeFileSync(at(`R&D/${index}.bin`), Buffer.alloc(60_000, String(index)));
  await showsState('syncing');
  await expect.poll(async () => (await labels()).some((label) => /^R&D: Syncing \d+.%$/.test(label)), LIMIT).toBe(true);
  await expect.poll(async () => (await labels()).some((label) => /^\d+.[KM]B\/s, about \d+.(s|min) left$/.test(label)), LIMIT).toBe(true);
  expect(await panel.toolTip()).toMatch(/^Enfold: Syncing/);
  await value('limits.set', { folderId: null, upload: 'off' });
  await showsState('up-to-date');

  await panel.choose('Pause all folders');
  await showsState('paused');
  await expect.poll(labels, LIMIT).toContain('R&D: Paused');
  await panel.choose('Resume all folders');
  await showsState('up-to-date');

  fs.renameSync(at('R&D'), at('gone'));
  await value('folders.syncNow', { folderId });
  await showsState('attention');
  expect(await labels()).toEqual(expect.arrayContaining(['One folder needs you', 'R&D: Needs attention']));
  expect((await panel.menu()).find(({ label }) => label.startsWith('R&D'))?.icon?.subarray(1, 4).toString()).toBe('PNG');
  fs.renameSync(at('gone'), at('R&D'));
  await value('folders.syncNow', { folderId });
  await showsState('up-to-date');
}, 180_000);

test('closing the window leaves the icon, and the icon and its menu bring the window back', async () => {
  await closeWindow();
  await expect.poll(isShown, LIMIT).toBe(false);
  await panel.activate();
  await expect.poll(isShown, LIMIT).toBe(true);
  await closeWindow();
  await expect.poll(isShown, LIMIT).toBe(false);
  await panel.choose('R&D');
  await expect.poll(isShown, LIMIT).toBe(true);
  await running.page.getByRole('heading', { name: 'R&D' }).waitFor();
});

test('the icon is light on a dark panel and dark on a light one, whatever theme the window has', async () => {
  const turn = (theme: 'light' | 'dark'): Promise<void> => running.app.evaluate(({ nativeTheme }, to) => {
    // As the system says it: the theme stays `system`, and what it means changes.
    Object.defineProperty(nativeTheme, 'shouldUseDarkColors', { configurable: true, get: () => to === 'dark' });
    nativeTheme.emit('updated');
  }, theme);
  await turn('dark');
  await expect.poll(brightness, LIMIT).toBe(255);
  await turn('light');
  await expect.poll(brightness, LIMIT).toBe(0);
  await value('host.changeSettings', { theme: 'dark' });
  await turn('dark');
  expect(await brightness()).toBe(0);
  await value('host.changeSettings', { theme: 'system' });
  await turn('light');
});

test('speaks the language of the window', async () => {
  await value('host.changeSettings', { language: 'de' });
  await expect.poll(labels, LIMIT).toEqual(['Aktuell', 'R&D: Aktuell', 'Alle Ordner anhalten', 'Sperren', 'Enfold öffnen', 'Ordner hinzufügen…', 'Einstellungen…', 'Enfold beenden']);
  await value('host.changeSettings', { language: 'en' });
});

test('locks from the menu, and shows it', async () => {
  await panel.choose('Lock');
  await expect.poll(labels, LIMIT).toContain('Locked');
  await running.page.getByText('Enfold is locked').waitFor();
  await showsState('locked');
  await running.page.getByRole('button', { name: 'Unlock' }).click();
  await showsState('up-to-date');
});

test('a panel that was started anew gets the icon again', async () => {
  await panel.close();
  panel = await openPanel();
  await closeWindow();
  await expect.poll(() => panel.registered(), LIMIT).toBe(1);
  await expect.poll(isShown, LIMIT).toBe(false);
  await panel.activate();
  await expect.poll(isShown, LIMIT).toBe(true);
});

test('without a panel that shows icons, closing the window ends the program', async () => {
  await panel.close();
  panel = await openPanel(false);
  const ended = new Promise<number | null>((resolve) => running.app.process().once('exit', resolve));
  await closeWindow().catch(() => undefined);
  expect(await ended).toBe(0);
});
