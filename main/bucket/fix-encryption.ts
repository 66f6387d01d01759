/**
 * Gives objects the server-side encryption they should have, where they are and without reading them: by UpdateObjectEncryption where S3 can,
 * else by a copy onto itself that keeps metadata, tags and storage class. Each is looked at before and after: some servers answer 200 to a
 * copy and store plaintext.
 */
import type { CopyObjectCommandInput, HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { SyncError, isSyncError } from '../model/errors.ts';
import { lookAt, judge, type Facts, type LookKey, type ReadEnvelope, type ScanWish } from './object-encryption.ts';
import { providerOf, type OpenBucket } from './open-bucket.ts';
import { isEngineKey, mapBounded } from './scan.ts';
import type { FixOutcome, Row, ScanRecords } from './scan-records.ts';

/** More than this is copied in parts. */
export const MAX_COPY_BYTES = 5 * 1024 ** 3;
const COPY_PART_BYTES = 512 * 1024 ** 2;
const BATCH = 50;

export type FixOptions = {
  readonly prefix: string;
  readonly wish: ScanWish;
  /** For objects under customer keys, and for `sse-c` itself: the first is the one to use. */
  readonly keys: readonly LookKey[];
  /** For `sse-c`: the headers of uploads. */
  readonly writeHeaders: { readonly SSECustomerAlgorithm: string; readonly SSECustomerKey: string; readonly SSECustomerKeyMD5: string } | null;
  readonly bucketKey: boolean;
  readonly readEnvelope: ReadEnvelope;
  /** Keys to mend; null: all that are wrong. */
  readonly only: ReadonlySet<string> | null;
  readonly atOnce: number;
  readonly signal: AbortSignal;
  readonly onProgress?: ((done: number) => void) | undefined;
  readonly copyLimitBytes?: number;
  readonly copyPartBytes?: number;
};

const isChosen = ({ judgement, objectKey }: Row, only: ReadonlySet<string> | null): boolean => judgement?.verdict === 'wrong' && (only === null || only.has(objectKey));

/** Goes on after the last row that was done. */
export async function fixEncryption(open: OpenBucket, records: ScanRecords, options: FixOptions): Promise<void> {
  let index = 0;
  let done = 0;
  let batch: Row[] = [];
  const { fixedRows } = records.progress();
  const finish = async (): Promise<void> => {
    const outcomes = await mapBounded(batch, options.atOnce, async (row) => fixOne(open, row, options));
    done += batch.length;
    batch = [];
    // A selection leaves the others to do.
    records.addOutcomes(outcomes, options.only === null ? index : fixedRows);
    options.onProgress?.(done);
  };
  for await (const row of records.rows()) {
    index += 1;
    if (index <= fixedRows || !isChosen(row, options.only)) continue;
    batch.push(row);
    if (batch.length === BATCH) await finish();
  }
  await finish();
}

async function fixOne(open: OpenBucket, row: Row, options: FixOptions): Promise<FixOutcome> {
  const { objectKey, versionId } = row;
  const told = (outcome: FixOutcome['outcome'], reason: string | null = null): FixOutcome => ({ objectKey, versionId, outcome, reason });
  const { wish, keys, readEnvelope, prefix, signal } = options;
  const look = async (): Promise<Facts | null> => lookAt(open, objectKey, versionId, keys, readEnvelope, signal);
  const isRight = (facts: Facts): boolean => judge(wish, facts, isEngineKey(objectKey, prefix)).verdict === 'right';
  try {
    const before = await look();
    if (before === null) return told('skipped', 'is gone');
    if (isRight(before)) return told('already');
    const obstacle = obstacleTo(before, row, options);
    if (obstacle !== null) return told('skipped', obstacle);
    const isUpdated = await update(open, row, before, options);
    if (!isUpdated) {
      if (!row.isLatest) return told('skipped', 'is an old version, which cannot be encrypted anew in its place');
      await copy(open, objectKey, before, options);
    }
    const after = await look();
    if (after === null) return told('skipped', 'was deleted in the meantime');
    return isRight(after) ? told('fixed') : told('failed', `the server said yes and did not do it: it ${judge(wish, after, false).reason ?? ''}`);
  } catch (error) {
    signal.throwIfAborted();
    if (isSyncError(error, 'version-changed') || isSyncError(error, 'object-not-found')) return told('skipped', 'changed in the meantime');
    if (!isSyncError(error) || ['offline', 'sign-in-wrong', 'sign-in-expired', 'sign-in-missing', 'invariant'].includes(error.code)) throw error;
    return told('failed', `${error.message.replace(/\.$/, '')}${error.about.server === undefined ? '' : ` (${error.about.server})`}`);
  }
}

/** Why an object cannot be mended where it is; null where it can. */
function obstacleTo(facts: Facts, row: Row, { wish: { mode }, writeHeaders }: FixOptions): string | null {
  if (mode.id === 'cse-c' || mode.id === 'cse-kms') return 'must be encrypted before it is sent: add it to a folder of this mode';
  if (facts.isArchived) return 'is archived: restore it first';
  if (facts.isLocked) return 'is locked by retention or legal hold';
  if (facts.protection === 'SSE-C' && facts.customerKeyMd5 === null) return 'answers only with a customer key that is not here';
  if (mode.id === 'sse-c' && writeHeaders === null) return 'needs the customer key: give --key';
  // Such a folder seals what it knows of a file under that key.
  if (facts.isOfFolder && (mode.id === 'sse-c' || facts.protection === 'SSE-C')) return 'belongs to a synced folder: change the folder\'s mode instead';
  return row.isLatest || mode.id === 'sse-kms' ? null : 'is an old version, which cannot be encrypted anew in its place';
}

/** False where S3 cannot do it this way. */
async function update(open: OpenBucket, { objectKey, versionId }: Row, { protection }: Facts, { wish: { mode }, bucketKey, signal }: FixOptions): Promise<boolean> {
  const isPossible = mode.id === 'sse-kms' && !mode.dsse && mode.kmsKey?.startsWith('arn:') === true && (protection === 'SSE-S3' || protection === 'SSE-KMS');
  if (!isPossible) return false;
  try {
    await open.ask(async (client, sdk) => client.send(new sdk.UpdateObjectEncryptionCommand({
      Bucket: open.bucket, Key: objectKey, ...(versionId === null ? {} : { VersionId: versionId }), ObjectEncryption: { SSEKMS: { KMSKeyArn: mode.kmsKey ?? '', BucketKeyEnabled: bucketKey } },
    }), { abortSignal: signal }), signal, objectKey);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    const { name, status } = providerOf(error);
    if (status === 501 || status === 405 || name === 'NotImplemented' || name === 'MethodNotAllowed' || name === 'InvalidRequest') return false;
    throw error;
  }
}

type Target = Pick<CopyObjectCommandInput, 'ServerSideEncryption' | 'SSEKMSKeyId' | 'BucketKeyEnabled' | 'SSECustomerAlgorithm' | 'SSECustomerKey' | 'SSECustomerKeyMD5'>;

function targetOf({ wish: { mode }, writeHeaders, bucketKey }: FixOptions): Target {
  switch (mode.id) {
    case 'sse-s3':
      return { ServerSideEncryption: 'AES256' };
    case 'sse-kms':
      return { ServerSideEncryption: mode.dsse ? 'aws:kms:dsse' : 'aws:kms', ...(mode.kmsKey === null ? {} : { SSEKMSKeyId: mode.kmsKey }), ...(mode.dsse ? {} : { BucketKeyEnabled: bucketKey }) };
    default:
      return { ...writeHeaders };
  }
}

function sourceKeyOf(facts: Facts, keys: readonly LookKey[]): Pick<CopyObjectCommandInput, 'CopySourceSSECustomerAlgorithm' | 'CopySourceSSECustomerKey' | 'CopySourceSSECustomerKeyMD5'> {
  const key = facts.customerKeyMd5 === null ? undefined : keys.find(({ md5 }) => md5 === facts.customerKeyMd5);
  if (key === undefined) return {};
  const named = (suffix: string): string => key.copySource[`x-amz-copy-source-server-side-encryption-customer-${suffix}`] ?? '';
  return { CopySourceSSECustomerAlgorithm: named('algorithm'), CopySourceSSECustomerKey: named('key'), CopySourceSSECustomerKeyMD5: named('key-md5') };
}

async function copy(open: OpenBucket, objectKey: string, facts: Facts, options: FixOptions): Promise<void> {
  const { signal, keys } = options;
  const Bucket = open.bucket;
  const CopySource = [Bucket, ...objectKey.split('/')].map(encodeURIComponent).join('/');
  const source = { CopySource, CopySourceIfMatch: `"${facts.etag}"`, ...sourceKeyOf(facts, keys) };
  // A copy may say REDUCED_REDUNDANCY and the like only as it is; unnamed it would become STANDARD.
  const kept = { ...(facts.storageClass === 'STANDARD' ? {} : { StorageClass: facts.storageClass as NonNullable<CopyObjectCommandInput['StorageClass']> }), ...(facts.redirect === null ? {} : { WebsiteRedirectLocation: facts.redirect }) };
  const target = targetOf(options);
  if (facts.sizeBytes > (options.copyLimitBytes ?? MAX_COPY_BYTES)) return copyInParts(open, objectKey, facts, { source, kept, target }, options);
  const send = async (IfMatch: string | undefined): Promise<unknown> => open.ask(async (client, sdk) => client.send(new sdk.CopyObjectCommand({ Bucket, Key: objectKey, ...source, ...kept, ...target, MetadataDirective: 'COPY', TaggingDirective: 'COPY', ...(IfMatch === undefined ? {} : { IfMatch }) }), { abortSignal: signal }), signal, objectKey);
  try {
    await send(`"${facts.etag}"`);
  } catch (error) {
    // Servers of one's own may not know conditions on a copy's target, or not as AWS writes them; the one on its source holds.
    if (!isSyncError(error, 'version-changed') || open.access.endpoint === null) throw error;
    const now = await lookAt(open, objectKey, null, keys, options.readEnvelope, signal);
    if (now?.etag !== facts.etag) throw error;
    await send(undefined);
  }
}

async function copyInParts(open: OpenBucket, Key: string, facts: Facts, { source, kept, target }: { source: ReturnType<typeof sourceKeyOf> & { CopySource: string; CopySourceIfMatch: string }; kept: object; target: Target }, { signal, keys, copyPartBytes = COPY_PART_BYTES }: FixOptions): Promise<void> {
  const Bucket = open.bucket;
  const key = facts.customerKeyMd5 === null ? undefined : keys.find(({ md5 }) => md5 === facts.customerKeyMd5);
  const customer = key === undefined ? {} : { SSECustomerAlgorithm: 'AES256', SSECustomerKey: key.read['x-amz-server-side-encryption-customer-key'] ?? '', SSECustomerKeyMD5: key.md5 };
  const ask = async <T>(run: Parameters<typeof open.ask<T>>[0]): Promise<T> => open.ask(run, signal, Key);
  const head: HeadObjectCommandOutput = await ask(async (client, sdk) => client.send(new sdk.HeadObjectCommand({ Bucket, Key, IfMatch: `"${facts.etag}"`, ...customer }), { abortSignal: signal }));
  const { TagSet = [] } = await ask(async (client, sdk) => client.send(new sdk.GetObjectTaggingCommand({ Bucket, Key }), { abortSignal: signal }));
  const Tagging = TagSet.map(({ Key: name = '', Value = '' }) => `${encodeURIComponent(name)}=${encodeURIComponent(Value)}`).join('&');
  const { Metadata, ContentType, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, ExpiresString } = head;
  const headers = Object.fromEntries(Object.entries({ Metadata, ContentType, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage }).filter(([, value]) => value !== undefined));
  const Expires = ExpiresString === undefined ? undefined : new Date(ExpiresString);
  const { UploadId } = await ask(async (client, sdk) => client.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key, ...headers, ...(Expires === undefined ? {} : { Expires }), ...(Tagging === '' ? {} : { Tagging }), ...kept, ...target }), { abortSignal: signal }));
  const { SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5 } = target;
  const withKey = SSECustomerKey === undefined ? {} : { SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5 };
  try {
    const Parts: { PartNumber: number; ETag: string }[] = [];
    for (let start = 0; start < facts.sizeBytes; start += copyPartBytes) {
      const PartNumber = Parts.length + 1;
      const CopySourceRange = `bytes=${start}-${Math.min(start + copyPartBytes, facts.sizeBytes) - 1}`;
      const { CopyPartResult } = await ask(async (client, sdk) => client.send(new sdk.UploadPartCopyCommand({ Bucket, Key, UploadId, PartNumber, CopySourceRange, ...source, ...withKey }), { abortSignal: signal }));
      if (CopyPartResult?.ETag === undefined) throw new SyncError('answer-invalid', { objectKey: Key });
      Parts.push({ PartNumber, ETag: CopyPartResult.ETag });
    }
    await ask(async (client, sdk) => client.send(new sdk.CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, IfMatch: `"${facts.etag}"`, ...withKey }), { abortSignal: signal }));
  } catch (error) {
    await open.ask(async (client, sdk) => client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId })), new AbortController().signal, Key).catch(() => undefined);
    throw error;
  }
}
