/**
 * Which permissions are missing, found out by trying: each action in a way that does nothing even where it is allowed, and the policy
 * statement that would allow what was refused.
 */
import { randomBytes } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import type { EncryptionMode } from '../model/mode.ts';
import { openKms } from '../remote/aws-services.ts';
import { PROBES } from '../remote/probe.ts';
import { errorOfAnswer } from '../remote/s3-errors.ts';
import { bucketArn, objectsArn, providerOf, type OpenBucket, type Place } from './open-bucket.ts';
import type { Statement } from './policy-document.ts';

export type Trial = {
  readonly action: string;
  /** What it is needed for, in a few words. */
  readonly purpose: string;
  readonly isAllowed: boolean;
  /** Needed by the engine; others only by who looks after the bucket. */
  readonly isEssential: boolean;
  /** A policy denies it in so many words: no other can allow it. */
  readonly isDenied: boolean;
  readonly answer: string;
  /** What would allow it, for an identity's policy. */
  readonly statement: Statement;
};

type Try = { readonly action: string; readonly purpose: string; readonly isEssential?: boolean; readonly resource?: 'bucket' | 'objects'; readonly arn?: string; readonly run: (signal: AbortSignal) => Promise<unknown> };

/** What AWS says where a policy denies. */
const EXPLICIT = 'explicit deny';

/** Nothing is refused but for want of a right: other errors mean that the request got as far as it was meant to. */
function isRefused(error: unknown): boolean {
  return error instanceof SyncError && error.code === 'access-denied';
}

/**
 * @param modeHeaders - for small uploads, so that a policy that enforces the mode is not taken for a missing right.
 * @throws SyncError bucket-not-found, offline, sign-in-wrong, …
 */
export async function tryPermissions(open: OpenBucket, place: Place, mode: EncryptionMode | null, modeHeaders: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly Trial[]> {
  const { bucket } = open;
  const objectKey = `${place.prefix}${PROBES}${randomBytes(8).toString('hex')}`;
  const send = async (method: 'GET' | 'HEAD' | 'PUT' | 'DELETE' | 'POST', key: string, query: readonly (readonly [string, string])[], headers: Readonly<Record<string, string>> = {}, body?: Buffer): Promise<void> => {
    const answer = await open.send({ method, objectKey: key, query, headers, ...(body === undefined ? {} : { body }) }, signal);
    if (answer.status !== 403) return;
    const error = errorOfAnswer(answer, {});
    throw new SyncError(error.code, { ...error.about, ...(answer.body.includes(EXPLICIT) ? { detail: EXPLICIT } : {}) });
  };
  const trials: Try[] = [
    { action: 's3:ListBucket', purpose: 'list the folder', isEssential: true, run: async () => send('GET', '', [['list-type', '2'], ['max-keys', '1'], ['prefix', place.prefix]]) },
    { action: 's3:PutObject', purpose: 'upload', isEssential: true, resource: 'objects', run: async () => send('PUT', objectKey, [], modeHeaders, Buffer.from('probe')) },
    { action: 's3:GetObject', purpose: 'download', isEssential: true, resource: 'objects', run: async () => send('GET', objectKey, [], customerHeaders(modeHeaders)) },
    { action: 's3:ListMultipartUploadParts', purpose: 'go on with large uploads', isEssential: true, resource: 'objects', run: async () => send('GET', objectKey, [['uploadId', 'none']]) },
    { action: 's3:AbortMultipartUpload', purpose: 'tidy up after large uploads', isEssential: true, resource: 'objects', run: async () => send('DELETE', objectKey, [['uploadId', 'none']]) },
    { action: 's3:ListBucketMultipartUploads', purpose: 'find unfinished uploads', isEssential: true, run: async () => send('GET', '', [['uploads', ''], ['max-uploads', '1'], ['prefix', place.prefix]]) },
    { action: 's3:DeleteObject', purpose: 'delete', isEssential: true, resource: 'objects', run: async () => send('DELETE', objectKey, []) },
    { action: 's3:GetBucketVersioning', purpose: 'know whether old versions are kept', isEssential: true, run: async () => send('GET', '', [['versioning', '']]) },
    { action: 's3:ListBucketVersions', purpose: 'restore old versions', run: async () => send('GET', '', [['versions', ''], ['max-keys', '1'], ['prefix', place.prefix]]) },
    { action: 's3:GetObjectVersion', purpose: 'restore old versions', resource: 'objects', run: async () => send('GET', objectKey, [['versionId', 'null']]) },
    { action: 's3:GetEncryptionConfiguration', purpose: 'check default encryption', run: async () => send('GET', '', [['encryption', '']]) },
    { action: 's3:GetBucketPolicy', purpose: 'check the policy', run: async () => send('GET', '', [['policy', '']]) },
    { action: 's3:GetBucketPublicAccessBlock', purpose: 'check public access', run: async () => send('GET', '', [['publicAccessBlock', '']]) },
    { action: 's3:GetBucketOwnershipControls', purpose: 'check ownership', run: async () => send('GET', '', [['ownershipControls', '']]) },
    { action: 's3:GetLifecycleConfiguration', purpose: 'check lifecycle rules', run: async () => send('GET', '', [['lifecycle', '']]) },
  ];
  if (mode?.id === 'cse-kms') {
    const { kmsKeyId } = mode;
    const arn = kmsKeyId.startsWith('arn:') ? kmsKeyId : `arn:aws:kms:*:*:${kmsKeyId.startsWith('alias/') ? kmsKeyId : `key/${kmsKeyId}`}`;
    const kms = openKms(open.access, kmsKeyId);
    const encryptionContext = { purpose: 'enfold doctor' };
    trials.push(
      { action: 'kms:GenerateDataKey', purpose: 'upload', isEssential: true, arn, run: async () => (await kms.generateDataKey({ keyId: kmsKeyId, encryptionContext })).plaintext.fill(0) },
      { action: 'kms:Decrypt', purpose: 'download', isEssential: true, arn, run: async () => {
        const made = await kms.generateDataKey({ keyId: kmsKeyId, encryptionContext });
        made.plaintext.fill(0);
        (await kms.decrypt({ keyId: kmsKeyId, ciphertext: made.ciphertext, encryptionContext })).fill(0);
      } },
    );
  }
  const results: Trial[] = [];
  for (const { action, purpose, isEssential = false, resource = 'bucket', arn, run } of trials) {
    const Resource = arn ?? (resource === 'bucket' ? bucketArn(bucket) : objectsArn(place));
    const statement: Statement = { Sid: `Allow${action.replace(/\W/g, '')}`, Effect: 'Allow', Action: action, Resource };
    try {
      await run(signal);
      results.push({ action, purpose, isEssential, isAllowed: true, isDenied: false, answer: 'allowed', statement });
    } catch (error) {
      signal.throwIfAborted();
      // An error that is no refusal is of something else, which the other checks name.
      const { name } = providerOf(error);
      results.push({ action, purpose, isEssential, isAllowed: !isRefused(error), isDenied: error instanceof SyncError && error.about.detail === EXPLICIT, answer: error instanceof SyncError ? (error.about.server ?? error.message) : name, statement });
      if (error instanceof SyncError && ['offline', 'sign-in-wrong', 'sign-in-expired', 'sign-in-missing', 'tls-failed', 'not-s3'].includes(error.code)) throw error;
    }
  }
  await removeProbeVersions(open, objectKey, signal);
  return results;
}

/** Reading under a customer key brings the same headers as writing; other modes bring none. */
const customerHeaders = (headers: Readonly<Record<string, string>>): Record<string, string> => Object.fromEntries(Object.entries(headers).filter(([name]) => name.includes('-customer-')));

/** Where the bucket keeps versions, deleting a probe leaves them and a marker. @param Prefix - the start of one probe's random name */
export async function removeProbeVersions(open: OpenBucket, Prefix: string, signal: AbortSignal): Promise<void> {
  try {
    const { Versions = [], DeleteMarkers = [] } = await open.ask(async (client, sdk) => client.send(new sdk.ListObjectVersionsCommand({ Bucket: open.bucket, Prefix }), { abortSignal: signal }), signal);
    for (const { Key, VersionId } of [...Versions, ...DeleteMarkers]) {
      if (Key === undefined || VersionId === undefined) continue;
      await open.ask(async (client, sdk) => client.send(new sdk.DeleteObjectCommand({ Bucket: open.bucket, Key, VersionId }), { abortSignal: signal }), signal, Key);
    }
  } catch {
    signal.throwIfAborted();
  }
}
