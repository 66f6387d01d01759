/** Keys in the real app: the kit as PDF, given back, an invitation accepted, and the lock when nobody is there. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Answer, RequestInput, RequestName } from '../../preload/contract.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { answerDialogs, removeScratch, scratchDirectory, startApp, type RunningApp } from './enfold-app.ts';

const scratch = scratchDirectory('keys');
const at = (...names: string[]): string => path.join(scratch, ...names);
const PASSPHRASE = 'canary passphrase of the key file';
let running: RunningApp;
/** The computer after the first one was lost. */
let second: RunningApp | null = null;
let storage: RunningStorage;
/** Everything that passed between the window and the rest. */
const trace: string[] = [];

const listen = async (): Promise<void> => running.page.evaluate(() => {
  const heard: string[] = [];
  for (const name of ['status', 'changed', 'lock', 'engine', 'show'] as const) window.enfold.on(name, (payload) => heard.push(JSON.stringify(payload)));
  (window as unknown as { heard: string[] }).heard = heard;
});
const takeHeard = async (): Promise<void> => void trace.push(...(await running.page.evaluate(() => (window as unknown as { heard: string[] }).heard)));

beforeAll(async () => {
  storage = await startStorage({ dir: at('storage') });
  running = await startApp(at('home'), { ENFOLD_KEYCHAIN: 'file' });
  await listen();
});
afterAll(async () => {
  await second?.close();
  await running?.close();
  await storage?.stop();
  removeScratch();
});

async function ask<N extends RequestName>(name: N, input: RequestInput<N>): Promise<Answer<N>> {
  const answer = (await running.page.evaluate(async ([request, given]) => window.enfold.request(request as never, given as never), [name, input] as const)) as Answer<N>;
  trace.push(JSON.stringify(answer));
  return answer;
}
async function value<N extends RequestName>(name: N, input: RequestInput<N>): Promise<Extract<Answer<N>, { ok: true }>['value']> {
  const answer = await ask(name, input);
  if (!answer.ok) throw new Error(`${name}: ${answer.error.code}`);
  return answer.value;
}
const wordsOn = (page: string): string => [...fs.readFileSync(page, 'utf8').matchAll(/<li><i>\d+<\/i>([a-z]+)/g)].map(([, word]) => word).join(' ');

test('a key is made, its kit printed as PDF, and the kit proved with its words', async () => {
  await value('keychain.usePassphrase', { passphrase: PASSPHRASE });
  const key = await value('keys.create', { name: 'family', type: 'aes' });
  expect(key.kit.state).toBe('none');
  const connection = await value('connections.add', { kind: 's3', name: 'server', endpoint: storage.endpoint, region: 'us-east-1', accessKeyId: storage.accessKeyId, secretAccessKey: storage.secretAccessKey });
  fs.mkdirSync(at('folder'));
  fs.writeFileSync(at('folder', 'letter.txt'), 'canary content of the letter');
  const folder = await value('folders.add', { localPath: at('folder'), connectionId: connection.id, bucket: 'team', prefix: 'f/', mode: 'cse-c', keyId: key.keyId, names: 'encrypted', direction: 'two-way', createBucket: true });
  await value('folders.start', { folderId: folder.id });
  const pdf = await value('host.saveKitPdf', { keyId: key.keyId, file: at('family.pdf') });
  const bytes = fs.readFileSync(pdf.page);
  expect(bytes.subarray(0, 5).toString('latin1')).toBe('%PDF-');
  expect(bytes.toString('latin1').match(/\/Type\s*\/Page[^s]/g)?.length).toBeGreaterThan(1);
  expect(fs.statSync(pdf.page).mode & 0o777).toBe(0o600);
  expect(fs.readFileSync(pdf.ageFile ?? '', 'utf8')).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/);
  expect(await ask('host.saveKitPdf', { keyId: key.keyId, file: at('family.pdf') })).toMatchObject({ ok: false, error: { code: 'target-exists' } });
  const [unverified] = await value('keys.list', undefined);
  expect(unverified?.kit.state).toBe('unverified');
  // The words of an AES key are the same on every page of it.
  const { page } = await value('keys.saveKit', { keyId: key.keyId, file: at('family-page.html') });
  const words = wordsOn(page);
  expect(await ask('keys.verifyKit', { keyId: key.keyId, words: words.replace(/^\w+/, 'enfold'), file: null })).toMatchObject({ ok: false, error: { code: 'kit-word-unknown' } });
  expect(await value('keys.verifyKit', { keyId: key.keyId, words, file: null })).toMatchObject({ folders: [{ id: folder.id }] });
  expect(await value('keys.needsWords', { file: pdf.ageFile ?? '' })).toEqual({ needs: true });
  expect(await value('keys.verifyKit', { keyId: key.keyId, words, file: pdf.ageFile })).toMatchObject({ folders: [{ id: folder.id }] });
  expect((await value('keys.list', undefined))[0]?.kit.state).toBe('verified');
});

test('the app locks when the screen is locked, shows its folders as locked, and unlocks with the passphrase', async () => {
  const [folder] = await value('folders.list', undefined);
  const state = async (): Promise<string | undefined> => (await value('folders.list', undefined))[0]?.status.state;
  await expect.poll(state).toBe('up-to-date');
  expect(await value('drill.run', { folderId: folder?.id ?? '' })).toMatchObject({ files: 1, compared: 1, failed: 0 });
  expect(await value('drill.last', { folderId: folder?.id ?? '' })).toMatchObject({ failed: 0 });
  const lockScreen = async (): Promise<void> => running.app.evaluate(({ powerMonitor }) => void powerMonitor.emit('lock-screen'));
  await value('lock.setSettings', { idleMinutes: null, onScreenLock: true, onSleep: false });
  await lockScreen();
  await expect.poll(state).toBe('locked');
  expect(await value('lock.state', undefined)).toMatchObject({ isLocked: true, method: 'key-file' });
  expect(await ask('keys.exportTo', { keyId: folder?.keyId ?? '', file: at('stolen.age'), passphrase: 'stolen' })).toMatchObject({ ok: false, error: { code: 'enfold-locked' } });
  expect(await ask('host.saveKitPdf', { keyId: folder?.keyId ?? '', file: at('stolen.pdf') })).toMatchObject({ ok: false, error: { code: 'enfold-locked' } });
  expect(fs.existsSync(at('stolen.age')) || fs.existsSync(at('stolen.pdf'))).toBe(false);
  expect(await value('host.unlockWithSystem', undefined)).toBe(false);
  expect(await ask('lock.unlock', { passphrase: 'wrong' })).toMatchObject({ ok: false, error: { code: 'passphrase-wrong' } });
  await value('lock.unlock', { passphrase: PASSPHRASE });
  await expect.poll(state).toBe('up-to-date');
});

test('the app locks before sleep, where that is chosen', async () => {
  const isLocked = async (): Promise<boolean> => (await value('lock.state', undefined)).isLocked;
  await value('lock.setSettings', { idleMinutes: null, onScreenLock: false, onSleep: true });
  await running.app.evaluate(({ powerMonitor }) => void powerMonitor.emit('suspend'));
  await expect.poll(isLocked).toBe(true);
  await value('lock.unlock', { passphrase: PASSPHRASE });
});

test('on a new computer the window opens the folder again from the kit, and the files come back', async () => {
  second = await startApp(at('second home'), { ENFOLD_KEYCHAIN: 'file' });
  const { page, app } = second;
  await page.getByRole('heading', { name: 'Where should the copies live?' }).waitFor();
  await page.evaluate(async () => window.enfold.request('keychain.usePassphrase', { passphrase: 'another passphrase' }));
  await page.getByRole('radio', { name: /^I have a recovery kit/ }).click();
  const words = wordsOn(at('family-page.html'));
  await answerDialogs(app, [at('family.age')]);
  await page.getByRole('button', { name: 'Or choose its file…' }).click();
  await page.getByText('family.age').waitFor();
  // A word that is not the page's, then those that are.
  await page.getByLabel(/of 24 words/).fill(words.replace(/^\w+/, 'enfold'));
  await page.getByRole('button', { name: 'Take the key back' }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel(/of 24 words/).fill(words);
  await page.getByRole('button', { name: 'Take the key back' }).click();
  await page.getByRole('button', { name: /s3:\/\/team\/f/ }).click();
  expect(await page.getByLabel('Endpoint').inputValue()).toBe(storage.endpoint);
  await page.getByLabel('Access key ID').fill(storage.accessKeyId);
  await page.getByLabel('Secret access key').fill(storage.secretAccessKey);
  await page.getByRole('button', { name: 'Set up storage' }).click();
  fs.mkdirSync(at('again'));
  await page.getByLabel('Folder on this computer').fill(at('again'));
  await page.getByRole('button', { name: 'Continue to encryption' }).click();
  await page.getByRole('button', { name: 'Continue to key' }).click();
  await page.getByRole('button', { name: 'Continue to preview' }).click();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.locator('.head-state').getByText('Up to date').waitFor({ timeout: 60_000 });
  expect(fs.readFileSync(at('again', 'letter.txt'), 'utf8')).toBe('canary content of the letter');
});

test('somebody is invited and removed in the window, and the folder goes on under a new key', async () => {
  if (second === null) throw new Error('no second computer');
  const { page, app } = running;
  const theirs = await second.page.evaluate(async () => window.enfold.request('sharing.recipient', undefined));
  if (!theirs.ok) throw new Error(theirs.error.code);
  await value('folders.rename', { folderId: (await value('folders.list', undefined))[0]?.id ?? '', name: 'family' });
  // The wizard of the first run is still there; a window that is loaded anew shows what has come since.
  await takeHeard();
  await page.reload();
  await listen();
  await page.getByRole('button', { name: /^Folders/ }).first().click();
  await page.getByRole('button', { name: 'family', exact: true }).click();
  await page.getByRole('tab', { name: /^Settings/ }).click();
  await page.getByRole('button', { name: 'Invite…' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Jonas');
  await page.getByLabel('Their recipient').fill(theirs.value.recipient);
  await answerDialogs(app, [at('jonas.age')]);
  await page.getByRole('button', { name: 'Save invitation…' }).click();
  await page.getByText(/Compare this fingerprint/).waitFor();
  // Their folder is there already: the invitation is taken in beside it.
  const joined = await second.page.evaluate(async (file) => window.enfold.request('sharing.accept', { file, localPath: null, connectionId: null, passphrase: null }), at('jonas.age'));
  expect(joined.ok).toBe(true);
  await page.getByRole('tab', { name: /^Activity/ }).click();
  await page.getByRole('tab', { name: /^Settings/ }).click();
  await page.getByText(/^In since/).waitFor();
  await page.getByRole('button', { name: 'Remove Jonas' }).click();
  await page.getByText(/What Jonas could read until now/).waitFor();
  await page.getByRole('button', { name: 'Remove, with a new key' }).click();
  await page.getByText(/Jonas is removed. New files are under/).waitFor({ timeout: 60_000 });
  const [folder] = await value('folders.list', undefined);
  expect((await value('keys.list', undefined)).map(({ keyId }) => keyId)).toContain(folder?.keyId);
  expect(await value('keys.list', undefined)).toHaveLength(2);
  await expect.poll(async () => (await value('folders.list', undefined))[0]?.status.state).toBe('up-to-date');
  expect(await value('sharing.members', { folderId: folder?.id ?? '' })).toEqual([]);
});

test('what passed between the window and the rest held no secret', async () => {
  await takeHeard();
  const words = wordsOn(at('family-page.html'));
  const { words: _same, ...kit } = JSON.parse(/id="enfold-kit">([^<]*)</.exec(fs.readFileSync(at('family-page.html'), 'utf8'))?.[1] ?? '{}') as { words: string; age: string };
  const all = trace.join('\n');
  expect(all).toContain('"isLocked":true');
  for (const secret of [PASSPHRASE, words, words.split(' ').slice(0, 4).join(' '), kit.age.slice(60, 120), storage.secretAccessKey, 'canary content', 'AGE-SECRET-KEY']) expect([secret.slice(0, 12), all.includes(secret)]).toEqual([secret.slice(0, 12), false]);
});
