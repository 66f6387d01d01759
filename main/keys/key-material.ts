/**
 * Key bytes as users bring and take them: generated here, raw, hex, base64, or in the file that an export wrote.
 */
import { randomBytes } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import type { KeyType } from '../model/settings.ts';
import { EXPORT_WORK_FACTOR, armorAgeFile, decryptWithPassphrase, encryptWithPassphrase, isAgeFile } from './passphrase.ts';

export const SYMMETRIC_KEY_BYTES = 32;
/** No key file, PEM or export is larger; anything that is cannot be one. */
const MAX_FILE_BYTES = 64 * 1024;

export type KeyMaterial = { readonly type: KeyType; readonly bytes: Buffer; /** The name it was exported under. */ readonly name: string | null };

type ExportedKey = { readonly enfold: 'key'; readonly version: 1; readonly type: KeyType; readonly name: string; readonly key: string };

/** @returns 32 random bytes; the caller zeroes them. @throws SyncError not-available-yet for RSA pairs */
export function generateKey(type: KeyType): Buffer {
  if (type === 'rsa') throw new SyncError('not-available-yet', { detail: 'RSA key pairs come with a later version.' });
  return randomBytes(SYMMETRIC_KEY_BYTES);
}

function checkSymmetric(bytes: Buffer): Buffer {
  if (bytes.length !== SYMMETRIC_KEY_BYTES) throw new SyncError('key-invalid', { detail: `It has ${bytes.length} bytes instead of ${SYMMETRIC_KEY_BYTES}.` });
  if (bytes.every((byte) => byte === bytes[0])) throw new SyncError('key-invalid', { detail: 'All its bytes are equal.' });
  return bytes;
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
 * @param type - what raw bytes are meant to be; an export says it itself.
 * @throws SyncError key-invalid, passphrase-missing, passphrase-wrong, key-file-damaged, not-available-yet (PEM)
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
  if (bytes.length === SYMMETRIC_KEY_BYTES) return { type, bytes: checkSymmetric(bytes), name: null };
  const text = bytes.toString('latin1');
  if (text.includes('-----BEGIN')) throw new SyncError('not-available-yet', { detail: 'RSA keys come with a later version.' });
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
  if (exported.type !== 'aes' && exported.type !== 'sse-c') throw new SyncError('not-available-yet', { detail: 'This kind of key comes with a later version.' });
  return { type: exported.type, bytes: checkSymmetric(Buffer.from(exported.key, 'base64')), name: typeof exported.name === 'string' ? exported.name : null };
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
