/** Against Enfold's own storage, which does what AWS does about conditions and SSE-S3. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { S3Access } from '../../main/model/settings.ts';
import { createBucket, headBucket, listBuckets, testConnection } from '../../main/remote/connection.ts';
import { requestsOf } from '../../main/remote/modes.ts';
import type { ObjectStore } from '../../main/remote/object-store.ts';
import { probeFolder } from '../../main/remote/probe.ts';
import { createS3Store } from '../../main/remote/s3.ts';
import { startStorage } from '../../main/storage/server.ts';
import type { RunningStorage } from '../../main/storage/server.ts';
import { describeFaults } from '../transfer/faults.contract.ts';
import { describeTransfers } from '../transfer/transfers.contract.ts';
import { createReferenceStore } from './reference-store.ts';
import { codeOf, describeObjectStore } from './store.contract.ts';

const signal = new AbortController().signal;
let storage: RunningStorage;
let directory: string;
let access: S3Access;
const stores: ObjectStore[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'enfold-storage-'));
  storage = await startStorage({ dir: directory });
  const { endpoint, accessKeyId, secretAccessKey } = storage;
  access = { endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', accessKeyId, secretAccessKey } };
  for (const bucket of ['lean', 'reference', 'folder']) await createBucket(access, bucket, signal);
});
afterAll(async () => {
  for (const store of stores) await store.close();
  await storage.stop();
  rmSync(directory, { recursive: true, force: true });
});

const opened = (store: ObjectStore) => {
  stores.push(store);
  return { store, isBareIfMatch: false, enforces: { complete: true, delete: true, copySource: true } };
};
// oxlint-disable-next-line typescript/require-await -- the other one must wait
describeObjectStore('lean path on built-in storage', async () => opened(createS3Store(access, 'lean')));
describeObjectStore('SDK on built-in storage', async () => opened(await createReferenceStore(access, 'reference')));
describeTransfers('built-in storage', ['cse-c', 'cse-c-v2', 'sse-s3'], () => ({ access, bucket: 'folder' }));
describeFaults('built-in storage', 'cse-c', () => ({ access, bucket: 'folder' }));
describeFaults('built-in storage', 'sse-s3', () => ({ access, bucket: 'folder' }));

describe('built-in storage itself', () => {
  test('is found to enforce everything', async () => {
    const { store } = opened(createS3Store(access, 'lean'));
    expect(await probeFolder(store, requestsOf({ id: 'sse-s3' }, [], access.endpoint), 'probe/', signal)).toMatchObject({
      level: 'full', createIfAbsent: true, ifMatchQuoting: 'quoted', conditionalComplete: true, conditionalCopy: true, conditionalDelete: true, keepsMetadata: true,
    });
    expect((await store.listPage({ prefix: 'probe/' }, signal)).objects).toEqual([]);
    expect(await store.listMultipart('probe/', signal)).toEqual([]);
  });

  test('takes a good sign-in and names what is wrong with others', async () => {
    await testConnection(access, signal);
    expect(await listBuckets(access, signal)).toEqual(expect.arrayContaining(['lean', 'reference']));
    expect(await headBucket(access, 'nobodys-bucket', signal)).toBe(false);
    const wrong = { ...access, credentials: { type: 'static', accessKeyId: storage.accessKeyId, secretAccessKey: 'wrong' } } as const;
    expect(await codeOf(testConnection(wrong, signal))).toBe('sign-in-wrong');
    expect(await codeOf(createS3Store(wrong, 'lean').listPage({ prefix: '' }, signal))).toBe('sign-in-wrong');
  });

  test('that is not there is offline', async () => {
    const nowhere = { ...access, endpoint: 'http://127.0.0.1:9' };
    expect(await codeOf(testConnection(nowhere, signal))).toBe('offline');
    expect(await codeOf(createS3Store(nowhere, 'lean').listPage({ prefix: '' }, signal))).toBe('offline');
    expect(await codeOf(testConnection({ ...access, endpoint: access.endpoint?.replace('http:', 'https:') ?? null }, signal))).toBe('tls-failed');
  });
});
