/* oxlint-disable vitest/no-standalone-expect -- every case is run inside a test */
/** Server-side encryption as S3 does it: customer keys, KMS keys, the bucket's default, and copies between them. */
import {
  CompleteMultipartUploadCommand, CopyObjectCommand, CreateMultipartUploadCommand, DeleteBucketEncryptionCommand, GetBucketEncryptionCommand, GetObjectCommand, HeadObjectCommand, PutBucketEncryptionCommand,
  PutObjectCommand, UpdateObjectEncryptionCommand, UploadPartCommand, UploadPartCopyCommand, type ServerSideEncryptionRule,
} from '@aws-sdk/client-s3';
import { CreateAliasCommand, CreateKeyCommand, DescribeKeyCommand, DisableKeyCommand, KMSClient, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { Case, Given } from './conformance.ts';
import { refusal, type Target } from './target.ts';

const MIB = 1024 * 1024;
const md5Of = (content: Uint8Array): string => createHash('md5').update(content).digest('base64');

/** `SSECustomer*` as the SDK wants it, for objects and for the source of a copy. */
function customer(key: Uint8Array = randomBytes(32)) {
  const [text, md5] = [Buffer.from(key).toString('base64'), md5Of(key)];
  return {
    own: { SSECustomerAlgorithm: 'AES256', SSECustomerKey: text, SSECustomerKeyMD5: md5 },
    source: { CopySourceSSECustomerAlgorithm: 'AES256', CopySourceSSECustomerKey: text, CopySourceSSECustomerKeyMD5: md5 },
    headers: {
      'x-amz-server-side-encryption-customer-algorithm': 'AES256', 'x-amz-server-side-encryption-customer-key': text, 'x-amz-server-side-encryption-customer-key-md5': md5,
    },
    md5,
  };
}

const kmsOf = (target: Target): KMSClient => new KMSClient({ endpoint: target.endpoint, region: 'us-east-1', credentials: target, maxAttempts: 1 });
async function newKey(target: Target): Promise<{ readonly id: string; readonly arn: string }> {
  const { KeyMetadata } = await kmsOf(target).send(new CreateKeyCommand({}));
  return { id: KeyMetadata?.KeyId ?? '', arn: KeyMetadata?.Arn ?? '' };
}
const get = async ({ client, bucket }: Given, Key: string, more: object = {}): Promise<Buffer> =>
  Buffer.from(await (await client.send(new GetObjectCommand({ Bucket: bucket, Key, ...more }))).Body?.transformToByteArray() ?? []);
const head = ({ client, bucket }: Given, Key: string, more: object = {}) => client.send(new HeadObjectCommand({ Bucket: bucket, Key, ...more }));
const setDefault = ({ client, bucket }: Given, rule: ServerSideEncryptionRule) => client.send(new PutBucketEncryptionCommand({ Bucket: bucket, ServerSideEncryptionConfiguration: { Rules: [rule] } }));

const customerKeys: Case[] = [
  { name: 'keeps an object under a customer key, for those who bring it', run: async (given) => {
    const { client, bucket } = given;
    const { own, md5 } = customer();
    const body = randomBytes(150_000);
    const answer = await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'a', Body: body, ...own }));
    expect(answer).toMatchObject({ SSECustomerAlgorithm: 'AES256', SSECustomerKeyMD5: md5 });
    expect(answer.ServerSideEncryption).toBeUndefined();
    expect(answer.ETag).not.toBe(`"${createHash('md5').update(body).digest('hex')}"`);
    expect(Buffer.compare(await get(given, 'a', own), body)).toBe(0);
    expect(Buffer.compare(await get(given, 'a', { ...own, Range: 'bytes=65530-65540' }), body.subarray(65_530, 65_541))).toBe(0);
    expect(await head(given, 'a', own)).toMatchObject({ ContentLength: 150_000, ETag: answer.ETag, SSECustomerAlgorithm: 'AES256', SSECustomerKeyMD5: md5 });
  } },
  { name: 'refuses another customer key with 403, and none with 400', run: async (given) => {
    const { put } = given;
    await put('a', 'secret', customer().own);
    expect(await refusal(get(given, 'a', customer().own))).toEqual({ code: 'AccessDenied', status: 403 });
    expect(await refusal(head(given, 'a', customer().own))).toMatchObject({ status: 403 });
    expect(await refusal(get(given, 'a'))).toEqual({ code: 'InvalidRequest', status: 400 });
    expect(await refusal(head(given, 'a'))).toMatchObject({ status: 400 });
  } },
  { name: 'refuses a customer key for an object that has none', run: async (given) => {
    await given.put('a');
    expect(await refusal(get(given, 'a', customer().own))).toEqual({ code: 'InvalidRequest', status: 400 });
    expect(await refusal(head(given, 'a', customer().own))).toMatchObject({ status: 400 });
  } },
  { name: 'refuses a customer key that is incomplete, misspelt or not the one its MD5 says', run: async ({ target, bucket }) => {
    const put = (change: Record<string, string | undefined>) => {
      const headers = Object.fromEntries(Object.entries({ ...customer().headers, ...change }).filter((entry): entry is [string, string] => entry[1] !== undefined));
      return target.raw(`/${bucket}/a`, { method: 'PUT', body: 'x', headers });
    };
    const prefix = 'x-amz-server-side-encryption-customer-';
    for (const name of ['algorithm', 'key', 'key-md5']) expect(await put({ [prefix + name]: undefined })).toMatchObject({ status: 400, code: 'InvalidArgument' });
    expect(await put({ [`${prefix}key-md5`]: md5Of(randomBytes(32)) })).toMatchObject({ status: 400, code: 'InvalidArgument' });
    expect(await put({ [`${prefix}key`]: randomBytes(16).toString('base64') })).toMatchObject({ status: 400, code: 'InvalidArgument' });
    expect(await put({ [`${prefix}algorithm`]: 'AES128' })).toMatchObject({ status: 400, code: 'InvalidEncryptionAlgorithmError' });
    expect(await put({ 'x-amz-server-side-encryption': 'AES256' })).toMatchObject({ status: 400, code: 'InvalidArgument' });
    expect(await put({})).toMatchObject({ status: 200 });
  } },
  { name: 'wants the customer key with every part, and reads across them', run: async (given) => {
    const { client, bucket } = given;
    const { own, md5 } = customer();
    const parts = [randomBytes(5 * MIB), randomBytes(1000)];
    const started = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'a', ...own }));
    expect(started.SSECustomerKeyMD5).toBe(md5);
    const upload = { Bucket: bucket, Key: 'a', UploadId: started.UploadId };
    expect(await refusal(client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'x' })))).toEqual({ code: 'InvalidRequest', status: 400 });
    expect(await refusal(client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'x', ...customer().own })))).toEqual({ code: 'AccessDenied', status: 403 });
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    for (const [index, Body] of parts.entries()) {
      const part = await client.send(new UploadPartCommand({ ...upload, PartNumber: index + 1, Body, ...own }));
      expect(part.SSECustomerKeyMD5).toBe(md5);
      Parts.push({ PartNumber: index + 1, ETag: part.ETag });
    }
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
    expect(Buffer.compare(await get(given, 'a', own), Buffer.concat(parts))).toBe(0);
    expect(await refusal(get(given, 'a'))).toEqual({ code: 'InvalidRequest', status: 400 });
  } },
  { name: 'copies from one customer key to another, into parts too, and back to none', run: async (given) => {
    const { client, bucket, put, read } = given;
    const [first, second] = [customer(), customer()];
    const body = randomBytes(100_000);
    await put('a', body, first.own);
    const copy = (Key: string, more: object) => client.send(new CopyObjectCommand({ Bucket: bucket, Key, CopySource: `${bucket}/a`, ...more }));
    expect(await refusal(copy('b', second.own))).toEqual({ code: 'InvalidRequest', status: 400 });
    expect(await refusal(copy('b', { ...second.own, ...second.source }))).toEqual({ code: 'AccessDenied', status: 403 });
    expect(await copy('b', { ...second.own, ...first.source })).toMatchObject({ SSECustomerKeyMD5: second.md5 });
    expect(Buffer.compare(await get(given, 'b', second.own), body)).toBe(0);
    expect(await refusal(get(given, 'b', first.own))).toEqual({ code: 'AccessDenied', status: 403 });
    expect(await copy('c', first.source)).toMatchObject({ ServerSideEncryption: 'AES256' });
    expect(Buffer.compare(await read('c'), body)).toBe(0);
    await copy('a', { ...second.own, ...first.source });
    expect(Buffer.compare(await get(given, 'a', second.own), body)).toBe(0);
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'd', ...first.own }));
    const { CopyPartResult } = await client.send(new UploadPartCopyCommand({ Bucket: bucket, Key: 'd', UploadId, PartNumber: 1, CopySource: `${bucket}/a`, ...first.own, ...second.source }));
    await client.send(new CompleteMultipartUploadCommand({ Bucket: bucket, Key: 'd', UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag: CopyPartResult?.ETag }] } }));
    expect(Buffer.compare(await get(given, 'd', first.own), body)).toBe(0);
  } },
];

const kmsKeys: Case[] = [
  { name: 'makes the key that AWS would manage when an object asks for KMS without naming one', run: async (given) => {
    const { client, bucket, read, target } = given;
    const answer = await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'a', Body: 'hello', ServerSideEncryption: 'aws:kms' }));
    const { KeyMetadata } = await kmsOf(target).send(new DescribeKeyCommand({ KeyId: 'alias/aws/s3' }));
    expect(KeyMetadata).toMatchObject({ KeyManager: 'AWS', KeyState: 'Enabled' });
    expect(answer).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyMetadata?.Arn });
    expect(answer.ETag).not.toBe(`"${createHash('md5').update('hello').digest('hex')}"`);
    expect((await read('a')).toString()).toBe('hello');
    expect(await head(given, 'a')).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyMetadata?.Arn });
  } },
  { name: 'takes a KMS key by id, ARN, alias and alias ARN, and answers its ARN', run: async (given) => {
    const { target, client, bucket, read } = given;
    const key = await newKey(target);
    const alias = `alias/${bucket}`;
    await kmsOf(target).send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: key.id }));
    for (const SSEKMSKeyId of [key.id, key.arn, alias, key.arn.replace(/key\/.*$/, alias)]) {
      for (const ServerSideEncryption of ['aws:kms', 'aws:kms:dsse'] as const) {
        expect(await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'a', Body: SSEKMSKeyId, ServerSideEncryption, SSEKMSKeyId }))).toMatchObject({ ServerSideEncryption, SSEKMSKeyId: key.arn });
        expect((await read('a')).toString()).toBe(SSEKMSKeyId);
        expect(await head(given, 'a')).toMatchObject({ ServerSideEncryption, SSEKMSKeyId: key.arn });
      }
    }
  } },
  { name: 'takes an encryption context and a bucket key, and says so', run: async (given) => {
    const { client, bucket, read } = given;
    const SSEKMSEncryptionContext = Buffer.from(JSON.stringify({ department: 'ü' })).toString('base64');
    const answer = await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'a', Body: 'a', ServerSideEncryption: 'aws:kms', SSEKMSEncryptionContext, BucketKeyEnabled: true }));
    expect(answer).toMatchObject({ BucketKeyEnabled: true, SSEKMSEncryptionContext });
    expect((await head(given, 'a')).BucketKeyEnabled).toBe(true);
    expect((await read('a')).toString()).toBe('a');
    const refused = (more: object) => refusal(client.send(new PutObjectCommand({ Bucket: bucket, Key: 'b', Body: 'b', ...more })));
    expect(await refused({ ServerSideEncryption: 'aws:kms', SSEKMSEncryptionContext: 'nonsense' })).toEqual({ code: 'InvalidArgument', status: 400 });
    expect(await refused({ ServerSideEncryption: 'AES256', SSEKMSKeyId: 'alias/a' })).toEqual({ code: 'InvalidArgument', status: 400 });
    expect(await refused({ SSEKMSKeyId: 'alias/a' })).toEqual({ code: 'InvalidArgument', status: 400 });
  } },
  { name: 'refuses a KMS key that is missing, disabled or to be deleted, for writing and for reading', run: async (given) => {
    const { target, put, read } = given;
    const [disabled, doomed] = [await newKey(target), await newKey(target)];
    for (const { id } of [disabled, doomed]) await put(id, 'a', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: id });
    await kmsOf(target).send(new DisableKeyCommand({ KeyId: disabled.id }));
    await kmsOf(target).send(new ScheduleKeyDeletionCommand({ KeyId: doomed.id, PendingWindowInDays: 7 }));
    const write = (SSEKMSKeyId: string) => refusal(put('b', 'b', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId }));
    expect(await write(disabled.id)).toEqual({ code: 'KMS.DisabledException', status: 400 });
    expect(await refusal(read(disabled.id))).toEqual({ code: 'KMS.DisabledException', status: 400 });
    expect(await write(doomed.id)).toEqual({ code: 'KMS.KMSInvalidStateException', status: 400 });
    expect(await refusal(read(doomed.id))).toEqual({ code: 'KMS.KMSInvalidStateException', status: 400 });
    expect(await write('00000000-0000-4000-8000-000000000000')).toEqual({ code: 'KMS.NotFoundException', status: 400 });
    expect(await write('alias/none')).toEqual({ code: 'KMS.NotFoundException', status: 400 });
    expect((await head(given, disabled.id)).SSEKMSKeyId).toBe(disabled.arn);
  } },
  { name: 'makes an object of parts under a KMS key', run: async (given) => {
    const { target, client, bucket, read } = given;
    const key = await newKey(target);
    const started = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'a', ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key.id, BucketKeyEnabled: true }));
    expect(started).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key.arn, BucketKeyEnabled: true });
    const upload = { Bucket: bucket, Key: 'a', UploadId: started.UploadId };
    const part = await client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'of parts' }));
    expect(part).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key.arn });
    const done = await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part.ETag }] } }));
    expect(done).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key.arn, BucketKeyEnabled: true });
    expect((await read('a')).toString()).toBe('of parts');
  } },
  { name: 'updates an object from S3\'s key to a KMS key, and on to another, without touching its content', run: async (given) => {
    const { target, client, bucket, put, read } = given;
    const [first, second] = [await newKey(target), await newKey(target)];
    const body = randomBytes(100_000);
    const etag = await put('a', body, { Metadata: { m: '1' } });
    const update = (KMSKeyArn: string, Key = 'a') => client.send(new UpdateObjectEncryptionCommand({ Bucket: bucket, Key, ObjectEncryption: { SSEKMS: { KMSKeyArn, BucketKeyEnabled: true } } }));
    const before = await head(given, 'a');
    for (const key of [first, second]) {
      await update(key.arn);
      expect(await head(given, 'a')).toMatchObject({ ETag: etag, LastModified: before.LastModified, Metadata: { m: '1' }, ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key.arn, BucketKeyEnabled: true });
      expect(Buffer.compare(await read('a'), body)).toBe(0);
    }
    expect(await refusal(update(first.id))).toEqual({ code: 'InvalidRequest', status: 400 });
    await put('c', 'c', customer().own);
    expect(await refusal(update(first.arn, 'c'))).toEqual({ code: 'InvalidRequest', status: 400 });
  } },
];

const modes = ['sse-s3', 'sse-kms', 'sse-kms-dsse', 'sse-c'] as const;
const copies: Case[] = modes.flatMap((from) => modes.map((to): Case => ({ name: `copies from ${from} to ${to}`, run: async (given) => {
  const { target, client, bucket, put } = given;
  const [source, destination] = [customer(), customer()];
  const key = await newKey(target);
  const wished = (mode: (typeof modes)[number], keys: ReturnType<typeof customer>) => ({
    'sse-s3': { ServerSideEncryption: 'AES256' as const }, 'sse-kms': { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: key.id },
    'sse-kms-dsse': { ServerSideEncryption: 'aws:kms:dsse' as const, SSEKMSKeyId: key.id }, 'sse-c': keys.own,
  })[mode];
  const body = randomBytes(70_000);
  await put('a', body, wished(from, source));
  await client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'b', CopySource: `${bucket}/a`, ...wished(to, destination), ...(from === 'sse-c' && source.source) }));
  const toRead = to === 'sse-c' ? destination.own : {};
  expect(Buffer.compare(await get(given, 'b', toRead), body)).toBe(0);
  const expected = { 'sse-s3': { ServerSideEncryption: 'AES256' }, 'sse-kms': { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key.arn }, 'sse-kms-dsse': { ServerSideEncryption: 'aws:kms:dsse', SSEKMSKeyId: key.arn }, 'sse-c': { SSECustomerKeyMD5: destination.md5 } }[to];
  expect(await head(given, 'b', toRead)).toMatchObject(expected);
} })));

const defaults: Case[] = [
  { name: 'encrypts as the bucket says where the object says nothing, copies too', run: async (given) => {
    const { target, client, bucket, put } = given;
    const key = await newKey(target);
    await put('before');
    await setDefault(given, { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key.arn }, BucketKeyEnabled: true });
    expect((await client.send(new GetBucketEncryptionCommand({ Bucket: bucket }))).ServerSideEncryptionConfiguration?.Rules).toMatchObject([{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key.arn }, BucketKeyEnabled: true }]);
    await put('a');
    await client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'b', CopySource: `${bucket}/before` }));
    for (const Key of ['a', 'b']) expect(await head(given, Key)).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key.arn, BucketKeyEnabled: true });
    await put('c', 'c', { ServerSideEncryption: 'AES256' });
    expect((await head(given, 'c')).ServerSideEncryption).toBe('AES256');
    expect((await head(given, 'before')).ServerSideEncryption).toBe('AES256');
    await client.send(new DeleteBucketEncryptionCommand({ Bucket: bucket }));
    await put('d');
    expect((await head(given, 'd')).ServerSideEncryption).toBe('AES256');
  } },
  { name: 'blocks customer keys where the bucket says so, and allows them again', run: async (given) => {
    const { client, bucket, put } = given;
    const byDefault = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' as const } };
    const { own } = customer();
    await put('before', 'before', own);
    await setDefault(given, { ...byDefault, BlockedEncryptionTypes: { EncryptionType: ['SSE-C'] } });
    expect((await client.send(new GetBucketEncryptionCommand({ Bucket: bucket }))).ServerSideEncryptionConfiguration?.Rules?.[0]?.BlockedEncryptionTypes?.EncryptionType).toEqual(['SSE-C']);
    expect(await refusal(put('a', 'a', own))).toEqual({ code: 'AccessDenied', status: 403 });
    expect(await refusal(client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'a', ...own })))).toEqual({ code: 'AccessDenied', status: 403 });
    expect((await get(given, 'before', own)).toString()).toBe('before');
    await setDefault(given, { ...byDefault, BlockedEncryptionTypes: { EncryptionType: ['NONE'] } });
    await put('a', 'a', own);
    expect((await get(given, 'a', own)).toString()).toBe('a');
  } },
  { name: 'refuses a default that makes no sense', run: async (given) => {
    expect(await refusal(setDefault(given, { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256', KMSMasterKeyID: 'alias/a' } }))).toEqual({ code: 'InvalidArgument', status: 400 });
    expect(await refusal(setDefault(given, { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'ROT13' as 'AES256' } }))).toEqual({ code: 'MalformedXML', status: 400 });
  } },
];

export const ENCRYPTION_CASES: readonly Case[] = [...customerKeys, ...kmsKeys, ...copies, ...defaults];
