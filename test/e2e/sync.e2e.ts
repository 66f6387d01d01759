/** The whole way through the window: set up, seal, browse, download, join from a second home, edit on both sides. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAccessKeys } from '../../main/storage/access-keys.ts';
import { readEndpoint } from '../../main/storage/server.ts';
import { answerDialogs, dropFiles, removeScratch, scratchDirectory, startApp, type RunningApp } from './enfold-app.ts';

const SECRET = 'the-plain-words-nobody-else-may-read';
const PASSPHRASE = 'four plain words here';
const SYNCED = { timeout: 60_000, interval: 250 };

let root: string, storage: string, here: string, there: string, keyFile: string;
let first: RunningApp, second: RunningApp;

const button = (running: RunningApp, name: string | RegExp) => running.page.getByRole('button', { name });
const write = (folder: string, name: string, text: string): void => {
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  fs.writeFileSync(path.join(folder, name), text);
};
const read = (folder: string, name: string): string | null => (fs.existsSync(path.join(folder, name)) ? fs.readFileSync(path.join(folder, name), 'utf8') : null);
const upToDate = (running: RunningApp) => running.page.locator('.head-state').getByText('Up to date').waitFor({ timeout: 60_000 });

/** Name to text of everything the user sees in a folder. */
function filesIn(folder: string): Map<string, string> {
  const names = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
  return new Map(names.filter((name) => !name.startsWith('.enfold')).sort().map((name) => [name, fs.readFileSync(path.join(folder, name), 'latin1')]));
}

beforeAll(async () => {
  root = scratchDirectory('sync');
  [storage, here, there, keyFile] = ['storage', 'Documents', 'Joined', 'documents.enfold-key'].map((name) => path.join(root, name)) as [string, string, string, string];
  for (const folder of [here, there]) fs.mkdirSync(folder);
  write(here, 'letter.txt', SECRET);
  write(here, 'House/Plans/Ground floor.txt', `ground floor, ${SECRET}`);
  write(here, 'House/ünïcode name.md', 'umlauts and accents');
  write(here, 'empty.txt', '');
  fs.writeFileSync(path.join(here, 'large.bin'), Buffer.alloc(20_000_000, SECRET));
  first = await startApp(path.join(root, 'home-1'));
});
afterAll(async () => {
  await second?.close();
  await first?.close();
  removeScratch();
});

test('the first run leads from nothing to a sealed folder that is up to date', async () => {
  const { page, app } = first;
  await page.getByRole('heading', { name: 'Where should the copies live?' }).waitFor();
  await page.getByLabel('Place for the copies').fill(storage);
  await button(first, 'Set up storage').click();
  await page.getByRole('heading', { name: 'Which folder?' }).waitFor();
  await page.getByLabel('Folder on this computer').fill(here);
  await button(first, 'Continue to encryption').click();
  await page.getByRole('heading', { name: 'Who may read this?' }).waitFor();
  expect(await page.getByRole('radio', { name: /^Only me/ }).isChecked()).toBe(true);
  await button(first, 'Continue to key').click();
  await button(first, 'Make key').click();
  await page.getByLabel('Passphrase for the file').fill(PASSPHRASE);
  await page.getByLabel('Again').fill(PASSPHRASE);
  await answerDialogs(app, [keyFile]);
  await button(first, 'Save recovery file…').click();
  await page.getByText('Keep it and its passphrase off this computer.').waitFor();
  expect(fs.readFileSync(keyFile, 'utf8')).not.toContain(PASSPHRASE);
  await button(first, 'Continue to preview').click();
  await page.getByText('files go up').waitFor();
  expect(await page.getByRole('list', { name: 'What will happen' }).textContent()).toContain('5files go up');
  await button(first, 'Start').click();
  await page.getByRole('heading', { name: 'Documents' }).waitFor();
  await upToDate(first);
}, 120_000);

/** Keys of the user's files. */
async function storedBelow(prefix: string): Promise<string[]> {
  const client = new S3Client({ endpoint: (await readEndpoint(storage)) ?? '', region: 'us-east-1', forcePathStyle: true, credentials: (await openAccessKeys(storage)).root });
  const { Contents: objects = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'enfold', Prefix: prefix }));
  client.destroy();
  return objects.map(({ Key = '' }) => Key).filter((key) => !key.includes('/.enfold/'));
}

test('what the storage holds gives away neither contents nor names', async () => {
  const endpoint = await readEndpoint(storage);
  const { root: credentials } = await openAccessKeys(storage);
  const client = new S3Client({ endpoint: endpoint!, region: 'us-east-1', forcePathStyle: true, credentials });
  const { Contents: objects = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'enfold', Prefix: 'documents/' }));
  const ours = objects.filter(({ Key }) => !Key!.includes('/.enfold/'));
  expect(ours.length).toBe(5);
  for (const { Key } of objects) {
    const answer = await client.send(new GetObjectCommand({ Bucket: 'enfold', Key }));
    const body = Buffer.from(await answer.Body!.transformToByteArray()).toString('latin1');
    expect(body.includes(SECRET)).toBe(false);
    expect(JSON.stringify(answer.Metadata) + Key).not.toMatch(/letter|Ground|House|large/);
  }
  client.destroy();
  const onDisk = fs.readdirSync(storage, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name)));
  expect(onDisk.some((bytes) => bytes.includes(SECRET))).toBe(false);
});

test('the browser shows names and sizes, and saves a file exactly as it was', async () => {
  const { page, app } = first;
  await button(first, 'Browse S3').click();
  await page.getByText('letter.txt', { exact: true }).waitFor();
  expect(await page.getByRole('row', { name: /large\.bin/ }).textContent()).toContain('20.0\u00a0MB');
  const saved = path.join(root, 'saved.bin');
  await answerDialogs(app, [saved]);
  await page.getByText('large.bin', { exact: true }).click();
  await page.getByRole('complementary', { name: 'Details of large.bin' }).getByRole('button', { name: 'Save to…' }).click();
  await page.getByText('large.bin was saved').waitFor({ timeout: 30_000 });
  expect(fs.readFileSync(saved).equals(fs.readFileSync(path.join(here, 'large.bin')))).toBe(true);
  await page.getByText('House', { exact: true }).dblclick();
  await page.getByText('ünïcode name.md', { exact: true }).waitFor();
});

test('files dropped onto the browser are sealed, sent, and arrive in the folder', async () => {
  const dropped = path.join(root, 'dropped file.txt');
  fs.writeFileSync(dropped, `dropped, ${SECRET}`);
  await dropFiles(first.page, '.rows', [dropped]);
  await first.page.getByText('1 file was uploaded').waitFor({ timeout: 30_000 });
  await first.page.getByText('dropped file.txt', { exact: true }).waitFor();
  await expect.poll(() => read(here, 'House/dropped file.txt'), SYNCED).toBe(`dropped, ${SECRET}`);
});

test('a second computer joins with the recovery file and files of its own; it is told before what becomes of them, and nothing is lost', async () => {
  write(there, 'letter.txt', SECRET);
  write(there, 'empty.txt', 'not empty here');
  write(there, 'of the second computer.txt', 'its own');
  const before = filesIn(there);
  second = await startApp(path.join(root, 'home-2'));
  const { page, app } = second;
  await page.getByLabel('Place for the copies').fill(storage);
  await button(second, 'Set up storage').click();
  await page.getByLabel('Folder on this computer').fill(there);
  await button(second, 'Change').click();
  await page.getByLabel('Place in the bucket').fill('documents/');
  await button(second, 'Continue to encryption').click();
  await page.getByRole('heading', { name: 'This folder is there already' }).waitFor();
  await button(second, 'Continue to key').click();
  await answerDialogs(app, [keyFile]);
  await button(second, 'Import a key…').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Choose…' }).click();
  await dialog.getByLabel('Passphrase of the file').fill('not the right passphrase');
  await dialog.getByRole('button', { name: 'Import', exact: true }).click();
  await dialog.getByRole('alert').waitFor();
  await dialog.getByLabel('Passphrase of the file').fill(PASSPHRASE);
  await dialog.getByRole('button', { name: 'Import', exact: true }).click();
  await page.getByText('opens this folder.').waitFor();
  await button(second, 'Continue to preview').click();
  await page.getByText('files come down').waitFor();
  const told = await page.getByRole('list', { name: 'What will happen' }).getByRole('listitem').allTextContents();
  const lines = ['1file goes up', '4files come down', '1file is the same on both sides already', '1file differs; both versions are kept', '0files are deleted'];
  expect(lines.filter((line) => !told.some((text) => text.startsWith(line)))).toEqual([]);
  expect([filesIn(there), filesIn(here).has('of the second computer.txt')]).toEqual([before, false]);
  await button(second, 'Start').click();
  await upToDate(second);
  await expect.poll(() => [filesIn(there).size, filesIn(here)], SYNCED).toEqual([8, filesIn(there)]);
  const contents = [...filesIn(there).values()];
  for (const text of before.values()) expect(contents).toContain(text);
  expect(read(there, 'empty.txt')).toBe('');
}, 120_000);

test('a folder that waits for its first sync shows what that will do, wherever it is resumed, and begins with a click', async () => {
  const { page } = second;
  const third = path.join(root, 'Third');
  write(third, 'one.txt', 'one');
  await page.evaluate(async (localPath) => {
    const connections = await window.enfold.request('connections.list', undefined);
    if (!connections.ok || connections.value[0] === undefined) throw new Error('no connection');
    const added = await window.enfold.request('folders.add', { localPath, connectionId: connections.value[0].id, bucket: 'enfold', prefix: 'third/', mode: 'sse-s3', keyId: null, names: 'readable', direction: 'two-way', createBucket: false });
    if (!added.ok) throw new Error(added.error.says);
  }, third);
  await page.getByRole('navigation').first().getByRole('button', { name: /^Folders/ }).click();
  await button(second, 'Menu of Third').click();
  await page.getByRole('menuitem', { name: 'Resume' }).click();
  await page.getByText('Nothing was sent or fetched yet.').waitFor();
  await page.getByText('file goes up').waitFor();
  expect(await button(second, 'Resume').count()).toBe(0);
  expect(await storedBelow('third/')).toEqual([]);
  await button(second, 'Start').click();
  await upToDate(second);
  expect(await storedBelow('third/')).toEqual(['third/one.txt']);
}, 90_000);

test('an edit on each side travels to the other', async () => {
  write(here, 'letter.txt', 'changed here');
  write(there, 'House/ünïcode name.md', 'changed there');
  await expect.poll(() => [read(there, 'letter.txt'), read(here, 'House/ünïcode name.md')], SYNCED).toEqual(['changed here', 'changed there']);
}, 90_000);

test('a file changed in two places is kept twice on both computers', async () => {
  const folderPage = async (running: RunningApp): Promise<void> => {
    await running.page.getByRole('navigation').first().getByRole('button', { name: /^Folders/ }).click();
    await running.page.getByRole('table').getByRole('button', { name: /^(Documents|Joined)$/ }).click();
  };
  for (const running of [first, second]) {
    await folderPage(running);
    await upToDate(running);
    await running.page.getByRole('button', { name: 'Pause', exact: true }).click();
    await running.page.getByRole('button', { name: 'Resume', exact: true }).waitFor();
  }
  write(here, 'letter.txt', 'one version');
  write(there, 'letter.txt', 'another version');
  for (const running of [first, second]) await running.page.getByRole('button', { name: 'Resume', exact: true }).click();
  const letters = (folder: string): string[] => [...filesIn(folder)].filter(([name]) => name.startsWith('letter')).map(([, text]) => text).sort();
  await expect.poll(() => [letters(here), letters(there)], SYNCED).toEqual([['another version', 'one version'], ['another version', 'one version']]);
}, 120_000);

test('one of the two versions is chosen in the window: it has the name on both computers, and the other lies in the trash', async () => {
  const { page } = first;
  const named = read(here, 'letter.txt');
  const letters = (folder: string): string[] => [...filesIn(folder)].filter(([name]) => name.startsWith('letter')).map(([, text]) => text);
  const other = letters(here).find((text) => text !== named);
  await page.getByRole('tab', { name: /^Two versions/ }).click();
  await button(first, 'Compare the two versions of letter.txt').click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('.differs').first().waitFor();
  await dialog.getByRole('radio', { name: /^Keep the one with the name/ }).click();
  await dialog.getByRole('button', { name: 'Keep the one with the name' }).click();
  await expect.poll(() => [letters(here), letters(there)], SYNCED).toEqual([[named], [named]]);
  const trash = path.join(here, '.enfold/trash');
  const kept = fs.readdirSync(trash, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name), 'utf8'));
  expect(kept).toContain(other);
}, 90_000);

test('a restore is tried and a limit is set in the settings of a folder', async () => {
  const { page } = first;
  await page.getByRole('tab', { name: 'Settings' }).click();
  await page.getByText('Last proven restore').first().waitFor();
  await button(first, 'Try a restore now').click();
  await page.getByText(/^Last time: \d+ files?, .*, 0 failed\.$/).waitFor({ timeout: 60_000 });
  const limit = page.getByLabel('Upload at most');
  await limit.fill('as quick as light');
  await button(first, 'Save').click();
  await page.getByRole('alert').waitFor();
  await limit.fill('5M');
  await button(first, 'Save').click();
  await page.getByText('Saved. It holds from now on.').waitFor();
  const limits = await page.evaluate(async () => {
    const folders = await window.enfold.request('folders.list', undefined);
    return window.enfold.request('limits.get', { folderId: folders.ok ? (folders.value[0]?.id ?? null) : null });
  });
  expect(limits).toMatchObject({ ok: true, value: { upload: '5M', download: 'off' } });
}, 120_000);

test('what was set up is there again after a restart, and what changed meanwhile is taken up', async () => {
  const { home } = first;
  await second.close();
  await first.close();
  write(here, 'while closed.txt', 'written while Enfold was closed');
  first = await startApp(home);
  await button(first, 'Browse').click();
  await first.page.getByText('while closed.txt', { exact: true }).waitFor({ timeout: 60_000 });
  expect(filesIn(here).get('while closed.txt')).toBe('written while Enfold was closed');
}, 120_000);

test('the app looks at its folders when the computer wakes up, and does not wait for its next look', async () => {
  // An engine that has just begun and finds nothing to do looks again after half a minute.
  await first.close();
  first = await startApp(first.home);
  const { page, app } = first;
  const state = async (): Promise<unknown> => {
    const folders = await page.evaluate(async () => window.enfold.request('folders.list', undefined));
    return folders.ok ? folders.value.map(({ status }) => [status.state, status.problems.map(({ error }) => error.code)]) : folders.error;
  };
  await expect.poll(state, SYNCED).toEqual([['up-to-date', []]]);
  write(there, 'woken.txt', 'came while it slept');
  await promisify(execFile)(process.execPath, ['main/cli.ts', 'sync', 'Joined'], { env: { ...process.env, ENFOLD_HOME: second.home } });
  await app.evaluate(({ powerMonitor }) => void powerMonitor.emit('resume'));
  await expect.poll(() => read(here, 'woken.txt'), { timeout: 15_000, interval: 100 }).toBe('came while it slept');
}, 120_000);

test('an engine that was killed comes back with its keys and goes on', async () => {
  const engines = (): Promise<number[]> => first.app.evaluate(({ app }) => app.getAppMetrics().filter(({ name }) => name === 'Enfold engine').map(({ pid }) => pid));
  const [before] = await engines();
  process.kill(before!, 'SIGKILL');
  await expect.poll(async () => (await engines()).filter((pid) => pid !== before).length, SYNCED).toBe(1);
  write(here, 'after.txt', 'written after the kill');
  await expect.poll(async () => {
    await promisify(execFile)(process.execPath, ['main/cli.ts', 'sync', 'Joined'], { env: { ...process.env, ENFOLD_HOME: second.home } });
    return read(there, 'after.txt');
  }, SYNCED).toBe('written after the kill');
}, 120_000);
