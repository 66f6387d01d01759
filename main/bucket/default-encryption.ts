/** A bucket's default encryption, its Bucket Key and what it blocks: read, and the change to what is wished. */
import { SyncError } from '../model/errors.ts';
import { withRule } from './checks.ts';
import { previewChange, requirePart, type Change } from './configuration.ts';
import { requireKmsKey } from './kms-key.ts';
import type { OpenBucket } from './open-bucket.ts';

export type EncryptionWish = {
  /** Null: leave the algorithm and key as they are. */
  readonly mode: 'sse-s3' | 'sse-kms' | null;
  readonly kmsKeyId: string | null;
  readonly dsse: boolean;
  /** Null: on for `sse-kms`, else as it is. */
  readonly bucketKey: boolean | null;
  /** Null: as it is. */
  readonly blocksCustomerKeys: boolean | null;
};
type Json = Readonly<Record<string, unknown>>;
export type EncryptionPreview = { readonly before: Json | null; readonly after: Json | null; /** Null: it is so already. */ readonly change: Change | null };

/** @param wish - null: remove it; S3 then encrypts with SSE-S3. @throws SyncError kms-key-unusable, access-denied, bad-usage */
export async function previewEncryption(open: OpenBucket, wish: EncryptionWish | null, signal: AbortSignal): Promise<EncryptionPreview> {
  const before = await requirePart(open, 'encryption', signal);
  const after = wish === null ? null : await wished(open, before, wish, signal);
  const isSame = JSON.stringify(sorted(before)) === JSON.stringify(sorted(after));
  return { before, after, change: isSame ? null : await previewChange(open, 'encryption', before, after, signal) };
}

async function wished(open: OpenBucket, before: Json | null, wish: EncryptionWish, signal: AbortSignal): Promise<Json | null> {
  const { mode, dsse, blocksCustomerKeys } = wish;
  if (wish.kmsKeyId !== null && mode !== 'sse-kms') throw new SyncError('bad-usage', { detail: 'a KMS key goes with sse-kms' });
  if (wish.bucketKey === true && (dsse || mode === 'sse-s3')) throw new SyncError('bad-usage', { detail: 'a Bucket Key goes with one layer of sse-kms' });
  const kmsKey = wish.kmsKeyId === null ? null : await requireKmsKey(open, wish.kmsKeyId, signal);
  const bucketKey = wish.bucketKey ?? (mode === null ? null : mode === 'sse-kms' && !dsse);
  const SSEAlgorithm = mode === 'sse-s3' ? 'AES256' : dsse ? 'aws:kms:dsse' : 'aws:kms';
  // Where nothing is set, nothing is blocked.
  if (before === null && mode === null && bucketKey === null && blocksCustomerKeys === false) return null;
  return withRule(before, {
    ...(mode === null ? {} : { ApplyServerSideEncryptionByDefault: { SSEAlgorithm, ...(kmsKey === null ? {} : { KMSMasterKeyID: kmsKey }) } }),
    ...(bucketKey === null ? {} : { BucketKeyEnabled: bucketKey }),
    ...(blocksCustomerKeys === null ? {} : { BlockedEncryptionTypes: { EncryptionType: [blocksCustomerKeys ? 'SSE-C' : 'NONE'] } }),
  });
}

/** The same text for the same setting: nothing blocked is said in two ways. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name, member]) => name !== 'BlockedEncryptionTypes' || JSON.stringify(member) !== '{"EncryptionType":["NONE"]}');
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, sorted(member)]));
}
