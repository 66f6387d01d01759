import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KEY_FILE_NAME, createKeyFileStore } from '../../main/keys/key-file.ts';
import { openSecretStore } from '../../main/keys/secret-store.ts';
import { encryptWithPassphrase } from '../../main/keys/passphrase.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'enfold-keys-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const storeWith = (passphrase: string | null) => createKeyFileStore(home, async () => passphrase);
const keyFile = (): Buffer => readFileSync(join(home, KEY_FILE_NAME));

describe('the key file', () => {
  test('gives back what was stored, to this process and the next', async () => {
    const secret = randomBytes(32);
    const store = storeWith('correct horse');
    await store.set('key/0011223344556677', secret);
    await store.set('connection/abcd', Buffer.from('s3cret/ü'));
    expect(await store.get('key/0011223344556677')).toEqual(secret);
    const next = storeWith('correct horse');
    expect(await next.get('key/0011223344556677')).toEqual(secret);
    expect((await next.get('connection/abcd'))?.toString()).toBe('s3cret/ü');
    expect(await next.get('key/never')).toBeNull();
  });

  test('is readable by its owner only and holds no plaintext', async () => {
    await storeWith('correct horse').set('connection/abcd', Buffer.from('a very recognisable secret'));
    expect(statSync(join(home, KEY_FILE_NAME)).mode & 0o777).toBe(0o600);
    expect(keyFile().includes('recognisable')).toBe(false);
    expect(keyFile().includes(Buffer.from('a very recognisable secret').toString('base64'))).toBe(false);
    expect(keyFile().toString('latin1')).toMatch(/^age-encryption\.org\/v1\n-> scrypt [^ ]+ 16\n/);
  });

  test('refuses a wrong passphrase and stays as it was', async () => {
    await storeWith('correct horse').set('key/00', randomBytes(32));
    const before = keyFile();
    await expect(storeWith('wrong').get('key/00')).rejects.toMatchObject({ code: 'passphrase-wrong' });
    await expect(storeWith('wrong').set('key/01', randomBytes(32))).rejects.toMatchObject({ code: 'passphrase-wrong' });
    expect(keyFile()).toEqual(before);
    expect(readdirSync(home)).toEqual([KEY_FILE_NAME]);
  });

  test('says that a passphrase is missing', async () => {
    await expect(storeWith(null).set('key/00', randomBytes(32))).rejects.toMatchObject({ code: 'passphrase-missing' });
    expect(readdirSync(home)).toEqual([]);
  });

  test('asks for the passphrase once, however many secrets are needed', async () => {
    let asked = 0;
    const store = createKeyFileStore(home, async () => {
      asked += 1;
      return 'correct horse';
    });
    await store.set('key/00', randomBytes(32));
    await Promise.all(Array.from({ length: 20 }, async () => store.get('key/00')));
    expect(asked).toBe(1);
  });

  test('refuses damage and never writes over a file it cannot read', async () => {
    const good = storeWith('correct horse');
    await good.set('key/00', randomBytes(32));
    const whole = keyFile();
    for (const damaged of [whole.subarray(0, whole.length - 1), whole.subarray(0, 30), Buffer.from('not a key file'), Buffer.alloc(0)]) {
      writeFileSync(join(home, KEY_FILE_NAME), damaged);
      await expect(storeWith('correct horse').get('key/00')).rejects.toMatchObject({ code: 'key-file-damaged' });
      await expect(storeWith('correct horse').set('key/01', randomBytes(32))).rejects.toMatchObject({ code: 'key-file-damaged' });
      expect(keyFile()).toEqual(damaged);
    }
  });

  test('refuses a file from a newer version', async () => {
    writeFileSync(join(home, KEY_FILE_NAME), await encryptWithPassphrase(Buffer.from('{"version":2,"secrets":{}}'), 'p', 10));
    await expect(storeWith('p').get('key/00')).rejects.toMatchObject({ code: 'newer-version' });
  });

  test('loses nothing when two processes write at once', async () => {
    await storeWith('p').set('key/first', Buffer.from('first'));
    const [one, other] = [storeWith('p'), storeWith('p')];
    await Promise.all([one.set('key/one', Buffer.from('one')), other.set('key/other', Buffer.from('other'))]);
    const last = storeWith('p');
    for (const name of ['first', 'one', 'other']) expect((await last.get(`key/${name}`))?.toString()).toBe(name);
  });

  test('takes over the lock of a process that died', async () => {
    writeFileSync(join(home, `${KEY_FILE_NAME}.lock`), '999999999');
    await storeWith('p').set('key/00', Buffer.from('x'));
    expect((await storeWith('p').get('key/00'))?.toString()).toBe('x');
  });

  test('deletes one secret and keeps the others', async () => {
    const store = storeWith('p');
    await store.set('key/00', Buffer.from('x'));
    await store.set('key/01', Buffer.from('y'));
    await store.delete('key/00');
    expect(await storeWith('p').get('key/00')).toBeNull();
    expect((await storeWith('p').get('key/01'))?.toString()).toBe('y');
  });
});

test('the environment chooses the key file and gives its passphrase', async () => {
  const env = { ENFOLD_KEYCHAIN: 'file', ENFOLD_PASSPHRASE: 'from the environment' };
  const store = openSecretStore({ home, env, askPassphrase: async () => 'never asked' });
  expect(store.backend).toBe('file');
  await store.set('key/00', Buffer.from('x'));
  expect((await storeWith('from the environment').get('key/00'))?.toString()).toBe('x');
});
