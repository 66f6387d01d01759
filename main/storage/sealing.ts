/**
 * How a body lies on the disk: chunks of 64 KiB of plaintext, each sealed by AES-256-GCM, so that any range is read without the rest.
 *
 * The content key is derived per body from the object's data key and the body's own name, so no two bodies share a key and the chunk index
 * can be the nonce. Index and last-chunk mark are authenticated: chunks that are swapped, missing or cut off do not open.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto';

export const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;

/** How long the sealed form of a body is. */
export function sealedSize(plainBytes: number): number {
  return plainBytes + chunkCount(plainBytes) * TAG_BYTES;
}

/** An empty body has one empty chunk, so that its emptiness is authenticated too. */
export function chunkCount(plainBytes: number): number {
  return Math.max(1, Math.ceil(plainBytes / CHUNK_BYTES));
}

/**
 * The 32-byte key of one body: HKDF-Expand with SHA-256, one block. The data key is random, so nothing is to be extracted first.
 * A key object: Node takes far longer over each use of a key as bytes.
 *
 * @param bodyId - unique within the data key's object.
 * @see RFC 5869, section 2.3
 */
export function contentKeyOf(dataKey: Uint8Array, bodyId: string): KeyObject {
  const contentKey = createHmac('sha256', createSecretKey(dataKey)).update(`enfold storage body v1|${bodyId}\u0001`).digest();
  try {
    return createSecretKey(contentKey);
  } finally {
    contentKey.fill(0);
  }
}

function nonceOf(chunkIndex: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce[0] = isLast ? 1 : 0;
  nonce.writeUIntBE(chunkIndex, 6, 6);
  return nonce;
}

/** @returns ciphertext and tag, as they are written one after the other. */
export function sealChunk(contentKey: KeyObject, chunkIndex: number, isLast: boolean, plaintext: Uint8Array): readonly [ciphertext: Buffer, tag: Buffer] {
  const cipher = createCipheriv('aes-256-gcm', contentKey, nonceOf(chunkIndex, isLast));
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return [ciphertext, cipher.getAuthTag()];
}

/** @throws Error where the chunk is not authentic at that place. */
export function openChunk(contentKey: KeyObject, chunkIndex: number, isLast: boolean, sealed: Uint8Array): Buffer {
  if (sealed.length < TAG_BYTES) throw new Error('a stored chunk is cut off');
  const decipher = createDecipheriv('aes-256-gcm', contentKey, nonceOf(chunkIndex, isLast), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const plaintext = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
  decipher.final();
  return plaintext;
}
