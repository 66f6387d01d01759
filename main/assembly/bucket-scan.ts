/** A scan of one place: its records in Enfold's own directory, the keys it looks with, and what mends it. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Estimate } from '../bucket/estimate.ts';
import type { EnvelopeKind, LookKey, ReadEnvelope, ScanWish } from '../bucket/object-encryption.ts';
import type { OpenBucket } from '../bucket/open-bucket.ts';
import type { ReportHead } from '../bucket/report.ts';
import type { FixOutcome, Progress, Row } from '../bucket/scan-records.ts';
import { findEnvelope } from '../envelope/format.ts';
import { KEY_ID_NAME } from '../envelope/keyring.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { S3Access } from '../model/settings.ts';
import { describeKmsKey } from '../remote/aws-services.ts';
import type { Keys } from './api.ts';
import { policyModeOf, type BucketPlace, type ModeWish } from './buckets.ts';

export type ScanRequest = {
  readonly place: BucketPlace;
  /** Null: only count. */
  readonly wish: ModeWish | null;
  /** Names of customer keys (`sse-c`) to look with; the first is the one that `sse-c` is to use. */
  readonly keys: readonly string[];
  readonly hasVersions: boolean;
  readonly inventory: { readonly file: string; readonly fields: string | null } | null;
  /** Go on with the last scan of the same, if it was not finished; look at its records, if it was. */
  readonly isResumed: boolean;
  /** Of a listing; by default as many as S3 gives. */
  readonly pageObjects?: number | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: ((objects: number, wrong: number) => void) | undefined;
};
export type FixRequest = { readonly only: ReadonlySet<string> | null; readonly signal: AbortSignal; readonly onProgress?: ((done: number) => void) | undefined };

export type OpenScan = {
  readonly head: ReportHead;
  readonly progress: Progress;
  /** Null where nothing was wished. */
  readonly estimate: Estimate | null;
  rows(): AsyncIterable<Row>;
  /** Mends what is wrong, goes on after what is done, and verifies each. @throws SyncError offline, sign-in-…; else outcomes say it */
  fix(request: FixRequest): Promise<{ readonly counts: Readonly<Record<FixOutcome['outcome'], number>>; readonly requests: number }>;
  outcomes(): AsyncIterable<FixOutcome>;
  close(): Promise<void>;
};

const AT_ONCE = 24;
const FIX_AT_ONCE = 12;

export const readEnvelope: ReadEnvelope = (metadata): EnvelopeKind | null => {
  try {
    const found = findEnvelope(metadata);
    if (found.type === 'none') return null;
    if (found.type === 'in-instruction-file') return { format: 'v3', wrappedBy: 'unknown', keyId: null };
    const { format, wrap, description } = found.envelope;
    return { format, wrappedBy: wrap === 'kms-context' || wrap === 'kms' ? 'kms' : 'own key', keyId: Object.hasOwn(description, KEY_ID_NAME) ? (description[KEY_ID_NAME] ?? null) : null };
  } catch (error) {
    if (isSyncError(error)) return { format: 'damaged', wrappedBy: 'unknown', keyId: null };
    throw error;
  }
};

type CustomerKeys = { readonly look: readonly LookKey[]; readonly write: { readonly SSECustomerAlgorithm: string; readonly SSECustomerKey: string; readonly SSECustomerKeyMD5: string } | null };

/** @throws SyncError key-not-found, bad-usage, rejected (over plain http) */
export async function customerKeysOf(names: readonly string[], keys: Pick<Keys, 'find' | 'bytesOf'>, access: S3Access): Promise<CustomerKeys> {
  const { requestsOf } = await import('../remote/modes.ts');
  const look: LookKey[] = [];
  for (const name of names) {
    const { keyId, type } = keys.find(name);
    if (type !== 'sse-c') throw new SyncError('bad-usage', { detail: `${name} is no key for sse-c` });
    const bytes = await keys.bytesOf(keyId);
    try {
      const { read, copySource, customerKeyMd5 } = requestsOf({ id: 'sse-c', keyId }, [{ keyId, type, bytes }], access.endpoint);
      look.push({ md5: customerKeyMd5 ?? '', read, copySource });
    } finally {
      bytes.fill(0);
    }
  }
  const [first] = look;
  return { look, write: first === undefined ? null : { SSECustomerAlgorithm: 'AES256', SSECustomerKey: first.read['x-amz-server-side-encryption-customer-key'] ?? '', SSECustomerKeyMD5: first.md5 } };
}

async function managedKeyOf(open: OpenBucket, wish: ModeWish | null, signal: AbortSignal): Promise<string | null> {
  if (wish?.mode !== 'sse-kms' || wish.kmsKeyId !== null) return null;
  try {
    return (await describeKmsKey(open.access, 'alias/aws/s3', signal)).arn;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

function lock(lockPlace: () => () => void): () => void {
  try {
    return lockPlace();
  } catch (error) {
    throw isSyncError(error, 'folder-busy') ? new SyncError('folder-busy', { detail: 'another scan of this place is running' }, { cause: error }) : error;
  }
}

/** Scans, or goes on scanning, to the end. @throws SyncError inventory-invalid, kms-key-unusable, folder-busy, access-denied, offline, … */
export async function openScan(request: ScanRequest, given: { readonly home: string; readonly open: OpenBucket; readonly connectionId: string; readonly keys: Pick<Keys, 'find' | 'bytesOf'> }): Promise<OpenScan> {
  const { place: { bucket, prefix }, wish, hasVersions, inventory, signal, isResumed } = request;
  const { home, open, connectionId } = given;
  const [{ listedObjects, listedVersions }, { inventoryObjects, openInventory }, { openRecords }, { scan }, { lockFolder }] = await Promise.all([
    import('../bucket/object-source.ts'), import('../bucket/inventory.ts'), import('../bucket/scan-records.ts'), import('../bucket/scan.ts'), import('../state/lock.ts'),
  ]);
  const source = inventory !== null ? inventoryObjects(openInventory(inventory.file, bucket, inventory.fields), bucket, prefix, hasVersions) : hasVersions ? listedVersions(open, prefix) : listedObjects(open, prefix, request.pageObjects);
  const customerKeys = await customerKeysOf(request.keys, given.keys, open.access);
  const mode = wish === null ? null : await policyModeOf(open, wish, signal);
  const customerKeyMd5s = customerKeys.look.slice(0, 1).map(({ md5 }) => md5);
  const scanWish: ScanWish | null = mode === null ? null : { mode, managedKmsKey: await managedKeyOf(open, wish, signal), customerKeyMd5s };
  const subject = JSON.stringify([connectionId, bucket, prefix, scanWish, hasVersions, inventory]);
  const id = createHash('sha256').update(JSON.stringify([connectionId, bucket, prefix])).digest('hex').slice(0, 32);
  const unlock = lock(() => lockFolder(home, id));
  const records = openRecords(join(home, 'scans', id), subject, isResumed);
  const close = async (): Promise<void> => {
    records.close();
    unlock();
    await open.close();
  };
  try {
    await scan(open, source, records, { prefix, wish: scanWish, keys: customerKeys.look, readEnvelope, atOnce: AT_ONCE, signal, onProgress: request.onProgress });
  } catch (error) {
    await close();
    throw error;
  }
  const progress = records.progress();
  const objects = progress.totals.reduce((sum, total) => sum + total.objects, 0);
  const hasBucketKey = wish !== null && !wish.dsse;
  const { estimateFix } = await import('../bucket/estimate.ts');
  return {
    progress,
    head: { bucket, prefix, scannedAtMs: Date.now(), wish: wish === null ? null : `${wish.mode}${wish.kmsKeyId === null ? '' : ` ${wish.kmsKeyId}`}${wish.dsse ? ' in two layers' : ''}`, totals: progress.totals },
    estimate: mode === null ? null : estimateFix(progress.totals, mode, hasBucketKey, (objects * 1000) / Math.max(1, progress.elapsedMs)),
    rows: () => records.rows(),
    outcomes: () => records.outcomes(),
    fix: async ({ only, signal: stop, onProgress }) => {
      if (scanWish === null) throw new SyncError('bad-usage', { detail: 'mending needs a mode' });
      const { fixEncryption } = await import('../bucket/fix-encryption.ts');
      await fixEncryption(open, records, { prefix, wish: scanWish, keys: customerKeys.look, writeHeaders: customerKeys.write, bucketKey: hasBucketKey, readEnvelope, only, atOnce: FIX_AT_ONCE, signal: stop, onProgress });
      const counts: Record<FixOutcome['outcome'], number> = { fixed: 0, already: 0, skipped: 0, failed: 0 };
      for await (const { outcome } of records.outcomes()) counts[outcome] += 1;
      return { counts, requests: open.requests() };
    },
    close,
  };
}
