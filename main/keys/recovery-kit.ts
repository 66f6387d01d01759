/**
 * A recovery kit: everything that opens a key's folders again when this computer is gone.
 *
 * It is 24 words and an age file that they open (as its passphrase, words in lower case, one blank between them). The file
 * holds the key and, for each folder that the key opens, the folder's description with the wrapped folder key. The words of an
 * AES or SSE-C key are the key itself, so that they alone are enough where the bucket still has the descriptions; an RSA pair does not
 * fit into words, so its words are a secret of the kit's own and the file is needed with them.
 * @see docs/format.md, "Recovery kits"
 */
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { descriptorFile, parseDescriptor, type Descriptor } from '../envelope/descriptor.ts';
import { fingerprintOf } from '../envelope/key-id.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { KeyType } from '../model/settings.ts';
import { checkedKeyBytes, keyIdOfMaterial } from './key-material.ts';
import { armorAgeFile, decryptWithPassphrase, encryptWithPassphrase, EXPORT_WORK_FACTOR } from './passphrase.ts';
import { normalizeWords, wordsOf } from './words.ts';

/** A folder as a kit or an invitation names it; nothing in it is secret. */
export type KnownFolder = {
  readonly name: string;
  readonly bucket: string;
  /** `''` or ends in `/`. */
  readonly prefix: string;
  /** Null is AWS; `built-in` is Enfold's own storage over a folder of that computer. */
  readonly endpoint: string | null;
  readonly region: string;
  /** Of the folder key; null in the server-side modes. */
  readonly fingerprint: string | null;
  readonly descriptor: Descriptor;
};

export type KitKey = { readonly type: KeyType; readonly name: string; /** The caller zeroes them. */ readonly bytes: Buffer };
export type RecoveryKit = { readonly key: KitKey; readonly folders: readonly KnownFolder[]; readonly madeAtMs: number; readonly madeOn: string };
/** What is written down and kept: both are as secret as the key. */
export type SealedKit = { readonly words: string; readonly age: string };

const VERSION = 1;
const damaged = (cause?: unknown): SyncError => new SyncError('kit-damaged', {}, cause === undefined ? {} : { cause });

export function knownFolderJson({ name, bucket, prefix, endpoint, region, fingerprint, descriptor }: KnownFolder): Record<string, unknown> {
  return { name, bucket, prefix, endpoint, region, fingerprint, descriptor: JSON.parse(descriptorFile(descriptor).toString('utf8')) as unknown };
}

/** @throws SyncError malformed, newer-version */
export function parseKnownFolder(value: unknown): KnownFolder {
  const { name, bucket, prefix, endpoint, region, fingerprint, descriptor } = (value ?? {}) as Record<string, unknown>;
  const isSound = typeof name === 'string' && typeof bucket === 'string' && typeof prefix === 'string' && (prefix === '' || prefix.endsWith('/')) && typeof region === 'string'
    && (endpoint === null || typeof endpoint === 'string') && (fingerprint === null || typeof fingerprint === 'string');
  if (!isSound) throw new SyncError('malformed', { detail: 'a folder of the kit' });
  return { name, bucket, prefix, endpoint, region, fingerprint, descriptor: parseDescriptor(Buffer.from(JSON.stringify(descriptor), 'utf8')) };
}

/** An RSA key as text that other programs read. */
function keyText({ type, bytes }: KitKey): { readonly key: string } | { readonly pem: string } {
  if (type !== 'rsa') return { key: bytes.toString('base64') };
  const der = { key: bytes, format: 'der' } as const;
  try {
    return { pem: createPrivateKey({ ...der, type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' }).toString() };
  } catch {
    return { pem: createPublicKey({ ...der, type: 'spki' }).export({ format: 'pem', type: 'spki' }).toString() };
  }
}

/** For the file in a kit or invitation that carries a key. */
export function keyJson(key: KitKey): Record<string, unknown> {
  const keyId = keyIdOfMaterial(key.type, key.bytes);
  return { type: key.type, name: key.name, id: keyId, fingerprint: fingerprintOf(keyId), ...keyText(key) };
}

/** @throws SyncError malformed, newer-version, key-invalid */
export function parseKeyJson(value: unknown): KitKey {
  const { type, name, id, key, pem } = (value ?? {}) as Record<string, unknown>;
  if (type !== 'aes' && type !== 'rsa' && type !== 'sse-c') throw new SyncError('newer-version', { detail: 'a kind of key that this version does not know' });
  const text = type === 'rsa' ? pem : key;
  if (typeof name !== 'string' || typeof text !== 'string') throw new SyncError('malformed', { detail: 'the key' });
  const bytes = checkedKeyBytes(type, type === 'rsa' ? text : Buffer.from(text, 'base64'));
  if (id !== keyIdOfMaterial(type, bytes)) {
    bytes.fill(0);
    throw new SyncError('malformed', { detail: 'the key is not the one it is said to be' });
  }
  return { type, name, bytes };
}

/**
 * Makes the two things to keep. For an RSA key each kit has words of its own.
 *
 * @param workFactor - the words are no guessable passphrase, so that tests may take a lower one.
 */
export async function sealKit(kit: RecoveryKit, workFactor = EXPORT_WORK_FACTOR): Promise<SealedKit> {
  const secret = kit.key.type === 'rsa' ? randomBytes(32) : kit.key.bytes;
  const words = wordsOf(secret);
  if (secret !== kit.key.bytes) secret.fill(0);
  const content = { enfold: 'recovery-kit', version: VERSION, key: keyJson(kit.key), folders: kit.folders.map(knownFolderJson), madeAtMs: kit.madeAtMs, madeOn: kit.madeOn };
  const plaintext = Buffer.from(`${JSON.stringify(content, null, 2)}\n`, 'utf8');
  try {
    return { words, age: await armorAgeFile(await encryptWithPassphrase(plaintext, words, workFactor)) };
  } finally {
    plaintext.fill(0);
  }
}

/** True for the contents of a kit's age file. */
export function isKitContent(plaintext: Uint8Array): boolean {
  return /^\s*\{\s*"enfold":\s*"recovery-kit"/.test(Buffer.from(plaintext.subarray(0, 100)).toString('latin1'));
}

/** @throws SyncError kit-damaged, newer-version, key-invalid */
export function parseKitContent(plaintext: Buffer): RecoveryKit {
  try {
    const { enfold, version, key, folders, madeAtMs, madeOn } = JSON.parse(plaintext.toString('utf8')) as Record<string, unknown>;
    if (enfold !== 'recovery-kit' || !Array.isArray(folders)) throw damaged();
    if (version !== VERSION) throw new SyncError('newer-version');
    return { key: parseKeyJson(key), folders: folders.map(parseKnownFolder), madeAtMs: Number(madeAtMs) || 0, madeOn: typeof madeOn === 'string' ? madeOn : '' };
  } catch (error) {
    throw isSyncError(error) && error.code !== 'malformed' ? error : damaged(error);
  }
}

/**
 * Opens a kit's age file, armored or not.
 *
 * @param words - as typed.
 * @throws SyncError kit-word-unknown, kit-words-wrong, kit-damaged, newer-version
 */
export async function openKit(file: Uint8Array, words: string): Promise<RecoveryKit> {
  const passphrase = normalizeWords(words);
  let plaintext: Buffer;
  try {
    plaintext = await decryptWithPassphrase(file, passphrase);
  } catch (error) {
    if (isSyncError(error, 'passphrase-wrong')) throw new SyncError('kit-words-wrong', { detail: 'the words pass their checksum, and are those of another kit' }, { cause: error });
    throw isSyncError(error, 'key-file-damaged') ? damaged(error) : error;
  }
  try {
    return parseKitContent(plaintext);
  } finally {
    plaintext.fill(0);
  }
}
