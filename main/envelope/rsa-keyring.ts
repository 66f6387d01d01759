/**
 * Data keys wrapped by an RSA key pair: the public key writes, the private key reads. RSA-OAEP with SHA-1 in both places, as the
 * format fixes it; the content algorithm stands behind the data key inside the padding. Old paddings are read on request.
 */
import { constants, createHash, createPrivateKey, createPublicKey, privateDecrypt, publicEncrypt, randomBytes, type KeyObject } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import type { KeyId } from '../model/mode.ts';
import type { StringMap } from './encoding.ts';
import { equalBytes } from './derive.ts';
import { keyIdOf } from './key-id.ts';
import { chooseKey, KEY_ID_NAME, unwrapFailed, type Keyring } from './keyring.ts';
import { DATA_KEY_BYTES } from './suites.ts';

const MIN_BITS = 2_048;
const MAX_BITS = 8_192;

export type RsaKeyPair = {
  /** Null: this side can only read. */
  readonly publicKey: KeyObject | null;
  /** Null: this side can only write. */
  readonly privateKey: KeyObject | null;
  readonly keyId: KeyId | null;
  /** The material description written with it; default: the Enfold key id. */
  readonly description?: StringMap | undefined;
};

/**
 * @param key - PEM (PKCS#8, PKCS#1 or SPKI) or DER (PKCS#8, or SPKI); a private key brings its public half.
 * @throws SyncError key-invalid where it is no RSA key of 2,048 to 8,192 bits
 */
export function parseRsaKey(key: string | Buffer): RsaKeyPair & { readonly publicKey: KeyObject; readonly keyId: KeyId } {
  const privateKey = attempt(() => createPrivateKey(typeof key === 'string' ? key : { key, format: 'der', type: 'pkcs8' }));
  const publicKey = privateKey === null ? attempt(() => createPublicKey(typeof key === 'string' ? key : { key, format: 'der', type: 'spki' })) : createPublicKey(privateKey);
  if (publicKey === null) throw new SyncError('key-invalid', { detail: 'It is no RSA key.' });
  checkStrength(publicKey);
  return { publicKey, privateKey, keyId: keyIdOf('rsa', publicKey.export({ format: 'der', type: 'spki' })) };
}

function attempt(parse: () => KeyObject): KeyObject | null {
  try {
    return parse();
  } catch {
    return null;
  }
}

function checkStrength(key: KeyObject): void {
  const bits = key.asymmetricKeyType === 'rsa' ? (key.asymmetricKeyDetails?.modulusLength ?? 0) : 0;
  if (bits < MIN_BITS || bits > MAX_BITS) throw new SyncError('key-invalid', { detail: `An RSA key of ${MIN_BITS} to ${MAX_BITS} bits is needed.` });
}

/** @throws SyncError key-invalid */
export function createRsaKeyring(options: RsaKeyPair & { readonly additional?: readonly RsaKeyPair[] | undefined }): Keyring {
  const description = options.description ?? (options.keyId === null ? {} : { [KEY_ID_NAME]: options.keyId });
  const held: [RsaKeyPair, ...RsaKeyPair[]] = [{ ...options, description }, ...(options.additional ?? [])];
  for (const { publicKey, privateKey } of held) {
    for (const key of [publicKey, privateKey]) if (key !== null) checkStrength(key);
  }
  const privateKeyOf = (pair: RsaKeyPair): KeyObject => {
    if (pair.privateKey === null) throw new SyncError('key-not-found', { detail: 'Only the public half of the key is here; reading needs the private one.' });
    return pair.privateKey;
  };
  const wrap = (secret: Buffer, suffix: string): Buffer => {
    const key = options.publicKey ?? (options.privateKey === null ? null : createPublicKey(options.privateKey));
    if (key === null) throw new SyncError('key-not-found', { detail: 'The public half of the key is not here.' });
    const message = Buffer.concat([Buffer.from([secret.length]), secret, Buffer.from(suffix, 'utf8')]);
    try {
      return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, message);
    } finally {
      message.fill(0);
    }
  };
  return {
    keyId: options.keyId,
    async createDataKey({ algorithmText, random }) {
      const dataKey = random(DATA_KEY_BYTES);
      return { wrap: 'rsa-oaep-sha1', dataKey, wrappedKey: wrap(dataKey, algorithmText), description };
    },
    async wrapDataKey(dataKey, { algorithmText }) {
      return { wrap: 'rsa-oaep-sha1', wrappedKey: wrap(dataKey, algorithmText), description };
    },
    async unwrapDataKey(wrapped, algorithmText) {
      const pair = chooseKey(held, wrapped.description);
      switch (wrapped.wrap) {
        case 'rsa-oaep-sha1': return unwrapBound(privateKeyOf(pair), wrapped.wrappedKey, algorithmText);
        case 'rsa-oaep-sha256': return unwrapOaepSha256(privateKeyOf(pair), wrapped.wrappedKey);
        case 'v1': return unwrapPkcs1(privateKeyOf(pair), wrapped.wrappedKey);
        default: throw new SyncError('key-not-found', { detail: 'It asks for another kind of key.' });
      }
    },
    async wrapSecret(secret, purpose) {
      return wrap(secret, purpose);
    },
    async unwrapSecret(wrapped, purpose) {
      return unwrapBound(privateKeyOf(held[0]), wrapped, purpose);
    },
  };
}

/** One length byte, the secret, then exactly `suffix`. */
function unwrapBound(key: KeyObject, wrapped: Buffer, suffix: string): Buffer {
  let message: Buffer;
  try {
    message = privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, wrapped);
  } catch {
    throw unwrapFailed();
  }
  const secret = message.subarray(1, 1 + DATA_KEY_BYTES);
  const isBound = message[0] === DATA_KEY_BYTES && equalBytes(message.subarray(1 + DATA_KEY_BYTES), Buffer.from(suffix, 'utf8'));
  const copy = Buffer.from(secret);
  message.fill(0);
  if (isBound) return copy;
  copy.fill(0);
  throw unwrapFailed();
}

/** The padded block, undone here because Node offers neither mixed OAEP hashes nor, everywhere, PKCS#1 v1.5. */
function rawDecrypt(key: KeyObject, wrapped: Buffer): Buffer {
  try {
    return privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, wrapped);
  } catch {
    throw unwrapFailed();
  }
}

/** MGF1 with SHA-1 (RFC 8017, B.2.1), taken into `target` by exclusive or. */
function maskWithMgf1(target: Buffer, seed: Buffer): void {
  const counter = Buffer.alloc(4);
  for (let at = 0, round = 0; at < target.length; at += 20, round += 1) {
    counter.writeUInt32BE(round);
    const mask = createHash('sha1').update(seed).update(counter).digest();
    for (let index = 0; index < mask.length && at + index < target.length; index += 1) target[at + index] = (target[at + index] as number) ^ (mask[index] as number);
  }
}

/** OAEP with SHA-256 for the label but SHA-1 inside MGF1: what Java means by `OAEPWithSHA-256AndMGF1Padding`. Looks at every byte before it decides. */
function unwrapOaepSha256(key: KeyObject, wrapped: Buffer): Buffer {
  const block = rawDecrypt(key, wrapped);
  const seed = block.subarray(1, 33);
  const db = block.subarray(33);
  maskWithMgf1(seed, db);
  maskWithMgf1(db, seed);
  let isBad = block[0] as number;
  if (!equalBytes(db.subarray(0, 32), createHash('sha256').digest())) isBad |= 1;
  let start = 0;
  let isOpen = 1;
  for (let index = 32; index < db.length; index += 1) {
    const byte = db[index] as number;
    const isOne = Number(byte === 1);
    start |= isOpen & isOne ? index + 1 : 0;
    isBad |= isOpen & Number(byte > 1);
    isOpen &= 1 ^ isOne;
  }
  const dataKey = Buffer.from(db.subarray(start));
  block.fill(0);
  if ((isBad | isOpen) === 0) return dataKey;
  dataKey.fill(0);
  throw unwrapFailed();
}

/** PKCS#1 v1.5 of a 32-byte key. Whatever is wrong gives a random key instead of an error, which then fails as altered content would. */
function unwrapPkcs1(key: KeyObject, wrapped: Buffer): Buffer {
  const block = rawDecrypt(key, wrapped);
  const separator = block.length - DATA_KEY_BYTES - 1;
  let isBad = (block[0] as number) | ((block[1] as number) ^ 2) | (block[separator] as number);
  for (let index = 2; index < separator; index += 1) isBad |= Number(block[index] === 0);
  const dataKey = Buffer.from(block.subarray(separator + 1));
  const substitute = randomBytes(DATA_KEY_BYTES);
  const mask = isBad === 0 ? 0 : 0xff;
  for (let index = 0; index < DATA_KEY_BYTES; index += 1) dataKey[index] = ((dataKey[index] as number) & ~mask) | ((substitute[index] as number) & mask);
  block.fill(0);
  return dataKey;
}
