/* oxlint-disable vitest/no-standalone-expect -- every case is run inside a test */
/** Bucket policies that enforce modes, and what else can be set for buckets and objects. */
import {
  CopyObjectCommand, CreateMultipartUploadCommand, DeleteBucketLifecycleCommand, DeleteBucketPolicyCommand, DeleteObjectCommand, DeleteObjectsCommand, DeleteObjectTaggingCommand, DeletePublicAccessBlockCommand,
  GetBucketLifecycleConfigurationCommand, GetBucketOwnershipControlsCommand, GetBucketPolicyCommand, GetBucketTaggingCommand, GetObjectCommand, GetObjectTaggingCommand, GetPublicAccessBlockCommand,
  HeadObjectCommand, ListObjectsV2Command, PutBucketLifecycleConfigurationCommand, PutBucketOwnershipControlsCommand, PutBucketPolicyCommand, PutBucketTaggingCommand, PutObjectTaggingCommand,
  PutPublicAccessBlockCommand, UploadPartCommand,
} from '@aws-sdk/client-s3';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { Case, Given } from './conformance.ts';
import { refusal } from './target.ts';

const denied = { code: 'AccessDenied', status: 403 };
type Part = Record<string, unknown>;
const setPolicy = ({ client, bucket }: Given, ...statements: Part[]) => client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement: statements }) }));
const denial = ({ bucket }: Given, Condition: Part | undefined, more: Part = {}): Part => ({ Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: `arn:aws:s3:::${bucket}/*`, Condition, ...more });
const customerKey = () => {
  const key = randomBytes(32);
  return { SSECustomerAlgorithm: 'AES256', SSECustomerKey: key.toString('base64'), SSECustomerKeyMD5: createHash('md5').update(key).digest('base64') };
};
const SSE = 's3:x-amz-server-side-encryption';

const policies: Case[] = [
  { name: 'enforces an encryption by policy: a wrong one and none are refused, parts are judged by their upload', run: async (given) => {
    const { client, bucket, put } = given;
    await setPolicy(given, denial(given, { Null: { [SSE]: 'true' } }), denial(given, { StringNotEquals: { [SSE]: 'aws:kms' } }));
    expect(await refusal(put('a'))).toEqual(denied);
    expect(await refusal(put('a', 'a', { ServerSideEncryption: 'AES256' }))).toEqual(denied);
    expect(await refusal(put('a', 'a', customerKey()))).toEqual(denied);
    await put('a', 'a', { ServerSideEncryption: 'aws:kms' });
    expect(await refusal(client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'b', CopySource: `${bucket}/a` })))).toEqual(denied);
    await client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'b', CopySource: `${bucket}/a`, ServerSideEncryption: 'aws:kms' }));
    expect(await refusal(client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'c' })))).toEqual(denied);
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'c', ServerSideEncryption: 'aws:kms' }));
    expect((await client.send(new UploadPartCommand({ Bucket: bucket, Key: 'c', UploadId, PartNumber: 1, Body: 'x' }))).ETag).toBeDefined();
  } },
  { name: 'enforces one KMS key by policy, however a request names it', run: async (given) => {
    const { target, put } = given;
    const kms = new KMSClient({ endpoint: target.endpoint, region: 'us-east-1', credentials: target });
    const [right, wrong] = [(await kms.send(new CreateKeyCommand({}))).KeyMetadata, (await kms.send(new CreateKeyCommand({}))).KeyMetadata];
    await setPolicy(given, denial(given, { StringNotEquals: { [`${SSE}-aws-kms-key-id`]: right?.Arn } }));
    for (const SSEKMSKeyId of [right?.Arn, right?.KeyId]) await put('a', 'a', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId });
    expect(await refusal(put('a', 'a', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: wrong?.Arn }))).toEqual(denied);
    expect(await refusal(put('a', 'a', { ServerSideEncryption: 'aws:kms' }))).toEqual(denied);
    // A condition that negates holds where there is nothing to compare, with IfExists too: what is not given must be excepted by Null.
    await setPolicy(given, denial(given, { StringNotEqualsIfExists: { [`${SSE}-aws-kms-key-id`]: right?.Arn }, Null: { [`${SSE}-aws-kms-key-id`]: 'false' } }));
    await put('a', 'a', { ServerSideEncryption: 'aws:kms' });
    expect(await refusal(put('a', 'a', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: wrong?.Arn }))).toEqual(denied);
  } },
  { name: 'enforces or forbids customer keys by policy', run: async (given) => {
    const name = `${SSE}-customer-algorithm`;
    await setPolicy(given, denial(given, { Null: { [name]: 'true' } }));
    expect(await refusal(given.put('a'))).toEqual(denied);
    await given.put('a', 'a', customerKey());
    await setPolicy(given, denial(given, { Null: { [name]: 'false' } }));
    expect(await refusal(given.put('a', 'a', customerKey()))).toEqual(denied);
    await given.put('a');
  } },
  { name: 'denies by prefix, resource, pattern and transport', run: async (given) => {
    const { client, bucket, put, read } = given;
    for (const key of ['private/a', 'public/a', 'x.tmp']) await put(key);
    await setPolicy(given,
      denial(given, { StringLike: { 's3:prefix': ['private/*'] } }, { Action: 's3:ListBucket', Resource: `arn:aws:s3:::${bucket}` }),
      denial(given, undefined, { Action: ['s3:GetObject', 's3:Delete*'], Resource: [`arn:aws:s3:::${bucket}/private/*`, `arn:aws:s3:::${bucket}/?.tmp`] }));
    const list = (Prefix?: string) => refusal(client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix })));
    expect(await list('private/x')).toEqual(denied);
    expect(await list('public/')).toMatchObject({ status: 200 });
    expect(await list()).toMatchObject({ status: 200 });
    expect(await refusal(read('private/a'))).toEqual(denied);
    expect(await refusal(client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'private/a' })))).toMatchObject({ status: 403 });
    expect(await refusal(client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'b', CopySource: `${bucket}/private/a` })))).toEqual(denied);
    expect(await refusal(client.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'x.tmp' })))).toEqual(denied);
    const { Deleted, Errors } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: [{ Key: 'private/a' }, { Key: 'public/a' }] } }));
    expect(Deleted?.map(({ Key }) => Key)).toEqual(['public/a']);
    expect(Errors).toMatchObject([{ Key: 'private/a', Code: 'AccessDenied' }]);
    await setPolicy(given, denial(given, { Bool: { 'aws:SecureTransport': 'false' } }));
    expect((await refusal(put('a'))).code).toBe(given.target.endpoint.startsWith('https') ? 'accepted' : 'AccessDenied');
  } },
  { name: 'gives a policy back as it was put; the root key can always take it back', run: async (given) => {
    const { client, bucket, put } = given;
    expect(await refusal(client.send(new GetBucketPolicyCommand({ Bucket: bucket })))).toEqual({ code: 'NoSuchBucketPolicy', status: 404 });
    const everything = denial(given, undefined, { Action: 's3:*', Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`] });
    await setPolicy(given, everything);
    expect(await refusal(put('a'))).toEqual(denied);
    expect(JSON.parse((await client.send(new GetBucketPolicyCommand({ Bucket: bucket }))).Policy ?? '')).toEqual({ Version: '2012-10-17', Statement: [everything] });
    await client.send(new DeleteBucketPolicyCommand({ Bucket: bucket }));
    await put('a');
  } },
  ...([
    ['text that is no JSON', 'nonsense'], ['no statement', '{}'], ['an unknown effect', { Effect: 'Maybe' }], ['no principal', { Principal: undefined }], ['an unknown principal', { Principal: { AWS: 'somebody' } }],
    ['an action of another service', { Action: 'ec2:RunInstances' }], ['another bucket', { Resource: 'arn:aws:s3:::another-bucket/*' }], ['a resource that is no ARN', { Resource: '*' }],
    ['an action that fits no resource', { Action: 's3:ListBucket' }], ['an unknown condition', { Condition: { StringSortOf: { 's3:prefix': 'a' } } }], ['an unknown field', { Colour: 'red' }],
    ['a condition key of nobody', { Condition: { StringEquals: { prefix: 'a' } } }],
  ] as const).map(([what, change]): Case => ({ name: `refuses a policy with ${what}`, run: async (given) => {
    const { client, bucket } = given;
    const Policy = typeof change === 'string' ? change : JSON.stringify({ Version: '2012-10-17', Statement: [denial(given, undefined, change)] });
    expect(await refusal(client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy })))).toEqual({ code: 'MalformedPolicy', status: 400 });
  } })),
  ...([
    ['an address that is none', { IpAddress: { 'aws:SourceIp': '10.0.0.0/33' } }], ['a time that is none', { DateLessThan: { 'aws:CurrentTime': 'tomorrow' } }], ['a number that is none', { NumericLessThan: { 's3:max-keys': 'ten' } }],
    ['a flag that is none', { Bool: { 'aws:SecureTransport': 'perhaps' } }], ['a missing that is none', { Null: { [SSE]: 'perhaps' } }], ['a test for missing that may be missing', { NullIfExists: { [SSE]: 'true' } }],
    ['a quantifier nobody knows', { 'ForMostValues:StringEquals': { 's3:prefix': 'a' } }], ['no values', { StringEquals: { 's3:prefix': [] } }], ['a variable nobody knows', { StringLike: { 's3:prefix': '${nonsense}/*' } }],
  ] as const satisfies readonly (readonly [string, Part])[]).map(([what, Condition]): Case => ({ name: `refuses a policy whose condition has ${what}`, run: async (given) => {
    expect(await refusal(setPolicy(given, denial(given, Condition)))).toEqual({ code: 'MalformedPolicy', status: 400 });
    await given.put('a');
  } })),
  // What is denied under a condition shows by a write; each of these holds, or does not, for a request to a server on this computer.
  ...([
    ['an address within a network', { IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '127.0.0.0/8', '::1'] } }, true], ['an address outside of one', { IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '2001:db8::/32'] } }, false],
    ['no address of a network', { NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, true], ['no address of its own network', { NotIpAddress: { 'aws:SourceIp': ['127.0.0.1', '::1'] } }, false],
    ['a time before', { DateLessThan: { 'aws:CurrentTime': '2100-01-01T00:00:00Z' } }, true], ['a time after', { DateGreaterThan: { 'aws:CurrentTime': '2100-01-01T00:00:00Z' } }, false],
    ['a time in seconds', { DateGreaterThan: { 'aws:EpochTime': '1000000000' } }, true], ['an age of the signature', { NumericGreaterThan: { 's3:signatureAge': 600_000 } }, false], ['a fresh signature', { NumericLessThanEquals: { 's3:signatureAge': 600_000 } }, true],
    ['any value that fits', { 'ForAnyValue:StringLike': { 'aws:UserAgent': '*' } }, true], ['any value where there is none', { 'ForAnyValue:StringLike': { 'aws:CalledVia': '*' } }, false],
    ['all values where there are none', { 'ForAllValues:StringEquals': { 'aws:CalledVia': 'athena.amazonaws.com' } }, true], ['all values that do not fit', { 'ForAllValues:StringEquals': { 's3:authType': 'REST-QUERY-STRING' } }, false],
    ['a network it has no part in', { StringEquals: { 'aws:SourceVpc': 'vpc-1' } }, false], ['any other network', { StringNotEquals: { 'aws:SourceVpc': 'vpc-1' } }, true], ['a network if it has one', { StringEqualsIfExists: { 'aws:SourceVpc': 'vpc-1' } }, true],
    ['an ARN by its parts', { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:*' } }, true], ['an ARN whose wildcard would reach over parts', { ArnLike: { 'aws:PrincipalArn': 'arn:*:root' } }, false],
    ['a text but for its case', { StringEqualsIgnoreCase: { 's3:authType': 'rest-header' } }, true], ['two conditions of which one does not hold', { StringEquals: { 's3:authType': 'REST-HEADER' }, Bool: { 'aws:ViaAWSService': 'true' } }, false],
    ['a variable with a default', { StringEquals: { 's3:authType': "${aws:SourceVpc, 'REST-HEADER'}" } }, true], ['a variable without a value', { StringEquals: { 's3:authType': '${aws:SourceVpc}' } }, false],
  ] as const satisfies readonly (readonly [string, Part, boolean])[]).map(([what, Condition, holds]): Case => ({ name: `${holds ? 'obeys' : 'does not apply'} a denial under a condition of ${what}`, run: async (given) => {
    await setPolicy(given, denial(given, Condition));
    expect((await refusal(given.put('a'))).code).toBe(holds ? 'AccessDenied' : 'accepted');
  } })),
  { name: 'denies by the tags an object has', run: async (given) => {
    await given.put('secret', 'x', { Tagging: 'Class=secret' });
    await given.put('open', 'x', { Tagging: 'Class=open' });
    await given.put('plain');
    await setPolicy(given, denial(given, { StringEquals: { 's3:ExistingObjectTag/Class': 'secret' } }, { Action: 's3:GetObject' }));
    expect(await refusal(given.read('secret'))).toEqual(denied);
    for (const key of ['open', 'plain']) expect((await given.read(key)).length).toBeGreaterThan(0);
  } },
  { name: 'denies everything but what is named, by NotAction, NotResource and NotPrincipal', run: async (given) => {
    const { bucket, put, read } = given;
    await put('a/x');
    await put('b/x');
    const objects = `arn:aws:s3:::${bucket}/*`;
    await setPolicy(given, { Effect: 'Deny', Principal: '*', NotAction: ['s3:PutObject', 's3:*BucketPolicy'], Resource: [objects, `arn:aws:s3:::${bucket}`] });
    await put('a/x');
    expect(await refusal(read('a/x'))).toEqual(denied);
    await setPolicy(given, { Effect: 'Deny', Principal: '*', Action: 's3:GetObject', NotResource: `arn:aws:s3:::${bucket}/a/*` });
    expect((await read('a/x')).toString()).toBe('a/x');
    expect(await refusal(read('b/x'))).toEqual(denied);
    await setPolicy(given, { Effect: 'Deny', NotPrincipal: { AWS: 'arn:aws:iam::000000000000:user/nobody' }, Action: 's3:GetObject', Resource: objects });
    expect(await refusal(read('a/x'))).toEqual(denied);
    await setPolicy(given, { Effect: 'Deny', NotPrincipal: { AWS: given.target.accessKeyId }, Action: 's3:GetObject', Resource: objects });
    expect((await read('a/x')).toString()).toBe('a/x');
  } },
  { name: 'refuses a policy whose condition it cannot decide, instead of ignoring it', run: async (given) => {
    expect(await refusal(setPolicy(given, denial(given, { StringEquals: { 's3:JobSuspendedCause': 'b' } })))).toEqual({ code: 'NotImplemented', status: 501 });
    expect(await refusal(setPolicy(given, denial(given, { StringEquals: { 's3:InventoryAccessibleOptionalFields': 'x' } })))).toEqual({ code: 'NotImplemented', status: 501 });
  } },
  { name: 'refuses a public policy while public policies are blocked', run: async (given) => {
    const { client, bucket } = given;
    const open = denial(given, undefined, { Effect: 'Allow', Action: 's3:GetObject' });
    expect((await client.send(new GetPublicAccessBlockCommand({ Bucket: bucket }))).PublicAccessBlockConfiguration?.BlockPublicPolicy).toBe(true);
    expect(await refusal(setPolicy(given, open))).toEqual(denied);
    await client.send(new PutPublicAccessBlockCommand({ Bucket: bucket, PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: false } }));
    expect((await client.send(new GetPublicAccessBlockCommand({ Bucket: bucket }))).PublicAccessBlockConfiguration).toEqual({ BlockPublicAcls: true, IgnorePublicAcls: false, BlockPublicPolicy: false, RestrictPublicBuckets: false });
    await setPolicy(given, open);
    await client.send(new DeletePublicAccessBlockCommand({ Bucket: bucket }));
    expect(await refusal(client.send(new GetPublicAccessBlockCommand({ Bucket: bucket })))).toEqual({ code: 'NoSuchPublicAccessBlockConfiguration', status: 404 });
  } },
];

const settings: Case[] = [
  { name: 'keeps tags of objects, from header and document, and copies or replaces them', run: async ({ client, bucket, put }) => {
    const tagsOf = async (Key: string) => (await client.send(new GetObjectTaggingCommand({ Bucket: bucket, Key }))).TagSet;
    await put('a', 'a', { Tagging: 'colour=red&name=%C3%BC' });
    expect(await tagsOf('a')).toEqual([{ Key: 'colour', Value: 'red' }, { Key: 'name', Value: 'ü' }]);
    expect((await client.send(new GetObjectCommand({ Bucket: bucket, Key: 'a' }))).TagCount).toBe(2);
    await client.send(new PutObjectTaggingCommand({ Bucket: bucket, Key: 'a', Tagging: { TagSet: [{ Key: 'size', Value: 'small' }] } }));
    await client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'b', CopySource: `${bucket}/a` }));
    expect(await tagsOf('b')).toEqual([{ Key: 'size', Value: 'small' }]);
    await client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'c', CopySource: `${bucket}/a`, TaggingDirective: 'REPLACE', Tagging: 'x=y' }));
    expect(await tagsOf('c')).toEqual([{ Key: 'x', Value: 'y' }]);
    await client.send(new DeleteObjectTaggingCommand({ Bucket: bucket, Key: 'a' }));
    expect(await tagsOf('a')).toEqual([]);
    const tooMany = Array.from({ length: 11 }, (_, index) => ({ Key: `k${index}`, Value: '' }));
    expect(await refusal(client.send(new PutObjectTaggingCommand({ Bucket: bucket, Key: 'a', Tagging: { TagSet: tooMany } })))).toEqual({ code: 'InvalidTag', status: 400 });
    expect(await refusal(put('d', 'd', { Tagging: 'a=1&a=2' }))).toEqual({ code: 'InvalidTag', status: 400 });
  } },
  { name: 'keeps lifecycle rules, ownership and tags of a bucket', run: async ({ client, bucket }) => {
    const rule = { ID: 'tidy', Status: 'Enabled' as const, Filter: { Prefix: '' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } };
    expect(await refusal(client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket })))).toEqual({ code: 'NoSuchLifecycleConfiguration', status: 404 });
    await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket: bucket, LifecycleConfiguration: { Rules: [rule] } }));
    expect((await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }))).Rules).toEqual([rule]);
    await client.send(new DeleteBucketLifecycleCommand({ Bucket: bucket }));
    expect(await refusal(client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket })))).toEqual({ code: 'NoSuchLifecycleConfiguration', status: 404 });
    expect((await client.send(new GetBucketOwnershipControlsCommand({ Bucket: bucket }))).OwnershipControls?.Rules).toEqual([{ ObjectOwnership: 'BucketOwnerEnforced' }]);
    await client.send(new PutBucketOwnershipControlsCommand({ Bucket: bucket, OwnershipControls: { Rules: [{ ObjectOwnership: 'ObjectWriter' }] } }));
    expect((await client.send(new GetBucketOwnershipControlsCommand({ Bucket: bucket }))).OwnershipControls?.Rules).toEqual([{ ObjectOwnership: 'ObjectWriter' }]);
    await client.send(new PutBucketTaggingCommand({ Bucket: bucket, Tagging: { TagSet: [{ Key: 'a', Value: 'b' }] } }));
    expect((await client.send(new GetBucketTaggingCommand({ Bucket: bucket }))).TagSet).toEqual([{ Key: 'a', Value: 'b' }]);
  } },
];

export const POLICY_CASES: readonly Case[] = [...policies, ...settings];
