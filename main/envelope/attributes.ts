/**
 * File attributes as object metadata, in one fixed binary layout: sealed and bound to folder, path and body in client-side
 * modes, sealed under the customer key with SSE-C, plain where S3 or KMS holds the key.
 *
 * Parsers answer any bytes with a value or a listed error.
 * @see docs/format.md, "Attributes"
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import type { ObjectKey } from '../model/path.ts';
import type { FileAttributes, OperationId } from '../model/snapshot.ts';
import type { VersionVector } from '../model/version-vector.ts';
import { decodeBase64 } from './encoding.ts';
import { asKeyObject, deriveKey } from './derive.ts';
import type { Binding } from './envelope.ts';
import { systemRandom, type RandomBytes } from './keyring.ts';
import { DATA_KEY_BYTES, GCM_IV_BYTES, TAG_BYTES } from './suites.ts';

/** Metadata name, without `x-amz-meta-`. */
export const ATTRIBUTES_NAME = 'enfold-attrs';
export const MAX_VECTOR_ENTRIES = 32;
const MAX_TEXT_LENGTH = 1_024;

/** First byte of every stored value: who can read it in the high digit, layout version in the low one. */
const PLAIN = 0x01;
const SEALED_BY_FOLDER = 0x11;
const SEALED_BY_CUSTOMER_KEY = 0x21;
const EPOCH_BYTES = 4;

const malformed = (detail: string) => new SyncError('malformed', { detail: `Attributes: ${detail}` });

// ---------------------------------------------------------------- layout

const FLAG_DIRECTORY = 1;
const FLAG_HASH = 2;
/** Flags, operation id, mtime, mode bits, size, count of vector entries. */
const FIXED_BYTES = 1 + 16 + 8 + 2 + 8 + 1;
const DEVICE_BYTES = 6;
const HASH_BYTES = 32;
const MAX_VARINT_BYTES = 8;
/** As far as a Date reaches. */
const MAX_TIME_MS = 8_640_000_000_000_000;

function encodeLayout(attributes: FileAttributes): Buffer {
  const { operationId, vector, modeBits, kind, sizeBytes, sha256 } = attributes;
  const mtimeMs = Math.floor(attributes.mtimeMs);
  const devices = Object.keys(vector).sort();
  const isSound = /^[0-9a-f]{32}$/.test(operationId) && Math.abs(mtimeMs) <= MAX_TIME_MS && (modeBits & ~0o777) === 0 && Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 &&
    (sha256 === null || /^[0-9a-f]{64}$/.test(sha256)) && devices.every((device) => /^[0-9a-f]{12}$/.test(device) && isCounter(vector[device]));
  if (!isSound) throw new SyncError('invariant', { detail: 'Attributes that cannot be written were given.' });
  if (devices.length > MAX_VECTOR_ENTRIES) throw new SyncError('metadata-too-large', { detail: `More than ${MAX_VECTOR_ENTRIES} devices changed this file.` });
  const out = Buffer.alloc(FIXED_BYTES + devices.length * (DEVICE_BYTES + MAX_VARINT_BYTES) + HASH_BYTES);
  out[0] = (kind === 'directory' ? FLAG_DIRECTORY : 0) | (sha256 === null ? 0 : FLAG_HASH);
  out.write(operationId, 1, 'hex');
  out.writeBigInt64BE(BigInt(mtimeMs), 17);
  out.writeUInt16BE(modeBits, 25);
  out.writeBigUInt64BE(BigInt(sizeBytes), 27);
  out[35] = devices.length;
  let at = FIXED_BYTES;
  for (const device of devices) {
    at += out.write(device, at, 'hex');
    let count = vector[device] as number;
    for (; count >= 0x80; count = Math.floor(count / 0x80)) out[at++] = (count % 0x80) | 0x80;
    out[at++] = count;
  }
  if (sha256 !== null) at += out.write(sha256, at, 'hex');
  return out.subarray(0, at);
}

const isCounter = (count: number | undefined) => count !== undefined && Number.isSafeInteger(count) && count >= 1;

function parseLayout(bytes: Buffer): FileAttributes {
  if (bytes.length < FIXED_BYTES) throw malformed('too short.');
  const flags = bytes[0] as number;
  if ((flags & ~(FLAG_DIRECTORY | FLAG_HASH)) !== 0) throw malformed('unknown flags.');
  const mtimeMs = Number(bytes.readBigInt64BE(17));
  const modeBits = bytes.readUInt16BE(25);
  const size = bytes.readBigUInt64BE(27);
  if (Math.abs(mtimeMs) > MAX_TIME_MS || (modeBits & ~0o777) !== 0 || size > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('a value is out of range.');
  const { vector, end } = parseVector(bytes, bytes[35] as number);
  const hasHash = (flags & FLAG_HASH) !== 0;
  if (bytes.length !== end + (hasHash ? HASH_BYTES : 0)) throw malformed('wrong length.');
  return {
    operationId: bytes.toString('hex', 1, 17) as OperationId,
    vector,
    mtimeMs,
    modeBits,
    kind: (flags & FLAG_DIRECTORY) === 0 ? 'file' : 'directory',
    sizeBytes: Number(size),
    sha256: hasHash ? bytes.toString('hex', end) : null,
  };
}

function parseVector(bytes: Buffer, count: number): { readonly vector: VersionVector; readonly end: number } {
  if (count > MAX_VECTOR_ENTRIES) throw malformed('too many devices.');
  const vector: Record<string, number> = {};
  let at = FIXED_BYTES;
  let last = '';
  for (let entry = 0; entry < count; entry += 1) {
    const device = bytes.toString('hex', at, at + DEVICE_BYTES);
    if (device.length !== 2 * DEVICE_BYTES || device <= last) throw malformed('devices are not in order.');
    last = device;
    at += DEVICE_BYTES;
    let value = 0;
    let length = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[at++];
      length += 1;
      if (byte === undefined || length > MAX_VARINT_BYTES || (byte === 0 && length > 1)) throw malformed('a counter is not in its shortest form.');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    if (!isCounter(value)) throw malformed('a counter is out of range.');
    vector[device] = value;
  }
  return { vector, end: at };
}

function decodeValue(value: string): Buffer {
  const bytes = value.length > MAX_TEXT_LENGTH ? null : decodeBase64(value);
  if (bytes === null || bytes.length === 0) throw malformed('not base64.');
  const form = bytes[0] as number;
  const isKnownSeal = form >> 4 <= 2;
  if ((form & 0x0f) > 1 && isKnownSeal) throw new SyncError('newer-version');
  if (form !== PLAIN && form !== SEALED_BY_FOLDER && form !== SEALED_BY_CUSTOMER_KEY) throw malformed('unknown form.');
  return bytes;
}

// ---------------------------------------------------------------- plain

/** For `sse-s3`; for `sse-kms` give `sha256: null`, since a HEAD there needs no right to decrypt. @throws SyncError metadata-too-large */
export function encodeAttributes(attributes: FileAttributes): string {
  return Buffer.concat([Buffer.from([PLAIN]), encodeLayout(attributes)]).toString('base64');
}

/** @throws SyncError malformed (sealed ones included), newer-version */
export function parseAttributes(value: string): FileAttributes {
  const bytes = decodeValue(value);
  if (bytes[0] !== PLAIN) throw malformed('sealed where plain ones are expected.');
  return parseLayout(bytes.subarray(1));
}

// ---------------------------------------------------------------- sealed

function seal(key: Buffer, head: Buffer, associated: Buffer, layout: Buffer, random: RandomBytes): string {
  const nonce = random(GCM_IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', asKeyObject(key), nonce, { authTagLength: TAG_BYTES }).setAAD(associated);
  return Buffer.concat([head, nonce, cipher.update(layout), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

function open(key: Buffer, bytes: Buffer, headBytes: number, associated: Buffer): Buffer {
  const nonceEnd = headBytes + GCM_IV_BYTES;
  if (bytes.length < nonceEnd + TAG_BYTES) throw malformed('too short.');
  const decipher = createDecipheriv('aes-256-gcm', asKeyObject(key), bytes.subarray(headBytes, nonceEnd), { authTagLength: TAG_BYTES }).setAAD(associated);
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  const layout = decipher.update(bytes.subarray(nonceEnd, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    throw new SyncError('not-authentic');
  }
  return layout;
}

function folderIdBytes(folderId: string): Buffer {
  if (!/^[0-9a-f]{32}$/.test(folderId)) throw new SyncError('invariant', { detail: 'That is not a folder id.' });
  return Buffer.from(folderId, 'hex');
}

const FOLDER_LABEL = 'enfold attributes v1';

/** Head, label, folder id, commitment with its length, object key. */
function folderAssociated(head: Buffer, place: AttributesPlace, binding: Binding): Buffer {
  return Buffer.concat([head, Buffer.from(FOLDER_LABEL, 'latin1'), folderIdBytes(place.folderId), Buffer.from([binding.commitment.length]), binding.commitment, Buffer.from(place.objectKey, 'utf8')]);
}

/** What attributes are bound to, beside the encryption of the body. */
export type AttributesPlace = {
  /** 32 hex digits. */
  readonly folderId: string;
  /** The whole S3 key, prefix included. */
  readonly objectKey: ObjectKey;
};

/**
 * Seals attributes under the folder's authentication key, so that they open only with this body, at this key, in this folder.
 *
 * @param options - `authKey` of `epoch`; `binding` of the encryption whose body they go with.
 * @returns base64 text for `x-amz-meta-enfold-attrs`. @throws SyncError metadata-too-large (more than 32 devices)
 */
export function sealAttributes(
  attributes: FileAttributes,
  options: AttributesPlace & { readonly authKey: Buffer; readonly epoch: number; readonly binding: Binding; readonly random?: RandomBytes | undefined },
): string {
  const head = Buffer.alloc(1 + EPOCH_BYTES);
  head[0] = SEALED_BY_FOLDER;
  head.writeUInt32BE(options.epoch, 1);
  const key = deriveKey(options.authKey, options.binding.messageId, FOLDER_LABEL, DATA_KEY_BYTES);
  try {
    return seal(key, head, folderAssociated(head, options, options.binding), encodeLayout(attributes), options.random ?? systemRandom);
  } finally {
    key.fill(0);
  }
}

/** The epoch under which a sealed value says it was written, unverified; null where it is not sealed by a folder. @throws SyncError malformed, newer-version */
export function epochOfAttributes(value: string): number | null {
  const bytes = decodeValue(value);
  if (bytes[0] !== SEALED_BY_FOLDER) return null;
  if (bytes.length < 1 + EPOCH_BYTES) throw malformed('too short.');
  return bytes.readUInt32BE(1);
}

/**
 * @param options - `authKeyOf` answers the authentication key of an epoch, or null for one the folder does not list.
 * @throws SyncError malformed, newer-version, not-authentic (altered, swapped, moved, of an unknown epoch or another folder)
 */
export function openAttributes(
  value: string,
  options: AttributesPlace & { readonly authKeyOf: (epoch: number) => Buffer | null; readonly binding: Binding },
): { readonly attributes: FileAttributes; readonly epoch: number } {
  const epoch = epochOfAttributes(value);
  if (epoch === null) throw malformed('not sealed by a folder.');
  const authKey = options.authKeyOf(epoch);
  if (authKey === null) throw new SyncError('not-authentic', { detail: 'It was written under an epoch this folder does not list.' });
  const bytes = decodeValue(value);
  const head = bytes.subarray(0, 1 + EPOCH_BYTES);
  const key = deriveKey(authKey, options.binding.messageId, FOLDER_LABEL, DATA_KEY_BYTES);
  try {
    return { attributes: parseLayout(open(key, bytes, head.length, folderAssociated(head, options, options.binding))), epoch };
  } finally {
    key.fill(0);
  }
}

const CUSTOMER_LABEL = 'enfold sse-c attributes v1';
const CUSTOMER_HEAD = Buffer.from([SEALED_BY_CUSTOMER_KEY]);

function customerAssociated(place: AttributesPlace): Buffer {
  return Buffer.concat([CUSTOMER_HEAD, Buffer.from(CUSTOMER_LABEL, 'latin1'), folderIdBytes(place.folderId), Buffer.from(place.objectKey, 'utf8')]);
}

/** For `sse-c`: sealed under a key derived from the customer key, bound to folder and object key; S3 keeps the body's own binding. */
export function sealCustomerAttributes(attributes: FileAttributes, options: AttributesPlace & { readonly customerKey: Buffer; readonly random?: RandomBytes | undefined }): string {
  const key = deriveKey(options.customerKey, folderIdBytes(options.folderId), CUSTOMER_LABEL, DATA_KEY_BYTES);
  try {
    return seal(key, CUSTOMER_HEAD, customerAssociated(options), encodeLayout(attributes), options.random ?? systemRandom);
  } finally {
    key.fill(0);
  }
}

/** @throws SyncError malformed, newer-version, not-authentic */
export function openCustomerAttributes(value: string, options: AttributesPlace & { readonly customerKey: Buffer }): FileAttributes {
  const bytes = decodeValue(value);
  if (bytes[0] !== SEALED_BY_CUSTOMER_KEY) throw malformed('not sealed by a customer key.');
  const key = deriveKey(options.customerKey, folderIdBytes(options.folderId), CUSTOMER_LABEL, DATA_KEY_BYTES);
  try {
    return parseLayout(open(key, bytes, CUSTOMER_HEAD.length, customerAssociated(options)));
  } finally {
    key.fill(0);
  }
}
