/** Data keys wrapped by an AES master key: AES-GCM with the content algorithm as associated data; old wraps are read on request. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { aeskw } from '@noble/ciphers/aes.js';
import { SyncError } from '../model/errors.ts';
import { asKeyObject } from './derive.ts';
import type { KeyId } from '../model/mode.ts';
import type { StringMap } from './encoding.ts';
import { chooseKey, KEY_ID_NAME, systemRandom, unwrapFailed, type Keyring, type RandomBytes } from './keyring.ts';
import { DATA_KEY_BYTES, GCM_IV_BYTES, TAG_BYTES } from './suites.ts';

export type AesWrappingKey = {
  /** 32 bytes (16 and 24 only to read what others wrote); stays the caller's to zero. */
  readonly wrappingKey: Buffer;
  readonly keyId: KeyId | null;
  /** The material description written with it; default: the Enfold key id. */
  readonly description?: StringMap | undefined;
};

/**
 * @param options - the key to write with, and `additional` ones to read with, chosen by material description.
 * @throws SyncError key-invalid where a wrapping key has an impossible length
 */
export function createAesKeyring(options: AesWrappingKey & { readonly additional?: readonly AesWrappingKey[] | undefined }): Keyring {
  const held: [AesWrappingKey, ...AesWrappingKey[]] = [options, ...(options.additional ?? [])];
  for (const { wrappingKey } of held) {
    if (![16, 24, 32].includes(wrappingKey.length)) throw new SyncError('key-invalid');
  }
  const description = options.description ?? (options.keyId === null ? {} : { [KEY_ID_NAME]: options.keyId });
  const current = { ...options, description };
  held[0] = current;
  return {
    keyId: options.keyId,
    async createDataKey({ algorithmText, random }) {
      const dataKey = random(DATA_KEY_BYTES);
      return { wrap: 'aes-gcm', dataKey, wrappedKey: seal(current.wrappingKey, dataKey, algorithmText, random), description };
    },
    async wrapDataKey(dataKey, { algorithmText, random }) {
      return { wrap: 'aes-gcm', wrappedKey: seal(current.wrappingKey, dataKey, algorithmText, random), description };
    },
    async unwrapDataKey(wrapped, algorithmText) {
      const { wrappingKey } = chooseKey(held, wrapped.description);
      switch (wrapped.wrap) {
        case 'aes-gcm': return open(wrappingKey, wrapped.wrappedKey, algorithmText);
        case 'aes-wrap': return unwrapRfc3394(wrappingKey, wrapped.wrappedKey);
        case 'v1': return decryptEcb(wrappingKey, wrapped.wrappedKey);
        default: throw new SyncError('key-not-found', { detail: 'It asks for another kind of key.' });
      }
    },
    async wrapSecret(secret, purpose, random = systemRandom) {
      return seal(current.wrappingKey, secret, purpose, random);
    },
    async unwrapSecret(wrapped, purpose) {
      return open(current.wrappingKey, wrapped, purpose);
    },
  };
}

const gcmOf = (key: Buffer) => `aes-${(key.length * 8) as 128 | 192 | 256}-gcm` as const;

/** IV, ciphertext, tag. */
function seal(wrappingKey: Buffer, secret: Buffer, associated: string, random: RandomBytes): Buffer {
  const iv = random(GCM_IV_BYTES);
  const cipher = createCipheriv(gcmOf(wrappingKey), asKeyObject(wrappingKey), iv, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(associated, 'utf8'));
  return Buffer.concat([iv, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
}

function open(wrappingKey: Buffer, wrapped: Buffer, associated: string): Buffer {
  if (wrapped.length !== GCM_IV_BYTES + DATA_KEY_BYTES + TAG_BYTES) throw unwrapFailed();
  const iv = wrapped.subarray(0, GCM_IV_BYTES);
  const decipher = createDecipheriv(gcmOf(wrappingKey), asKeyObject(wrappingKey), iv, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(associated, 'utf8'));
  decipher.setAuthTag(wrapped.subarray(-TAG_BYTES));
  const secret = decipher.update(wrapped.subarray(GCM_IV_BYTES, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    secret.fill(0);
    throw unwrapFailed();
  }
  return secret;
}

function unwrapRfc3394(wrappingKey: Buffer, wrapped: Buffer): Buffer {
  try {
    return Buffer.from(aeskw(wrappingKey).decrypt(wrapped));
  } catch {
    throw unwrapFailed();
  }
}

function decryptEcb(wrappingKey: Buffer, wrapped: Buffer): Buffer {
  try {
    const decipher = createDecipheriv(`aes-${wrappingKey.length * 8}-ecb`, wrappingKey, null);
    return Buffer.concat([decipher.update(wrapped), decipher.final()]);
  } catch {
    throw unwrapFailed();
  }
}
