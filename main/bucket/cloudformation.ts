/** A bucket template as CloudFormation, in JSON, which CloudFormation takes as well as YAML. The bucket and its key stay when the stack goes. */
import type { LifecycleRule } from './checks.ts';
import { keyPolicy, NEW_KEY, prefixOfRule, type BucketTemplate } from './template.ts';

const KEY_ARN = { 'Fn::GetAtt': ['EnfoldKey', 'Arn'] };

/** The ARN of the key to be made, wherever it is named. */
function withKey(value: unknown): unknown {
  if (value === NEW_KEY) return KEY_ARN;
  if (Array.isArray(value)) return value.map(withKey);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withKey(member)]));
}

function ruleOf(rule: LifecycleRule): object {
  const { ID, Status, Expiration, Transitions, AbortIncompleteMultipartUpload, NoncurrentVersionExpiration } = rule;
  const { ExpiredObjectDeleteMarker } = (Expiration ?? {}) as { ExpiredObjectDeleteMarker?: boolean };
  const date = (value: unknown): string => (value instanceof Date ? value.toISOString() : String(value));
  return {
    ...(ID === undefined ? {} : { Id: ID }), Status, ...(prefixOfRule(rule) === '' ? {} : { Prefix: prefixOfRule(rule) }),
    ...(Expiration?.Days === undefined ? {} : { ExpirationInDays: Expiration.Days }), ...(Expiration?.Date === undefined ? {} : { ExpirationDate: date(Expiration.Date) }),
    ...(ExpiredObjectDeleteMarker === undefined ? {} : { ExpiredObjectDeleteMarker }),
    ...(Transitions === undefined ? {} : { Transitions: (Transitions as readonly { Days?: number; Date?: unknown; StorageClass?: string }[]).map(({ Days, Date: on, StorageClass }) => ({ StorageClass, ...(Days === undefined ? {} : { TransitionInDays: Days }), ...(on === undefined ? {} : { TransitionDate: date(on) }) })) }),
    ...(AbortIncompleteMultipartUpload === undefined ? {} : { AbortIncompleteMultipartUpload }), ...(NoncurrentVersionExpiration === undefined ? {} : { NoncurrentVersionExpiration }),
  };
}

export function renderCloudFormation(template: BucketTemplate): string {
  const { bucket, region, encryption: { algorithm, kmsKey, bucketKey, blocked }, versioning, publicAccess, ownership, lifecycle, policy, newKey, secret } = template;
  const bucketProperties = {
    BucketName: bucket,
    BucketEncryption: { ServerSideEncryptionConfiguration: [{
      ServerSideEncryptionByDefault: { SSEAlgorithm: algorithm, ...(kmsKey === null ? {} : { KMSMasterKeyID: kmsKey }) }, BucketKeyEnabled: bucketKey, ...(blocked.length === 0 ? {} : { BlockedEncryptionTypes: { EncryptionType: blocked } }),
    }] },
    ...(versioning === null ? {} : { VersioningConfiguration: { Status: versioning } }),
    ...(publicAccess === null ? {} : { PublicAccessBlockConfiguration: publicAccess }),
    ...(ownership === null ? {} : { OwnershipControls: { Rules: [{ ObjectOwnership: ownership }] } }),
    ...(lifecycle.length === 0 ? {} : { LifecycleConfiguration: { Rules: lifecycle.map(ruleOf) } }),
  };
  const kept = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' };
  const rootArn = { 'Fn::Sub': 'arn:${AWS::Partition}:iam::${AWS::AccountId}:root' };
  const resources = {
    ...(newKey === null ? {} : {
      EnfoldKey: { Type: 'AWS::KMS::Key', ...kept, Properties: { Description: `Encrypts ${bucket}`, EnableKeyRotation: true, KeyPolicy: keyPolicy(newKey.use, region, { rootArn, account: { Ref: 'AWS::AccountId' } }) } },
      EnfoldKeyAlias: { Type: 'AWS::KMS::Alias', Properties: { AliasName: newKey.alias, TargetKeyId: { Ref: 'EnfoldKey' } } },
    }),
    EnfoldBucket: { Type: 'AWS::S3::Bucket', ...kept, Properties: bucketProperties },
    ...(policy === null ? {} : { EnfoldBucketPolicy: { Type: 'AWS::S3::BucketPolicy', Properties: { Bucket: { Ref: 'EnfoldBucket' }, PolicyDocument: policy } } }),
    ...(secret === null ? {} : {
      EnfoldCustomerKey: { Type: 'AWS::SecretsManager::Secret', ...kept, Properties: { Name: secret, Description: `The customer key (SSE-C) of ${bucket}: 32 characters`, GenerateSecretString: { PasswordLength: 32, IncludeSpace: false, RequireEachIncludedType: true } } },
    }),
  };
  const outputs = {
    BucketName: { Value: { Ref: 'EnfoldBucket' } }, ...(newKey === null ? {} : { KmsKeyArn: { Value: KEY_ARN } }),
    ...(secret === null ? {} : { CustomerKeyArn: { Description: 'enfold key import NAME --from-secret ARN --connection NAME --type sse-c', Value: { Ref: 'EnfoldCustomerKey' } } }),
  };
  return `${JSON.stringify(withKey({ AWSTemplateFormatVersion: '2010-09-09', Description: `A bucket for Enfold: ${bucket}`, Resources: resources, Outputs: outputs }), null, 2)}\n`;
}
