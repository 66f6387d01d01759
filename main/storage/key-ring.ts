/**
 * The server master keys: what wraps the data keys of SSE-S3, the KMS keys and the secrets. They live in one file of the data folder, readable
 * by its owner only; as they are, or wrapped by a root key that is kept elsewhere (`root-key.ts`).
 * New objects use the current key; old keys stay, so that rotation never makes an object unreadable.
 */
import { createCipheriv, createDecipheriv, createHash, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { readSecretFile, writeSecretFile } from './secret-file.ts';

export const KEY_RING_FILE = 'master-keys.json';

/** `key`: base64 of 32 bytes; in version 2 of nonce, those 32 bytes encrypted by AES-256-GCM under the root key, and tag. */
type StoredKey = { readonly id: string; readonly key: string; readonly createdMs: number };
type Keys = { readonly current: string; readonly keys: readonly StoredKey[] };
type Stored = Keys & ({ readonly version: 1 } | { readonly version: 2; readonly rootKeyId: string; readonly exportedMs: number | null });

/** 16 hex digits that tell one root key from another and say nothing about it. */
export const rootKeyIdOf = (rootKey: Uint8Array): string => createHash('sha256').update('enfold storage root key v1').update(rootKey).digest('hex').slice(0, 16);

export type WrappedKey = { readonly masterKeyId: string; readonly wrapped: string };

export type KeyRing = {
  readonly currentId: () => string;
  /** Wraps 32 bytes for one object; only the same `objectId` unwraps them. */
  readonly wrap: (dataKey: Uint8Array, objectId: string) => WrappedKey;
  /** @throws Error where the key is not in the ring, or what is wrapped was altered or belongs to another object */
  readonly unwrap: (wrapped: WrappedKey, objectId: string) => Buffer;
  /** Makes a new master key the current one, durably. */
  readonly rotate: (nowMs: number) => Promise<void>;
  /** Oldest first; never the keys themselves. */
  readonly listed: () => readonly ListedMasterKey[];
  /** Of the root key that wraps the master keys; null: they stand in the folder as they are. */
  readonly rootKeyId: string | null;
};
export type ListedMasterKey = { readonly id: string; readonly createdMs: number; readonly isCurrent: boolean };

const associated = (objectId: string): Buffer => Buffer.from(`enfold storage data key v1|${objectId}`);
const newKey = (nowMs: number): StoredKey => ({ id: randomBytes(8).toString('hex'), key: randomBytes(32).toString('base64'), createdMs: nowMs });

function parse(text: string): Stored {
  let isNewer = false;
  try {
    const stored = JSON.parse(text) as Stored;
    isNewer = stored.version > 2;
    const keyBytes = stored.version === 1 ? 32 : 60;
    const isWhole = !isNewer && stored.keys.some((key) => key.id === stored.current) && stored.keys.every((key) => Buffer.from(key.key, 'base64').length === keyBytes);
    if (isWhole) return stored;
  } catch {
    // Answered below, whatever is wrong with it.
  }
  if (isNewer) throw new SyncError('state-newer-version', { detail: KEY_RING_FILE });
  throw new SyncError('state-corrupt', { detail: `${KEY_RING_FILE} is damaged; without it no object of this storage can be read` });
}

const wrapAssociated = (rootKeyId: string, id: string): Buffer => Buffer.from(`enfold storage master key v1|${rootKeyId}|${id}`);

function wrapKey(rootKey: Uint8Array, { id, key, createdMs }: StoredKey): StoredKey {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', rootKey, nonce).setAAD(wrapAssociated(rootKeyIdOf(rootKey), id));
  return { id, createdMs, key: Buffer.concat([nonce, cipher.update(Buffer.from(key, 'base64')), cipher.final(), cipher.getAuthTag()]).toString('base64') };
}

function unwrapKey(rootKey: Uint8Array, { id, key, createdMs }: StoredKey): StoredKey {
  const sealed = Buffer.from(key, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', rootKey, sealed.subarray(0, 12), { authTagLength: 16 }).setAAD(wrapAssociated(rootKeyIdOf(rootKey), id));
  decipher.setAuthTag(sealed.subarray(44));
  try {
    return { id, createdMs, key: Buffer.concat([decipher.update(sealed.subarray(12, 44)), decipher.final()]).toString('base64') };
  } catch (cause) {
    throw new SyncError('state-corrupt', { detail: `${KEY_RING_FILE} was altered; without it no object of this storage can be read` }, { cause });
  }
}

/** The file as it stands. `sealedBy`: null where its keys stand as they are. */
export type RingKeys = {
  readonly sealedBy: { readonly rootKeyId: string; readonly exportedMs: number | null } | null;
  /** The keys themselves. @throws SyncError state-corrupt */
  readonly open: (rootKey: Uint8Array | null) => Keys;
};

/** Null where the folder has none. @throws SyncError state-corrupt, state-newer-version */
export async function readKeyRing(directory: string): Promise<RingKeys | null> {
  const text = await readSecretFile(join(directory, KEY_RING_FILE));
  if (text === null) return null;
  const stored = parse(text);
  return {
    sealedBy: stored.version === 1 ? null : { rootKeyId: stored.rootKeyId, exportedMs: stored.exportedMs },
    open: (rootKey) => {
      if (stored.version === 1) return { current: stored.current, keys: stored.keys };
      if (rootKey === null || rootKeyIdOf(rootKey) !== stored.rootKeyId) throw new SyncError('storage-key-missing', { detail: `root key ${stored.rootKeyId}` });
      return { current: stored.current, keys: stored.keys.map((key) => unwrapKey(rootKey, key)) };
    },
  };
}

/** Replaces the file: wrapped under `rootKey`, or as they are. */
export async function writeKeyRing(directory: string, { current, keys }: Keys, rootKey: Uint8Array | null, exportedMs: number | null): Promise<void> {
  const stored: Stored = rootKey === null ? { version: 1, current, keys } : { version: 2, rootKeyId: rootKeyIdOf(rootKey), exportedMs, current, keys: keys.map((key) => wrapKey(rootKey, key)) };
  await writeSecretFile(join(directory, KEY_RING_FILE), JSON.stringify(stored, null, 2));
}

/** Brings the root key: `load` one by its id, or `create` one for a folder that is being made (null: its keys stand as they are). */
export type RootKeys = { readonly load: (rootKeyId: string) => Promise<Buffer>; readonly create: () => Promise<Buffer | null> };
const NO_ROOT_KEYS: RootKeys = {
  load: async (rootKeyId) => {
    throw new SyncError('storage-key-missing', { detail: `root key ${rootKeyId}` });
  },
  create: async () => null,
};

/**
 * Opens the ring of a data folder.
 *
 * @param mayCreate - false where objects exist already: then a missing ring is an error, never replaced by a new one.
 * @throws SyncError state-corrupt, state-newer-version, storage-key-missing, keychain-…
 */
export async function openKeyRing(directory: string, mayCreate: boolean, nowMs: number, rootKeys: RootKeys = NO_ROOT_KEYS): Promise<KeyRing> {
  const ring = await readKeyRing(directory);
  if (ring === null && !mayCreate) throw new SyncError('state-corrupt', { detail: `${KEY_RING_FILE} is missing; without it no object of this storage can be read` });
  let rootKey: Buffer | null;
  const exportedMs = ring?.sealedBy?.exportedMs ?? null;
  let stored: Keys;
  if (ring === null) {
    rootKey = await rootKeys.create();
    const first = newKey(nowMs);
    stored = { current: first.id, keys: [first] };
    await writeKeyRing(directory, stored, rootKey, null);
  } else {
    rootKey = ring.sealedBy === null ? null : await rootKeys.load(ring.sealedBy.rootKeyId);
    stored = ring.open(rootKey);
  }
  const keys = new Map<string, KeyObject>(stored.keys.map((key) => [key.id, createSecretKey(key.key, 'base64')]));

  return {
    currentId: () => stored.current,
    wrap: (dataKey, objectId) => {
      const masterKey = keys.get(stored.current);
      if (masterKey === undefined) throw new Error('the current master key is missing');
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', masterKey, nonce);
      cipher.setAAD(associated(objectId));
      const sealed = Buffer.concat([nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
      return { masterKeyId: stored.current, wrapped: sealed.toString('base64') };
    },
    unwrap: ({ masterKeyId, wrapped }, objectId) => {
      const masterKey = keys.get(masterKeyId);
      if (masterKey === undefined) throw new Error(`master key ${masterKeyId} is not in the key ring`);
      const sealed = Buffer.from(wrapped, 'base64');
      if (sealed.length !== 60) throw new Error('a wrapped data key has the wrong length');
      const decipher = createDecipheriv('aes-256-gcm', masterKey, sealed.subarray(0, 12), { authTagLength: 16 });
      decipher.setAAD(associated(objectId));
      decipher.setAuthTag(sealed.subarray(44));
      return Buffer.concat([decipher.update(sealed.subarray(12, 44)), decipher.final()]);
    },
    rotate: async (atMs) => {
      const added = newKey(atMs);
      const next: Keys = { current: added.id, keys: [...stored.keys, added] };
      await writeKeyRing(directory, next, rootKey, exportedMs);
      keys.set(added.id, createSecretKey(added.key, 'base64'));
      stored = next;
    },
    listed: () => stored.keys.map(({ id, createdMs }) => ({ id, createdMs, isCurrent: id === stored.current })),
    rootKeyId: rootKey === null ? null : rootKeyIdOf(rootKey),
  };
}
