/** Against Ceph's radosgw: an S3 server of other people's making, with its own idea of conditions and modes. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { S3Access } from '../../main/model/settings.ts';
import { createBucket, headBucket, listBuckets, testConnection } from '../../main/remote/connection.ts';
import type { ObjectStore } from '../../main/remote/object-store.ts';
import { requestsOf } from '../../main/remote/modes.ts';
import { probeFolder } from '../../main/remote/probe.ts';
import { createS3Store } from '../../main/remote/s3.ts';
import { isRadosgwInstalled, startRadosgw } from '../helpers/radosgw.ts';
import type { RunningRadosgw } from '../helpers/radosgw.ts';
import { makeConfig, openFixture } from '../transfer/folder-fixture.ts';
import { describeFaults } from '../transfer/faults.contract.ts';
import { describeTransfers } from '../transfer/transfers.contract.ts';
import { createReferenceStore } from './reference-store.ts';
import { codeOf, describeObjectStore } from './store.contract.ts';

const signal = new AbortController().signal;
const clientSide = { id: 'cse-c', keyId: '0123456789abcdef' as never, keyType: 'aes', format: 'v3' } as const;

describe.runIf(isRadosgwInstalled())('with radosgw', () => {
  let server: RunningRadosgw;
  let access: S3Access;
  const stores: ObjectStore[] = [];
  beforeAll(async () => {
    server = await startRadosgw();
    const { endpoint, accessKeyId, secretAccessKey, region } = server;
    access = { endpoint, region, pathStyle: true, credentials: { type: 'static', accessKeyId, secretAccessKey } };
    for (const bucket of ['lean', 'reference', 'folder']) await createBucket(access, bucket, signal);
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await server.stop();
  });

  const opened = (store: ObjectStore) => {
    stores.push(store);
    return { store, isBareIfMatch: true, enforces: { complete: false, delete: false, copySource: false } };
  };
  // oxlint-disable-next-line typescript/require-await -- the other one must wait
  describeObjectStore('lean path on radosgw', async () => opened(createS3Store(access, 'lean')));
  describeObjectStore('SDK on radosgw', async () => opened(await createReferenceStore(access, 'reference')));
  describeTransfers('radosgw', ['cse-c'], () => ({ access, bucket: 'folder' }));
  describeFaults('radosgw', 'cse-c', () => ({ access, bucket: 'folder' }));

  describe('radosgw itself', () => {
    test('is found out about conditions', async () => {
      const { store } = opened(createS3Store(access, 'lean'));
      expect(await probeFolder(store, requestsOf(clientSide, [], access.endpoint), 'probe/', signal)).toMatchObject({
        level: 'put-only', createIfAbsent: true, ifMatchQuoting: 'unquoted', conditionalComplete: false, conditionalDelete: false, keepsMetadata: true, isVersioned: false,
      });
      expect((await store.listPage({ prefix: 'probe/' }, signal)).objects).toEqual([]);
    });

    test('is refused for sse-s3, which it ignores, and keeps nothing of the attempt', async () => {
      const { store } = opened(createS3Store(access, 'lean'));
      expect(await codeOf(probeFolder(store, requestsOf({ id: 'sse-s3' }, [], access.endpoint), 'ignored/', signal))).toBe('mode-not-honoured');
      expect((await store.listPage({ prefix: 'ignored/' }, signal)).objects).toEqual([]);
    });

    test('keeps nothing of files sent in sse-s3, also where nobody probed', async () => {
      const { store } = opened(createS3Store(access, 'folder'));
      const trusting = { level: 'put-only', createIfAbsent: true, ifMatchQuoting: 'unquoted', conditionalComplete: false, conditionalCopy: false, conditionalDelete: false, isVersioned: false, keepsMetadata: true, clockSkewMs: 0, probedAtMs: 0 } as const;
      for (const capabilities of [null, trusting]) {
        const fixture = openFixture({ ...makeConfig(access, 'folder', 'sse-s3'), capabilities });
        expect(await codeOf(fixture.upload('small', Buffer.from('plain')))).toBe('mode-not-honoured');
        expect(await codeOf(fixture.upload('large', Buffer.alloc(9_000_000)))).toBe('mode-not-honoured');
        expect((await store.listPage({ prefix: fixture.config.prefix }, signal)).objects).toEqual([]);
        expect(await store.listMultipart(fixture.config.prefix, signal)).toEqual([]);
        await fixture.close();
      }
    });

    test('is understood where this computer\'s clock is wrong', async () => {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 40 * 60_000 });
      try {
        const { store } = opened(createS3Store(access, 'lean'));
        expect(await store.head('late' as never, {}, signal)).toBeNull();
        await store.put('late' as never, Buffer.from('x'), { metadata: {}, modeHeaders: {}, condition: null }, signal);
        expect((await store.head('late' as never, {}, signal))?.objectBytes).toBe(1);
      } finally {
        vi.useRealTimers();
      }
    });

    test('takes a good sign-in and names a bad one', async () => {
      await testConnection(access, signal);
      expect(await listBuckets(access, signal)).toEqual(expect.arrayContaining(['lean', 'reference']));
      expect(await headBucket(access, 'lean', signal)).toBe(true);
      expect(await headBucket(access, 'nobodys-bucket', signal)).toBe(false);
      const wrongSecret = { ...access, credentials: { type: 'static', accessKeyId: server.accessKeyId, secretAccessKey: 'wrong' } } as const;
      const wrongKey = { ...access, credentials: { type: 'static', accessKeyId: 'AKIAWRONG', secretAccessKey: 'wrong' } } as const;
      expect(await codeOf(testConnection(wrongSecret, signal))).toBe('sign-in-wrong');
      expect(await codeOf(testConnection(wrongKey, signal))).toBe('sign-in-wrong');
      expect(await codeOf(headBucket(wrongSecret, 'lean', signal))).toBe('sign-in-wrong');
    });
  });
});
