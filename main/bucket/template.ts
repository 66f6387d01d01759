/**
 * A bucket as a description that does not depend on the tool that makes it: what a folder in a mode needs, or what an existing bucket is.
 * `cloudformation.ts`, `terraform.ts` and `awscli.ts` write it down, each in its own words.
 */
import { SyncError } from '../model/errors.ts';
import { ABORT_AFTER_DAYS, ALL_BLOCKED, type LifecycleRule } from './checks.ts';
import { PARTS, readPart, type Part } from './configuration.ts';
import { modeStatements, type PolicyMode } from './mode-policy.ts';
import type { OpenBucket, Place } from './open-bucket.ts';
import { parsePolicyDocument, type PolicyDocument } from './policy-document.ts';

/** Stands for the ARN of a key that the template itself makes. */
export const NEW_KEY = '${EnfoldKey}';

export type DefaultRule = { readonly algorithm: 'AES256' | 'aws:kms' | 'aws:kms:dsse'; /** ARN or `NEW_KEY`; null: none named. */ readonly kmsKey: string | null; readonly bucketKey: boolean; readonly blocked: readonly ('SSE-C' | 'NONE')[] };
export type BucketTemplate = {
  readonly bucket: string;
  readonly region: string;
  readonly encryption: DefaultRule;
  readonly versioning: 'Enabled' | 'Suspended' | null;
  readonly publicAccess: Readonly<Record<string, boolean>> | null;
  readonly ownership: string | null;
  readonly lifecycle: readonly LifecycleRule[];
  readonly policy: PolicyDocument | null;
  /** A key to make. `s3`: usable by way of S3 only; `client`: by identities whose own policies allow it. */
  readonly newKey: { readonly alias: string; readonly use: 's3' | 'client' } | null;
  /** A Secrets Manager secret that makes the 32 characters of a customer key. */
  readonly secret: string | null;
};

export type TemplateWish = Place & { readonly region: string; readonly mode: PolicyMode; /** `alias/NAME` of a key to make. */ readonly newKeyAlias: string | null; readonly secret: string | null; readonly versioning: boolean };

/** @param wish - where a key is to be made, its mode names `NEW_KEY`. */
export function templateOf(wish: TemplateWish): BucketTemplate {
  const { bucket, prefix, region, mode, newKeyAlias, secret, versioning } = wish;
  const kms = mode.id === 'sse-kms' ? mode : null;
  const rules: LifecycleRule[] = [{ ID: 'enfold-abort-stale-uploads', Status: 'Enabled', Filter: { Prefix: '' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: ABORT_AFTER_DAYS } }];
  return {
    bucket, region,
    encryption: { algorithm: kms === null ? 'AES256' : kms.dsse ? 'aws:kms:dsse' : 'aws:kms', kmsKey: kms?.kmsKey ?? null, bucketKey: kms !== null && !kms.dsse, blocked: [mode.id === 'sse-c' ? 'NONE' : 'SSE-C'] },
    versioning: versioning ? 'Enabled' : null,
    publicAccess: ALL_BLOCKED as Readonly<Record<string, boolean>>,
    ownership: 'BucketOwnerEnforced',
    lifecycle: rules,
    policy: { Version: '2012-10-17', Statement: modeStatements({ bucket, prefix }, mode, true) },
    newKey: newKeyAlias === null ? null : { alias: newKeyAlias, use: mode.id === 'cse-kms' ? 'client' : 's3' },
    secret: mode.id === 'sse-c' ? secret : null,
  };
}

const KNOWN_RULE_FIELDS = new Set(['ID', 'Status', 'Prefix', 'Filter', 'Expiration', 'Transitions', 'AbortIncompleteMultipartUpload', 'NoncurrentVersionExpiration']);

/** An existing bucket. @throws SyncError access-denied (a setting may not be read), rejected (it has what no template here can say) */
export async function templateFrom(open: OpenBucket, region: string, signal: AbortSignal): Promise<BucketTemplate> {
  const read = async (part: Part): Promise<Readonly<Record<string, unknown>> | null> => {
    const state = await readPart(open, part, signal);
    if (state.state === 'set') return state.value;
    if (state.state === 'unset' || state.state === 'unsupported') return null;
    throw new SyncError('access-denied', { server: state.answer, detail: `needs ${PARTS[part].readAction} on ${open.bucket}` });
  };
  const encryption = ((await read('encryption'))?.['Rules'] as readonly { ApplyServerSideEncryptionByDefault?: { SSEAlgorithm?: DefaultRule['algorithm']; KMSMasterKeyID?: string }; BucketKeyEnabled?: boolean; BlockedEncryptionTypes?: { EncryptionType?: readonly ('SSE-C' | 'NONE')[] } }[] | undefined)?.[0];
  const policy = await read('policy');
  const lifecycle = ((await read('lifecycle'))?.['Rules'] ?? []) as readonly LifecycleRule[];
  const unknown = lifecycle.find((rule) => Object.entries(rule).some(([name, value]) => value !== undefined && !KNOWN_RULE_FIELDS.has(name)) || Object.keys(rule.Filter ?? {}).some((name) => name !== 'Prefix'));
  if (unknown !== undefined) throw new SyncError('rejected', { detail: `lifecycle rule ${unknown.ID ?? ''} has conditions that cannot be exported` });
  const ownership = ((await read('ownership'))?.['Rules'] as readonly { ObjectOwnership?: string }[] | undefined)?.[0]?.ObjectOwnership ?? null;
  const status = (await read('versioning'))?.['Status'];
  return {
    bucket: open.bucket, region,
    encryption: {
      algorithm: encryption?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm ?? 'AES256', kmsKey: encryption?.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID ?? null,
      bucketKey: encryption?.BucketKeyEnabled === true, blocked: encryption?.BlockedEncryptionTypes?.EncryptionType ?? [],
    },
    versioning: status === 'Enabled' || status === 'Suspended' ? status : null,
    publicAccess: (await read('public-access')) as Readonly<Record<string, boolean>> | null,
    ownership, lifecycle,
    policy: policy === null ? null : parsePolicyDocument(String(policy['Policy'])),
    newKey: null, secret: null,
  };
}

export const prefixOfRule = ({ Prefix, Filter }: LifecycleRule): string => Prefix ?? Filter?.Prefix ?? '';

/** Who may use a key that a template makes. `account`: as the tool names the account it runs in. */
export function keyPolicy(use: 's3' | 'client', region: string, names: { readonly rootArn: unknown; readonly account: unknown }): object {
  const administer = { Sid: 'AccountAndItsPolicies', Effect: 'Allow', Principal: { AWS: names.rootArn }, Action: 'kms:*', Resource: '*' };
  const throughS3 = {
    Sid: 'UseThroughS3', Effect: 'Allow', Principal: { AWS: '*' }, Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'], Resource: '*',
    Condition: { StringEquals: { 'kms:CallerAccount': names.account, 'kms:ViaService': `s3.${region}.amazonaws.com` } },
  };
  return { Version: '2012-10-17', Statement: use === 's3' ? [administer, throughS3] : [administer] };
}
