import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createKeychainStore } from '../../main/keys/keychain.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'enfold-keychain-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const failingWith = (message: string) => createKeychainStore(home, async () => {
  throw new Error(message);
});

test('a keychain that is not there is told from one that is locked', async () => {
  await expect(failingWith('Cannot autolaunch D-Bus without X11 $DISPLAY').get('key/00')).rejects.toMatchObject({ code: 'keychain-missing', retry: 'after-user' });
  await expect(failingWith('libsecret-1.so.0: cannot open shared object file').get('key/00')).rejects.toMatchObject({ code: 'keychain-missing' });
  await expect(failingWith('Cannot create an item in a locked collection').set('key/00', Buffer.from('x'))).rejects.toMatchObject({ code: 'keychain-locked' });
});

test('a keychain that comes up later is used then', async () => {
  let isUp = false;
  const items = new Map<string, string>();
  const store = createKeychainStore(home, async () => {
    if (!isUp) throw new Error('no bus');
    return {
      getPassword: async (_service, account) => items.get(account) ?? null,
      setPassword: async (_service, account, password) => void items.set(account, password),
      deletePassword: async (_service, account) => items.delete(account),
    };
  });
  await expect(store.set('key/00', Buffer.from('x'))).rejects.toMatchObject({ code: 'keychain-missing' });
  isUp = true;
  await store.set('key/00', Buffer.from('x'));
  expect((await store.get('key/00'))?.toString()).toBe('x');
});

test('a keychain that forgets what it was given is found out at once', async () => {
  const store = createKeychainStore(home, async () => ({
    getPassword: async () => null,
    setPassword: async () => undefined,
    deletePassword: async () => true,
  }));
  await expect(store.set('key/00', Buffer.from('x'))).rejects.toMatchObject({ code: 'keychain-missing' });
});

test('a secret too large for an item stands encrypted in a file of its own, for the owner only', async () => {
  const items = new Map<string, string>();
  const store = createKeychainStore(home, async () => ({
    getPassword: async (_service, account) => items.get(account) ?? null,
    setPassword: async (_service, account, password) => void items.set(account, password),
    deletePassword: async (_service, account) => items.delete(account),
  }));
  const directory = join(home, 'wrapped-secrets');
  const secret = randomBytes(2_400);
  await store.set('key/00', secret);
  expect([...items.values()].every((item) => item.length <= 1_280)).toBe(true);
  const [file = ''] = readdirSync(directory);
  expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(directory, file)).includes(secret.subarray(100, 132))).toBe(false);
  expect(await store.get('key/00')).toEqual(secret);

  // Written again, its old file goes; an altered file opens no more; deleted, nothing stays.
  await store.set('key/00', secret);
  expect(readdirSync(directory)).toHaveLength(1);
  const [next = ''] = readdirSync(directory);
  expect(next).not.toBe(file);
  const altered = readFileSync(join(directory, next));
  altered[50] = (altered[50] as number) ^ 1;
  writeFileSync(join(directory, next), altered);
  await expect(store.get('key/00')).rejects.toMatchObject({ code: 'key-file-damaged' });
  await store.delete('key/00');
  expect(readdirSync(directory)).toEqual([]);
  expect(await store.get('key/00')).toBe(null);
});
