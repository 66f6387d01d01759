/**
 * The operating system's keychain, through keytar: macOS Keychain, Windows Credential Manager, Secret Service on Linux.
 *
 * Each secret is an item of its own under the service `Enfold`. Two Enfold homes on one computer do not see each other's
 * items: the account name starts with an id that the home keeps in a file.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
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
      return stored === null ? null : Buffer.from(stored, 'base64');
    },
    set: async (name, value) => {
      const stored = value.toString('base64');
      if (stored.length > MAX_VALUE_CHARACTERS) throw new SyncError('key-invalid', { detail: 'The secret is too large for the keychain.' });
      await call((keytar, account) => keytar.setPassword(SERVICE, account, stored), name);
      // A store that takes a secret and loses it must be found out while the user still has the secret.
      const back = await call((keytar, account) => keytar.getPassword(SERVICE, account), name);
      if (back !== stored) throw new SyncError('keychain-missing', { detail: 'The keychain did not keep what was stored.' });
    },
    delete: async (name) => {
      await call((keytar, account) => keytar.deletePassword(SERVICE, account), name);
    },
  };
}
