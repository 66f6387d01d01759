/** The doctor's judgements over settings that were read: what is set, what follows from it, and what would be better. Nothing here asks a server. */
import type { ModeId } from '../model/mode.ts';
import type { PartState } from './configuration.ts';
import { finding, type Finding } from './finding.ts';
import { modeStatements, type PolicyMode } from './mode-policy.ts';
import type { Place } from './open-bucket.ts';
import { isSamePolicy, isSameStatement, mergeStatements, originOf, parsePolicyDocument, type PolicyDocument, type Statement } from './policy-document.ts';
import { isSyncError } from '../model/errors.ts';

type Json = Readonly<Record<string, unknown>>;
type Rule = { readonly ApplyServerSideEncryptionByDefault?: { readonly SSEAlgorithm?: string; readonly KMSMasterKeyID?: string }; readonly BucketKeyEnabled?: boolean; readonly BlockedEncryptionTypes?: { readonly EncryptionType?: readonly string[] } };

const valueOf = (state: PartState): Json | null => (state.state === 'set' ? state.value : null);
const ruleOf = (value: Json | null): Rule => (value?.['Rules'] as readonly Rule[] | undefined)?.[0] ?? {};
/** What S3 answers for "nothing is blocked" and takes for it. */
const NONE_BLOCKED = { EncryptionType: ['NONE'] };

export const DEFAULT_RULE: Json = { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false }] };

/** The default encryption with one rule changed. */
export const withRule = (value: Json | null, changes: Partial<Rule>): Json => {
  const rule = { ...ruleOf(value), ...changes };
  const byDefault = rule.ApplyServerSideEncryptionByDefault ?? { SSEAlgorithm: 'AES256' };
  return { Rules: [{ ...rule, ApplyServerSideEncryptionByDefault: byDefault }] };
};

export function checkEncryption(state: PartState, mode: PolicyMode | null): Finding[] {
  const before = valueOf(state);
  const rule = ruleOf(before);
  const algorithm = rule.ApplyServerSideEncryptionByDefault?.SSEAlgorithm;
  const kmsKey = rule.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID;
  const blocked = rule.BlockedEncryptionTypes?.EncryptionType ?? [];
  const found: Finding[] = [];
  if (algorithm === undefined) {
    found.push(finding('default-encryption', 'critical', 'Uploads that name no encryption are stored as they come.', { fix: { part: 'encryption', says: 'encrypt everything with SSE-S3 unless it says otherwise', before, after: withRule(before, { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }) } }));
  } else if (mode?.id === 'sse-kms' && (!algorithm.startsWith('aws:kms') || (mode.kmsKey !== null && kmsKey !== mode.kmsKey))) {
    const byDefault = { SSEAlgorithm: mode.dsse ? 'aws:kms:dsse' : 'aws:kms', ...(mode.kmsKey === null ? {} : { KMSMasterKeyID: mode.kmsKey }) };
    found.push(finding('default-encryption', 'warning', `Uploads that name no encryption get ${algorithm === 'AES256' ? 'SSE-S3' : 'another KMS key'}, not what this place is meant to have.`, {
      fix: { part: 'encryption', says: 'make the folder\'s KMS key the default', before, after: withRule(before, { ApplyServerSideEncryptionByDefault: byDefault, BucketKeyEnabled: !mode.dsse }) },
    }));
  } else {
    found.push(finding('default-encryption', 'good', `Uploads that name no encryption get ${algorithm === 'AES256' ? 'SSE-S3' : `${algorithm}${kmsKey === undefined ? ' with the AWS managed key' : ''}`}.`));
  }
  if (algorithm === 'aws:kms') {
    found.push(rule.BucketKeyEnabled === true
      ? finding('bucket-key', 'good', 'A Bucket Key keeps the number of KMS requests, and their cost, down.')
      : finding('bucket-key', 'warning', 'Each object costs a KMS request of its own: there is no Bucket Key.', { fix: { part: 'encryption', says: 'turn the Bucket Key on', before, after: withRule(before, { BucketKeyEnabled: true }) } }));
  }
  const isBlocked = blocked.includes('SSE-C');
  if (mode?.id === 'sse-c') {
    found.push(isBlocked
      ? finding('blocked-encryption', 'critical', 'The bucket refuses customer keys (SSE-C), as new AWS buckets do, and this place is meant to use them.', { fix: { part: 'encryption', says: 'allow customer keys', before, after: withRule(before, { BlockedEncryptionTypes: NONE_BLOCKED }) } })
      : finding('blocked-encryption', 'good', 'The bucket takes customer keys (SSE-C).'));
  } else {
    found.push(isBlocked
      ? finding('blocked-encryption', 'good', 'The bucket refuses customer keys (SSE-C), which nobody here needs.')
      : finding('blocked-encryption', 'info', 'Anybody who may write can store objects under a key that you do not have (SSE-C).', { fix: { part: 'encryption', says: 'refuse customer keys', before, after: withRule(before, { BlockedEncryptionTypes: { EncryptionType: ['SSE-C'] } }), isOptional: true } }));
  }
  return found;
}

export function checkVersioning(state: PartState): Finding {
  const before = valueOf(state);
  if (before?.['Status'] === 'Enabled') return finding('versioning', 'good', 'Old versions are kept: what is overwritten or deleted can be brought back.');
  const says = before?.['Status'] === 'Suspended' ? 'Versioning is suspended: what is overwritten or deleted from now on is gone.' : 'Versioning was never turned on: what is overwritten or deleted is gone.';
  return finding('versioning', 'warning', says, { fix: { part: 'versioning', says: 'turn versioning on (it can later be suspended, not turned off)', before, after: { ...before, Status: 'Enabled' } } });
}

const PUBLIC_ACCESS = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'] as const;
export const ALL_BLOCKED: Json = Object.fromEntries(PUBLIC_ACCESS.map((name) => [name, true]));

export function checkPublicAccess(state: PartState, isPublic: boolean | null): Finding[] {
  const before = valueOf(state);
  const open = PUBLIC_ACCESS.filter((name) => before?.[name] !== true);
  const found = [open.length === 0
    ? finding('public-access', 'good', 'Public access is blocked in all four ways.')
    : finding('public-access', 'critical', `The bucket can be made public: ${open.join(', ')} ${open.length === 1 ? 'is' : 'are'} off.`, { fix: { part: 'public-access', says: 'block public access in all four ways', before, after: ALL_BLOCKED } })];
  if (isPublic === true) found.push(finding('public-policy', 'critical', 'The policy makes the bucket public.', { advice: 'Remove the statement that allows everybody (Principal "*"). Enfold does not touch statements it did not write.' }));
  return found;
}

export function checkOwnership(state: PartState): Finding {
  const before = valueOf(state);
  const ownership = (before?.['Rules'] as readonly { ObjectOwnership?: string }[] | undefined)?.[0]?.ObjectOwnership;
  if (ownership === 'BucketOwnerEnforced') return finding('ownership', 'good', 'Every object belongs to the bucket\'s owner; access lists do nothing.');
  return finding('ownership', 'warning', 'Objects can belong to whoever uploads them, and can be opened by access lists (ACLs).', { fix: { part: 'ownership', says: 'make the bucket\'s owner own every object', before, after: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] } } });
}

const isInsecureDenied = (policy: PolicyDocument, { bucket, prefix }: Place): boolean => policy.Statement.some(({ Effect, Principal, Action, Resource, Condition }) => {
  const listOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value : [value]) as readonly string[];
  const everybody = Principal === '*' || JSON.stringify(Principal) === '{"AWS":"*"}';
  const isAll = listOf(Action).some((action) => action === 's3:*' || action === '*');
  const covers = listOf(Resource).some((resource) => resource === '*' || (resource.endsWith('*') && `arn:aws:s3:::${bucket}/${prefix}`.startsWith(resource.slice(0, -1))));
  return Effect === 'Deny' && everybody && isAll && covers && listOf(Condition?.['Bool']?.['aws:SecureTransport']).includes('false') && Object.keys(Condition ?? {}).length === 1;
});

export function checkPolicy(state: PartState, place: Place, mode: PolicyMode | null, hasTls: boolean): Finding[] {
  const before = valueOf(state);
  const text = before === null ? null : String(before['Policy']);
  let policy: PolicyDocument;
  try {
    policy = parsePolicyDocument(text);
  } catch {
    return [finding('policy-readable', 'critical', 'The bucket\'s policy cannot be read as one.', { advice: 'Correct it by hand; Enfold changes nothing in it.' })];
  }
  const found: Finding[] = [];
  const merged = (statements: readonly Statement[]): Json | null => {
    try {
      const after = mergeStatements(policy, place.prefix, statements);
      return after === null || isSamePolicy(policy, after) ? null : { Policy: JSON.stringify(after) };
    } catch (error) {
      if (isSyncError(error)) return null;
      throw error;
    }
  };
  const ours = policy.Statement.filter((statement) => originOf(statement, place.prefix) === 'ours');
  if (hasTls && !isInsecureDenied(policy, place)) {
    const insecure = modeStatements(place, mode ?? { id: 'cse-c' }, true).slice(-1);
    const after = merged([...ours, ...insecure]);
    found.push(finding('insecure-transport', 'warning', 'Requests without TLS are not refused.', after === null
      ? { advice: 'The policy cannot be added to: it is too large, or a statement of Enfold was edited.' }
      : { fix: { part: 'policy', says: 'refuse requests without TLS', before, after } }));
  } else {
    found.push(hasTls ? finding('insecure-transport', 'good', 'Requests without TLS are refused.') : finding('insecure-transport', 'info', 'This endpoint has no TLS; what is sent can be read on the way.', { advice: 'Give the server a certificate, and the connection an https endpoint.' }));
  }
  if (mode === null || mode.id === 'cse-c' || mode.id === 'cse-kms') return found;
  const wanted = modeStatements(place, mode, hasTls);
  const needed = wanted.filter(({ Condition }) => Condition?.['Bool'] === undefined);
  const isRequired = needed.every((one) => ours.some((statement) => isSameStatement(statement, one)));
  const after = isRequired ? null : merged(wanted);
  found.push(isRequired
    ? finding('mode-required', 'good', `Uploads here are refused unless they are ${nameOf(mode.id)}.`)
    : finding('mode-required', 'warning', `Uploads here are not required to be ${nameOf(mode.id)}.`, after === null
      ? { advice: 'The policy cannot be added to: it is too large, or a statement of Enfold was edited.' }
      : { fix: { part: 'policy', says: `refuse uploads that are not ${nameOf(mode.id)}`, before, after } }));
  return found;
}

const nameOf = (id: ModeId): string => ({ 'sse-s3': 'SSE-S3', 'sse-kms': 'SSE-KMS under the folder\'s key', 'sse-c': 'SSE-C', 'cse-kms': 'client-side', 'cse-c': 'client-side' })[id];

export type LifecycleRule = {
  readonly ID?: string; readonly Status?: string; readonly Prefix?: string; readonly Filter?: { readonly Prefix?: string; readonly And?: { readonly Prefix?: string } };
  readonly Expiration?: { readonly Days?: number; readonly Date?: unknown }; readonly Transitions?: readonly { readonly StorageClass?: string }[];
  readonly AbortIncompleteMultipartUpload?: { readonly DaysAfterInitiation?: number }; readonly NoncurrentVersionExpiration?: { readonly NoncurrentDays?: number };
};
/** Uploads that nobody finished are removed after this long. */
export const ABORT_AFTER_DAYS = 7;
/** Long enough to notice a loss, short enough not to pay for ever. */
const KEEP_OLD_DAYS = 365;
const ABORT_RULE = { ID: 'enfold-abort-stale-uploads', Status: 'Enabled', Filter: { Prefix: '' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: ABORT_AFTER_DAYS } };
const EXPIRE_RULE = { ID: 'enfold-expire-old-versions', Status: 'Enabled', Filter: { Prefix: '' }, NoncurrentVersionExpiration: { NoncurrentDays: KEEP_OLD_DAYS } };

export function checkLifecycle(state: PartState, place: Place, isVersioned: boolean, staleUploads: number): Finding[] {
  const before = valueOf(state);
  const rules = ((before?.['Rules'] ?? []) as readonly LifecycleRule[]).filter(({ Status }) => Status === 'Enabled');
  const prefixOf = ({ Filter, Prefix }: LifecycleRule): string => Prefix ?? Filter?.Prefix ?? Filter?.And?.Prefix ?? '';
  const covers = (rule: LifecycleRule): boolean => place.prefix.startsWith(prefixOf(rule));
  const touches = (rule: LifecycleRule): boolean => covers(rule) || prefixOf(rule).startsWith(place.prefix);
  const adding = (rule: object): Json => ({ ...before, Rules: [...((before?.['Rules'] ?? []) as readonly object[]), rule] });
  const found: Finding[] = [];
  if (rules.some((rule) => rule.AbortIncompleteMultipartUpload !== undefined && covers(rule))) found.push(finding('stale-uploads', 'good', 'Uploads that were never finished are removed after a while.'));
  else {
    const here = staleUploads === 0 ? '' : ` There ${staleUploads === 1 ? 'is' : 'are'} ${staleUploads} older than ${ABORT_AFTER_DAYS} days now.`;
    found.push(finding('stale-uploads', 'warning', `Uploads that were never finished stay, unseen, and are paid for.${here}`, { fix: { part: 'lifecycle', says: `remove them after ${ABORT_AFTER_DAYS} days`, before, after: adding(ABORT_RULE) } }));
  }
  if (isVersioned) {
    found.push(rules.some((rule) => rule.NoncurrentVersionExpiration !== undefined && covers(rule))
      ? finding('old-versions', 'good', 'Old versions are removed after a while.')
      : finding('old-versions', 'info', 'Old versions are kept for ever, and paid for.', { fix: { part: 'lifecycle', says: `remove old versions ${KEEP_OLD_DAYS} days after they were replaced`, before, after: adding(EXPIRE_RULE), isOptional: true } }));
  }
  const expiring = rules.filter((rule) => rule.Expiration !== undefined && (rule.Expiration.Days !== undefined || rule.Expiration.Date !== undefined) && touches(rule));
  if (expiring.length > 0) found.push(finding('expiring-files', 'critical', `A lifecycle rule deletes current files here: ${expiring.map(({ ID }) => ID ?? 'without a name').join(', ')}.`, { advice: 'Disable the rule, or give it another prefix. Enfold does not change rules it did not write.' }));
  const archiving = rules.filter((rule) => touches(rule) && (rule.Transitions ?? []).some(({ StorageClass }) => StorageClass === 'GLACIER' || StorageClass === 'DEEP_ARCHIVE'));
  if (archiving.length > 0) found.push(finding('archived-files', 'warning', `A lifecycle rule archives files here: ${archiving.map(({ ID }) => ID ?? 'without a name').join(', ')}. They cannot be read without restoring them first.`, { advice: 'Use GLACIER_IR, or keep the folder out of the rule.' }));
  return found;
}
