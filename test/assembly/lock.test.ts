import { expect, test } from 'vitest';
import { createLock, guardSecrets } from '../../main/assembly/lock.ts';
import { SyncError } from '../../main/model/errors.ts';
import type { SecretStore } from '../../main/sync/ports.ts';

function world(backend: 'keychain' | 'file') {
  const facts = new Map<string, unknown>();
  const settings = { fact: (name: string) => facts.get(name) ?? null, putFact: (name: string, value: unknown) => void (value === null ? facts.delete(name) : facts.set(name, value)) };
  const secrets = new Map<string, Buffer>();
  const store: SecretStore = { backend, get: async (name) => secrets.get(name) ?? null, set: async (name, value) => void secrets.set(name, value), delete: async (name) => void secrets.delete(name) };
  let forgotten = 0;
  const lock = createLock({
    settings, store: async () => store,
    forget: async () => void (forgotten += 1),
    openKeyFile: async (given) => {
      if (given !== 'right') throw new SyncError('passphrase-wrong');
    },
  });
  return { lock, guarded: guardSecrets(store, settings), secrets, forgotten: () => forgotten };
}

test('while locked no secret is read, written or deleted, and what was opened is forgotten', async () => {
  const { lock, guarded, secrets, forgotten } = world('keychain');
  await guarded.set('key/00', Buffer.from('x'));
  await lock.lock();
  expect(forgotten()).toBe(1);
  for (const attempt of [guarded.get('key/00'), guarded.set('key/00', Buffer.from('y')), guarded.delete('key/00')]) await expect(attempt).rejects.toMatchObject({ code: 'enfold-locked' });
  expect(secrets.get('key/00')?.toString()).toBe('x');
  expect(await lock.method()).toBe('none');
  await lock.unlock(null);
  expect((await guarded.get('key/00'))?.toString()).toBe('x');
});

test('a passphrase of the lock is needed to unlock, to change it and to take it away', { timeout: 60_000 }, async () => {
  const { lock, secrets } = world('keychain');
  await lock.setPassphrase(null, 'first');
  expect([...secrets.values()].some((value) => value.includes('first'))).toBe(false);
  await lock.lock();
  expect(await lock.method()).toBe('passphrase');
  await expect(lock.unlock(null)).rejects.toMatchObject({ code: 'passphrase-missing' });
  await expect(lock.unlock('wrong')).rejects.toMatchObject({ code: 'lock-passphrase-wrong' });
  expect(lock.isLocked()).toBe(true);
  await lock.unlock('first');
  expect(lock.isLocked()).toBe(false);
  await expect(lock.setPassphrase('wrong', 'second')).rejects.toMatchObject({ code: 'lock-passphrase-wrong' });
  await lock.setPassphrase('first', null);
  expect(await lock.method()).toBe('none');
});

test('a key file is unlocked by its own passphrase, and by nothing else', async () => {
  const { lock } = world('file');
  await lock.lock();
  await expect(lock.unlock(null)).rejects.toMatchObject({ code: 'passphrase-missing' });
  await expect(lock.unlock('wrong')).rejects.toMatchObject({ code: 'passphrase-wrong' });
  expect(lock.isLocked()).toBe(true);
  await lock.unlock('right');
  expect(lock.isLocked()).toBe(false);
  await expect(lock.setPassphrase(null, 'another')).rejects.toMatchObject({ code: 'bad-usage' });
});

test('when to lock by itself is checked and kept', () => {
  const { lock } = world('keychain');
  expect(lock.settings()).toEqual({ idleMinutes: null, onScreenLock: false, onSleep: false });
  expect(() => lock.setSettings({ idleMinutes: 0, onScreenLock: true, onSleep: true })).toThrow(expect.objectContaining({ code: 'bad-usage' }));
  lock.setSettings({ idleMinutes: 5, onScreenLock: true, onSleep: true });
  expect(lock.settings()).toEqual({ idleMinutes: 5, onScreenLock: true, onSleep: true });
});
