/**
 * Client-side encryption in the Amazon S3 Encryption Client's object formats, and Enfold's additions to them.
 *
 * The only way to encrypt or decrypt an object: a keyring and metadata in, a streaming cipher out, in constant memory.
 * Promises: no plaintext counts before its tag was checked, the key commitment is compared before anything is decrypted,
 * one data key and IV never serve two texts, and any official client with the key reads what is written here.
 * Knows nothing of sync, files or networks; what an object stands for is bound to it by `attributes.ts`.
 * @see docs/format.md
 */
import { createHash } from 'node:crypto';
import { SyncError, isSyncError } from '../model/errors.ts';
import type { EnvelopeFormat, KeyId } from '../model/mode.ts';
import { createCbcDecipher, createContentCipher, createContentDecipher, decryptRange, type CipherKey, type ContentCipher, type ContentDecipher } from './content-cipher.ts';
import { deriveCommitment, deriveContentKey, equalBytes } from './derive.ts';
import { encodeEnvelope, findEnvelope, isLegacyWrap, parseWithInstructionFile, type Envelope, type Metadata } from './format.ts';
import { keyIdIn, systemRandom, type Keyring, type RandomBytes, type WrappedDataKey } from './keyring.ts';
import { COMMITTING_AAD, COMMITTING_IV, DATA_KEY_BYTES, GCM_IV_BYTES, MESSAGE_ID_BYTES, SUITE_COMMITTING, SUITE_GCM, TAG_BYTES } from './suites.ts';

export type CommitmentPolicy =
  /** Writes V2; reads V3 and V2. */
  | 'forbid-encrypt-allow-decrypt'
  /** Writes V3; reads V3 and V2. */
  | 'require-encrypt-allow-decrypt'
  /** Writes V3; reads V3 only. */
  | 'require-encrypt-require-decrypt';

export type ReadPolicy = {
  readonly commitment: CommitmentPolicy;
  /** Accept wraps that do not bind the content algorithm: `kms`, `AESWrap`, V1. */
  readonly legacyWraps?: boolean | undefined;
  /** Accept AES-CBC, which nothing authenticates. */
  readonly legacyContent?: boolean | undefined;
};

export const READ_V3_ONLY: ReadPolicy = { commitment: 'require-encrypt-require-decrypt' };
export const READ_V3_AND_V2: ReadPolicy = { commitment: 'require-encrypt-allow-decrypt' };
export const READ_LEGACY: ReadPolicy = { commitment: 'require-encrypt-allow-decrypt', legacyWraps: true, legacyContent: true };

/** What ties other things (the sealed attributes) to this one encryption. V2 has neither: SHA-256 of the wrapped key stands for both. */
export type Binding = { readonly messageId: Buffer; readonly commitment: Buffer };

/** Enough to encrypt the same text again, byte for byte. No secret: the data key is in it only as wrapped. */
export type SavedEncryption = { readonly format: EnvelopeFormat; readonly metadata: Metadata };

export type Encryption = {
  readonly format: EnvelopeFormat;
  readonly keyId: KeyId | null;
  /** To be sent as `x-amz-meta-<name>`. */
  readonly metadata: Metadata;
  readonly binding: Binding;
  /** For one text; a second use is an error. */
  readonly cipher: ContentCipher;
  save(): SavedEncryption;
  /** Zeroes the keys. The cipher must not be used afterwards. */
  dispose(): void;
};

export type Decryption = {
  readonly format: Envelope['format'];
  readonly keyId: KeyId | null;
  readonly binding: Binding;
  /** See ContentDecipher: nothing is verified before `final` returns. */
  update(body: Uint8Array): Buffer | null;
  final(): Buffer;
  /** See `decryptRange` in content-cipher.ts. @throws SyncError format-refused for AES-CBC */
  decryptRange(ciphertext: Uint8Array, firstBlock: number): Buffer;
  dispose(): void;
};

/** Size of the body of a file of `plaintextBytes`. */
export function objectBytesOf(plaintextBytes: number): number {
  return plaintextBytes + TAG_BYTES;
}

/** Size of the file in a V3 or V2 body; null where no such body has that size. */
export function plaintextBytesOf(objectBytes: number): number | null {
  return objectBytes < TAG_BYTES ? null : objectBytes - TAG_BYTES;
}

/**
 * Starts one encryption under a data key of its own.
 *
 * @param options - `policy` is checked against the format; `random` gives, in this order: data key, wrap IV, then message id or IV.
 * @throws SyncError format-refused where format and policy do not go together; what the keyring throws
 */
export async function createEncryption(
  keyring: Keyring,
  options: { readonly format: EnvelopeFormat; readonly policy?: CommitmentPolicy | undefined; readonly random?: RandomBytes | undefined },
): Promise<Encryption> {
  const { format, policy, random = systemRandom } = options;
  if (policy !== undefined && (policy === 'forbid-encrypt-allow-decrypt') !== (format === 'v2')) throw new SyncError('format-refused', { detail: 'The commitment policy does not allow writing this format.' });
  const suite = format === 'v3' ? SUITE_COMMITTING : SUITE_GCM;
  const { dataKey, ...wrapped } = await keyring.createDataKey({ algorithmText: suite.algorithmText, isCommitting: suite.isCommitting, random });
  try {
    if (dataKey.length !== DATA_KEY_BYTES) throw new SyncError('invariant', { detail: 'A keyring gave a data key of the wrong length.' });
    const unique = random(format === 'v3' ? MESSAGE_ID_BYTES : GCM_IV_BYTES);
    if (unique.every((byte) => byte === 0)) throw new SyncError('invariant', { detail: 'The source of randomness gave zeros.' });
    const envelope: Envelope & { readonly format: EnvelopeFormat } = format === 'v3'
      ? { ...wrapped, format, suite, messageId: unique, commitment: deriveCommitment(dataKey, unique) }
      : { ...wrapped, format, suite, iv: unique };
    return encryptionOf(envelope, dataKey, keyring.keyId);
  } catch (error) {
    dataKey.fill(0);
    throw error;
  }
}

/**
 * The same encryption again from its first byte, for an upload that was interrupted. The caller must make sure that the text
 * is the same too, before anything is sent: one key and IV for two texts gives both away.
 *
 * @throws SyncError as {@link openEnvelope}
 */
export async function resumeEncryption(keyring: Keyring, saved: SavedEncryption): Promise<Encryption> {
  const found = findEnvelope(saved.metadata);
  if (found.type !== 'here' || found.envelope.format !== saved.format) throw new SyncError('malformed', { detail: 'The saved encryption is damaged.' });
  const { envelope } = found;
  if (envelope.suite.isLegacy || isLegacyWrap(envelope.wrap)) throw new SyncError('legacy-refused', { detail: 'Old formats are not written.' });
  const dataKey = await unwrap(keyring, envelope);
  try {
    return encryptionOf(envelope as Envelope & { readonly format: EnvelopeFormat }, dataKey, keyIdIn(envelope.description) ?? keyring.keyId);
  } catch (error) {
    dataKey.fill(0);
    throw error;
  }
}

function encryptionOf(envelope: Envelope & { readonly format: EnvelopeFormat }, dataKey: Buffer, keyId: KeyId | null): Encryption {
  const cipherKey = cipherKeyOf(envelope, dataKey);
  const metadata = encodeEnvelope(envelope);
  return {
    format: envelope.format,
    keyId,
    metadata,
    binding: bindingOf(envelope),
    cipher: createContentCipher(cipherKey),
    save: () => ({ format: envelope.format, metadata }),
    dispose() {
      dataKey.fill(0);
      cipherKey.contentKey.fill(0);
    },
  };
}

function cipherKeyOf(envelope: Envelope, dataKey: Buffer): CipherKey {
  return envelope.format === 'v3'
    ? { contentKey: deriveContentKey(dataKey, envelope.messageId), iv: COMMITTING_IV, associated: COMMITTING_AAD }
    : { contentKey: dataKey, iv: envelope.iv, associated: null };
}

/** What the metadata binds other things to; needs no key. */
export function bindingOf(envelope: Envelope): Binding {
  if (envelope.format === 'v3') return { messageId: envelope.messageId, commitment: envelope.commitment };
  const digest = createHash('sha256').update(envelope.wrappedKey).digest();
  return { messageId: digest, commitment: digest };
}

/** An envelope as far as it can be told without a key: for HEAD answers, whose attributes open without unwrapping anything. */
export type EnvelopeFacts = { readonly format: Envelope['format']; readonly keyId: KeyId | null; readonly binding: Binding; readonly isLegacy: boolean };

/**
 * @returns null where the metadata holds no whole envelope (foreign, or its key is in an instruction file).
 * @throws SyncError format-refused, malformed
 */
export function inspectEnvelope(metadata: Metadata): EnvelopeFacts | null {
  const found = findEnvelope(metadata);
  if (found.type !== 'here') return null;
  const { envelope } = found;
  return { format: envelope.format, keyId: keyIdIn(envelope.description), binding: bindingOf(envelope), isLegacy: isLegacyWrap(envelope.wrap) || envelope.suite.isLegacy };
}

/**
 * The metadata of the same object with its data key wrapped under the keyring's current key; the body stays as it is.
 *
 * @returns the new envelope metadata, and what other things are bound to from now on.
 * @throws SyncError not-ours, legacy-refused, and what the keyring throws; commitment-mismatch where the key is not the object's
 */
export async function rewrapEnvelope(metadata: Metadata, keyring: Keyring, random: RandomBytes = systemRandom): Promise<{ readonly metadata: Metadata; readonly binding: Binding; readonly format: EnvelopeFormat }> {
  const found = findEnvelope(metadata);
  if (found.type !== 'here') throw new SyncError('not-ours');
  const { envelope } = found;
  if (envelope.format === 'v1' || envelope.suite.isLegacy || isLegacyWrap(envelope.wrap)) throw new SyncError('legacy-refused', { detail: 'Old formats are not written.' });
  const { algorithmText } = envelope.suite;
  const wrapped = await rewrapInside(keyring, envelope, algorithmText) ?? await wrapAgain(keyring, envelope, random);
  const changed = { ...envelope, ...wrapped } as Envelope & { readonly format: EnvelopeFormat };
  return { metadata: encodeEnvelope(changed), binding: bindingOf(changed), format: changed.format };
}

/** Null where the key service is not asked for it: another kind of key, or no right to it. */
async function rewrapInside(keyring: Keyring, envelope: Envelope, algorithmText: string): Promise<WrappedDataKey | null> {
  if (keyring.rewrapDataKey === undefined || envelope.wrap !== 'kms-context') return null;
  try {
    return await keyring.rewrapDataKey(envelope, algorithmText);
  } catch (error) {
    if (isSyncError(error, 'access-denied')) return null;
    throw error;
  }
}

async function wrapAgain(keyring: Keyring, envelope: Envelope, random: RandomBytes): Promise<WrappedDataKey> {
  const dataKey = await unwrap(keyring, envelope);
  try {
    return await keyring.wrapDataKey(dataKey, { algorithmText: envelope.suite.algorithmText, random });
  } finally {
    dataKey.fill(0);
  }
}

export type OpenOptions = {
  /** Size of the whole body, where known: cheaper, and checked. */
  readonly objectBytes?: number | undefined;
  /** Body of `<key>.instruction`, null where there is none; without it, objects that need one are refused. */
  readonly loadInstructionFile?: (() => Promise<Buffer | null>) | undefined;
};

/**
 * Unwraps the data key of an object and checks everything that can be checked before its body is read.
 *
 * @throws SyncError not-ours (no envelope), malformed, format-refused, legacy-refused, key-not-found, key-unwrap-failed,
 *   context-mismatch, commitment-mismatch, truncated (body too short for a tag)
 */
export async function openEnvelope(metadata: Metadata, keyring: Keyring, policy: ReadPolicy, options: OpenOptions = {}): Promise<Decryption> {
  const envelope = await loadEnvelope(metadata, options);
  checkPolicy(envelope, policy);
  const dataKey = await unwrap(keyring, envelope);
  try {
    const cipherKey = cipherKeyOf(envelope, dataKey);
    const isCbc = envelope.suite.cipher === 'aes-256-cbc';
    const decipher: ContentDecipher = isCbc && envelope.format !== 'v3' ? createCbcDecipher(dataKey, envelope.iv) : createContentDecipher(cipherKey, options.objectBytes ?? null);
    return {
      format: envelope.format,
      keyId: keyIdIn(envelope.description) ?? keyring.keyId,
      binding: bindingOf(envelope),
      update: (body) => decipher.update(body),
      final: () => decipher.final(),
      decryptRange(ciphertext, firstBlock) {
        if (isCbc) throw new SyncError('format-refused', { detail: 'Ranges of this old format cannot be read.' });
        return decryptRange(cipherKey, ciphertext, firstBlock);
      },
      dispose() {
        dataKey.fill(0);
        cipherKey.contentKey.fill(0);
      },
    };
  } catch (error) {
    dataKey.fill(0);
    throw error;
  }
}

async function loadEnvelope(metadata: Metadata, { loadInstructionFile }: OpenOptions): Promise<Envelope> {
  const found = findEnvelope(metadata);
  if (found.type === 'here') return found.envelope;
  if (loadInstructionFile === undefined) {
    throw found.type === 'none' ? new SyncError('not-ours') : new SyncError('format-refused', { detail: 'Its wrapped key stands in an instruction file.' });
  }
  const file = await loadInstructionFile();
  const envelope = file === null ? null : parseWithInstructionFile(metadata, file);
  if (envelope !== null) return envelope;
  throw found.type === 'none' ? new SyncError('not-ours') : new SyncError('malformed', { detail: 'Its instruction file is missing.' });
}

/** Decided from the strictly parsed format, before any key is used. */
function checkPolicy(envelope: Envelope, policy: ReadPolicy): void {
  if (envelope.suite.isLegacy && policy.legacyContent !== true) throw new SyncError('legacy-refused', { detail: 'Its content is not authenticated.' });
  if (isLegacyWrap(envelope.wrap) && policy.legacyWraps !== true) throw new SyncError('legacy-refused', { detail: 'Its key wrap is an old one.' });
  if (!envelope.suite.isCommitting && policy.commitment === 'require-encrypt-require-decrypt') throw new SyncError('format-refused', { detail: 'It does not commit to its key.' });
}

async function unwrap(keyring: Keyring, envelope: Envelope): Promise<Buffer> {
  const dataKey = await keyring.unwrapDataKey(envelope, envelope.suite.algorithmText);
  const lengths = envelope.suite.isLegacy ? [16, 24, DATA_KEY_BYTES] : [DATA_KEY_BYTES];
  const isCommitted = () => envelope.format !== 'v3' || equalBytes(deriveCommitment(dataKey, envelope.messageId), envelope.commitment);
  if (lengths.includes(dataKey.length) && isCommitted()) return dataKey;
  const code = lengths.includes(dataKey.length) ? 'commitment-mismatch' : 'key-unwrap-failed';
  dataKey.fill(0);
  throw new SyncError(code);
}

/** The whole body of a text: ciphertext and tag, as the pieces they are. */
export function encryptWhole(encryption: Encryption, plaintext: Uint8Array): readonly Buffer[] {
  return [encryption.cipher.update(plaintext), encryption.cipher.final()];
}

/** The whole, verified text of a body. @throws SyncError not-authentic, truncated */
export function decryptWhole(decryption: Decryption, body: Uint8Array): Buffer {
  const first = decryption.update(body);
  const last = decryption.final();
  return first === null ? last : last.length === 0 ? first : Buffer.concat([first, last]);
}

/** The body of a text that comes in chunks; ends with the tag. */
export async function* encryptChunks(encryption: Encryption, plaintext: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of plaintext) yield encryption.cipher.update(chunk);
  yield encryption.cipher.final();
}

/** The text of a body that comes in chunks. Nothing is verified until the generator has ended without an error. */
export async function* decryptChunks(decryption: Decryption, body: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of body) {
    const plaintext = decryption.update(chunk);
    if (plaintext !== null) yield plaintext;
  }
  const last = decryption.final();
  if (last.length > 0) yield last;
}
