/** Built-in storage as its owner sees it in the real app: HTTPS with its fingerprint, the root key into the keychain, and the recovery words on paper. */
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Answer, RequestInput, RequestName } from '../../preload/contract.ts';
import { answerDialogs, removeScratch, scratchDirectory, startApp, type RunningApp } from './enfold-app.ts';

const scratch = scratchDirectory('owner');
const at = (...names: string[]): string => path.join(scratch, ...names);
const pictures = path.resolve('test-results/storage');
const NAME = 'My disk';
let running: RunningApp;

beforeAll(async () => {
  fs.mkdirSync(pictures, { recursive: true });
  running = await startApp(at('home'), { ENFOLD_KEYCHAIN: 'file', ENFOLD_PASSPHRASE: 'passphrase of the key file' });
  await running.page.getByRole('button', { name: 'Look around first' }).click();
});
afterAll(async () => {
  await running?.close();
  removeScratch();
});

async function value<N extends RequestName>(name: N, input: RequestInput<N>): Promise<Extract<Answer<N>, { ok: true }>['value']> {
  const answer = (await running.page.evaluate(async ([request, given]) => window.enfold.request(request as never, given as never), [name, input] as const)) as Answer<N>;
  if (!answer.ok) throw new Error(`${name}: ${answer.error.code}`);
  return answer.value;
}
const ringText = (): string => fs.readFileSync(at('storage', 'master-keys.json'), 'utf8');
async function picture(name: string): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await running.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await running.page.screenshot({ path: path.join(pictures, `${name}-${colorScheme}.png`) });
  }
}
/** Resolves when a file that is written now has reached the storage. */
async function expectSynced(folderId: string, name: string, sizeBytes = 100): Promise<void> {
  fs.writeFileSync(at('folder', name), Buffer.alloc(sizeBytes, `content of ${name}`));
  await vi.waitFor(async () => {
    await value('folders.syncNow', { folderId }).catch(() => undefined);
    expect(JSON.stringify(await value('folders.activity', { folderId, limit: 20 }))).toContain(name);
  }, { timeout: 120_000, interval: 500 });
}

test('the owner sees the address, turns HTTPS on, moves the root key into the keychain and saves its words, while a folder goes on', async () => {
  const { page } = running;
  const connection = await value('connections.add', { kind: 'built-in', name: NAME, directory: at('storage') });
  fs.mkdirSync(at('folder'));
  const folder = await value('folders.add', { localPath: at('folder'), connectionId: connection.id, bucket: 'photos', prefix: '', mode: 'sse-s3', keyId: null, names: 'readable', direction: 'two-way', createBucket: true });
  await value('folders.start', { folderId: folder.id });
  await expectSynced(folder.id, 'before.txt');

  await page.getByRole('complementary', { name: 'Enfold' }).getByRole('button', { name: /^Storage/ }).click();
  await page.getByRole('button', { name: `Address and keys of ${NAME}` }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/http:\/\/127\.0\.0\.1:\d+/).waitFor({ timeout: 60_000 });
  await dialog.getByText('Beside the data').waitFor();
  await picture('owner-http');

  await dialog.getByRole('switch').click();
  await dialog.getByText(/https:\/\/127\.0\.0\.1:\d+/).waitFor({ timeout: 60_000 });
  const fingerprint = new X509Certificate(fs.readFileSync(at('storage', 'certificate.pem'))).fingerprint256;
  await dialog.getByText(fingerprint).waitFor();
  // Long enough for the storage's second thread, in the app's own process.
  await expectSynced(folder.id, 'over-https.bin', 3 << 20);

  const inTheClear = ringText();
  await dialog.getByRole('button', { name: 'Move to the keychain' }).click();
  await dialog.getByText('Not written down yet').waitFor({ timeout: 60_000 });
  const { keys: [masterKey] } = JSON.parse(inTheClear) as { keys: readonly { key: string }[] };
  expect(masterKey?.key).toMatch(/^[\w+/]{43}=$/);
  expect(ringText()).not.toContain(masterKey?.key);
  await expectSynced(folder.id, 'after-the-move.txt');

  const pdf = at('words.pdf');
  await answerDialogs(running.app, [pdf]);
  await dialog.getByRole('button', { name: 'Save recovery words' }).click();
  await dialog.getByText('Saved. Print it').waitFor({ timeout: 60_000 });
  await dialog.getByText('Saved or shown').waitFor();
  expect(fs.readFileSync(pdf).subarray(0, 5).toString('latin1')).toBe('%PDF-');
  expect(fs.statSync(pdf).mode & 0o777).toBe(0o600);
  await picture('owner-https');
  await expectSynced(folder.id, 'after-the-words.txt');
});

test('what the window is told holds no word and no key, and a file that is there is not replaced', async () => {
  const [connection] = await value('connections.list', undefined);
  const owner = await value('host.storageOwner', { connectionId: connection?.id ?? '' });
  expect(owner).toEqual({ directory: at('storage'), endpoint: expect.stringMatching(/^https:/), isSecure: true, fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/), rootKey: { place: 'keychain', id: expect.stringMatching(/^[0-9a-f]{16}$/), wordsAtMs: expect.any(Number) } });
  await expect(value('host.saveStorageWords', { connectionId: connection?.id ?? '', file: at('words.pdf') })).rejects.toThrow('target-exists');
  await expect(value('host.storageToKeychain', { connectionId: connection?.id ?? '' })).rejects.toThrow('bad-usage');
  await value('lock.lock', undefined);
  await expect(value('host.storageOwner', { connectionId: connection?.id ?? '' })).rejects.toThrow('enfold-locked');
});
