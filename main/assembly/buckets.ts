/** Buckets as their administrators see them, by connection and name: what `enfold bucket` and the window's Storage view ask for. */
import { randomBytes } from 'node:crypto';
import type { PolicyPreview } from '../bucket/bucket-policy.ts';
import type { Change, Undo } from '../bucket/configuration.ts';
import type { EncryptionPreview, EncryptionWish } from '../bucket/default-encryption.ts';
import type { Examination, Patient } from '../bucket/doctor.ts';
import type { FindingId, FixPreview } from '../bucket/finding.ts';
import type { Access } from '../bucket/iam-policy.ts';
import type { PolicyMode } from '../bucket/mode-policy.ts';
import type { OpenBucket } from '../bucket/open-bucket.ts';
import type { PolicyDocument } from '../bucket/policy-document.ts';
import type { BucketTemplate } from '../bucket/template.ts';
import type { Proof } from '../bucket/prove.ts';
import { SyncError, isSyncError } from '../model/errors.ts';
import type { EncryptionMode, KeyId, ModeId } from '../model/mode.ts';
import type { HeldKey } from '../remote/folder-config.ts';
import type { ModeRequests } from '../remote/modes.ts';
import type { SettingsStore } from '../state/settings.ts';
import type { OpenScan, ScanRequest } from './bucket-scan.ts';
import type { Wiring } from './open-folder.ts';

export type BucketPlace = { readonly connection: string; readonly bucket: string; /** `''` or ends in `/`. */ readonly prefix: string };
/** A mode without the keys that a policy does not know. */
export type ModeWish = { readonly mode: ModeId; readonly kmsKeyId: string | null; readonly dsse: boolean };

/** A change that was made from here. */
export type Mended = { readonly id: number; readonly atMs: number; readonly says: string; readonly undo: Undo };

export type Buckets = {
  /** `wish` null: what taking Enfold's statements away would do. @throws SyncError policy-damaged, policy-edited, policy-too-large, kms-key-unusable, access-denied, … */
  previewPolicy(place: BucketPlace, wish: ModeWish | null, signal: AbortSignal): Promise<PolicyPreview>;
  /** Puts what a preview showed, if the bucket's policy still is as it was. Null: there was nothing to change. @throws SyncError configuration-changed, … */
  applyPolicy(place: BucketPlace, preview: PolicyPreview, signal: AbortSignal): Promise<Undo | null>;
  /** One small upload of each kind, removed again. */
  provePolicy(place: BucketPlace, wish: ModeWish, signal: AbortSignal): Promise<Proof>;
  /** Settings, what the server really does, what this sign-in may do; uploads a few bytes and removes them. `wish` null: the bucket as it is. */
  examine(place: BucketPlace, wish: ModeWish | null, signal: AbortSignal): Promise<Examination>;
  /** What mending a finding would change. Null: there is nothing to mend. */
  previewFix(place: BucketPlace, wish: ModeWish | null, id: FindingId, signal: AbortSignal): Promise<FixPreview | null>;
  /** Makes a change that was shown, if the bucket still is as it was, and remembers how to take it back. */
  applyFix(place: BucketPlace, preview: FixPreview, signal: AbortSignal): Promise<Mended>;
  /** What Enfold changed of a bucket from here, newest first. */
  changesOf(place: BucketPlace): readonly Mended[];
  /** @returns false where the server could not go back all the way, as with versioning. @throws SyncError configuration-changed where somebody changed it since, bad-usage (no such change) */
  undo(place: BucketPlace, changeId: number, signal: AbortSignal): Promise<boolean>;
  /** Null: none is set. @throws SyncError access-denied */
  encryptionOf(place: BucketPlace, signal: AbortSignal): Promise<Readonly<Record<string, unknown>> | null>;
  /** `wish` null: remove it. Applied by `applyFix`. @throws SyncError kms-key-unusable, access-denied, bad-usage */
  previewEncryption(place: BucketPlace, wish: EncryptionWish | null, signal: AbortSignal): Promise<EncryptionPreview>;
  /** Looks at every object; keeps its records in Enfold's directory. The caller closes it. */
  scan(request: ScanRequest): Promise<OpenScan>;
  /** A bucket as it is, to be made again elsewhere. @throws SyncError access-denied, rejected (what no template can say) */
  exportTemplate(place: BucketPlace, signal: AbortSignal): Promise<BucketTemplate>;
  /** The least an identity needs for a folder at the place. Asks KMS for the key's ARN, changes nothing. */
  iamPolicy(place: BucketPlace, wish: ModeWish, access: Access, signal: AbortSignal): Promise<PolicyDocument>;
};

const usage = (detail: string): SyncError => new SyncError('bad-usage', { detail });

/** @throws SyncError bad-usage */
export function checkWish({ mode, kmsKeyId, dsse }: ModeWish): void {
  if (kmsKeyId !== null && mode !== 'sse-kms' && mode !== 'cse-kms') throw usage(`${mode} takes no KMS key`);
  if (mode === 'cse-kms' && kmsKeyId === null) throw usage('cse-kms needs --kms-key-id');
  if (dsse && mode !== 'sse-kms') throw usage('two layers go with sse-kms');
  if (kmsKeyId !== null && !/^[\x21-\x7e]{1,2048}$/.test(kmsKeyId)) throw usage('a KMS key is named by id, ARN or alias/NAME');
}

/** A policy names places by patterns, and has no way to write these as themselves that all servers know. */
export function checkPolicyPrefix(prefix: string): void {
  if (/[*?$]/.test(prefix)) throw usage('a prefix with *, ? or $ cannot be named in a policy');
}

/** @throws SyncError kms-key-unusable, access-denied */
export async function policyModeOf(open: OpenBucket, wish: ModeWish, signal: AbortSignal): Promise<PolicyMode> {
  checkWish(wish);
  const { mode, kmsKeyId, dsse } = wish;
  const { requireKmsKey } = await import('../bucket/kms-key.ts');
  const kmsKey = kmsKeyId === null ? null : await requireKmsKey(open, kmsKeyId, signal);
  switch (mode) {
    case 'sse-kms':
      return { id: mode, kmsKey, dsse };
    case 'cse-kms':
      return { id: mode, kmsKey: kmsKey ?? '' };
    default:
      return { id: mode };
  }
}

/** Newest last. More than these would only be kept to be forgotten. */
const MOST_CHANGES = 50;

/** A mode to try things with, without the user's keys: one made for the purpose does as well. */
function probeMode(wish: ModeWish | null): { readonly mode: EncryptionMode; readonly keys: readonly HeldKey[] } {
  const keyId = '0000000000000000' as KeyId;
  switch (wish?.mode) {
    case 'sse-s3':
      return { mode: { id: 'sse-s3' }, keys: [] };
    case 'sse-kms':
      return { mode: { id: 'sse-kms', kmsKeyId: wish.kmsKeyId, bucketKey: !wish.dsse, encryptionContext: null, dsse: wish.dsse }, keys: [] };
    case 'sse-c':
      return { mode: { id: 'sse-c', keyId }, keys: [{ keyId, type: 'sse-c', bytes: randomBytes(32) }] };
    case 'cse-kms':
      return { mode: { id: 'cse-kms', kmsKeyId: wish.kmsKeyId ?? '', format: 'v3' }, keys: [] };
    case 'cse-c':
    case undefined:
      return { mode: { id: 'cse-c', keyId, keyType: 'aes', format: 'v3' }, keys: [] };
  }
}

async function patientOf(open: OpenBucket, { bucket, prefix }: BucketPlace, wish: ModeWish | null, signal: AbortSignal): Promise<Patient> {
  const { requestsOf } = await import('../remote/modes.ts');
  const { mode, keys } = probeMode(wish);
  let policyMode: PolicyMode | null = null;
  let kmsProblem: SyncError | null = null;
  try {
    policyMode = wish === null ? null : await policyModeOf(open, wish, signal);
  } catch (error) {
    if (!isSyncError(error, 'kms-key-unusable') && !isSyncError(error, 'access-denied')) throw error;
    kmsProblem = error;
  }
  let requests: ModeRequests | null = null;
  try {
    requests = kmsProblem === null ? requestsOf(mode, keys, open.access.endpoint) : null;
  } catch (error) {
    // Customer keys do not go over plain http, also not made-up ones.
    if (!isSyncError(error, 'rejected')) throw error;
  }
  return { place: { bucket, prefix }, policyMode, mode: wish === null || kmsProblem !== null ? null : mode, requests, kmsProblem };
}

export function createBuckets({ home, connections, keys, settings }: Pick<Wiring, 'home' | 'connections' | 'keys'> & { readonly settings: Pick<SettingsStore, 'fact' | 'putFact'> }): Buckets {
  const withBucket = async <T>({ connection, bucket }: Pick<BucketPlace, 'connection' | 'bucket'>, use: (open: OpenBucket) => Promise<T>): Promise<T> => {
    const { openBucket } = await import('../bucket/open-bucket.ts');
    const open = openBucket(await connections.accessOf(connections.find(connection)), bucket);
    try {
      return await use(open);
    } finally {
      await open.close();
    }
  };

  const factOf = ({ connection, bucket }: BucketPlace): string => `bucket-changes/${connections.find(connection).id}/${bucket}`;
  const recorded = (place: BucketPlace): readonly Mended[] => (settings.fact(factOf(place)) as readonly Mended[] | null) ?? [];
  const apply = async (place: BucketPlace, says: string, change: Change, signal: AbortSignal): Promise<Mended> => {
    const { applyChange } = await import('../bucket/configuration.ts');
    const undo = await withBucket(place, async (open) => applyChange(open, change, signal));
    const before = recorded(place);
    const mended: Mended = { id: (before.at(-1)?.id ?? 0) + 1, atMs: Date.now(), says, undo };
    settings.putFact(factOf(place), [...before, mended].slice(-MOST_CHANGES));
    return mended;
  };

  return {
    previewPolicy: async (place, wish, signal) => {
      checkPolicyPrefix(place.prefix);
      if (wish !== null) checkWish(wish);
      const { previewPolicy } = await import('../bucket/bucket-policy.ts');
      return withBucket(place, async (open) => previewPolicy(open, place.prefix, wish === null ? null : await policyModeOf(open, wish, signal), signal));
    },
    applyPolicy: async (place, { change, statements }, signal) => (change === null ? null : (await apply(place, statements.length === 0 ? 'remove the statements for a mode' : 'require a mode', change, signal)).undo),
    examine: async (place, wish, signal) => {
      if (wish !== null) checkWish(wish);
      const { examine } = await import('../bucket/doctor.ts');
      return withBucket(place, async (open) => examine(open, await patientOf(open, place, wish, signal), signal));
    },
    previewFix: async (place, wish, id, signal) => {
      if (wish !== null) checkWish(wish);
      const { previewFix } = await import('../bucket/doctor.ts');
      return withBucket(place, async (open) => previewFix(open, await patientOf(open, place, wish, signal), id, signal));
    },
    applyFix: async (place, { says, change }, signal) => apply(place, says, change, signal),
    changesOf: (place) => recorded(place).toReversed(),
    undo: async (place, changeId, signal) => {
      const found = recorded(place).find(({ id }) => id === changeId);
      if (found === undefined) throw usage(`there is no change ${changeId}`);
      const { undoChange } = await import('../bucket/configuration.ts');
      const isWhole = await withBucket(place, async (open) => undoChange(open, found.undo, signal));
      settings.putFact(factOf(place), recorded(place).filter(({ id }) => id !== changeId));
      return isWhole;
    },
    provePolicy: async (place, wish, signal) => {
      checkWish(wish);
      const { provePolicy } = await import('../bucket/prove.ts');
      return withBucket(place, async (open) => provePolicy(open, place.prefix, await policyModeOf(open, wish, signal), signal));
    },
    encryptionOf: async (place, signal) => {
      const { requirePart } = await import('../bucket/configuration.ts');
      return withBucket(place, async (open) => requirePart(open, 'encryption', signal));
    },
    previewEncryption: async (place, wish, signal) => {
      const { previewEncryption } = await import('../bucket/default-encryption.ts');
      return withBucket(place, async (open) => previewEncryption(open, wish, signal));
    },
    scan: async (request) => {
      const { connection, bucket } = request.place;
      if (request.wish !== null) checkWish(request.wish);
      const [{ openScan }, { openBucket }] = await Promise.all([import('./bucket-scan.ts'), import('../bucket/open-bucket.ts')]);
      const { id } = connections.find(connection);
      const open = openBucket(await connections.accessOf(connections.find(connection)), bucket, 32);
      try {
        return await openScan(request, { home, open, connectionId: id, keys });
      } catch (error) {
        await open.close();
        throw error;
      }
    },
    exportTemplate: async (place, signal) => {
      const [{ templateFrom }, { regionOf }] = await Promise.all([import('../bucket/template.ts'), import('../bucket/kms-key.ts')]);
      return withBucket(place, async (open) => templateFrom(open, (await regionOf(open, signal)) ?? 'us-east-1', signal));
    },
    iamPolicy: async (place, wish, access, signal) => {
      checkPolicyPrefix(place.prefix);
      checkWish(wish);
      const { iamPolicy } = await import('../bucket/iam-policy.ts');
      return withBucket(place, async (open) => {
        const { region } = open.access;
        return iamPolicy({ bucket: place.bucket, prefix: place.prefix, region: region === '' ? null : region, hasVersions: true }, await policyModeOf(open, wish, signal), access);
      });
    },
  };
}
