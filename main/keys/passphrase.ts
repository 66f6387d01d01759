/**
 * Passphrase encryption in the age format, so that the ordinary `age` program opens what Enfold writes.
 *
 * The scrypt step runs in Node's own asynchronous implementation instead of the library's: it takes most of a second at
 * the strength used here, and must block neither the engine nor the window.
 *
 * @see the age specification, "The scrypt recipient type"
 */
import { randomBytes, scrypt } from 'node:crypto';
import type { Stanza } from 'age-encryption';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { SyncError } from '../model/errors.ts';

/** scrypt cost as the base-2 logarithm: 64 MiB and about 0.2 s for the key file that is opened at every start. */
export const KEY_FILE_WORK_FACTOR = 16;
/** 256 MiB and about a second for exports, which leave the computer. */
export const EXPORT_WORK_FACTOR = 18;
/** Above this a file asks for more memory than any honest writer would. */
const MAX_WORK_FACTOR = 20;

const LABEL = Buffer.from('age-encryption.org/v1/scrypt');
const SALT_BYTES = 16;

async function deriveFileKeyWrap(passphrase: string, salt: Uint8Array, workFactor: number): Promise<Buffer> {
  const cost = 2 ** workFactor;
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), Buffer.concat([LABEL, salt]), 32, { N: cost, r: 8, p: 1, maxmem: 128 * 8 * cost + (32 << 20) }, (error, wrap) => {
      if (error) reject(error);
      else resolve(wrap);
    });
  });
}

const unpadded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '');
const ZERO_NONCE = new Uint8Array(12);

/** Encrypts `plaintext` under a passphrase; the answer is a binary age file. */
export async function encryptWithPassphrase(plaintext: Uint8Array, passphrase: string, workFactor: number): Promise<Buffer> {
  const { Encrypter, Stanza } = await import('age-encryption');
  const encrypter = new Encrypter();
  encrypter.addRecipient({
    wrapFileKey: async (fileKey: Uint8Array) => {
      const salt = randomBytes(SALT_BYTES);
      const wrap = await deriveFileKeyWrap(passphrase, salt, workFactor);
      const body = chacha20poly1305(wrap, ZERO_NONCE).encrypt(fileKey);
      wrap.fill(0);
      return [new Stanza(['scrypt', unpadded(salt), String(workFactor)], body)];
    },
  });
  return Buffer.from(await encrypter.encrypt(plaintext));
}

/**
 * Opens a passphrase-encrypted age file, binary or armored.
 *
 * @throws SyncError passphrase-wrong, or key-file-damaged for anything that is no such file
 */
export async function decryptWithPassphrase(file: Uint8Array, passphrase: string): Promise<Buffer> {
  const { Decrypter } = await import('age-encryption');
  let sawStanza = false;
  const decrypter = new Decrypter();
  decrypter.addIdentity({
    unwrapFileKey: async (stanzas: Stanza[]) => {
      const [stanza] = stanzas;
      if (stanzas.length !== 1 || stanza?.args[0] !== 'scrypt') return null;
      const salt = Buffer.from(stanza.args[1] ?? '', 'base64');
      const workFactor = Number(stanza.args[2]);
      if (stanza.args.length !== 3 || salt.length !== SALT_BYTES || !/^[1-9][0-9]?$/.test(stanza.args[2] ?? '') || workFactor > MAX_WORK_FACTOR) return null;
      sawStanza = true;
      const wrap = await deriveFileKeyWrap(passphrase, salt, workFactor);
      try {
        return chacha20poly1305(wrap, ZERO_NONCE).decrypt(stanza.body);
      } catch (error) {
        throw new SyncError('passphrase-wrong', {}, { cause: error });
      } finally {
        wrap.fill(0);
      }
    },
  });
  try {
    return Buffer.from(await decrypter.decrypt(await unarmorAgeFile(file)));
  } catch (error) {
    if (error instanceof SyncError) throw error;
    throw new SyncError('key-file-damaged', { detail: sawStanza ? 'Its contents do not match its header.' : 'It is not a passphrase-encrypted age file.' }, { cause: error });
  }
}

const BINARY_HEADER = 'age-encryption.org/v1\n';
const ARMOR_HEADER = '-----BEGIN AGE ENCRYPTED FILE-----';

function isArmored(file: Uint8Array): boolean {
  return Buffer.from(file.subarray(0, 200)).toString('latin1').trimStart().startsWith(ARMOR_HEADER);
}

/** True for what looks like an age file, of whatever recipients. */
export function isAgeFile(file: Uint8Array): boolean {
  return isArmored(file) || Buffer.from(file.subarray(0, BINARY_HEADER.length)).toString('latin1') === BINARY_HEADER;
}

/** The binary of an age file, armored or not. @throws SyncError key-file-damaged */
export async function unarmorAgeFile(file: Uint8Array): Promise<Buffer> {
  if (!isArmored(file)) return Buffer.from(file);
  const { armor } = await import('age-encryption');
  try {
    return Buffer.from(armor.decode(Buffer.from(file).toString('latin1').trim()));
  } catch (error) {
    throw new SyncError('key-file-damaged', { detail: 'The text of the age file is incomplete or altered.' }, { cause: error });
  }
}

/** The armored text of a binary age file, for files that people keep, print and mail. */
export async function armorAgeFile(file: Uint8Array): Promise<string> {
  const { armor } = await import('age-encryption');
  return armor.encode(file);
}
