/** A scan holds a page of objects in memory and no more: a million cost what a hundred thousand do. The server is a function here, so that only the scan is measured. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, expect, test } from 'vitest';
import type { OpenBucket } from '../../main/bucket/open-bucket.ts';
import type { ObjectSource } from '../../main/bucket/object-source.ts';
import { renderReport } from '../../main/bucket/report.ts';
import { openRecords } from '../../main/bucket/scan-records.ts';
import { scan } from '../../main/bucket/scan.ts';

const PAGE = 1_000;
const scratch = mkdtempSync(join(tmpdir(), 'enfold-scan-memory-'));
afterAll(() => rmSync(scratch, { recursive: true }));

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const heapMiB = (): number => {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1024 ** 2;
};

const HEADERS = { etag: '"0123456789abcdef0123456789abcdef"', 'content-length': '12345', 'last-modified': 'Sat, 21 Nov 2026 12:00:00 GMT', 'x-amz-server-side-encryption': 'AES256', 'x-amz-meta-mtime': '1' };
const open = { send: async () => ({ status: 200, headers: HEADERS, body: Buffer.alloc(0) }) } as unknown as OpenBucket;
const objects = (count: number): ObjectSource => async function* () {
  for (let start = 0; start < count; start += PAGE) {
    yield { items: Array.from({ length: PAGE }, (_, index) => ({ objectKey: `folder/${start + index}/a name of usual length.jpg`, versionId: null, isLatest: true })), cursor: start, isLast: start + PAGE >= count };
  }
};

test('a million objects are scanned, and reported, in the memory of a hundred thousand', async () => {
  const signal = new AbortController().signal;
  const measure = async (count: number): Promise<{ heap: number; rows: number; bytes: number }> => {
    const directory = join(scratch, String(count));
    const records = openRecords(directory, 'memory', false);
    let heap = 0;
    await scan(open, objects(count), records, {
      prefix: '', wish: { mode: { id: 'sse-s3' }, managedKmsKey: null, customerKeyMd5s: [] }, keys: [], readEnvelope: () => null, atOnce: 24, signal,
      onProgress: (done) => { if (done % 50_000 === 0) heap = Math.max(heap, heapMiB()); },
    });
    let rows = 0;
    for await (const line of renderReport('csv', { bucket: 'b', prefix: '', scannedAtMs: 0, wish: 'sse-s3', totals: records.progress().totals }, records.rows())) if (line !== '' && (rows += 1) % 250_000 === 0) heap = Math.max(heap, heapMiB());
    records.close();
    return { heap, rows: rows - 1, bytes: statSync(join(directory, 'rows.jsonl')).size };
  };
  const few = await measure(100_000);
  const many = await measure(1_000_000);
  process.stdout.write(`heap: ${few.heap.toFixed(1)} MiB at 100,000 objects, ${many.heap.toFixed(1)} MiB at 1,000,000; records on disk: ${(many.bytes / 1024 ** 2).toFixed(0)} MiB\n`);
  expect([few.rows, many.rows]).toEqual([100_000, 1_000_000]);
  expect(many.heap).toBeLessThan(few.heap + 10);
});
