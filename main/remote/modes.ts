/**
 * EncryptionMode -> request headers, and the check of what the server answered. Nothing is stored under a weaker mode than
 * was asked for: a server that quietly ignores the headers ends in `mode-not-honoured`.
 */
import { createHash } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import type { EncryptionMode, KeyId } from '../model/mode.ts';
import type { HeldKey } from './folder-config.ts';
import type { ModeHeaders, ServerEncryption } from './object-store.ts';

export type ModeRequests = {
  readonly mode: EncryptionMode;
  /** For PUT, CreateMultipartUpload and the target of a copy. */
  readonly write: ModeHeaders;
  /** For UploadPart and CompleteMultipartUpload. */
  readonly part: ModeHeaders;
  /** For GET and HEAD. */
  readonly read: ModeHeaders;
  /** For the source of a copy. */
  readonly copySource: ModeHeaders;
  /** MD5 of the customer key, base64, as the server must answer it. */
  readonly customerKeyMd5: string | null;
};

const SSE = 'x-amz-server-side-encryption';
const NONE: ModeHeaders = {};

/** Customer keys go to TLS endpoints and to this computer, nowhere else. */
function isSafeForKeys(endpoint: string | null): boolean {
  if (endpoint === null) return true;
  const url = new URL(endpoint);
  return url.protocol === 'https:' || /^(?:localhost|127(?:\.\d+){3}|\[::1\]|[\w-]+\.localhost)$/.test(url.hostname);
}

function customerKeyHeaders(key: HeldKey, prefix: string, md5: string): ModeHeaders {
  return {
    [`${prefix}-customer-algorithm`]: 'AES256',
    [`${prefix}-customer-key`]: Buffer.from(key.bytes).toString('base64'),
    [`${prefix}-customer-key-md5`]: md5,
  };
}

/**
 * @param keys - the held keys; `sse-c` needs the one its mode names.
 * @throws SyncError key-not-found, key-invalid, rejected (`sse-c` over plain http)
 */
export function requestsOf(mode: EncryptionMode, keys: readonly HeldKey[], endpoint: string | null): ModeRequests {
  const base = { mode, part: NONE, read: NONE, copySource: NONE, customerKeyMd5: null };
  switch (mode.id) {
    case 'cse-c':
    case 'cse-kms':
      return { ...base, write: NONE };
    case 'sse-s3':
      return { ...base, write: { [SSE]: 'AES256' } };
    case 'sse-kms': {
      const write: Record<string, string> = { [SSE]: mode.dsse ? 'aws:kms:dsse' : 'aws:kms' };
      if (mode.kmsKeyId !== null) write[`${SSE}-aws-kms-key-id`] = mode.kmsKeyId;
      if (mode.bucketKey && !mode.dsse) write[`${SSE}-bucket-key-enabled`] = 'true';
      if (mode.encryptionContext !== null) write[`${SSE}-context`] = Buffer.from(JSON.stringify(mode.encryptionContext)).toString('base64');
      return { ...base, write };
    }
    case 'sse-c': {
      if (!isSafeForKeys(endpoint)) throw new SyncError('rejected', { detail: 'A customer key is not sent over an unencrypted connection. Use an https endpoint.' });
      const key = heldKey(keys, mode.keyId);
      if (key.bytes.length !== 32) throw new SyncError('key-invalid');
      const md5 = createHash('md5').update(key.bytes).digest('base64');
      const headers = customerKeyHeaders(key, SSE, md5);
      return { mode, write: headers, part: headers, read: headers, copySource: customerKeyHeaders(key, 'x-amz-copy-source-server-side-encryption', md5), customerKeyMd5: md5 };
    }
    default:
      return mode satisfies never;
  }
}

/** @throws SyncError key-not-found */
export function heldKey(keys: readonly HeldKey[], keyId: KeyId): HeldKey {
  const key = keys.find((held) => held.keyId === keyId);
  if (key === undefined) throw new SyncError('key-not-found', { detail: `It asks for key ${keyId}.` });
  return key;
}

/** Whether what the server answered is what the mode asked for. */
export function isHonoured({ mode, customerKeyMd5 }: ModeRequests, answered: ServerEncryption): boolean {
  switch (mode.id) {
    case 'cse-c':
    case 'cse-kms':
      return true;
    case 'sse-s3':
      return answered.algorithm === 'AES256' && answered.customerKeyMd5 === null;
    case 'sse-kms': {
      if (answered.algorithm !== (mode.dsse ? 'aws:kms:dsse' : 'aws:kms')) return false;
      // An alias is answered as the key it stands for, an id as an ARN.
      if (mode.kmsKeyId === null || mode.kmsKeyId.includes('alias/')) return true;
      return answered.kmsKeyId === mode.kmsKeyId || (answered.kmsKeyId?.endsWith(`/${mode.kmsKeyId}`) ?? false);
    }
    case 'sse-c':
      return answered.customerKeyMd5 === customerKeyMd5;
    default:
      return mode satisfies never;
  }
}

/**
 * @param fate - what became of the object, for people.
 * @throws SyncError mode-not-honoured
 */
export function checkHonoured(requests: ModeRequests, answered: ServerEncryption, objectKey: string, fate: string): void {
  if (isHonoured(requests, answered)) return;
  throw new SyncError('mode-not-honoured', { objectKey, detail: `Asked for ${requests.mode.id}, the server answered ${answered.algorithm ?? 'nothing'}. ${fate}` });
}
