/**
 * The operating system's keychain, through keytar: macOS Keychain, Windows Credential Manager, Secret Service on Linux.
 *
 * Each secret is an item of its own under the service `Enfold`. Two Enfold homes on one computer do not see each other's
 * items: the account name starts with an id that the home keeps in a file.
 *
 * What is too large for an item (RSA keys) stands in a file of its own, encrypted under a key that the item holds instead.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type * as KeytarModule from 'keytar';
import { SyncError } from '../model/errors.ts';
import type { SecretStore } from '../sync/ports.ts';

const SERVICE = 'Enfold';
/** Windows keeps at most 2,560 bytes, which keytar stores as UTF-16. */
const MAX_VALUE_CHARACTERS = 1280;

type Keytar = Pick<typeof KeytarModule, 'getPassword' | 'setPassword' | 'deletePassword'>;

function homeId(home: string): string {
  const file = join(home, 'home-id');
  try {
    writeFileSync(file, randomBytes(8).toString('hex'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  return readFileSync(file, 'utf8').trim();
}

const WRAPPED_DIRECTORY = 'wrapped-secrets';
const WRAPPED_ITEM = /^wrapped:v1:([0-9a-f]{32}):([A-Za-z0-9+/]{43}=)$/;

/** Encrypts `value` into a new file. @returns the item that finds and opens it */
function wrapIntoFile(home: string, name: string, value: Uint8Array): string {
  const [fileId, key, iv] = [randomBytes(16).toString('hex'), randomBytes(32), randomBytes(12)];
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(name));
  mkdirSync(join(home, WRAPPED_DIRECTORY), { recursive: true, mode: 0o700 });
  const handle = openSync(join(home, WRAPPED_DIRECTORY, fileId), 'wx', 0o600);
  try {
    writeSync(handle, Buffer.concat([iv, cipher.update(value), cipher.final(), cipher.getAuthTag()]));
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  return `wrapped:v1:${fileId}:${key.toString('base64')}`;
}

/** @throws SyncError key-file-damaged where the file is gone or is not the one that was written */
function unwrapFromFile(home: string, name: string, fileId: string, key: string): Buffer {
  try {
    const file = readFileSync(join(home, WRAPPED_DIRECTORY, fileId));
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key, 'base64'), file.subarray(0, 12), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(name)).setAuthTag(file.subarray(-16));
    return Buffer.concat([decipher.update(file.subarray(12, -16)), decipher.final()]);
  } catch (error) {
    throw new SyncError('key-file-damaged', { path: join(home, WRAPPED_DIRECTORY, fileId) }, { cause: error });
  }
}

function forgetFile(home: string, item: string | null): void {
  const [, fileId] = WRAPPED_ITEM.exec(item ?? '') ?? [];
  if (fileId !== undefined) rmSync(join(home, WRAPPED_DIRECTORY, fileId), { force: true });
}

/** What the platform's libraries say when the keychain is there but closed; everything else counts as not there. */
const LOCKED = /locked|dismissed|denied|cancel|interaction is not allowed|not permitted/i;

function translate(error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SyncError(LOCKED.test(message) ? 'keychain-locked' : 'keychain-missing', { detail: message }, { cause: error });
}

/**
 * A SecretStore over the keychain. The native library is loaded at first use, so that a machine without it can run
 * everything that needs no secret.
 *
 * @param load - how to get keytar; tests give a failing one.
 */
export function createKeychainStore(home: string, load: () => Promise<Keytar> = async () => (await import('keytar')).default): SecretStore {
  let loading: Promise<Keytar> | null = null;
  const call = async <T>(use: (keytar: Keytar, account: string) => Promise<T>, name: string): Promise<T> => {
    try {
      loading ??= load();
      return await use(await loading, `${homeId(home)}/${name}`);
    } catch (error) {
      loading = null; // the service may come up later
      throw translate(error);
    }
  };
  return {
    backend: 'keychain',
    get: async (name) => {
      const stored = await call((keytar, account) => keytar.getPassword(SERVICE, account), name);
      if (stored === null) return null;
      const [, fileId, key] = WRAPPED_ITEM.exec(stored) ?? [];
      return fileId === undefined || key === undefined ? Buffer.from(stored, 'base64') : unwrapFromFile(home, name, fileId, key);
    },
    set: async (name, value) => {
      const before = await call((keytar, account) => keytar.getPassword(SERVICE, account), name);
      const isLarge = Math.ceil(value.length / 3) * 4 > MAX_VALUE_CHARACTERS;
      const stored = isLarge ? wrapIntoFile(home, name, value) : value.toString('base64');
      try {
        await call((keytar, account) => keytar.setPassword(SERVICE, account, stored), name);
        // A store that takes a secret and loses it must be found out while the user still has the secret.
        const back = await call((keytar, account) => keytar.getPassword(SERVICE, account), name);
        if (back !== stored) throw new SyncError('keychain-missing', { detail: 'The keychain did not keep what was stored.' });
      } catch (error) {
        forgetFile(home, stored);
        throw error;
      }
      forgetFile(home, before);
    },
    delete: async (name) => {
      const before = await call((keytar, account) => keytar.getPassword(SERVICE, account), name);
      await call((keytar, account) => keytar.deletePassword(SERVICE, account), name);
      forgetFile(home, before);
    },
  };
}
