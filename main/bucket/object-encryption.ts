/** How one object is encrypted, from S3's own answer to HEAD, and whether that is what was wished. */
import { errorOfAnswer, headerOf } from '../remote/s3-errors.ts';
import { withRetries } from '../remote/retry.ts';
import type { PolicyMode } from './mode-policy.ts';
import type { OpenBucket } from './open-bucket.ts';

/** `unknown`: S3 does not let this sign-in see it. */
export type Protection = 'none' | 'SSE-S3' | 'SSE-KMS' | 'DSSE-KMS' | 'SSE-C' | 'unknown';
/** What stands in an object's metadata of encryption before it was sent. */
export type EnvelopeKind = { readonly format: 'v3' | 'v2' | 'v1' | 'damaged'; /** Wrapped by KMS, by a key of the user's, or unknown (in an instruction file). */ readonly wrappedBy: 'kms' | 'own key' | 'unknown'; /** The Enfold key id it names, if it names one; a hint, not proof. */ readonly keyId: string | null };
export type ReadEnvelope = (metadata: Readonly<Record<string, string>>) => EnvelopeKind | null;

/** A customer key to look with: the headers for reading, and for the source of a copy. Secret. */
export type LookKey = { readonly md5: string; readonly read: Readonly<Record<string, string>>; readonly copySource: Readonly<Record<string, string>> };

export type Facts = {
  readonly protection: Protection;
  readonly kmsKey: string | null;
  readonly hasBucketKey: boolean;
  /** Of the customer key that opens it, where one that was given does. */
  readonly customerKeyMd5: string | null;
  readonly envelope: EnvelopeKind | null;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly storageClass: string;
  /** In an archive that must be restored before it can be read. */
  readonly isArchived: boolean;
  /** Under retention or legal hold. */
  readonly isLocked: boolean;
  /** Carries attributes that a synced folder sealed or wrote. */
  readonly isOfFolder: boolean;
  readonly redirect: string | null;
};

const META = 'x-amz-meta-';

/**
 * @param versionId - null: the current one.
 * @returns null where there is nothing (any more).
 * @throws SyncError offline, sign-in-wrong, throttled, …
 */
export async function lookAt(open: OpenBucket, objectKey: string, versionId: string | null, keys: readonly LookKey[], readEnvelope: ReadEnvelope, signal: AbortSignal): Promise<Facts | null> {
  const query: [string, string][] = versionId === null ? [] : [['versionId', versionId]];
  const ask = async (headers: Readonly<Record<string, string>>) => withRetries(async () => {
    const answer = await open.send({ method: 'HEAD', objectKey, query, headers }, signal);
    if (answer.status >= 500 || answer.status === 429) throw errorOfAnswer(answer, { objectKey });
    return answer;
  }, signal);
  let answer = await ask({});
  let opened: LookKey | null = null;
  // Without its key such an object answers 400 and nothing else.
  if (answer.status === 400) {
    for (const key of keys) {
      const tried = await ask(key.read);
      if (tried.status !== 200) continue;
      answer = tried;
      opened = key;
      break;
    }
  }
  const base = { kmsKey: null, hasBucketKey: false, customerKeyMd5: null, envelope: null, etag: '', sizeBytes: 0, modifiedMs: 0, storageClass: 'STANDARD', isArchived: false, isLocked: false, isOfFolder: false, redirect: null };
  if (answer.status === 400) return { ...base, protection: 'SSE-C' };
  if (answer.status === 403) return { ...base, protection: 'unknown' };
  if (answer.status === 404 || answer.status === 405) return null;
  if (answer.status !== 200) throw errorOfAnswer(answer, { objectKey });
  const header = (name: string): string | null => headerOf(answer, name) ?? null;
  const metadata: Record<string, string> = {};
  for (const name in answer.headers) if (name.startsWith(META)) metadata[name.slice(META.length)] = headerOf(answer, name) ?? '';
  const storageClass = header('x-amz-storage-class') ?? 'STANDARD';
  const isRestored = (header('x-amz-restore') ?? '').includes('ongoing-request="false"');
  const until = Date.parse(header('x-amz-object-lock-retain-until-date') ?? '');
  return {
    protection: protectionOf(header('x-amz-server-side-encryption'), header('x-amz-server-side-encryption-customer-algorithm')),
    kmsKey: header('x-amz-server-side-encryption-aws-kms-key-id'), hasBucketKey: header('x-amz-server-side-encryption-bucket-key-enabled') === 'true',
    customerKeyMd5: header('x-amz-server-side-encryption-customer-key-md5') ?? opened?.md5 ?? null,
    envelope: readEnvelope(metadata), etag: (header('etag') ?? '').replaceAll('"', ''), sizeBytes: Number(header('content-length') ?? 0), modifiedMs: Date.parse(header('last-modified') ?? '') || 0,
    storageClass, isArchived: !isRestored && (['GLACIER', 'DEEP_ARCHIVE'].includes(storageClass) || header('x-amz-archive-status') !== null),
    isLocked: header('x-amz-object-lock-legal-hold') === 'ON' || until > Date.now(), isOfFolder: metadata['enfold-attrs'] !== undefined, redirect: header('x-amz-website-redirect-location'),
  };
}

function protectionOf(algorithm: string | null, customer: string | null): Protection {
  if (customer !== null) return 'SSE-C';
  switch (algorithm) {
    case null: return 'none';
    case 'AES256': return 'SSE-S3';
    case 'aws:kms': return 'SSE-KMS';
    case 'aws:kms:dsse': return 'DSSE-KMS';
    default: return 'unknown';
  }
}

/** What objects are to be. */
export type ScanWish = {
  readonly mode: PolicyMode;
  /** `sse-kms` with the AWS managed key: its ARN; null where it cannot be found out, and any key will do. */
  readonly managedKmsKey: string | null;
  /** `sse-c`: MD5s of the keys that are right; empty: any. */
  readonly customerKeyMd5s: readonly string[];
};
export type Judgement = { readonly verdict: 'right' | 'wrong' | 'unknown'; /** Why it is not right; null where it is. */ readonly reason: string | null };

const RIGHT: Judgement = { verdict: 'right', reason: null };
const wrong = (reason: string): Judgement => ({ verdict: 'wrong', reason });

export function judge({ mode, managedKmsKey, customerKeyMd5s }: ScanWish, { protection, kmsKey, customerKeyMd5, envelope }: Facts, isOfEngine: boolean): Judgement {
  if (protection === 'unknown') return { verdict: 'unknown', reason: 'may not be looked at' };
  switch (mode.id) {
    case 'sse-s3':
      return protection === 'SSE-S3' ? RIGHT : wrong(`is ${protection}`);
    case 'sse-kms': {
      if (protection !== (mode.dsse ? 'DSSE-KMS' : 'SSE-KMS')) return wrong(`is ${protection}`);
      const expected = mode.kmsKey ?? managedKmsKey;
      return expected === null || kmsKey === expected ? RIGHT : wrong('is under another KMS key');
    }
    case 'sse-c':
      if (protection !== 'SSE-C') return wrong(`is ${protection}`);
      if (customerKeyMd5s.length === 0) return RIGHT;
      return customerKeyMd5 !== null && customerKeyMd5s.includes(customerKeyMd5) ? RIGHT : wrong('is under another customer key');
    case 'cse-kms':
    case 'cse-c': {
      // The engine's own objects are sealed in a way of their own.
      if (isOfEngine) return RIGHT;
      if (protection === 'SSE-C' && customerKeyMd5 === null) return { verdict: 'unknown', reason: 'answers only with a customer key' };
      if (envelope === null) return wrong('was not encrypted before it was sent');
      if (envelope.format === 'damaged') return wrong('has a damaged envelope');
      const wanted = mode.id === 'cse-kms' ? 'kms' : 'own key';
      return envelope.wrappedBy === wanted || envelope.wrappedBy === 'unknown' ? RIGHT : wrong(`is wrapped by ${envelope.wrappedBy === 'kms' ? 'KMS' : 'a key of somebody\'s own'}`);
    }
    default:
      return mode satisfies never;
  }
}
