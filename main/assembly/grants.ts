/** What has to be said in AWS to let somebody into a folder, and to keep somebody out: statements to copy. */
import { iamPolicy } from '../bucket/iam-policy.ts';
import type { PolicyMode } from '../bucket/mode-policy.ts';
import { bucketArn, objectsArn } from '../bucket/open-bucket.ts';
import type { EncryptionMode } from '../model/mode.ts';
import type { FolderSettings } from '../model/settings.ts';

export type Grant = { readonly action: 'grant' | 'revoke'; readonly where: string; readonly statements: readonly Readonly<Record<string, unknown>>[] };

const SOMEBODY = { AWS: 'arn:aws:iam::ACCOUNT:user/NAME' };

/** An id, alias or ARN as the ARN that policies name. */
function keyArn(kmsKeyId: string, region: string | null): string {
  if (kmsKeyId.startsWith('arn:')) return kmsKeyId;
  return `arn:aws:kms:${region ?? 'REGION'}:ACCOUNT:${kmsKeyId.startsWith('alias/') ? kmsKeyId : `key/${kmsKeyId}`}`;
}

function policyMode(mode: EncryptionMode, region: string | null): PolicyMode {
  switch (mode.id) {
    case 'cse-kms':
      return { id: mode.id, kmsKey: keyArn(mode.kmsKeyId, region) };
    case 'sse-kms':
      return { id: mode.id, dsse: mode.dsse, kmsKey: mode.kmsKeyId === null ? null : keyArn(mode.kmsKeyId, region) };
    default:
      return { id: mode.id };
  }
}

/** @param region - of the bucket; null: not known. */
export function grantsFor({ bucket, prefix, mode }: Pick<FolderSettings, 'bucket' | 'prefix' | 'mode'>, region: string | null): Grant[] {
  const policy = iamPolicy({ bucket, prefix, region, hasVersions: true }, policyMode(mode, region), 'both');
  const ownKey = 'kmsKeyId' in mode ? mode.kmsKeyId : null;
  const useKey = policy.Statement.filter(({ Sid }) => Sid?.startsWith('UseKey')).map((statement) => ({ ...statement, Sid: 'EnfoldMember', Principal: SOMEBODY, Resource: '*' }));
  const objects = objectsArn({ bucket, prefix });
  return [
    { action: 'grant', where: 'Identity policy of whom you let in (IAM)', statements: policy.Statement },
    ...(ownKey === null ? [] : [{ action: 'grant' as const, where: `Key policy of ${ownKey} (KMS), where it does not already leave this to IAM`, statements: useKey }]),
    { action: 'revoke', where: 'Bucket policy, to keep somebody out at once whatever else allows it', statements: [{ Effect: 'Deny', Principal: SOMEBODY, Action: 's3:*', Resource: prefix === '' ? [bucketArn(bucket), objects] : objects }] },
    ...(ownKey === null ? [] : [{ action: 'revoke' as const, where: `Key policy of ${ownKey} (KMS): take EnfoldMember away, and deny`, statements: [{ Effect: 'Deny', Principal: SOMEBODY, Action: 'kms:*', Resource: '*' }] }]),
  ];
}
