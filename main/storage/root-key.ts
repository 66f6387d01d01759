/**
 * The root key of a data folder: 32 bytes that wrap its server master keys, kept outside the folder, in a secret store that the caller brings
 * (the keychain). Without one the master keys stand in the folder as they are, so that the folder alone is all that is needed.
 *
 * Moving the master keys under a root key, or back beside the data, is done while nobody serves the folder. The root key is in the store, and
 * was read back from there, before the folder depends on it.
 */
import { randomBytes } from 'node:crypto';
import { SyncError, isSyncError } from '../model/errors.ts';
import { readKeyRing, rootKeyIdOf, writeKeyRing, type RingKeys, type RootKeys } from './key-ring.ts';
import { lockDataFolder } from './lock.ts';

/** Where root keys are kept: the keychain, as the rest of Enfold uses it. */
export type RootKeyStore = { get(name: string): Promise<Buffer | null>; set(name: string, value: Buffer): Promise<void>; delete(name: string): Promise<void> };

export const ROOT_KEY_BYTES = 32;

const nameOf = (rootKeyId: string): string => `storage/${rootKeyId}`;

/** Stores a root key and makes sure that the store gives it back. @throws SyncError keychain-… */
async function keep(store: RootKeyStore, rootKey: Buffer): Promise<string> {
  const rootKeyId = rootKeyIdOf(rootKey);
  await store.set(nameOf(rootKeyId), rootKey);
  const back = await store.get(nameOf(rootKeyId));
  if (back === null || !back.equals(rootKey)) throw new SyncError('keychain-missing', { detail: 'The keychain did not keep what was stored.' });
  return rootKeyId;
}

/** @throws SyncError storage-key-missing where the store has no such key */
async function loadRootKey(store: RootKeyStore, rootKeyId: string): Promise<Buffer> {
  const rootKey = await store.get(nameOf(rootKeyId));
  if (rootKey === null || rootKeyIdOf(rootKey) !== rootKeyId) throw new SyncError('storage-key-missing', { detail: `root key ${rootKeyId}` });
  return rootKey;
}

/** A new root key in the store, for a folder that is being made. */
async function newRootKey(store: RootKeyStore): Promise<Buffer> {
  const rootKey = randomBytes(ROOT_KEY_BYTES);
  await keep(store, rootKey);
  return rootKey;
}

/** Where the root key of a folder that is being made goes. */
export type Placement = 'keychain' | 'beside-data' | 'keychain-if-any';

export function rootKeysIn(store: RootKeyStore, placement: Placement): RootKeys {
  return {
    load: (rootKeyId) => loadRootKey(store, rootKeyId),
    create: async () => {
      if (placement === 'beside-data') return null;
      try {
        return await newRootKey(store);
      } catch (error) {
        // A keychain that is locked is one: what it should protect is not kept beside the data instead.
        if (placement === 'keychain-if-any' && isSyncError(error, 'keychain-missing')) return null;
        throw error;
      }
    },
  };
}

async function whileUnserved<T>(directory: string, work: () => Promise<T>): Promise<T> {
  await requireRing(directory);
  const lock = lockDataFolder(directory);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

async function requireRing(directory: string): Promise<RingKeys> {
  const ring = await readKeyRing(directory);
  if (ring === null) throw new SyncError('not-a-storage-folder', { path: directory });
  return ring;
}

export type RootKeyPlace = { readonly place: 'keychain' | 'beside-data'; readonly rootKeyId: string | null; /** When its recovery words were last shown. */ readonly exportedMs: number | null };

/** Where the root key of a folder is, by the folder alone. @throws SyncError not-a-storage-folder, state-corrupt */
export async function rootKeyPlace(directory: string): Promise<RootKeyPlace> {
  const { sealedBy } = await requireRing(directory);
  return sealedBy === null ? { place: 'beside-data', rootKeyId: null, exportedMs: null } : { place: 'keychain', rootKeyId: sealedBy.rootKeyId, exportedMs: sealedBy.exportedMs };
}

/** Wraps the master keys under a new root key in the store. @throws SyncError storage-busy, keychain-…, bad-usage where they are already */
export function moveToStore(directory: string, store: RootKeyStore): Promise<RootKeyPlace> {
  return whileUnserved(directory, async () => {
    const ring = await requireRing(directory);
    if (ring.sealedBy !== null) throw new SyncError('bad-usage', { detail: 'the root key of this storage is in the keychain already' });
    const rootKey = await newRootKey(store);
    await writeKeyRing(directory, ring.open(null), rootKey, null);
    rootKey.fill(0);
    return rootKeyPlace(directory);
  });
}

/** Writes the master keys beside the data again, and forgets the root key. @throws SyncError storage-busy, storage-key-missing, keychain-… */
export function moveBesideData(directory: string, store: RootKeyStore): Promise<RootKeyPlace> {
  return whileUnserved(directory, async () => {
    const ring = await requireRing(directory);
    if (ring.sealedBy === null) throw new SyncError('bad-usage', { detail: 'the root key of this storage lies beside its data already' });
    const { rootKeyId } = ring.sealedBy;
    await writeKeyRing(directory, ring.open(await loadRootKey(store, rootKeyId)), null, null);
    await store.delete(nameOf(rootKeyId));
    return rootKeyPlace(directory);
  });
}

/** The root key itself, to be written down; the caller zeroes it. Notes in the folder that it was shown. */
export function exportRootKey(directory: string, store: RootKeyStore, nowMs: number): Promise<Buffer> {
  return whileUnserved(directory, async () => {
    const ring = await requireRing(directory);
    if (ring.sealedBy === null) throw new SyncError('bad-usage', { detail: 'the root key of this storage lies beside its data: whoever has the folder has all of it' });
    const rootKey = await loadRootKey(store, ring.sealedBy.rootKeyId);
    await writeKeyRing(directory, ring.open(rootKey), rootKey, nowMs);
    return rootKey;
  });
}

/** Takes a root key that was written down into this computer's store. @throws SyncError key-invalid where it is not this folder's */
export async function importRootKey(directory: string, store: RootKeyStore, rootKey: Buffer): Promise<RootKeyPlace> {
  const { sealedBy, open } = await requireRing(directory);
  if (sealedBy === null) throw new SyncError('bad-usage', { detail: 'the root key of this storage lies beside its data: nothing is to be brought' });
  if (rootKeyIdOf(rootKey) !== sealedBy.rootKeyId) throw new SyncError('key-invalid', { detail: 'these words are of another storage folder' });
  open(rootKey);
  await keep(store, rootKey);
  return rootKeyPlace(directory);
}
