/** Scanning a bucket of mixed modes and mending it: counts are exact, nothing but the encryption changes. */
import { GetObjectCommand, GetObjectTaggingCommand } from '@aws-sdk/client-s3';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Enfold } from '../../main/assembly/api.ts';
import type { ScanRequest } from '../../main/assembly/bucket-scan.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { mapBounded } from '../../main/bucket/scan.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createTarget, type Target } from '../storage/target.ts';
import { IN_ANY_STORE } from '../helpers/secrets.ts';
import { contentAt, countOf, customerOf, fillBucket, keyAt, MIXED } from './mixed-bucket.ts';

/** @param count - of objects, several pages of a listing. @param samples - how many are compared afterwards. */
export function testMixedScan(count: number, pageObjects: number, samples: number): void {
  const scratch = mkdtempSync(join(tmpdir(), 'enfold-scan-'));
  const customerKey = randomBytes(32);
  const signal = new AbortController().signal;
  let storage: RunningStorage;
  let target: Target;
  let enfold: Enfold;
  let kmsKey: string;
  beforeAll(async () => {
    storage = await startStorage({ dir: join(scratch, 'storage') });
    target = createTarget(storage);
    kmsKey = (await new KMSClient({ endpoint: storage.endpoint, region: 'us-east-1', credentials: storage }).send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
    enfold = await openEnfold({ home: join(scratch, 'home'), env: IN_ANY_STORE });
    await enfold.connections.add({ kind: 's3', name: 's3', endpoint: storage.endpoint, region: 'us-east-1', accessKeyId: storage.accessKeyId, secretAccessKey: storage.secretAccessKey });
    writeFileSync(join(scratch, 'key'), customerKey);
    await enfold.keys.importFrom({ name: 'customer', file: join(scratch, 'key'), passphrase: null, type: 'sse-c' });
  });
  afterAll(async () => {
    await enfold.close();
    await storage.stop();
    rmSync(scratch, { recursive: true });
  });
  const request = (bucket: string, more: Partial<ScanRequest> = {}): ScanRequest => ({
    place: { connection: 's3', bucket, prefix: 'folder/' }, wish: { mode: 'sse-kms', kmsKeyId: kmsKey, dsse: false }, keys: ['customer'], hasVersions: false, inventory: null, isResumed: false, pageObjects, signal, ...more,
  });
  const totalsOf = (totals: readonly { protection: string; verdict: string; objects: number }[]): Record<string, number> => {
    const sums: Record<string, number> = {};
    for (const { protection, verdict, objects } of totals) sums[`${protection} ${verdict}`] = (sums[`${protection} ${verdict}`] ?? 0) + objects;
    return sums;
  };

  test(`${count} objects in mixed modes are counted exactly, also after an interruption, and mended without a trace`, async () => {
    await fillBucket(target, 'mixed', count, { kmsKey, customerKey });
    const abort = new AbortController();
    const interrupted = enfold.buckets.scan(request('mixed', { signal: abort.signal, onProgress: () => abort.abort() }));
    await expect(interrupted).rejects.toThrow(/abort/);

    let firstSeen = 0;
    const scan = await enfold.buckets.scan(request('mixed', { isResumed: true, onProgress: (objects) => (firstSeen ||= objects) }));
    const expected = {
      'SSE-S3 wrong': countOf('SSE-S3', count), 'SSE-KMS right': countOf('SSE-KMS own', count), 'SSE-KMS wrong': countOf('SSE-KMS managed', count), 'DSSE-KMS wrong': countOf('DSSE-KMS', count), 'SSE-C wrong': countOf('SSE-C', count),
    };
    expect(totalsOf(scan.head.totals)).toEqual(expected);
    // What the interrupted scan had seen was not looked at again.
    expect(firstSeen).toBeGreaterThan(pageObjects);
    const wrong = count - countOf('SSE-KMS own', count);
    expect(scan.estimate).toMatchObject({ objects: wrong, requests: { writes: wrong, heads: 2 * wrong } });
    let rows = 0;
    for await (const _row of scan.rows()) rows += 1;
    expect(rows).toBe(count);

    const stop = new AbortController();
    await expect(scan.fix({ only: null, signal: stop.signal, onProgress: () => stop.abort() })).rejects.toThrow(/abort/);
    const { counts } = await scan.fix({ only: null, signal });
    await scan.close();
    expect(counts).toEqual({ fixed: wrong, already: 0, skipped: 0, failed: 0 });
    const again = await enfold.buckets.scan(request('mixed', { keys: [] }));
    expect(totalsOf(again.head.totals)).toEqual({ 'SSE-KMS right': count });
    await again.close();

    const step = Math.max(1, Math.floor(count / samples));
    const compared = await mapBounded(Array.from({ length: Math.min(samples, count) }, (_, sample) => (sample * step + (sample % MIXED.length)) % count), 16, async (index) => {
      const Key = keyAt(index);
      const got = await target.client.send(new GetObjectCommand({ Bucket: 'mixed', Key }));
      const { TagSet } = await target.client.send(new GetObjectTaggingCommand({ Bucket: 'mixed', Key }));
      expect({ body: await got.Body?.transformToString(), type: got.ContentType, cache: got.CacheControl, metadata: got.Metadata, key: got.SSEKMSKeyId, tags: TagSet }).toEqual({
        body: contentAt(index), type: 'text/x-mixed', cache: 'no-store', metadata: { index: String(index) }, key: kmsKey, tags: expect.arrayContaining([{ Key: 'kind', Value: 'mixed' }, { Key: 'number', Value: String(index) }]),
      });
    });
    expect(compared).toHaveLength(Math.min(samples, count));
  });

  test('objects that answer only with a customer key are counted as such, and left alone without it', async () => {
    await fillBucket(target, 'customers', 10, { kmsKey, customerKey });
    const scan = await enfold.buckets.scan(request('customers', { wish: { mode: 'sse-s3', kmsKeyId: null, dsse: false }, keys: [] }));
    expect(scan.head.totals.find(({ protection }) => protection === 'SSE-C')).toMatchObject({ objects: 2, key: 'a customer key that is not here' });
    const { counts } = await scan.fix({ only: null, signal });
    expect(counts).toEqual({ fixed: 6, already: 0, skipped: 2, failed: 0 });
    await scan.close();
    const got = await target.client.send(new GetObjectCommand({ Bucket: 'customers', Key: keyAt(4), ...customerOf(customerKey) }));
    expect(await got.Body?.transformToString()).toBe(contentAt(4));
    // And the other way round: under the customer key, where it is given.
    const toCustomer = await enfold.buckets.scan(request('customers', { wish: { mode: 'sse-c', kmsKeyId: null, dsse: false } }));
    expect((await toCustomer.fix({ only: new Set([keyAt(0), keyAt(1)]), signal })).counts).toEqual({ fixed: 2, already: 0, skipped: 0, failed: 0 });
    expect((await toCustomer.fix({ only: null, signal })).counts).toEqual({ fixed: 8, already: 2, skipped: 0, failed: 0 });
    await toCustomer.close();
    const now = await target.client.send(new GetObjectCommand({ Bucket: 'customers', Key: keyAt(0), ...customerOf(customerKey) }));
    expect(await now.Body?.transformToString()).toBe(contentAt(0));
  });
}
