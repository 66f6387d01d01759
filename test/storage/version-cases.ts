/* oxlint-disable vitest/no-standalone-expect -- every case is run inside a test */
/** Versions, and conditions over them and over delete markers. */
import {
  CopyObjectCommand, DeleteBucketCommand, DeleteObjectCommand, DeleteObjectsCommand, GetBucketVersioningCommand, GetObjectCommand, HeadObjectCommand, ListObjectVersionsCommand, ListObjectsV2Command,
  PutBucketVersioningCommand, PutObjectCommand,
} from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { Case, Given } from './conformance.ts';
import { refusal } from './target.ts';

const turn = ({ client, bucket }: Given, Status: 'Enabled' | 'Suspended') => client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status } }));
const write = async ({ client, bucket }: Given, Key: string, Body: string | Uint8Array, more = {}): Promise<string> => (await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ...more }))).VersionId ?? 'none';
const get = async ({ client, bucket }: Given, Key: string, VersionId?: string): Promise<string> => (await client.send(new GetObjectCommand({ Bucket: bucket, Key, VersionId }))).Body?.transformToString() ?? '';
const remove = ({ client, bucket }: Given, Key: string, more: object = {}) => client.send(new DeleteObjectCommand({ Bucket: bucket, Key, ...more }));
async function versionsOf({ client, bucket }: Given, more: object = {}): Promise<string[]> {
  const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket, ...more }));
  return [...Versions.map(({ Key, VersionId, IsLatest }) => `${Key} ${VersionId}${IsLatest === true ? ' latest' : ''}`), ...DeleteMarkers.map(({ Key, VersionId, IsLatest }) => `${Key} ${VersionId} marker${IsLatest === true ? ' latest' : ''}`)];
}

export const VERSION_CASES: readonly Case[] = [
  { name: 'keeps every version, lists them newest first, and reads any', run: async (given) => {
    const { client, bucket } = given;
    expect(await write(given, 'a', 'zero')).toBe('none');
    await turn(given, 'Enabled');
    expect((await client.send(new GetBucketVersioningCommand({ Bucket: bucket }))).Status).toBe('Enabled');
    const one = await write(given, 'a', 'one');
    const two = await write(given, 'a', randomBytes(100_000));
    const three = await write(given, 'a', 'three');
    expect(new Set([one, two, three, 'none', 'null']).size).toBe(5);
    expect(await versionsOf(given)).toEqual([`a ${three} latest`, `a ${two}`, `a ${one}`, 'a null']);
    expect(await get(given, 'a')).toBe('three');
    expect(await get(given, 'a', one)).toBe('one');
    expect(await get(given, 'a', 'null')).toBe('zero');
    expect(await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'a', VersionId: two }))).toMatchObject({ ContentLength: 100_000, VersionId: two });
    expect((await client.send(new ListObjectsV2Command({ Bucket: bucket }))).KeyCount).toBe(1);
    expect(await refusal(get(given, 'a', 'x'.repeat(32)))).toEqual({ code: 'NoSuchVersion', status: 404 });
    expect(await refusal(get(given, 'a', 'nonsense'))).toEqual({ code: 'InvalidArgument', status: 400 });
  } },
  { name: 'marks a deletion, and takes it back when the marker is deleted', run: async (given) => {
    const { client, bucket } = given;
    await turn(given, 'Enabled');
    const one = await write(given, 'a', 'one');
    const marker = await remove(given, 'a');
    expect(marker).toMatchObject({ DeleteMarker: true });
    expect(await refusal(get(given, 'a'))).toEqual({ code: 'NoSuchKey', status: 404 });
    expect((await given.target.raw(`/${bucket}/a`)).headers).toMatchObject({ 'x-amz-delete-marker': 'true', 'x-amz-version-id': marker.VersionId });
    expect(await refusal(get(given, 'a', marker.VersionId))).toEqual({ code: 'MethodNotAllowed', status: 405 });
    expect(await get(given, 'a', one)).toBe('one');
    expect(await versionsOf(given)).toEqual([`a ${one}`, `a ${marker.VersionId} marker latest`]);
    expect((await client.send(new ListObjectsV2Command({ Bucket: bucket }))).KeyCount).toBe(0);
    expect(await remove(given, 'a', { VersionId: marker.VersionId })).toMatchObject({ DeleteMarker: true, VersionId: marker.VersionId });
    expect(await get(given, 'a')).toBe('one');
    expect(await remove(given, 'never-there')).toMatchObject({ DeleteMarker: true });
  } },
  { name: 'deletes one version for good; the one before it takes its place', run: async (given) => {
    const { client, bucket } = given;
    await turn(given, 'Enabled');
    const versions = [await write(given, 'a', 'one'), await write(given, 'a', 'two'), await write(given, 'a', 'three')] as const;
    await remove(given, 'a', { VersionId: versions[1] });
    expect(await refusal(get(given, 'a', versions[1]))).toEqual({ code: 'NoSuchVersion', status: 404 });
    await remove(given, 'a', { VersionId: versions[2] });
    expect(await get(given, 'a')).toBe('one');
    expect(await refusal(client.send(new DeleteBucketCommand({ Bucket: bucket })))).toEqual({ code: 'BucketNotEmpty', status: 409 });
    await remove(given, 'a', { VersionId: versions[0] });
    expect(await versionsOf(given)).toEqual([]);
    await client.send(new DeleteBucketCommand({ Bucket: bucket }));
  } },
  { name: 'replaces only the version null while versioning is suspended', run: async (given) => {
    await turn(given, 'Enabled');
    const one = await write(given, 'a', 'one');
    await turn(given, 'Suspended');
    expect(await write(given, 'a', 'two')).toBe('null');
    expect(await write(given, 'a', 'three')).toBe('null');
    expect(await versionsOf(given)).toEqual(['a null latest', `a ${one}`]);
    expect(await remove(given, 'a')).toMatchObject({ DeleteMarker: true, VersionId: 'null' });
    expect(await versionsOf(given)).toEqual([`a ${one}`, 'a null marker latest']);
    await turn(given, 'Enabled');
    const four = await write(given, 'a', 'four');
    expect(await versionsOf(given)).toEqual([`a ${four} latest`, `a ${one}`, 'a null marker']);
  } },
  { name: 'restores an old version by copying it over the current one', run: async (given) => {
    const { client, bucket } = given;
    await turn(given, 'Enabled');
    const one = await write(given, 'a b', 'one', { Metadata: { m: '1' } });
    await write(given, 'a b', 'two');
    await remove(given, 'a b');
    const copied = await client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'a b', CopySource: `${bucket}/a%20b?versionId=${one}` }));
    expect(copied.CopySourceVersionId).toBe(one);
    expect(copied.VersionId).not.toBe(one);
    expect(await get(given, 'a b')).toBe('one');
    expect((await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'a b' }))).Metadata).toEqual({ m: '1' });
    expect(await refusal(client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'c', CopySource: `${bucket}/a%20b?versionId=${'x'.repeat(32)}` })))).toEqual({ code: 'NoSuchVersion', status: 404 });
  } },
  { name: 'takes a delete marker for nothing when it writes under conditions', run: async (given) => {
    const { client, bucket } = given;
    await turn(given, 'Enabled');
    await write(given, 'a', 'one');
    const { ETag } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'a' }));
    expect(await refusal(write(given, 'a', 'x', { IfNoneMatch: '*' }))).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect(await refusal(remove(given, 'a', { IfMatch: '"0"' }))).toEqual({ code: 'PreconditionFailed', status: 412 });
    await remove(given, 'a', { IfMatch: ETag });
    expect(await refusal(write(given, 'a', 'x', { IfMatch: ETag }))).toEqual({ code: 'NoSuchKey', status: 404 });
    expect(await refusal(remove(given, 'a', { IfMatch: ETag }))).toEqual({ code: 'NoSuchKey', status: 404 });
    await write(given, 'a', 'two', { IfNoneMatch: '*' });
    expect(await get(given, 'a')).toBe('two');
  } },
  { name: 'lets exactly one of twenty creators win over a delete marker', run: async (given) => {
    await turn(given, 'Enabled');
    await write(given, 'a', 'one');
    await remove(given, 'a');
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, index) => refusal(write(given, 'a', `creator ${index}`, { IfNoneMatch: '*' }))));
    expect(outcomes.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await versionsOf(given)).toHaveLength(3);
  } },
  { name: 'deletes many versions at once, and marks many keys', run: async (given) => {
    const { client, bucket } = given;
    await turn(given, 'Enabled');
    const one = await write(given, 'a', 'one');
    const two = await write(given, 'a', 'two');
    const marked = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: [{ Key: 'a' }] } }));
    expect(marked.Deleted).toMatchObject([{ Key: 'a', DeleteMarker: true }]);
    const { DeleteMarkerVersionId = '' } = marked.Deleted?.[0] ?? {};
    const gone = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: [one, two, DeleteMarkerVersionId].map((VersionId) => ({ Key: 'a', VersionId })) } }));
    expect(gone.Deleted?.map(({ VersionId = '' }) => VersionId).toSorted()).toEqual([one, two, DeleteMarkerVersionId].toSorted());
    expect(await versionsOf(given)).toEqual([]);
  } },
  { name: 'lists versions page by page, missing and repeating none, also while they are deleted', run: async (given) => {
    const { client, bucket } = given;
    await turn(given, 'Enabled');
    for (const key of ['a', 'b/1', 'b/2', 'c']) for (const body of ['one', 'two', 'three']) await write(given, key, body);
    for (const [MaxKeys, deletes] of [[1, false], [2, false], [5, false], [2, true]] as const) {
      const seen: string[] = [];
      let markers: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | null = {};
      while (markers !== null) {
        const page: { Versions?: { Key?: string; VersionId?: string }[]; IsTruncated?: boolean; NextKeyMarker?: string; NextVersionIdMarker?: string } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket, MaxKeys, ...markers }));
        for (const { Key = '', VersionId } of page.Versions ?? []) {
          seen.push(`${Key} ${VersionId}`);
          if (deletes) await remove(given, Key, { VersionId });
        }
        markers = page.IsTruncated === true ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker } : null;
      }
      expect(seen).toHaveLength(12);
      expect(new Set(seen).size).toBe(12);
    }
    expect(await versionsOf(given)).toEqual([]);
  } },
];
