/** Proves a policy by trying: one small upload of each kind, S3's answer to each, and what was stored removed again. */
import type { PutObjectCommandInput } from '@aws-sdk/client-s3';
import { createHash, randomBytes } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import { PROBES } from '../remote/probe.ts';
import { pause } from '../remote/retry.ts';
import type { PolicyMode } from './mode-policy.ts';
import { providerOf, type OpenBucket } from './open-bucket.ts';

export type UploadKind = 'no encryption named' | 'SSE-S3' | 'SSE-KMS, AWS managed key' | 'SSE-KMS, the folder\'s key' | 'SSE-KMS, another key' | 'DSSE-KMS' | 'SSE-C';
export type Probe = { readonly kind: UploadKind; readonly expected: 'allowed' | 'refused'; /** `200`, or S3's code and status. */ readonly answer: string; readonly isAsExpected: boolean };
export type Proof = { readonly probes: readonly Probe[]; readonly isProven: boolean; /** Probes that could not be removed again. */ readonly leftBehind: readonly string[] };

type Upload = { readonly kind: UploadKind; readonly expected: 'allowed' | 'refused'; readonly input: Partial<PutObjectCommandInput> };

/** A name of a key that does not exist; policies are judged before KMS is asked. */
const anotherKey = (region: string): string => `arn:aws:kms:${region === '' ? 'us-east-1' : region}:000000000000:key/00000000-0000-0000-0000-000000000000`;

function uploadsOf(mode: PolicyMode, region: string): readonly Upload[] {
  const customerKey = randomBytes(32);
  const customer = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: customerKey.toString('base64'), SSECustomerKeyMD5: createHash('md5').update(customerKey).digest('base64') };
  const kms = mode.id === 'sse-kms' ? mode : null;
  const isOwnKey = kms !== null && kms.kmsKey !== null;
  const isClientSide = mode.id === 'cse-c' || mode.id === 'cse-kms';
  const algorithm = kms?.dsse === true ? 'aws:kms:dsse' : 'aws:kms';
  const upload = (kind: UploadKind, isAllowed: boolean, input: Upload['input']): Upload => ({ kind, expected: isAllowed ? 'allowed' : 'refused', input });
  const plain = [upload('no encryption named', isClientSide, {}), upload('SSE-S3', isClientSide || mode.id === 'sse-s3', { ServerSideEncryption: 'AES256' })];
  const withCustomerKey = upload('SSE-C', mode.id === 'sse-c', customer);
  // What policies of client-side modes leave open depends on KMS too, so it is not tried.
  if (isClientSide) return [...plain, withCustomerKey];
  return [
    ...plain,
    ...(isOwnKey ? [upload('SSE-KMS, the folder\'s key', true, { ServerSideEncryption: algorithm, SSEKMSKeyId: kms.kmsKey ?? undefined })] : []),
    upload('SSE-KMS, AWS managed key', kms !== null && !isOwnKey && !kms.dsse, { ServerSideEncryption: 'aws:kms' }),
    upload('SSE-KMS, another key', false, { ServerSideEncryption: algorithm, SSEKMSKeyId: anotherKey(region) }),
    upload('DSSE-KMS', kms !== null && !isOwnKey && kms.dsse, { ServerSideEncryption: 'aws:kms:dsse' }),
    withCustomerKey,
  ];
}

/** AWS applies a new policy within seconds, not at once. */
const AWS_WAITS_MS = [1_000, 2_000, 4_000, 8_000];

/**
 * @throws SyncError bucket-not-found, offline, sign-in-wrong, … where nothing could be tried at all
 */
export async function provePolicy(open: OpenBucket, prefix: string, mode: PolicyMode, signal: AbortSignal): Promise<Proof> {
  const leftBehind: string[] = [];
  for (let attempt = 0; ; attempt += 1) {
    const probes: Probe[] = [];
    for (const upload of uploadsOf(mode, open.access.region)) probes.push(await tryUpload(open, prefix, upload, leftBehind, signal));
    const isProven = probes.every(({ isAsExpected }) => isAsExpected);
    const waitMs = open.access.endpoint === null ? AWS_WAITS_MS[attempt] : undefined;
    if (isProven || waitMs === undefined) return { probes, isProven, leftBehind };
    await pause(waitMs, signal);
  }
}

async function tryUpload(open: OpenBucket, prefix: string, { kind, expected, input }: Upload, leftBehind: string[], signal: AbortSignal): Promise<Probe> {
  const Key = `${prefix}${PROBES}${randomBytes(8).toString('hex')}`;
  try {
    const { VersionId } = await open.ask(async (client, sdk) => client.send(new sdk.PutObjectCommand({ Bucket: open.bucket, Key, Body: 'probe', ...input }), { abortSignal: signal }), signal, Key);
    await open.ask(async (client, sdk) => client.send(new sdk.DeleteObjectCommand({ Bucket: open.bucket, Key, ...(VersionId === undefined ? {} : { VersionId }) }), { abortSignal: signal }), signal, Key)
      .catch(() => leftBehind.push(Key));
    return { kind, expected, answer: '200', isAsExpected: expected === 'allowed' };
  } catch (error) {
    signal.throwIfAborted();
    const { name, status } = providerOf(error);
    // Some servers take a key they do not have for a sign-in they do not know.
    const isAnswer = error instanceof SyncError && (['access-denied', 'rejected', 'object-not-found'].includes(error.code) || (error.code === 'sign-in-wrong' && input.SSEKMSKeyId !== undefined));
    if (!isAnswer) throw error;
    // Only the policy's own refusal counts: an upload that fails for another reason was not refused by it.
    return { kind, expected, answer: `${name} (${status})`, isAsExpected: expected === 'refused' && name === 'AccessDenied' };
  }
}
