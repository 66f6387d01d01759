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

const failingWith = (message: string) => createKeychainStore(home, () => {
  throw new Error(message);
});
const wrapped = (): string[] => readdirSync(join(home, 'wrapped-secrets'));

/** Windows Credential Manager: at most 2,560 bytes of UTF-16 for an item, and this error. */
function credentialManager() {
  const items = new Map<string, string>();
  const store = createKeychainStore(home, () => ({
    getPassword: async (_service, account) => items.get(account) ?? null,
    setPassword: async (_service, account, password) => {
      if (Buffer.byteLength(password, 'utf16le') > 2_560) throw new Error('The stub received bad data.');
      items.set(account, password);
    },
    deletePassword: async (_service, account) => items.delete(account),
  }));
  return { store, items };
}

test('a keychain that is not there is told from one that is locked', async () => {
  await expect(failingWith('Cannot autolaunch D-Bus without X11 $DISPLAY').get('key/00')).rejects.toMatchObject({ code: 'keychain-missing', retry: 'after-user' });
  await expect(failingWith('libsecret-1.so.0: cannot open shared object file').get('key/00')).rejects.toMatchObject({ code: 'keychain-missing' });
  await expect(failingWith('Cannot create an item in a locked collection').set('key/00', Buffer.from('x'))).rejects.toMatchObject({ code: 'keychain-locked' });
  expect(readdirSync(home)).not.toContain('wrapped-secrets');
});

test('a keychain that comes up later is used then', async () => {
  let isUp = false;
  const { items } = credentialManager();
  const store = createKeychainStore(home, () => {
    if (!isUp) throw new Error('no bus');
    return { getPassword: async (_service, account) => items.get(account) ?? null, setPassword: async (_service, account, password) => void items.set(account, password), deletePassword: async (_service, account) => items.delete(account) };
  });
  await expect(store.set('key/00', Buffer.from('x'))).rejects.toMatchObject({ code: 'keychain-missing' });
  isUp = true;
  await store.set('key/00', Buffer.from('x'));
  expect((await store.get('key/00'))?.toString()).toBe('x');
});

test('a keychain that forgets what it was given is found out at once, and nothing is left behind', async () => {
  const store = createKeychainStore(home, () => ({ getPassword: async () => null, setPassword: async () => undefined, deletePassword: async () => true }));
  await expect(store.set('key/00', Buffer.from('x'))).rejects.toMatchObject({ code: 'keychain-missing' });
  expect(readdirSync(home)).toEqual(['home-id']);
});

test('secrets of any size fit into a keychain that takes 2,560 bytes, under one item of 32 bytes', async () => {
  const { store, items } = credentialManager();
  const secrets = new Map([['key/00', randomBytes(32)], ['key/rsa-4096', randomBytes(2_400)], ['connection/ab', Buffer.from('a secret access key')], ['identity/age', randomBytes(74)], ['key/huge', randomBytes(60_000)]]);
  await Promise.all([...secrets].map(async ([name, value]) => store.set(name, value)));
  for (const [name, value] of secrets) expect(await store.get(name)).toEqual(value);
  expect([...items.values()].map((item) => Buffer.from(item, 'base64').length)).toEqual([32]);
  expect(wrapped()).toHaveLength(secrets.size);
  const directory = join(home, 'wrapped-secrets');
  for (const name of wrapped()) {
    const file = readFileSync(join(directory, name));
    expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    for (const value of secrets.values()) expect(file.includes(value.subarray(0, 16))).toBe(false);
  }
  expect(await store.get('key/none')).toBeNull();
});

test('a secret written again replaces its file; one deleted is gone; an altered file opens no more', async () => {
  const { store } = credentialManager();
  await store.set('key/00', Buffer.from('first'));
  await store.set('key/00', Buffer.from('second'));
  expect([(await store.get('key/00'))?.toString(), wrapped().length]).toEqual(['second', 1]);
  const file = join(home, 'wrapped-secrets', wrapped()[0] ?? '');
  const whole = readFileSync(file);
  for (const at of [1, 14, whole.length - 1]) {
    const altered = Buffer.from(whole);
    altered[at] = (altered[at] ?? 0) ^ 1;
    writeFileSync(file, altered);
    await expect(store.get('key/00')).rejects.toMatchObject({ code: 'key-file-damaged' });
  }
  writeFileSync(file, Buffer.concat([Buffer.of(2), whole.subarray(1)]));
  await expect(store.get('key/00')).rejects.toMatchObject({ code: 'newer-version' });
  writeFileSync(file, whole);
  await store.delete('key/00');
  expect([await store.get('key/00'), wrapped()]).toEqual([null, []]);
});

test('one secret does not open in the place of another', async () => {
  const { store } = credentialManager();
  await store.set('key/00', Buffer.from('mine'));
  const [mine = ''] = wrapped();
  await store.set('key/01', Buffer.from('other'));
  const other = wrapped().find((name) => name !== mine) ?? '';
  writeFileSync(join(home, 'wrapped-secrets', other), readFileSync(join(home, 'wrapped-secrets', mine)));
  await expect(store.get('key/01')).rejects.toMatchObject({ code: 'key-file-damaged' });
});

test('when the item is gone nothing is written, nothing deleted, and what comes back opens again', async () => {
  const { store, items } = credentialManager();
  await store.set('key/00', Buffer.from('precious'));
  const [[account, item]] = [...items] as [[string, string]];
  items.clear();
  const before = wrapped().map((name) => readFileSync(join(home, 'wrapped-secrets', name)));
  for (const attempt of [store.get('key/00'), store.set('key/00', Buffer.from('new')), store.set('key/01', Buffer.from('new')), store.delete('key/00')]) await expect(attempt).rejects.toMatchObject({ code: 'key-item-missing' });
  expect([wrapped().map((name) => readFileSync(join(home, 'wrapped-secrets', name))), items.size]).toEqual([before, 0]);
  items.set(account, item);
  expect((await store.get('key/00'))?.toString()).toBe('precious');
  await expect(store.setAside?.()).rejects.toMatchObject({ code: 'bad-usage' });
  // Gone for good: what it opened is moved, not deleted, and a new start is possible.
  items.clear();
  const place = (await store.setAside?.()) ?? '';
  expect(readdirSync(place)).toHaveLength(1);
  await store.set('key/00', Buffer.from('from the kit'));
  expect((await store.get('key/00'))?.toString()).toBe('from the kit');
});
