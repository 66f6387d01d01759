/** Buckets as their administrators see them, by connection and name: what `enfold bucket` and the window's Storage view ask for. */
import type { PolicyPreview } from '../bucket/bucket-policy.ts';
import type { Undo } from '../bucket/configuration.ts';
import type { Access } from '../bucket/iam-policy.ts';
import type { PolicyMode } from '../bucket/mode-policy.ts';
import type { OpenBucket } from '../bucket/open-bucket.ts';
import type { PolicyDocument } from '../bucket/policy-document.ts';
import type { Proof } from '../bucket/prove.ts';
import { SyncError } from '../model/errors.ts';
import type { ModeId } from '../model/mode.ts';
import type { Wiring } from './open-folder.ts';

export type BucketPlace = { readonly connection: string; readonly bucket: string; /** `''` or ends in `/`. */ readonly prefix: string };
/** A mode without the keys that a policy does not know. */
export type ModeWish = { readonly mode: ModeId; readonly kmsKeyId: string | null; readonly dsse: boolean };

export type Buckets = {
  /** `wish` null: what taking Enfold's statements away would do. @throws SyncError policy-damaged, policy-edited, policy-too-large, kms-key-unusable, access-denied, … */
  previewPolicy(place: BucketPlace, wish: ModeWish | null, signal: AbortSignal): Promise<PolicyPreview>;
  /** Puts what a preview showed, if the bucket's policy still is as it was. Null: there was nothing to change. @throws SyncError configuration-changed, … */
  applyPolicy(place: BucketPlace, preview: PolicyPreview, signal: AbortSignal): Promise<Undo | null>;
  /** One small upload of each kind, removed again. */
  provePolicy(place: BucketPlace, wish: ModeWish, signal: AbortSignal): Promise<Proof>;
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
function checkPolicyPrefix(prefix: string): void {
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

export function createBuckets({ connections }: Pick<Wiring, 'connections'>): Buckets {
  const withBucket = async <T>({ connection, bucket }: Pick<BucketPlace, 'connection' | 'bucket'>, use: (open: OpenBucket) => Promise<T>): Promise<T> => {
    const { openBucket } = await import('../bucket/open-bucket.ts');
    const open = openBucket(await connections.accessOf(connections.find(connection)), bucket);
    try {
      return await use(open);
    } finally {
      await open.close();
    }
  };

  return {
    previewPolicy: async (place, wish, signal) => {
      checkPolicyPrefix(place.prefix);
      if (wish !== null) checkWish(wish);
      const { previewPolicy } = await import('../bucket/bucket-policy.ts');
      return withBucket(place, async (open) => previewPolicy(open, place.prefix, wish === null ? null : await policyModeOf(open, wish, signal), signal));
    },
    applyPolicy: async (place, { change }, signal) => {
      if (change === null) return null;
      const { applyChange } = await import('../bucket/configuration.ts');
      return withBucket(place, async (open) => applyChange(open, change, signal));
    },
    provePolicy: async (place, wish, signal) => {
      checkWish(wish);
      const { provePolicy } = await import('../bucket/prove.ts');
      return withBucket(place, async (open) => provePolicy(open, place.prefix, await policyModeOf(open, wish, signal), signal));
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
