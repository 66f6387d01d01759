/**
 * The operating system's keychain, through keytar: macOS Keychain, Windows Credential Manager, Secret Service on Linux.
 *
 * It holds one item for each Enfold home: 32 random bytes that wrap everything else, which stands in files of its own in the home,
 * encrypted under them. So no secret can be too large for an item (Windows takes 2,560 bytes), and one item tells whether
 * all is there. Two Enfold homes on one computer do not see each other's item: its account name starts with an id that the home
 * keeps in a file.
 *
 * Promises: where the item is gone while files are there, nothing is written and nothing deleted (`key-item-missing`); the bytes of
 * the item are read for each use and not kept.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as KeytarModule from 'keytar';
import { SyncError } from '../model/errors.ts';
import type { SecretStore } from '../sync/ports.ts';

const SERVICE = 'Enfold';
const WRAPPING_ITEM = 'wrapping-key';
const WRAPPING_KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const FORMAT = 1;

/** Two imports at once give the second an empty module in Electron 33's Node 20, where the module is CommonJS and not loaded yet. */
const requireHere = createRequire(import.meta.url);

type Keytar = Pick<typeof KeytarModule, 'getPassword' | 'setPassword' | 'deletePassword'>;

const hasCode = (error: unknown, code: string): boolean => error instanceof Error && 'code' in error && error.code === code;

function homeId(home: string): string {
  const file = join(home, 'home-id');
  try {
    writeFileSync(file, randomBytes(8).toString('hex'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  return readFileSync(file, 'utf8').trim();
}

const WRAPPED_DIRECTORY = 'wrapped-secrets';

/** Its name says nothing about the secret, which is called by key ids and connection ids. */
const fileOf = (home: string, name: string): string => join(home, WRAPPED_DIRECTORY, createHash('sha256').update(`enfold wrapped secret v1|${name}`).digest('hex').slice(0, 32));

function hasFiles(home: string): boolean {
  try {
    return readdirSync(join(home, WRAPPED_DIRECTORY)).some((name) => /^[0-9a-f]{32}$/.test(name));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Format byte, IV, ciphertext, tag; bound to the secret's name. Replaces the file whole. */
function wrapIntoFile(home: string, name: string, value: Uint8Array, wrappingKey: Buffer): void {
  const directory = join(home, WRAPPED_DIRECTORY);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', wrappingKey, iv, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(name));
  const staged = join(directory, `.${randomBytes(8).toString('hex')}.new`);
  try {
    const handle = openSync(staged, 'wx', 0o600);
    try {
      writeSync(handle, Buffer.concat([Buffer.of(FORMAT), iv, cipher.update(value), cipher.final(), cipher.getAuthTag()]));
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(staged, fileOf(home, name));
    syncDirectory(directory);
  } catch (error) {
    rmSync(staged, { force: true });
    throw new SyncError(hasCode(error, 'ENOSPC') ? 'disk-full' : hasCode(error, 'EROFS') ? 'read-only' : 'permission-denied', { path: directory }, { cause: error });
  }
}

/** Null where there is none. @throws SyncError key-file-damaged, key-item-missing (it is under another item than the one that is there), newer-version */
function readWrapped(home: string, name: string): Buffer | null {
  try {
    return readFileSync(fileOf(home, name));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw new SyncError('permission-denied', { path: fileOf(home, name) }, { cause: error });
  }
}

function unwrap(home: string, name: string, file: Buffer, wrappingKey: Buffer): Buffer {
  if ((file[0] ?? 0) > FORMAT) throw new SyncError('newer-version', { path: fileOf(home, name) });
  try {
    const decipher = createDecipheriv('aes-256-gcm', wrappingKey, file.subarray(1, 1 + IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(name)).setAuthTag(file.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(file.subarray(1 + IV_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (error) {
    throw new SyncError('key-file-damaged', { path: fileOf(home, name), detail: 'or the keychain item is not the one it was written under' }, { cause: error });
  }
}

/** What the platform's libraries say when the keychain is there but closed; everything else counts as not there. */
const LOCKED = /locked|dismissed|denied|cancel|interaction is not allowed|not permitted/i;

/** The Secret Service library keeps its first connection for the life of the process, also when the other end has died. */
const LOST = /The name :\d+\.\d+ was not provided/;

function translate(error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (LOST.test(message)) return new SyncError('keychain-lost', {}, { cause: error });
  return new SyncError(LOCKED.test(message) ? 'keychain-locked' : 'keychain-missing', { detail: message }, { cause: error });
}

/**
 * A SecretStore over the keychain. The native library is loaded at first use, so that a machine without it can run
 * everything that needs no secret.
 *
 * @param load - how to get keytar; tests give a failing one.
 */
export function createKeychainStore(home: string, load: () => Keytar = () => requireHere('keytar') as Keytar): SecretStore {
  const call = async <T>(use: (keytar: Keytar, account: string) => Promise<T>): Promise<T> => {
    try {
      return await use(load(), `${homeId(home)}/${WRAPPING_ITEM}`);
    } catch (error) {
      throw translate(error);
    }
  };

  const readItem = async (): Promise<Buffer | null> => {
    const stored = await call(async (keytar, account) => keytar.getPassword(SERVICE, account));
    if (stored === null) return null;
    const key = Buffer.from(stored, 'base64');
    if (key.length !== WRAPPING_KEY_BYTES) throw new SyncError('key-item-missing', { detail: 'The item is there, and is not what Enfold wrote.' });
    return key;
  };

  /**
   * Why the item cannot be read. A keychain whose user dismissed the question answers as if there were nothing, and tells only who writes
   * that it is locked.
   */
  const explainMissing = async (): Promise<SyncError> => {
    try {
      await call(async (keytar, account) => {
        await keytar.setPassword(SERVICE, `${account}-probe`, 'probe');
        await keytar.deletePassword(SERVICE, `${account}-probe`);
      });
    } catch (error) {
      return error as SyncError;
    }
    return new SyncError('key-item-missing');
  };

  /** The wrapping key; made where nothing was ever wrapped. One at a time, so that two secrets at once do not make two. */
  let making: Promise<unknown> = Promise.resolve();
  const wrappingKey = async (): Promise<Buffer> => {
    const mine = making.then(async () => {
      const held = await readItem();
      if (held !== null) return held;
      if (hasFiles(home)) throw await explainMissing();
      const made = randomBytes(WRAPPING_KEY_BYTES);
      const text = made.toString('base64');
      await call(async (keytar, account) => keytar.setPassword(SERVICE, account, text));
      // A store that takes a secret and loses it must be found out while the user still has the secret.
      if ((await call(async (keytar, account) => keytar.getPassword(SERVICE, account))) !== text) throw new SyncError('keychain-missing', { detail: 'The keychain did not keep what was stored.' });
      return made;
    });
    making = mine.catch(() => undefined);
    return mine;
  };

  return {
    backend: 'keychain',
    get: async (name) => {
      const file = readWrapped(home, name);
      // Asked also where there is nothing to open: a keychain that is locked must be told from a secret that is not there.
      const key = await readItem();
      if (file === null) return null;
      if (key === null) throw await explainMissing();
      try {
        return unwrap(home, name, file, key);
      } finally {
        key.fill(0);
      }
    },
    set: async (name, value) => {
      const key = await wrappingKey();
      try {
        wrapIntoFile(home, name, value, key);
      } finally {
        key.fill(0);
      }
    },
    setAside: async () => {
      if ((await readItem()) !== null) throw new SyncError('bad-usage', { detail: 'the keychain has its item: there is nothing to set aside' });
      const place = join(home, `${WRAPPED_DIRECTORY}.set-aside-${Date.now()}`);
      if (!hasFiles(home)) return null;
      renameSync(join(home, WRAPPED_DIRECTORY), place);
      syncDirectory(home);
      return place;
    },
    delete: async (name) => {
      // What cannot be read now may be readable later: it is deleted only where it could be opened.
      if (readWrapped(home, name) === null) return;
      const key = await readItem();
      if (key === null) throw await explainMissing();
      key.fill(0);
      rmSync(fileOf(home, name), { force: true });
      syncDirectory(join(home, WRAPPED_DIRECTORY));
    },
  };
}
