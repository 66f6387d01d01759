/**
 * Key bytes as users bring and take them: generated here, raw, hex, base64, PEM, or in the file that an export wrote.
 *
 * AES and SSE-C keys are their 32 bytes. An RSA key is the pair as PKCS#8 DER, or the public half alone as SPKI DER.
 */
import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { keyIdOf } from '../envelope/key-id.ts';
import { parseRsaKey } from '../envelope/rsa-keyring.ts';
import { SyncError } from '../model/errors.ts';
import type { KeyId } from '../model/mode.ts';
import type { KeyType } from '../model/settings.ts';
import { EXPORT_WORK_FACTOR, armorAgeFile, decryptWithPassphrase, encryptWithPassphrase, isAgeFile } from './passphrase.ts';

export const SYMMETRIC_KEY_BYTES = 32;
const NEW_RSA_BITS = 3_072;
/** Beyond it, every object costs noticeable time and its wrapped key most of the metadata. */
const MAX_RSA_BITS = 4_096;
/** No key file, PEM or export is larger; anything that is cannot be one. */
const MAX_FILE_BYTES = 64 * 1024;

export type KeyMaterial = { readonly type: KeyType; readonly bytes: Buffer; /** The name it was exported under. */ readonly name: string | null };

type ExportedKey = { readonly enfold: 'key'; readonly version: 1; readonly type: KeyType; readonly name: string; readonly key: string };

/** The caller zeroes the bytes. */
export async function generateKey(type: KeyType): Promise<Buffer> {
  if (type !== 'rsa') return randomBytes(SYMMETRIC_KEY_BYTES);
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: NEW_RSA_BITS, publicExponent: 0x10001 });
  return privateKey.export({ format: 'der', type: 'pkcs8' });
}

/** One id for both halves of an RSA pair. @throws SyncError key-invalid */
export function keyIdOfMaterial(type: KeyType, bytes: Buffer): KeyId {
  return type === 'rsa' ? parseRsaKey(bytes).keyId : keyIdOf(type, bytes);
}

/** True for the public half alone: it encrypts, and reads nothing. */
export function isPublicOnly(type: KeyType, bytes: Buffer): boolean {
  return type === 'rsa' && parseRsaKey(bytes).privateKey === null;
}

/** @param key - PEM, or DER as kept here. @throws SyncError key-invalid */
function rsaBytes(key: string | Buffer): Buffer {
  if (typeof key === 'string' && /-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(key)) throw new SyncError('key-invalid', { detail: 'The PEM file is encrypted. Decrypt it first: openssl pkey -in FILE -out PLAIN.' });
  const { privateKey, publicKey } = parseRsaKey(key);
  if ((publicKey.asymmetricKeyDetails?.modulusLength ?? 0) > MAX_RSA_BITS) throw new SyncError('key-invalid', { detail: `An RSA key of 2048 to ${MAX_RSA_BITS} bits is needed.` });
  return privateKey === null ? publicKey.export({ format: 'der', type: 'spki' }) : privateKey.export({ format: 'der', type: 'pkcs8' });
}

function checkSymmetric(bytes: Buffer): Buffer {
  if (bytes.length !== SYMMETRIC_KEY_BYTES) throw new SyncError('key-invalid', { detail: `It has ${bytes.length} bytes instead of ${SYMMETRIC_KEY_BYTES}.` });
  if (bytes.every((byte) => byte === bytes[0])) throw new SyncError('key-invalid', { detail: 'All its bytes are equal.' });
  return bytes;
}

/** Key bytes as they are kept. @param key - an RSA key as PEM or DER; else 32 bytes. @throws SyncError key-invalid */
export function checkedKeyBytes(type: KeyType, key: string | Buffer): Buffer {
  return type === 'rsa' ? rsaBytes(key) : checkSymmetric(Buffer.from(key));
}

/** Bytes of a text key, or null where the text is neither hex nor base64. */
function decodeText(text: string): Buffer | null {
  const trimmed = text.replace(/\s+/g, '');
  if (/^(?:[0-9a-f]{2})+$/i.test(trimmed)) return Buffer.from(trimmed, 'hex');
  if (/^[0-9a-z+/_-]+={0,2}$/i.test(trimmed)) return Buffer.from(trimmed, 'base64');
  return null;
}

/** True where {@link parseKeyMaterial} needs a passphrase. */
export function needsPassphrase(file: Uint8Array): boolean {
  return isAgeFile(file);
}

/**
 * Reads a key from a file's bytes.
 *
 * @param type - what raw bytes are meant to be; an export and a PEM say it themselves.
 * @throws SyncError key-invalid, passphrase-missing, passphrase-wrong, key-file-damaged
 */
export async function parseKeyMaterial(file: Uint8Array, type: KeyType, passphrase: string | null): Promise<KeyMaterial> {
  if (file.length > MAX_FILE_BYTES) throw new SyncError('key-invalid', { detail: 'The file is too large to be a key.' });
  const bytes = Buffer.from(file);
  if (isAgeFile(bytes)) {
    if (passphrase === null) throw new SyncError('passphrase-missing', { detail: 'The key was exported under a passphrase.' });
    const plaintext = await decryptWithPassphrase(bytes, passphrase);
    try {
      return parseExport(plaintext);
    } finally {
      plaintext.fill(0);
    }
  }
  const text = bytes.toString('latin1');
  if (text.includes('-----BEGIN')) return { type: 'rsa', bytes: rsaBytes(text), name: null };
  if (type === 'rsa') throw new SyncError('key-invalid', { detail: 'An RSA key is imported as PEM, or from what export wrote.' });
  if (bytes.length === SYMMETRIC_KEY_BYTES) return { type, bytes: checkSymmetric(bytes), name: null };
  const decoded = decodeText(text);
  if (decoded === null) throw new SyncError('key-invalid', { detail: `The file has ${bytes.length} bytes and is neither hex nor base64.` });
  return { type, bytes: checkSymmetric(decoded), name: null };
}

function parseExport(plaintext: Buffer): KeyMaterial {
  let exported: Partial<ExportedKey> | null;
  try {
    exported = JSON.parse(plaintext.toString('utf8')) as Partial<ExportedKey> | null;
  } catch (error) {
    throw new SyncError('key-file-damaged', {}, { cause: error });
  }
  if (exported?.enfold !== 'key' || typeof exported.key !== 'string') throw new SyncError('key-file-damaged', { detail: 'The file does not hold an Enfold key.' });
  if (exported.version !== 1) throw new SyncError('newer-version');
  if (exported.type !== 'aes' && exported.type !== 'sse-c' && exported.type !== 'rsa') throw new SyncError('newer-version', { detail: 'The file holds a kind of key that this version does not know.' });
  const bytes = Buffer.from(exported.key, 'base64');
  return { type: exported.type, bytes: exported.type === 'rsa' ? rsaBytes(bytes) : checkSymmetric(bytes), name: typeof exported.name === 'string' ? exported.name : null };
}

/** The text of an export: an armored age file that `age --decrypt` opens with the same passphrase. */
export async function encodeKeyExport(key: { readonly type: KeyType; readonly name: string; readonly bytes: Buffer }, passphrase: string): Promise<string> {
  const exported: ExportedKey = { enfold: 'key', version: 1, type: key.type, name: key.name, key: key.bytes.toString('base64') };
  const plaintext = Buffer.from(`${JSON.stringify(exported)}\n`);
  try {
    return await armorAgeFile(await encryptWithPassphrase(plaintext, passphrase, EXPORT_WORK_FACTOR));
  } finally {
    plaintext.fill(0);
  }
}
