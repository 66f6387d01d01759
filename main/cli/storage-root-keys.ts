/**
 * Where a built-in storage keeps its root key, for the processes that serve or administer one: in this computer's secret store, or beside its
 * data. A folder says itself which it is; this decides only for folders that are being made.
 *
 * In Enfold's own directory the keychain protects the storage: what lies there is lost with this computer anyway. Anywhere else - an external
 * disk, a network share - the folder must open on any computer unless its owner decides otherwise, so the root key lies beside the data.
 */
import { isAbsolute, relative } from 'node:path';
import type { RootKeys } from '../storage/key-ring.ts';
import { rootKeysIn, type Placement, type RootKeyStore } from '../storage/root-key.ts';
import { enfoldHome, enfoldHomePath } from '../state/home.ts';

export type Env = Readonly<Record<string, string | undefined>>;

const isInside = (directory: string, outer: string): boolean => {
  const path = relative(outer, directory);
  return path === '' || (!path.startsWith('..') && !isAbsolute(path));
};

/** A passphrase file is opened when somebody asks for it; it is never the silent choice. */
export function defaultPlacement(directory: string, env: Env): Placement {
  return env['ENFOLD_KEYCHAIN'] !== 'file' && isInside(directory, enfoldHomePath(env)) ? 'keychain-if-any' : 'beside-data';
}

/** This computer's secret store, opened at first use. */
export function secretStore(env: Env, askPassphrase?: () => Promise<string | null>): RootKeyStore {
  const open = async (): Promise<RootKeyStore> => {
    const { openSecretStore } = await import('../keys/secret-store.ts');
    return openSecretStore({ home: enfoldHome(env), env, askPassphrase });
  };
  let opening: Promise<RootKeyStore> | null = null;
  const store = (): Promise<RootKeyStore> => (opening ??= open());
  return { get: async (name) => (await store()).get(name), set: async (name, value) => (await store()).set(name, value), delete: async (name) => (await store()).delete(name) };
}

export function rootKeysFor(directory: string, env: Env, placement: Placement = defaultPlacement(directory, env), askPassphrase?: () => Promise<string | null>): RootKeys {
  return rootKeysIn(secretStore(env, askPassphrase), placement);
}
