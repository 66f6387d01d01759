/** The pool with real worker threads, from source. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SyncError } from '../../main/model/errors.ts';
import { syncPath } from '../../main/model/path.ts';
import type { S3Access } from '../../main/model/settings.ts';
import { createBucket } from '../../main/remote/connection.ts';
import { createS3Store } from '../../main/remote/s3.ts';
import { startStorage } from '../../main/storage/server.ts';
import type { RunningStorage } from '../../main/storage/server.ts';
import { codeOf } from '../remote/store.contract.ts';
import { makeConfig, never, noProgress, openFixture } from './folder-fixture.ts';

describe('a pool of worker threads', () => {
  let storage: RunningStorage;
  let directory: string;
  let access: S3Access;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'enfold-storage-'));
    storage = await startStorage({ dir: directory });
    const { endpoint, accessKeyId, secretAccessKey } = storage;
    access = { endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', accessKeyId, secretAccessKey } };
    await createBucket(access, 'pool', never);
  });
  afterAll(async () => {
    await storage.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test('carries many files at once and gives each its own result', async () => {
    const fixture = openFixture(makeConfig(access, 'pool', 'cse-c'), { size: 2 });
    const contents = Array.from({ length: 60 }, (_, index) => randomBytes(index * 700));
    const results = await Promise.all(contents.map(async (content, index) => fixture.upload(`many/${index}`, content)));
    const back = await Promise.all(results.map(async ({ version }, index) => fixture.download(syncPath(`many/${index}`), version)));
    expect(back.every(({ content }, index) => content.equals(contents[index] ?? Buffer.alloc(0)))).toBe(true);
    await fixture.close();
  });

  test('asks nothing of the server before a download that only writers may ask', async () => {
    const config = makeConfig(access, 'pool', 'cse-c');
    const writer = openFixture(config);
    const content = randomBytes(1000);
    const { version } = await writer.upload('kept', content);
    // Another name for the same server, since what was found out about a place is remembered.
    const elsewhere = { ...config, access: { ...access, endpoint: storage.endpoint.replace('127.0.0.1', 'localhost') } };
    const store = createS3Store(access, 'pool');
    const refuse = async (): Promise<never> => Promise.reject(new SyncError('access-denied'));
    const reader = openFixture(elsewhere, { size: 0, store: { ...store, put: refuse, delete: refuse, startMultipart: refuse } });
    expect((await reader.download(syncPath('kept'), version)).content).toEqual(content);
    expect(await codeOf(reader.upload('new', content))).toBe('access-denied');
    await Promise.all([reader.close(), writer.close(), store.close()]);
  });

  test('passes errors and the reason of a cancellation on', async () => {
    const fixture = openFixture(makeConfig(access, 'pool', 'cse-c'), { size: 1 });
    const { version } = await fixture.upload('one', Buffer.from('one'));
    expect(await codeOf(fixture.upload('one', Buffer.from('two')))).toBe('version-changed');
    const stop = new AbortController();
    const reason = new Error('enough');
    const running = fixture.pool.upload(fixture.jobFor(fixture.writeLocal('big', randomBytes(30_000_000))), noProgress, stop.signal);
    stop.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect((await fixture.download(syncPath('one'), version)).content.toString()).toBe('one');
    await fixture.pool.close();
    expect(await codeOf(fixture.upload('late', Buffer.from('x')))).toBe('engine-stopped');
    await fixture.close();
  });

  test('fails what a dying worker held, and goes on with a new one', async () => {
    const workers: Worker[] = [];
    const fixture = openFixture(makeConfig(access, 'pool', 'cse-c'), {
      size: 1,
      // oxlint-disable-next-line typescript/require-await -- the real one imports
      startWorker: async () => {
        const worker = new Worker(new URL('../../main/transfer/worker.ts', import.meta.url));
        workers.push(worker);
        return worker;
      },
    });
    await fixture.upload('before', Buffer.from('x'));
    const held = codeOf(fixture.upload('held', randomBytes(40_000_000)));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    await workers[0]?.terminate();
    expect(await held).toBe('engine-stopped');
    await fixture.upload('after', Buffer.from('x'));
    expect(workers).toHaveLength(2);
    await fixture.close();
  });
});
