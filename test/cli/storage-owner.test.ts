/** What the owner of a built-in storage does in the window, as its process does it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { performOwnerTask } from '../../main/cli/storage-owner.ts';
import { rootKeysFor, secretStore } from '../../main/cli/storage-root-keys.ts';
import { secretOfWords } from '../../main/keys/words.ts';
import { importRootKey } from '../../main/storage/root-key.ts';
import { startStorage } from '../../main/storage/server.ts';

let root: string;
const dir = (): string => join(root, 'disk');
const computer = (name: string) => ({ ENFOLD_HOME: join(root, name), ENFOLD_KEYCHAIN: 'file', ENFOLD_PASSPHRASE: `passphrase of ${name}` });
const serve = async (name: string): Promise<void> => {
  const storage = await startStorage({ dir: dir(), rootKeys: rootKeysFor(dir(), computer(name)) });
  await storage.stop();
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'enfold-owner-'));
});
afterEach(() => rmSync(root, { recursive: true }));

test('the words on the page open the folder on another computer, where nothing else does', async () => {
  const first = computer('first');
  const storage = await startStorage({ dir: dir(), isSecure: true, rootKeys: rootKeysFor(dir(), first) });
  await expect(performOwnerTask(dir(), first, 'to-keychain')).rejects.toMatchObject({ code: 'storage-busy' });
  expect(await performOwnerTask(dir(), first, 'look')).toEqual({ rootKey: { place: 'beside-data', rootKeyId: null, exportedMs: null }, fingerprint: storage.certificate?.fingerprint, page: null });
  await storage.stop();

  await expect(performOwnerTask(dir(), first, 'words')).rejects.toMatchObject({ code: 'bad-usage' });
  const moved = await performOwnerTask(dir(), first, 'to-keychain');
  expect(moved).toMatchObject({ rootKey: { place: 'keychain', exportedMs: null }, page: null });
  const { page, rootKey } = await performOwnerTask(dir(), first, 'words');
  expect(rootKey.exportedMs).toBeGreaterThan(0);
  await serve('first');

  await expect(serve('second')).rejects.toMatchObject({ code: 'storage-key-missing' });
  const words = [...(page ?? '').matchAll(/<li><i>\d+<\/i>([a-z]+)</g)].map(([, word]) => word).join(' ');
  expect(words.split(' ')).toHaveLength(24);
  await importRootKey(dir(), secretStore(computer('second')), secretOfWords(words));
  await serve('second');
});

test('a folder without a storage, and a task nobody knows, are refused', async () => {
  await expect(performOwnerTask(dir(), computer('first'), 'look')).rejects.toMatchObject({ code: 'not-a-storage-folder' });
  await serve('first');
  await expect(performOwnerTask(dir(), computer('first'), 'dance')).rejects.toMatchObject({ code: 'bad-usage' });
});
