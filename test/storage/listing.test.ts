import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Catalogue } from '../../main/storage/catalogue.ts';
import { Reserve } from '../../main/storage/reserve.ts';
import { listPage, type Page } from '../../main/storage/operations/listing.ts';
import type { Version } from '../../main/storage/records.ts';

const OBJECTS = 100_000;
const FOLDER = 100;

const record: Version = {
  versionId: 'null', isMarker: false, etag: 'd41d8cd98f00b204e9800998ecf8427e', size: 0, modifiedMs: 0, headers: { 'content-type': 'text/plain' }, metadata: { padding: 'x'.repeat(500) },
  encryption: { type: 'sse-s3', objectId: '', masterKeyId: '', wrapped: '' }, checksum: null, bodies: [],
};
const keyOf = (number: number): string => `d${String(Math.floor(number / FOLDER)).padStart(4, '0')}/${String(number).padStart(6, '0')}`;

describe('a page of a bucket with 100,000 objects', () => {
  const dir = mkdtempSync(join(tmpdir(), 'enfold-listing-'));
  let catalogue: Catalogue;
  let bucketId = 0;
  let rowsRead = 0;

  beforeAll(async () => {
    catalogue = new Catalogue(dir, new Reserve(dir), () => undefined);
    await catalogue.commit(() => catalogue.addBucket({ name: 'big', createdMs: 0, region: 'us-east-1' }));
    bucketId = catalogue.bucket('big')?.id ?? 0;
    await catalogue.commit(() => {
      for (let number = 0; number < OBJECTS; number += 1) catalogue.putVersion(bucketId, keyOf(number), record);
    });
    const scan = catalogue.scanObjects.bind(catalogue);
    catalogue.scanObjects = function* (...bounds) {
      for (const row of scan(...bounds)) {
        rowsRead += 1;
        yield row;
      }
    };
  }, 60_000);
  afterAll(async () => {
    await catalogue.close();
    rmSync(dir, { recursive: true });
  });

  const list = (options: Partial<Parameters<typeof listPage>[2]>): Page => {
    rowsRead = 0;
    return listPage(catalogue, bucketId, { prefix: '', delimiter: '', after: '', limit: 1000, ...options });
  };

  test.each([0, 50_000, OBJECTS - 1001])('reads its own rows only, wherever it begins (%i)', (number) => {
    const page = list({ after: keyOf(number) });
    expect(page.entries.map(({ key }) => key)).toEqual(Array.from({ length: 1000 }, (_, index) => keyOf(number + 1 + index)));
    expect(rowsRead).toBeLessThanOrEqual(1001);
  });

  test('is answered only when all that it was read from is on the disk', async () => {
    const order: string[] = [];
    const writing = catalogue.commit(() => catalogue.addBucket({ name: 'written', createdMs: 0, region: 'us-east-1' })).then(() => order.push('write acknowledged'));
    while (catalogue.bucket('written') === null) await setImmediate();
    expect(order).toEqual([]);
    await catalogue.flushed();
    order.push('read answered');
    await writing;
    expect(order).toEqual(['write acknowledged', 'read answered']);
    expect(catalogue.flushed()).toBeUndefined();
  });

  test('reads one row for each folder it folds', () => {
    const page = list({ delimiter: '/' });
    expect(page).toMatchObject({ isTruncated: false });
    expect(page.entries).toHaveLength(OBJECTS / FOLDER);
    expect(rowsRead).toBeLessThanOrEqual(1001);
    expect(list({ delimiter: '/', prefix: 'd0500/' }).entries).toHaveLength(FOLDER);
    expect(rowsRead).toBe(FOLDER);
  });

  test('finds each object once over all pages', () => {
    let after = '';
    let count = 0;
    for (let page = list({}); ; page = list({ after })) {
      expect(page.entries.every(({ key }) => key > after)).toBe(true);
      count += page.entries.length;
      after = page.entries.at(-1)?.key ?? '';
      if (!page.isTruncated) break;
    }
    expect(count).toBe(OBJECTS);
  });
});
