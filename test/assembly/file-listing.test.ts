import { runInNewContext } from 'node:vm';
import { setFlagsFromString } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { FileListing, type Order } from '../../main/assembly/file-listing.ts';
import type { BrowseRow } from '../../preload/contract.ts';

const collator = new Intl.Collator(undefined, { numeric: true });
const row = (path: string, part: Partial<BrowseRow> = {}): BrowseRow => {
  const kind = path.endsWith('/') ? 'directory' : 'file';
  return { path, name: path.split('/').at(kind === 'file' ? -1 : -2)!, kind, sizeBytes: null, modifiedMs: null, objectKey: `photos/enc-${path}`, protection: 'sealed', isConfirmed: false, ...part };
};
const BY_NAME: Order = { by: 'name', isDown: false };

describe('the rows of a listing', () => {
  test('come back as they were put in', async () => {
    const listing = new FileListing('photos/enc-a/');
    const rows = [
      row('a/dir/', { protection: 'server', objectKey: 'elsewhere/x' }),
      row('a/1.jpg', { sizeBytes: 0, modifiedMs: 1.5, isConfirmed: true }), row('a/b/2 ü 🎈.jpg', { protection: 'foreign' }), row('a/b/3', { sizeBytes: 2 ** 40, objectKey: '=odd+key' }),
      row('a/b/4', { objectKey: '', past: { now: 'same' } }), row('a/b/5', { objectKey: '', past: { now: 'unknown' }, isConfirmed: true }),
    ];
    for (const one of rows) listing.push(one);
    expect(await listing.rows('', BY_NAME, 0, 10)).toEqual({ rows, total: 6 });
    expect(await listing.rows('', BY_NAME, 1, 2)).toEqual({ rows: [rows[1]], total: 6 });
  });

  test.each<[string, Order]>([['name', BY_NAME], ['name, downwards', { by: 'name', isDown: true }], ['size', { by: 'sizeBytes', isDown: false }], ['time, downwards', { by: 'modifiedMs', isDown: true }]])('stand in order of %s while more of them come, directories first', async (_how, order) => {
    const listing = new FileListing('');
    const all: BrowseRow[] = [];
    const sign = order.isDown ? -1 : 1;
    for (let round = 0; round < 4; round += 1) {
      for (let i = 0; i < 700; i += 1) {
        const number = (all.length * 7919) % 3571;
        const one = row(number % 50 === 0 ? `d${number}/` : `IMG ${number}.jpg`, number % 3 === 0 ? {} : { sizeBytes: number % 11, modifiedMs: number % 7 });
        all.push(one);
        listing.push(one);
      }
      const wanted = all.toSorted((a, b) => (a.kind !== b.kind ? (a.kind === 'directory' ? -1 : 1) : sign * ((order.by === 'name' ? 0 : (a[order.by] ?? -1) - (b[order.by] ?? -1)) || collator.compare(a.name, b.name))));
      const shown = await listing.rows('', order, 0, all.length);
      expect(shown.rows.map(({ path }) => path)).toEqual(wanted.map(({ path }) => path));
      const some = wanted.filter(({ name }) => name.toLowerCase().includes('mg 1'));
      expect((await listing.rows('MG 1', order, 0, all.length)).rows.map(({ path }) => path)).toEqual(some.map(({ path }) => path));
    }
  });

  test('keep nothing of the answers they were read from, and let others have their turn while they are sorted', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const listing = new FileListing('photos/');
    collect();
    const before = process.memoryUsage();
    for (let page = 0; page < 50; page += 1) {
      const answer = Array.from({ length: 1000 }, (_, i) => `photos/2024/IMG_${(page * 1000 + i) * 7919 % 50_000} from a camera.jpg</Key><ETag>0123456789abcdef0123456789abcdef</ETag><Size>10</Size>${'<!-- what else a server says -->'.repeat(20)}`).join('\n');
      for (const line of answer.split('\n')) {
        const key = line.slice(0, line.indexOf('<'));
        listing.push({ path: key.slice(7), name: key.slice(12), kind: 'file', sizeBytes: 10, modifiedMs: page, objectKey: key, protection: 'server', isConfirmed: false });
      }
    }
    collect();
    const after = process.memoryUsage();
    expect((after.heapUsed + after.external - before.heapUsed - before.external) / 50_000).toBeLessThan(400);

    let turns = 0;
    let isSorting = true;
    const count = (): void => {
      turns += 1;
      if (isSorting) setImmediate(count);
    };
    count();
    const { rows, total } = await listing.rows('', BY_NAME, 0, 1);
    isSorting = false;
    expect([rows[0]?.name, total]).toEqual(['IMG_0 from a camera.jpg', 50_000]);
    expect(turns).toBeGreaterThan(3);
  });
});
