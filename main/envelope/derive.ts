/** Data key -> content key and commitment, and every other derivation of keys from keys. */
import { createSecretKey, hkdfSync, timingSafeEqual, type KeyObject } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import { COMMITMENT_BYTES, DATA_KEY_BYTES, MESSAGE_ID_BYTES } from './suites.ts';

const COMMITMENT_INFO = Buffer.from('\u0000\u0073COMMITKEY', 'latin1');
const CONTENT_KEY_INFO = Buffer.from('\u0000\u0073DERIVEKEY', 'latin1');
const NO_SALT = Buffer.alloc(0);

/**
 * A key as Node's ciphers take it soonest: Node 24 spends some 20 us on each use of a key given as bytes, more than on the cipher of a small
 * file. The object holds a copy, which OpenSSL clears when it is collected; the caller zeroes the bytes as before.
 */
export function asKeyObject(key: Uint8Array): KeyObject {
  return createSecretKey(key);
}

/** HKDF-SHA512 (RFC 5869). `info` text is taken as UTF-8. The caller zeroes the result. */
export function deriveKey(secret: Buffer, salt: Buffer | null, info: string | Buffer, lengthBytes: number): Buffer {
  return Buffer.from(hkdfSync('sha512', asKeyObject(secret), salt ?? NO_SALT, info, lengthBytes));
}

/**
 * The key commitment of a V3 object: what its metadata must show before anything is decrypted.
 *
 * @param dataKey - 32 bytes, unwrapped. @param messageId - 28 bytes, random per object version, stored in clear.
 * @returns 28 bytes. @throws SyncError malformed where a length is wrong
 * @see RFC 5869; suite 0x0073 of the Amazon S3 Encryption Client
 */
export function deriveCommitment(dataKey: Buffer, messageId: Buffer): Buffer {
  checkLengths(dataKey, messageId);
  return deriveKey(dataKey, messageId, COMMITMENT_INFO, COMMITMENT_BYTES);
}

/** The key that encrypts a V3 body, 32 bytes; the caller zeroes it. @throws SyncError malformed where a length is wrong */
export function deriveContentKey(dataKey: Buffer, messageId: Buffer): Buffer {
  checkLengths(dataKey, messageId);
  return deriveKey(dataKey, messageId, CONTENT_KEY_INFO, DATA_KEY_BYTES);
}

function checkLengths(dataKey: Buffer, messageId: Buffer): void {
  if (dataKey.length !== DATA_KEY_BYTES || messageId.length !== MESSAGE_ID_BYTES) throw new SyncError('malformed', { detail: 'A key or message id has the wrong length.' });
}

/** In constant time; lengths are no secret. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
