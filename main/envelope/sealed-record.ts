/**
 * Enfold's own small objects under `<prefix>/.enfold/`, sealed under the folder's authentication key and bound to their
 * purpose and object key; and the tombstones, which are such records.
 * @see docs/format.md, "Sealed records", "Tombstones"
 */
import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import { parseSyncPath, type ObjectKey, type SyncPath } from '../model/path.ts';
import type { OperationId, Tombstone } from '../model/snapshot.ts';
import { canonicalJson, decodeUtf8, encodeBase32Hex, parseJson } from './encoding.ts';
import { asKeyObject, deriveKey } from './derive.ts';
import { systemRandom, type RandomBytes } from './keyring.ts';
import { DATA_KEY_BYTES, GCM_IV_BYTES, TAG_BYTES } from './suites.ts';

export type RecordPurpose = 'tombstone' | 'feed' | 'member';
/** Where a record stands; a record does not open anywhere else. */
export type RecordPlace = { readonly purpose: RecordPurpose; readonly objectKey: ObjectKey };

const SEALED = 0x11;
const HEAD_BYTES = 1 + 4;

const malformed = (detail: string) => new SyncError('malformed', { detail });

function keyAndAssociated(authKey: Buffer, head: Buffer, place: RecordPlace): { readonly key: Buffer; readonly associated: Buffer } {
  const label = `enfold record v1|${place.purpose}`;
  return { key: deriveKey(authKey, null, label, DATA_KEY_BYTES), associated: Buffer.concat([head, Buffer.from(`${label}|${place.objectKey}`, 'utf8')]) };
}

/** @param options - `authKey` is the authentication key of `epoch`. */
export function sealRecord(body: Uint8Array, options: RecordPlace & { readonly authKey: Buffer; readonly epoch: number; readonly random?: RandomBytes | undefined }): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = SEALED;
  head.writeUInt32BE(options.epoch, 1);
  const { key, associated } = keyAndAssociated(options.authKey, head, options);
  const nonce = (options.random ?? systemRandom)(GCM_IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', asKeyObject(key), nonce, { authTagLength: TAG_BYTES }).setAAD(associated);
  key.fill(0);
  return Buffer.concat([head, nonce, cipher.update(body), cipher.final(), cipher.getAuthTag()]);
}

/**
 * @param options - `authKeyOf` answers the authentication key of an epoch, or null for one the folder does not list.
 * @throws SyncError malformed, newer-version, not-authentic
 */
export function openRecord(record: Buffer, options: RecordPlace & { readonly authKeyOf: (epoch: number) => Buffer | null }): { readonly body: Buffer; readonly epoch: number } {
  if (record.length < HEAD_BYTES + GCM_IV_BYTES + TAG_BYTES || (record[0] as number) >> 4 !== SEALED >> 4) throw malformed('It is no sealed record.');
  if (record[0] !== SEALED) throw (record[0] as number) > SEALED ? new SyncError('newer-version') : malformed('It is no sealed record.');
  const epoch = record.readUInt32BE(1);
  const authKey = options.authKeyOf(epoch);
  if (authKey === null) throw new SyncError('not-authentic', { detail: 'It was written under an epoch this folder does not list.' });
  const { key, associated } = keyAndAssociated(authKey, record.subarray(0, HEAD_BYTES), options);
  const decipher = createDecipheriv('aes-256-gcm', asKeyObject(key), record.subarray(HEAD_BYTES, HEAD_BYTES + GCM_IV_BYTES), { authTagLength: TAG_BYTES }).setAAD(associated);
  key.fill(0);
  decipher.setAuthTag(record.subarray(-TAG_BYTES));
  const body = decipher.update(record.subarray(HEAD_BYTES + GCM_IV_BYTES, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    throw new SyncError('not-authentic');
  }
  return { body, epoch };
}

// ---------------------------------------------------------------- tombstones

const HASH_BYTES = 20;
const TOMBSTONE_LABEL = 'enfold tombstone path v1';

/**
 * The `<H(path)>` of `.enfold/tomb/<H(path)>/<operation id>`: 32 characters.
 *
 * @param authKey - of the epoch it is written under; null in server-side modes, where names are no secret.
 */
export function tombstonePathHash(path: SyncPath, authKey: Buffer | null): string {
  if (authKey === null) return encodeBase32Hex(createHash('sha256').update(`${TOMBSTONE_LABEL}|`, 'utf8').update(path, 'utf8').digest().subarray(0, HASH_BYTES));
  const key = deriveKey(authKey, null, TOMBSTONE_LABEL, DATA_KEY_BYTES);
  const hash = createHmac('sha256', asKeyObject(key)).update(path, 'utf8').digest().subarray(0, HASH_BYTES);
  key.fill(0);
  return encodeBase32Hex(hash);
}

const MAX_TOMBSTONE_BYTES = 16_384;
const MAX_DEVICE_LENGTH = 256;

/** The body of a tombstone before sealing; in server-side modes the whole object. */
export function encodeTombstone({ path, operationId, vector, deletedAtMs, device }: Tombstone): Buffer {
  return Buffer.from(canonicalJson({ enfold: 'tombstone', version: 1, path, operationId, vector, deletedAtMs: Math.floor(deletedAtMs), device }), 'utf8');
}

/** @throws SyncError malformed, newer-version */
export function parseTombstone(bytes: Buffer): Tombstone {
  if (bytes.length > MAX_TOMBSTONE_BYTES) throw malformed('The tombstone is too large.');
  const value = parseJson(decodeUtf8(bytes));
  if (value === null || typeof value !== 'object' || !('enfold' in value) || value.enfold !== 'tombstone') throw malformed('It is no tombstone.');
  const { version, path, operationId, vector, deletedAtMs, device } = value as Record<string, unknown>;
  if (typeof version === 'number' && version > 1) throw new SyncError('newer-version');
  const parsedPath = typeof path === 'string' ? parseSyncPath(path) : null;
  const isSound = version === 1 && parsedPath !== null && typeof operationId === 'string' && /^[0-9a-f]{32}$/.test(operationId) && isVector(vector) &&
    Number.isSafeInteger(deletedAtMs) && typeof device === 'string' && device.length <= MAX_DEVICE_LENGTH;
  if (!isSound) throw malformed('The tombstone is damaged.');
  return { path: parsedPath, operationId: operationId as OperationId, vector, deletedAtMs: deletedAtMs as number, device };
}

/** Whether a value that came from outside is a version vector. */
export function isVector(value: unknown): value is Record<string, number> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= 32 && entries.every(([device, count]) => /^[0-9a-f]{12}$/.test(device) && Number.isSafeInteger(count) && count >= 1);
}
