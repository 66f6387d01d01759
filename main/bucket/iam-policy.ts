/** The least a user or role needs for one folder: what the engine really asks S3 and KMS for, and nothing else. */
import { bucketArn, objectsArn, type Place } from './open-bucket.ts';
import type { PolicyMode } from './mode-policy.ts';
import type { PolicyDocument, Statement } from './policy-document.ts';

export type Access = 'read' | 'write' | 'both';
export type IamScope = Place & {
  /** For KMS calls that come by way of S3; null: any. */
  readonly region: string | null;
  /** Old versions too, for restoring. */
  readonly hasVersions: boolean;
};

/** The managed key has no ARN that is known beforehand; S3 uses it for whoever may use S3 here. */
const MANAGED_KEYS = 'arn:aws:kms:*:*:key/*';

function kmsStatements(mode: PolicyMode, access: Access, region: string | null): Statement[] {
  if (mode.id !== 'sse-kms' && mode.id !== 'cse-kms') return [];
  const isDirect = mode.id === 'cse-kms';
  // Parts are decrypted when a multipart upload is put together, and a folder's own key is unwrapped by whoever writes, too.
  const Action = access === 'read' ? ['kms:Decrypt'] : ['kms:Decrypt', 'kms:GenerateDataKey', ...(isDirect ? ['kms:Encrypt'] : [])];
  const through = isDirect ? {} : { Condition: { StringLike: { 'kms:ViaService': `s3.${region ?? '*'}.amazonaws.com` } } };
  return [{ Sid: isDirect ? 'UseKeyToEncryptHere' : 'UseKeyThroughS3', Effect: 'Allow', Action, Resource: mode.kmsKey ?? MANAGED_KEYS, ...through }];
}

/**
 * An identity policy.
 *
 * - `read`: list and read the folder, change nothing. For download folders, restores and auditors.
 * - `write`: add, replace and delete; of contents it may read only what the engine keeps for itself, so a backup of one direction can be
 *   written by who cannot read it back. HEAD needs the same permission as GET, so it works without confirming what it finds.
 * - `both`: what a folder in both directions needs.
 */
export function iamPolicy(scope: IamScope, mode: PolicyMode, access: Access): PolicyDocument {
  const { bucket, prefix, region, hasVersions } = scope;
  const objects = objectsArn(scope);
  const isRead = access !== 'write';
  const isWrite = access !== 'read';
  const within = prefix === '' ? {} : { Condition: { StringLike: { 's3:prefix': [`${prefix}*`] } } };
  const statements: Statement[] = [
    { Sid: 'ListFolder', Effect: 'Allow', Action: ['s3:ListBucket', ...(hasVersions && isRead ? ['s3:ListBucketVersions'] : [])], Resource: bucketArn(bucket), ...within },
    { Sid: 'ReadBucketSettings', Effect: 'Allow', Action: ['s3:GetBucketVersioning', 's3:GetEncryptionConfiguration'], Resource: bucketArn(bucket) },
    { Sid: 'ReadObjects', Effect: 'Allow', Action: ['s3:GetObject', ...(hasVersions && isRead ? ['s3:GetObjectVersion'] : [])], Resource: isRead ? objects : objectsArn({ bucket, prefix: `${prefix}.enfold/` }) },
  ];
  if (isWrite) {
    statements.push(
      { Sid: 'WriteObjects', Effect: 'Allow', Action: ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], Resource: objects },
      { Sid: 'FindUnfinishedUploads', Effect: 'Allow', Action: 's3:ListBucketMultipartUploads', Resource: bucketArn(bucket), ...within },
    );
  }
  // A renamed or re-encrypted object keeps its tags; a copy of one that has any is refused to who may not read and write them.
  if (isRead && isWrite) statements.push({ Sid: 'KeepTagsOfCopies', Effect: 'Allow', Action: ['s3:GetObjectTagging', 's3:PutObjectTagging'], Resource: objects });
  return { Version: '2012-10-17', Statement: [...statements, ...kmsStatements(mode, access, region)] };
}
