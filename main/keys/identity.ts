/**
 * This computer's own age identity, for what others send to it alone: invitations. It lives in the secret store; its recipient is public
 * and is exchanged as text or as a code, with a fingerprint that is compared by another way.
 */
import { SyncError, isSyncError } from '../model/errors.ts';
import { fingerprintOf } from '../envelope/key-id.ts';
import { armorAgeFile, decryptWithPassphrase, encryptWithPassphrase, EXPORT_WORK_FACTOR, unarmorAgeFile } from './passphrase.ts';

export type Recipient = { /** `age1…`. */ readonly text: string; /** Of the text, for people to compare. */ readonly fingerprint: string };
/** Whom something is encrypted to. */
export type Audience = { readonly type: 'recipient'; readonly recipient: string } | { readonly type: 'passphrase'; readonly passphrase: string };

/** `AGE-SECRET-KEY-1…`; secret. */
export async function createIdentity(): Promise<string> {
  const { generateX25519Identity } = await import('age-encryption');
  return generateX25519Identity();
}

export async function recipientOf(identity: string): Promise<Recipient> {
  const { identityToRecipient } = await import('age-encryption');
  return asRecipient(await identityToRecipient(identity));
}

const asRecipient = (text: string): Recipient => ({ text, fingerprint: fingerprintOf(Buffer.from(text, 'utf8')) });

/** @throws SyncError recipient-invalid */
export async function parseRecipient(text: string): Promise<Recipient> {
  const { Encrypter } = await import('age-encryption');
  const trimmed = text.trim();
  try {
    new Encrypter().addRecipient(trimmed);
  } catch {
    // Its own message may repeat what was given: somebody may have given a secret key by mistake.
    throw new SyncError('recipient-invalid');
  }
  return asRecipient(trimmed);
}

/** An armored age file. @throws SyncError recipient-invalid */
export async function encryptTo(audience: Audience, plaintext: Uint8Array): Promise<string> {
  if (audience.type === 'passphrase') return armorAgeFile(await encryptWithPassphrase(plaintext, audience.passphrase, EXPORT_WORK_FACTOR));
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  encrypter.addRecipient((await parseRecipient(audience.recipient)).text);
  return armorAgeFile(await encrypter.encrypt(plaintext));
}

/** True where a passphrase opens the file; false where an identity does. */
export async function isForPassphrase(file: Uint8Array): Promise<boolean> {
  return /\n-> scrypt /.test((await unarmorAgeFile(file)).subarray(0, 200).toString('latin1'));
}

/**
 * @param opener - this computer's identity, or the passphrase.
 * @throws SyncError invitation-for-another, passphrase-wrong, key-file-damaged
 */
export async function decryptFor(file: Uint8Array, opener: { readonly identity: string } | { readonly passphrase: string }): Promise<Buffer> {
  if ('passphrase' in opener) return decryptWithPassphrase(file, opener.passphrase);
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  decrypter.addIdentity(opener.identity);
  try {
    return Buffer.from(await decrypter.decrypt(await unarmorAgeFile(file)));
  } catch (error) {
    if (isSyncError(error)) throw error;
    // The library says only in words that no identity fits.
    if (error instanceof Error && /identity|match/i.test(error.message)) throw new SyncError('invitation-for-another', {}, { cause: error });
    throw new SyncError('key-file-damaged', {}, { cause: error });
  }
}
