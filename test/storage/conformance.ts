/* oxlint-disable vitest/no-standalone-expect -- every case is run inside a test */
/** What any S3 server does, as named cases against a target: a fresh bucket for each. */
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CopyObjectCommand, CreateBucketCommand, CreateMultipartUploadCommand, DeleteBucketCommand,
  DeleteObjectCommand, DeleteObjectsCommand, GetBucketEncryptionCommand, GetBucketLocationCommand, GetBucketVersioningCommand, GetObjectCommand, HeadBucketCommand,
  HeadObjectCommand, ListBucketsCommand, ListMultipartUploadsCommand, ListObjectsCommand, ListObjectsV2Command, ListPartsCommand, PutObjectCommand, UploadPartCommand,
  UploadPartCopyCommand, type PutObjectCommandInput, type S3Client,
} from '@aws-sdk/client-s3';
import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { ENCRYPTION_CASES } from './encryption-cases.ts';
import { KMS_CASES } from './kms-cases.ts';
import { POLICY_CASES } from './policy-cases.ts';
import { REQUEST_CASES } from './request-cases.ts';
import { refusal, type Target } from './target.ts';
import { VERSION_CASES } from './version-cases.ts';

export type Case = { readonly name: string; readonly run: (given: Given) => Promise<void> };
export type Given = { readonly target: Target; readonly client: S3Client; readonly bucket: string; readonly put: (key: string, body?: string | Uint8Array, more?: Partial<PutObjectCommandInput>) => Promise<string>; readonly read: (key: string, range?: string) => Promise<Buffer> };

const md5Hex = (content: string | Uint8Array): string => createHash('md5').update(content).digest('hex');
const MIB = 1024 * 1024;

export async function runCase(target: Target, { run }: Case): Promise<void> {
  const { client } = target;
  const bucket = target.newBucketName();
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  await run({
    target, client, bucket,
    put: async (key, body = key, more = {}) => (await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...more }))).ETag ?? '',
    read: async (key, range) => Buffer.from((await (await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: range }))).Body?.transformToByteArray()) ?? []),
  });
}

async function multipart({ client, bucket }: Given, key: string, parts: readonly Uint8Array[]): Promise<{ uploadId: string; completed: { PartNumber: number; ETag: string }[] }> {
  const { UploadId = '' } = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: key, Metadata: { made: 'of parts' }, ContentType: 'text/x-parts' }));
  const completed: { PartNumber: number; ETag: string }[] = [];
  for (const [index, part] of parts.entries()) {
    const { ETag = '' } = await client.send(new UploadPartCommand({ Bucket: bucket, Key: key, UploadId, PartNumber: index + 1, Body: part }));
    completed.push({ PartNumber: index + 1, ETag });
  }
  return { uploadId: UploadId, completed };
}

const complete = ({ client, bucket }: Given, key: string, uploadId: string, parts: { PartNumber: number; ETag: string }[], more = {}) =>
  client.send(new CompleteMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId, MultipartUpload: { Parts: parts }, ...more }));

const buckets: Case[] = [
  { name: 'lists a bucket that was created, and finds it', run: async ({ client, bucket }) => {
    const { Buckets = [] } = await client.send(new ListBucketsCommand({}));
    expect(Buckets.map(({ Name }) => Name)).toContain(bucket);
    expect((await client.send(new HeadBucketCommand({ Bucket: bucket }))).$metadata.httpStatusCode).toBe(200);
  } },
  { name: 'answers 404 for a bucket that is not there', run: async ({ client, target }) => {
    const Bucket = target.newBucketName();
    expect(await refusal(client.send(new HeadBucketCommand({ Bucket })))).toMatchObject({ status: 404 });
    expect(await refusal(client.send(new ListObjectsV2Command({ Bucket })))).toEqual({ code: 'NoSuchBucket', status: 404 });
    expect(await refusal(client.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'a' })))).toEqual({ code: 'NoSuchBucket', status: 404 });
  } },
  { name: 'refuses to create a bucket twice', run: async ({ client, bucket }) => {
    expect(await refusal(client.send(new CreateBucketCommand({ Bucket: bucket })))).toEqual({ code: 'BucketAlreadyOwnedByYou', status: 409 });
  } },
  { name: 'deletes an empty bucket and refuses a full one', run: async ({ client, bucket, put }) => {
    await put('a');
    expect(await refusal(client.send(new DeleteBucketCommand({ Bucket: bucket })))).toEqual({ code: 'BucketNotEmpty', status: 409 });
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'a' }));
    await client.send(new DeleteBucketCommand({ Bucket: bucket }));
    expect(await refusal(client.send(new HeadBucketCommand({ Bucket: bucket })))).toMatchObject({ status: 404 });
  } },
  { name: 'remembers a location constraint', run: async ({ client, target, bucket }) => {
    const Bucket = target.newBucketName();
    await client.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }));
    expect((await client.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).toBe('eu-central-1');
    expect((await client.send(new GetBucketLocationCommand({ Bucket: bucket }))).LocationConstraint ?? '').toBe('');
  } },
  ...['ab', 'A-bucket', 'a..b', '192.168.1.1', '-abc', 'abc-', 'a_b', 'x'.repeat(64), 'xn--abc'].map((name): Case => ({
    name: `refuses the bucket name ${JSON.stringify(name)}`,
    run: async ({ target }) => expect(await target.raw(`/${name}`, { method: 'PUT' })).toMatchObject({ status: 400, code: 'InvalidBucketName' }),
  })),
  { name: 'says that objects are encrypted by default and that versioning is off', run: async ({ client, bucket }) => {
    const { ServerSideEncryptionConfiguration } = await client.send(new GetBucketEncryptionCommand({ Bucket: bucket }));
    expect(ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm).toBe('AES256');
    expect((await client.send(new GetBucketVersioningCommand({ Bucket: bucket }))).Status).toBeUndefined();
  } },
];

const sizes = [0, 1, 65_535, 65_536, 65_537, 131_072, 1_000_003, 6 * MIB];
const oddKeys = ['a b', 'a+b', 'ü/日本語/😀', 'a//b', '/leading', 'trailing/', 'per%20cent', '?#&=;:@', '<xml>&amp;"', 'a\\b', '..', '../../etc/passwd', './.', '~!*\'()', 'tab\there', '\u0001', 'x'.repeat(1024)];

const objects: Case[] = [
  ...sizes.map((size): Case => ({ name: `gives back ${size} bytes as they came`, run: async ({ client, bucket, put, read }) => {
    const body = randomBytes(size);
    expect(await put('a', body)).toBe(`"${md5Hex(body)}"`);
    expect(md5Hex(await read('a'))).toBe(md5Hex(body));
    expect((await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'a' }))).ContentLength).toBe(size);
  } })),
  { name: 'keeps headers and user metadata, and says how the object is encrypted', run: async ({ client, bucket, put }) => {
    const headers = { ContentType: 'text/plain; charset=utf-8', ContentEncoding: 'gzip', ContentDisposition: 'attachment; filename="a"', ContentLanguage: 'de', CacheControl: 'no-store' };
    await put('a', 'a', { ...headers, Metadata: { one: '1', 'two-words': 'x y  z' } });
    expect(await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'a' }))).toMatchObject({ ...headers, Metadata: { one: '1', 'two-words': 'x y  z' }, ServerSideEncryption: 'AES256', AcceptRanges: 'bytes' });
    await put('b');
    expect((await client.send(new GetObjectCommand({ Bucket: bucket, Key: 'b' }))).ServerSideEncryption).toBe('AES256');
  } },
  { name: 'takes 2 KB of user metadata and refuses more', run: async ({ put }) => {
    await put('a', 'a', { Metadata: { m: 'x'.repeat(2047) } });
    expect(await refusal(put('b', 'b', { Metadata: { m: 'x'.repeat(2048) } }))).toEqual({ code: 'MetadataTooLarge', status: 400 });
  } },
  { name: 'replaces an object and answers the new one', run: async ({ put, read }) => {
    await put('a', 'first');
    await put('a', randomBytes(200_000));
    await put('a', 'third');
    expect((await read('a')).toString()).toBe('third');
  } },
  { name: 'answers 404 for a key that is not there, and 204 for its deletion', run: async ({ client, bucket, read }) => {
    expect(await refusal(read('none'))).toEqual({ code: 'NoSuchKey', status: 404 });
    expect(await refusal(client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'none' })))).toEqual({ code: 'NotFound', status: 404 });
    expect((await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'none' }))).$metadata.httpStatusCode).toBe(204);
  } },
  { name: 'keeps odd keys apart and lists them in byte order', run: async ({ target, bucket, client }) => {
    for (const key of oddKeys) expect((await target.raw(`/${bucket}/${key}`, { method: 'PUT', body: key })).status).toBe(200);
    for (const key of oddKeys) expect((await target.raw(`/${bucket}/${key}`)).body.toString()).toBe(key);
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, EncodingType: 'url' }));
    const expected = oddKeys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(Contents.map(({ Key = '' }) => decodeURIComponent(Key.replaceAll('+', ' ')))).toEqual(expected);
  } },
  { name: 'refuses a key of more than 1,024 bytes', run: async ({ put }) => {
    expect(await refusal(put('x'.repeat(1025), 'a'))).toEqual({ code: 'KeyTooLongError', status: 400 });
    expect(await refusal(put('ü'.repeat(513), 'a'))).toEqual({ code: 'KeyTooLongError', status: 400 });
  } },
  { name: 'deletes many keys at once, in either style of answer', run: async ({ client, bucket, put }) => {
    for (const key of ['a', 'b', 'c<&>']) await put(key);
    const loud = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: [{ Key: 'a' }, { Key: 'none' }, { Key: 'c<&>' }] } }));
    expect(loud.Deleted?.map(({ Key = '' }) => Key).toSorted()).toEqual(['a', 'c<&>', 'none']);
    const quiet = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: [{ Key: 'b' }], Quiet: true } }));
    expect(quiet.Deleted ?? []).toEqual([]);
    expect((await client.send(new ListObjectsV2Command({ Bucket: bucket }))).KeyCount).toBe(0);
  } },
];

const ranges: Case[] = ([
  ['bytes=0-0', 0, 1], ['bytes=0-', 0, 200_000], ['bytes=65535-65536', 65_535, 65_537], ['bytes=65536-131071', 65_536, 131_072],
  ['bytes=199999-', 199_999, 200_000], ['bytes=-1', 199_999, 200_000], ['bytes=-300000', 0, 200_000], ['bytes=100-999999', 100, 200_000],
] as const).map(([range, start, end]): Case => ({ name: `answers the range ${range}`, run: async ({ client, bucket, put }) => {
  const body = randomBytes(200_000);
  await put('a', body);
  const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: 'a', Range: range }));
  expect(answer).toMatchObject({ ContentRange: `bytes ${start}-${end - 1}/200000`, ContentLength: end - start, $metadata: { httpStatusCode: 206 } });
  expect(Buffer.compare(Buffer.from(await answer.Body?.transformToByteArray() ?? []), body.subarray(start, end))).toBe(0);
} })).concat([
  { name: 'refuses a range behind the end, and any range of an empty object', run: async ({ put, read }) => {
    await put('a', 'abc');
    await put('empty', '');
    expect(await refusal(read('a', 'bytes=3-'))).toEqual({ code: 'InvalidRange', status: 416 });
    expect(await refusal(read('a', 'bytes=-0'))).toEqual({ code: 'InvalidRange', status: 416 });
    expect(await refusal(read('empty', 'bytes=0-0'))).toEqual({ code: 'InvalidRange', status: 416 });
  } },
  { name: 'answers the whole object for a range that is none', run: async ({ put, read }) => {
    await put('a', 'abc');
    expect((await read('a', 'bytes=2-1')).toString()).toBe('abc');
    expect((await read('a', 'lines=0-1')).toString()).toBe('abc');
  } },
]);

const conditions: Case[] = [
  { name: 'reads under conditions', run: async ({ client, bucket, put }) => {
    const etag = await put('a');
    const get = (more: object) => refusal(client.send(new GetObjectCommand({ Bucket: bucket, Key: 'a', ...more })));
    expect(await get({ IfMatch: etag })).toMatchObject({ status: 200 });
    expect(await get({ IfMatch: '"0"' })).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect(await get({ IfNoneMatch: etag })).toMatchObject({ status: 304 });
    expect(await get({ IfNoneMatch: '"0"' })).toMatchObject({ status: 200 });
    expect(await get({ IfModifiedSince: new Date(Date.now() + 3600_000) })).toMatchObject({ status: 304 });
    expect(await get({ IfUnmodifiedSince: new Date(0) })).toMatchObject({ status: 412 });
    expect(await get({ IfMatch: etag, IfUnmodifiedSince: new Date(0) })).toMatchObject({ status: 200 });
  } },
  { name: 'creates only where nothing is', run: async ({ put, read }) => {
    await put('a', 'first', { IfNoneMatch: '*' });
    expect(await refusal(put('a', 'second', { IfNoneMatch: '*' }))).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect((await read('a')).toString()).toBe('first');
  } },
  { name: 'replaces only the version that was named', run: async ({ put, read }) => {
    const etag = await put('a', 'first');
    expect(await refusal(put('a', 'x', { IfMatch: '"00000000000000000000000000000000"' }))).toEqual({ code: 'PreconditionFailed', status: 412 });
    await put('a', 'second', { IfMatch: etag });
    expect(await refusal(put('a', 'x', { IfMatch: etag }))).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect((await read('a')).toString()).toBe('second');
    expect(await refusal(put('none', 'x', { IfMatch: etag }))).toEqual({ code: 'NoSuchKey', status: 404 });
    expect(await refusal(put('none', 'x', { IfMatch: '*' }))).toEqual({ code: 'NoSuchKey', status: 404 });
  } },
  { name: 'takes an ETag without its quotes', run: async ({ put }) => {
    const etag = await put('a', 'first');
    expect(await put('a', 'second', { IfMatch: etag.replaceAll('"', '') })).toBe(`"${md5Hex('second')}"`);
  } },
  { name: 'deletes only the version that was named', run: async ({ client, bucket, put, read }) => {
    const etag = await put('a');
    const remove = (Key: string, IfMatch: string) => refusal(client.send(new DeleteObjectCommand({ Bucket: bucket, Key, IfMatch })));
    expect(await remove('a', '"0"')).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect((await read('a')).toString()).toBe('a');
    expect(await remove('a', etag)).toMatchObject({ status: 200 });
    expect(await remove('a', etag)).toEqual({ code: 'NoSuchKey', status: 404 });
    expect(await remove('a', '*')).toEqual({ code: 'NoSuchKey', status: 404 });
  } },
  { name: 'deletes many under conditions, each for itself', run: async ({ client, bucket, put }) => {
    const etag = await put('a');
    await put('b');
    const { Deleted, Errors } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: [{ Key: 'a', ETag: etag }, { Key: 'b', ETag: '"0"' }] } }));
    expect(Deleted?.map(({ Key }) => Key)).toEqual(['a']);
    expect(Errors).toMatchObject([{ Key: 'b', Code: 'PreconditionFailed' }]);
  } },
  ...[10, 100_000].map((size): Case => ({ name: `lets exactly one of twenty concurrent creators of ${size} bytes win`, run: async ({ client, bucket, read }) => {
    const bodies = Array.from({ length: 20 }, () => randomBytes(size));
    const outcomes = await Promise.all(bodies.map((Body) => refusal(client.send(new PutObjectCommand({ Bucket: bucket, Key: 'a', Body, IfNoneMatch: '*' })))));
    const winners = bodies.filter((_body, index) => outcomes[index]?.status === 200);
    expect(winners).toHaveLength(1);
    expect(outcomes.every(({ status }) => [200, 409, 412].includes(status))).toBe(true);
    expect(Buffer.compare(await read('a'), winners[0] ?? Buffer.alloc(0))).toBe(0);
  } })),
  { name: 'lets exactly one of twenty concurrent writers replace a version', run: async ({ put }) => {
    const IfMatch = await put('a', 'first');
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, index) => refusal(put('a', `writer ${index}`, { IfMatch }))));
    expect(outcomes.filter(({ status }) => status === 200)).toHaveLength(1);
  } },
];

const copies: Case[] = [
  { name: 'copies content, headers and metadata, or replaces the latter', run: async ({ client, bucket, put, read }) => {
    const body = randomBytes(100_000);
    const etag = await put('a b/ü', body, { ContentType: 'text/x-a', Metadata: { m: '1' } });
    const CopySource = `${bucket}/${encodeURIComponent('a b/ü')}`;
    const copied = await client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'b', CopySource }));
    expect(copied.CopyObjectResult?.ETag).toBe(etag);
    expect(Buffer.compare(await read('b'), body)).toBe(0);
    expect(await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'b' }))).toMatchObject({ ContentType: 'text/x-a', Metadata: { m: '1' }, ServerSideEncryption: 'AES256' });
    await client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'a b/ü', CopySource, MetadataDirective: 'REPLACE', Metadata: { n: '2' }, ContentType: 'text/x-b' }));
    expect(await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'a b/ü' }))).toMatchObject({ ContentType: 'text/x-b', Metadata: { n: '2' } });
    expect(Buffer.compare(await read('a b/ü'), body)).toBe(0);
  } },
  { name: 'refuses to copy an object onto itself without a change', run: async ({ client, bucket, put }) => {
    await put('a');
    expect(await refusal(client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'a', CopySource: `${bucket}/a` })))).toEqual({ code: 'InvalidRequest', status: 400 });
  } },
  { name: 'copies under conditions on source and destination', run: async ({ client, bucket, put, read }) => {
    const etag = await put('a');
    await put('taken', 'taken');
    const copy = (Key: string, more: object) => refusal(client.send(new CopyObjectCommand({ Bucket: bucket, Key, CopySource: `${bucket}/a`, ...more })));
    expect(await copy('b', { CopySourceIfMatch: '"0"' })).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect(await copy('b', { CopySourceIfNoneMatch: etag })).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect(await copy('taken', { CopySourceIfMatch: etag, IfNoneMatch: '*' })).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect(await copy('taken', { IfMatch: '"0"' })).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect((await read('taken')).toString()).toBe('taken');
    expect(await copy('b', { CopySourceIfMatch: etag, IfNoneMatch: '*' })).toMatchObject({ status: 200 });
    expect(await copy('none', { IfMatch: etag })).toEqual({ code: 'NoSuchKey', status: 404 });
  } },
  { name: 'answers 404 for a source that is not there', run: async ({ client, bucket, target }) => {
    expect(await refusal(client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'b', CopySource: `${bucket}/none` })))).toEqual({ code: 'NoSuchKey', status: 404 });
    expect(await refusal(client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'b', CopySource: `${target.newBucketName()}/a` })))).toEqual({ code: 'NoSuchBucket', status: 404 });
  } },
];

const listings: Case[] = [
  { name: 'folds keys at a delimiter, page by page, missing and repeating none', run: async ({ client, bucket, put }) => {
    const keys = ['a', 'b/1', 'b/2', 'b/c/3', 'c', 'd/1', 'e/', 'e/x'];
    for (const key of keys) await put(key);
    for (const MaxKeys of [1, 2, 3, 1000]) {
      const seen: string[] = [];
      let ContinuationToken: string | undefined;
      do {
        const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, Delimiter: '/', MaxKeys, ContinuationToken }));
        const found = [...(page.Contents ?? []).map(({ Key = '' }) => Key), ...(page.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix)];
        expect(found.length).toBeLessThanOrEqual(MaxKeys);
        expect(page.KeyCount).toBe(found.length);
        seen.push(...found.toSorted());
        ContinuationToken = page.NextContinuationToken;
        expect(page.IsTruncated).toBe(ContinuationToken !== undefined);
      } while (ContinuationToken !== undefined);
      expect(seen).toEqual(['a', 'b/', 'c', 'd/', 'e/']);
    }
    const below = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'b/', Delimiter: '/' }));
    expect(below.Contents?.map(({ Key }) => Key)).toEqual(['b/1', 'b/2']);
    expect(below.CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual(['b/c/']);
  } },
  { name: 'starts after a key, with a prefix', run: async ({ client, bucket, put }) => {
    for (const key of ['a/1', 'a/2', 'a/3', 'b/1']) await put(key);
    const keysOf = async (more: object) => (await client.send(new ListObjectsV2Command({ Bucket: bucket, ...more }))).Contents?.map(({ Key }) => Key) ?? [];
    expect(await keysOf({ StartAfter: 'a/2' })).toEqual(['a/3', 'b/1']);
    expect(await keysOf({ StartAfter: 'a/2', Prefix: 'a/' })).toEqual(['a/3']);
    expect(await keysOf({ StartAfter: '0', Prefix: 'b' })).toEqual(['b/1']);
    expect(await keysOf({ StartAfter: 'z' })).toEqual([]);
    expect(await keysOf({ MaxKeys: 0 })).toEqual([]);
  } },
  { name: 'pages the old listing by marker', run: async ({ client, bucket, put }) => {
    for (const key of ['a', 'b/1', 'b/2', 'c']) await put(key);
    const first = await client.send(new ListObjectsCommand({ Bucket: bucket, Delimiter: '/', MaxKeys: 2 }));
    expect(first).toMatchObject({ IsTruncated: true, NextMarker: 'b/', Contents: [{ Key: 'a' }], CommonPrefixes: [{ Prefix: 'b/' }] });
    const second = await client.send(new ListObjectsCommand({ Bucket: bucket, Delimiter: '/', Marker: first.NextMarker }));
    expect(second).toMatchObject({ IsTruncated: false, Contents: [{ Key: 'c' }] });
  } },
  { name: 'orders keys by their bytes, not by UTF-16', run: async ({ client, bucket, put }) => {
    for (const key of ['\u{1f600}', '\uffee', 'z', 'Z', 'é']) await put(key);
    expect((await client.send(new ListObjectsV2Command({ Bucket: bucket }))).Contents?.map(({ Key }) => Key)).toEqual(['Z', 'z', 'é', '\uffee', '\u{1f600}']);
  } },
  { name: 'refuses a continuation token it never gave', run: async ({ client, bucket }) => {
    expect(await refusal(client.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: 'nonsense' })))).toEqual({ code: 'InvalidArgument', status: 400 });
  } },
];

const multiparts: Case[] = [
  { name: 'makes an object of parts, with the composite ETag, and reads across them', run: async (given) => {
    const { client, bucket, read } = given;
    const parts = [randomBytes(5 * MIB), randomBytes(5 * MIB + 7), randomBytes(11)];
    const { uploadId, completed } = await multipart(given, 'a', parts);
    expect((await client.send(new ListPartsCommand({ Bucket: bucket, Key: 'a', UploadId: uploadId }))).Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual(parts.map((part, index) => [index + 1, part.length]));
    const etag = `"${md5Hex(Buffer.concat(parts.map((part) => createHash('md5').update(part).digest())))}-3"`;
    expect((await complete(given, 'a', uploadId, completed)).ETag).toBe(etag);
    const whole = Buffer.concat(parts);
    expect(md5Hex(await read('a'))).toBe(md5Hex(whole));
    const [start, end] = [5 * MIB - 3, 10 * MIB + 12];
    expect(Buffer.compare(await read('a', `bytes=${start}-${end - 1}`), whole.subarray(start, end))).toBe(0);
    expect(await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'a' }))).toMatchObject({ ETag: etag, ContentLength: whole.length, ContentType: 'text/x-parts', Metadata: { made: 'of parts' } });
    const second = await client.send(new GetObjectCommand({ Bucket: bucket, Key: 'a', PartNumber: 2 }));
    expect(second).toMatchObject({ PartsCount: 3, ContentLength: 5 * MIB + 7 });
    expect(await refusal(complete(given, 'a', uploadId, completed))).toEqual({ code: 'NoSuchUpload', status: 404 });
  } },
  { name: 'refuses small, unknown and unordered parts', run: async (given) => {
    const { uploadId, completed } = await multipart(given, 'a', [Buffer.alloc(5 * MIB - 1), Buffer.alloc(5)]);
    const [first, second] = completed as [(typeof completed)[0], (typeof completed)[0]];
    expect(await refusal(complete(given, 'a', uploadId, completed))).toEqual({ code: 'EntityTooSmall', status: 400 });
    expect(await refusal(complete(given, 'a', uploadId, [second, first]))).toEqual({ code: 'InvalidPartOrder', status: 400 });
    expect(await refusal(complete(given, 'a', uploadId, [{ PartNumber: 3, ETag: first.ETag }]))).toEqual({ code: 'InvalidPart', status: 400 });
    expect(await refusal(complete(given, 'a', uploadId, [{ PartNumber: 1, ETag: second.ETag }]))).toEqual({ code: 'InvalidPart', status: 400 });
    expect((await complete(given, 'a', uploadId, [second])).ETag).toMatch(/-1"$/);
  } },
  { name: 'lists and aborts uploads', run: async (given) => {
    const { client, bucket } = given;
    const { uploadId } = await multipart(given, 'a/b', [Buffer.alloc(10)]);
    expect((await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads).toMatchObject([{ Key: 'a/b', UploadId: uploadId }]);
    expect((await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: 'c' }))).Uploads ?? []).toEqual([]);
    await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: 'a/b', UploadId: uploadId }));
    expect(await refusal(client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: 'a/b', UploadId: uploadId })))).toEqual({ code: 'NoSuchUpload', status: 404 });
    expect(await refusal(client.send(new UploadPartCommand({ Bucket: bucket, Key: 'a/b', UploadId: uploadId, PartNumber: 1, Body: 'x' })))).toEqual({ code: 'NoSuchUpload', status: 404 });
    expect((await client.send(new ListObjectsV2Command({ Bucket: bucket }))).KeyCount).toBe(0);
  } },
  { name: 'completes under conditions', run: async (given) => {
    const { put, read } = given;
    const etag = await put('a', 'first');
    const { uploadId, completed } = await multipart(given, 'a', [Buffer.from('second')]);
    expect(await refusal(complete(given, 'a', uploadId, completed, { IfNoneMatch: '*' }))).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect(await refusal(complete(given, 'a', uploadId, completed, { IfMatch: '"0"' }))).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect((await read('a')).toString()).toBe('first');
    await complete(given, 'a', uploadId, completed, { IfMatch: etag });
    expect((await read('a')).toString()).toBe('second');
    const missing = await multipart(given, 'none', [Buffer.from('x')]);
    expect(await refusal(complete(given, 'none', missing.uploadId, missing.completed, { IfMatch: etag }))).toEqual({ code: 'NoSuchKey', status: 404 });
  } },
  { name: 'copies ranges of an object into parts', run: async (given) => {
    const { client, bucket, put, read } = given;
    const body = randomBytes(5 * MIB + 100);
    await put('source', body);
    const { UploadId = '' } = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'a' }));
    const ranges = [`bytes=0-${5 * MIB - 1}`, `bytes=${5 * MIB}-${5 * MIB + 99}`];
    const completed: { PartNumber: number; ETag: string }[] = [];
    for (const [index, CopySourceRange] of ranges.entries()) {
      const { CopyPartResult } = await client.send(new UploadPartCopyCommand({ Bucket: bucket, Key: 'a', UploadId, PartNumber: index + 1, CopySource: `${bucket}/source`, CopySourceRange }));
      completed.push({ PartNumber: index + 1, ETag: CopyPartResult?.ETag ?? '' });
    }
    await complete(given, 'a', UploadId, completed);
    expect(Buffer.compare(await read('a'), body)).toBe(0);
  } },
];

const checksums: Case[] = (['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const).map((algorithm): Case => ({
  name: `verifies and answers ${algorithm}`, run: async ({ client, bucket, put }) => {
    const name = `Checksum${algorithm}` as const;
    const wrong = { CRC32: 'AAAAAA==', CRC32C: 'AAAAAA==', CRC64NVME: 'AAAAAAAAAAA=', SHA1: `${'A'.repeat(27)}=`, SHA256: `${'A'.repeat(43)}=` }[algorithm];
    // The CRC catalogue's check values, of these nine digits.
    const right = algorithm === 'SHA1' || algorithm === 'SHA256' ? createHash(algorithm.toLowerCase()).update('123456789').digest('base64')
      : Buffer.from({ CRC32: 'cbf43926', CRC32C: 'e3069283', CRC64NVME: 'ae8b14860a799888' }[algorithm], 'hex').toString('base64');
    expect(await refusal(put('a', '123456789', { [name]: wrong }))).toEqual({ code: 'BadDigest', status: 400 });
    expect(await refusal(put('a', '123456789', { [name]: 'nonsense' }))).toEqual({ code: 'InvalidRequest', status: 400 });
    const answer = await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'a', Body: '123456789', [name]: right }));
    expect(answer[name]).toBe(right);
    expect((await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'a', ChecksumMode: 'ENABLED' })))[name]).toBe(right);
    expect((await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'a' })))[name]).toBeUndefined();
  },
}));

export const CASES: readonly Case[] = [...buckets, ...objects, ...ranges, ...conditions, ...copies, ...listings, ...multiparts, ...checksums, ...ENCRYPTION_CASES, ...KMS_CASES, ...VERSION_CASES, ...POLICY_CASES, ...REQUEST_CASES];
