/**
 * The server master keys: what wraps the data keys of SSE-S3. They live in one file of the data folder, readable by its owner only.
 * New objects use the current key; old keys stay, so that rotation never makes an object unreadable.
 */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { readSecretFile, writeSecretFile } from './secret-file.ts';

export const KEY_RING_FILE = 'master-keys.json';

type StoredKey = { readonly id: string; readonly key: string; readonly createdMs: number };
type Stored = { readonly version: 1; readonly current: string; readonly keys: readonly StoredKey[] };

export type WrappedKey = { readonly masterKeyId: string; readonly wrapped: string };

export type KeyRing = {
  readonly currentId: () => string;
  /** Wraps 32 bytes for one object; only the same `objectId` unwraps them. */
  readonly wrap: (dataKey: Uint8Array, objectId: string) => WrappedKey;
  /** @throws Error where the key is not in the ring, or what is wrapped was altered or belongs to another object */
  readonly unwrap: (wrapped: WrappedKey, objectId: string) => Buffer;
  /** Makes a new master key the current one, durably. */
  readonly rotate: (nowMs: number) => Promise<void>;
};

const associated = (objectId: string): Buffer => Buffer.from(`enfold storage data key v1|${objectId}`);
const newKey = (nowMs: number): StoredKey => ({ id: randomBytes(8).toString('hex'), key: randomBytes(32).toString('base64'), createdMs: nowMs });

function parse(text: string): Stored {
  try {
    const stored = JSON.parse(text) as Stored;
    const isWhole = stored.version === 1 && stored.keys.some((key) => key.id === stored.current) && stored.keys.every((key) => Buffer.from(key.key, 'base64').length === 32);
    if (isWhole) return stored;
  } catch {
    // Answered below, whatever is wrong with it.
  }
  throw new SyncError('state-corrupt', { detail: `${KEY_RING_FILE} is damaged; without it no object of this storage can be read` });
}

/**
 * Opens the ring of a data folder.
 *
 * @param mayCreate - false where objects exist already: then a missing ring is an error, never replaced by a new one.
 * @throws SyncError state-corrupt
 */
export async function openKeyRing(directory: string, mayCreate: boolean, nowMs: number): Promise<KeyRing> {
  const file = join(directory, KEY_RING_FILE);
  const text = await readSecretFile(file);
  if (text === null && !mayCreate) throw new SyncError('state-corrupt', { detail: `${KEY_RING_FILE} is missing; without it no object of this storage can be read` });
  let stored: Stored;
  if (text === null) {
    const first = newKey(nowMs);
    stored = { version: 1, current: first.id, keys: [first] };
    await writeSecretFile(file, JSON.stringify(stored, null, 2));
  } else {
    stored = parse(text);
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
      const next: Stored = { version: 1, current: added.id, keys: [...stored.keys, added] };
      await writeSecretFile(file, JSON.stringify(next, null, 2));
      keys.set(added.id, createSecretKey(added.key, 'base64'));
      stored = next;
    },
  };
}
