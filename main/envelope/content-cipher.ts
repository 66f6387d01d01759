/**
 * Streaming ciphers of one body. Encryption: ciphertext as it comes, the tag from `final`. Decryption: what `update` returns is
 * **not verified**; only after `final` has returned may it be shown, renamed into place or passed on.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import { asKeyObject } from './derive.ts';
import { CBC_IV_BYTES, MAX_PLAINTEXT_BYTES, TAG_BYTES } from './suites.ts';

export interface ContentCipher {
  /** @throws SyncError file-too-large-for-mode beyond 2^36 - 32 bytes in all */
  update(plaintext: Uint8Array): Buffer;
  /** The 16-byte tag, which ends the body. */
  final(): Buffer;
}

export interface ContentDecipher {
  /** Unverified plaintext, or null where none came out. @throws SyncError truncated where more comes than was announced */
  update(body: Uint8Array): Buffer | null;
  /** The rest of the plaintext, mostly empty. Returns only if the whole body is authentic. @throws SyncError not-authentic, truncated */
  final(): Buffer;
}

export type CipherKey = { readonly contentKey: Buffer; readonly iv: Buffer; readonly associated: Buffer | null };

const EMPTY = Buffer.alloc(0);
const notAuthentic = () => new SyncError('not-authentic');
const usedUp = () => new SyncError('invariant', { detail: 'A content cipher was used twice.' });

export function createContentCipher({ contentKey, iv, associated }: CipherKey): ContentCipher {
  const cipher = createCipheriv('aes-256-gcm', asKeyObject(contentKey), iv, { authTagLength: TAG_BYTES });
  if (associated !== null) cipher.setAAD(associated);
  let leftBytes = MAX_PLAINTEXT_BYTES;
  let isDone = false;
  return {
    update(plaintext) {
      if (isDone) throw usedUp();
      leftBytes -= plaintext.length;
      if (leftBytes < 0) throw new SyncError('file-too-large-for-mode');
      return cipher.update(plaintext);
    },
    final() {
      if (isDone) throw usedUp();
      isDone = true;
      cipher.final();
      return cipher.getAuthTag();
    },
  };
}

/**
 * @param objectBytes - size of the whole body where it is known: spares a copy of every chunk, and catches a body that is
 *   longer or shorter than announced. Null: the last 16 bytes seen are held back, since they may be the tag.
 * @throws SyncError truncated where the body cannot hold a tag, malformed where it is beyond what the cipher can hold
 */
export function createContentDecipher({ contentKey, iv, associated }: CipherKey, objectBytes: number | null): ContentDecipher {
  if (objectBytes !== null && objectBytes < TAG_BYTES) throw new SyncError('truncated');
  if (objectBytes !== null && objectBytes > MAX_PLAINTEXT_BYTES + TAG_BYTES) throw new SyncError('malformed', { detail: 'It is larger than its cipher can hold.' });
  const decipher = createDecipheriv('aes-256-gcm', asKeyObject(contentKey), iv, { authTagLength: TAG_BYTES });
  if (associated !== null) decipher.setAAD(associated);
  let seenBytes = 0;
  let held: Buffer = EMPTY;
  let isDone = false;

  function updateKnown(body: Buffer, total: number): Buffer | null {
    const start = seenBytes - body.length;
    if (seenBytes > total) throw new SyncError('truncated');
    const ciphertextLeft = Math.max(0, total - TAG_BYTES - start);
    if (body.length <= ciphertextLeft) return decipher.update(body);
    held = held.length === 0 ? Buffer.from(body.subarray(ciphertextLeft)) : Buffer.concat([held, body.subarray(ciphertextLeft)]);
    return ciphertextLeft === 0 ? null : decipher.update(body.subarray(0, ciphertextLeft));
  }

  function updateUnknown(body: Buffer): Buffer | null {
    if (seenBytes > MAX_PLAINTEXT_BYTES + TAG_BYTES) throw new SyncError('malformed', { detail: 'It is larger than its cipher can hold.' });
    if (body.length < TAG_BYTES) {
      const joined = Buffer.concat([held, body]);
      const cut = Math.max(0, joined.length - TAG_BYTES);
      held = joined.subarray(cut);
      return cut === 0 ? null : decipher.update(joined.subarray(0, cut));
    }
    const first = held.length === 0 ? EMPTY : decipher.update(held);
    const rest = decipher.update(body.subarray(0, body.length - TAG_BYTES));
    held = Buffer.from(body.subarray(body.length - TAG_BYTES));
    const plaintext = first.length === 0 ? rest : Buffer.concat([first, rest]);
    return plaintext.length === 0 ? null : plaintext;
  }

  return {
    update(body) {
      if (isDone) throw usedUp();
      if (body.length === 0) return null;
      seenBytes += body.length;
      const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      return objectBytes === null ? updateUnknown(bytes) : updateKnown(bytes, objectBytes);
    },
    final() {
      if (isDone) throw usedUp();
      isDone = true;
      if (held.length !== TAG_BYTES || (objectBytes !== null && seenBytes !== objectBytes)) throw new SyncError('truncated');
      try {
        decipher.setAuthTag(held);
        return decipher.final();
      } catch {
        throw notAuthentic();
      }
    },
  };
}

/** AES-CBC of old objects, with 16, 24 or 32-byte keys. Every failure is the one same error, so that none can be used as an oracle. */
export function createCbcDecipher(contentKey: Buffer, iv: Buffer): ContentDecipher {
  const decipher = createDecipheriv(`aes-${contentKey.length * 8}-cbc`, contentKey, iv);
  let seenBytes = 0;
  return {
    update(body) {
      seenBytes += body.length;
      const plaintext = decipher.update(body);
      return plaintext.length === 0 ? null : plaintext;
    },
    final() {
      try {
        if (seenBytes === 0 || seenBytes % CBC_IV_BYTES !== 0) throw notAuthentic();
        return decipher.final();
      } catch {
        throw notAuthentic();
      }
    },
  };
}

/**
 * Decrypts whole blocks from the middle of a GCM body, without authenticating them: only for ciphertext that was verified
 * as a whole before and has been out of others' reach since.
 *
 * @param ciphertext - from byte `16 * firstBlock` of the body on; may not reach into the tag.
 */
export function decryptRange({ contentKey, iv }: CipherKey, ciphertext: Uint8Array, firstBlock: number): Buffer {
  const counter = Buffer.alloc(CBC_IV_BYTES);
  iv.copy(counter);
  counter.writeUInt32BE(firstBlock + 2, iv.length);
  return createDecipheriv('aes-256-ctr', contentKey, counter).update(ciphertext);
}
