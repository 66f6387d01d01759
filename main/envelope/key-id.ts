/** Names for keys that say nothing about the key: ids for programs, fingerprints for people. */
import { createHash } from 'node:crypto';
import type { KeyId } from '../model/mode.ts';
import { encodeCrockford } from './encoding.ts';

/**
 * First 16 hex digits of SHA-256("enfold key id v1" || key bytes).
 *
 * @param bytes - the 32 key bytes of `aes` and `sse-c`; for `rsa` the public key as SPKI DER, so that both halves have one id.
 */
export function keyIdOf(_type: 'aes' | 'rsa' | 'sse-c', bytes: Uint8Array): KeyId {
  return createHash('sha256').update('enfold key id v1', 'latin1').update(bytes).digest('hex').slice(0, 16) as KeyId;
}

export function isKeyId(text: string): text is KeyId {
  return /^[0-9a-f]{16}$/.test(text);
}

/**
 * 80 bits of SHA-256("enfold fingerprint v1" || value) as 16 Crockford base32 characters in fours: `ABCD-1234-EFGH-5678`.
 *
 * @param value - a key id (its 16 digits as text), or bytes that are no secret.
 */
export function fingerprintOf(value: KeyId | Uint8Array): string {
  return encodeCrockford(createHash('sha256').update('enfold fingerprint v1', 'latin1').update(value).digest().subarray(0, 10));
}
