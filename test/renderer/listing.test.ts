import { describe, expect, test } from 'vitest';
import type { BrowseRow } from '../../preload/contract.ts';
import { PageCache, pagesFor } from '../../renderer/views/browse/listing.ts';

const rowsOf = (page: number): BrowseRow[] => Array.from({ length: 200 }, (_, at) => ({ path: `${page * 200 + at}`, name: `${page * 200 + at}`, kind: 'file', sizeBytes: 1, modifiedMs: 1, objectKey: 'k', protection: 'sealed', isConfirmed: true }));
const TOTAL = 100_000;

describe('rows that come and go with the scrolling', () => {
  test('are never more than a few thousand, however far one scrolls, and the ones in sight are among them', () => {
    const cache = new PageCache();
    const asked = new Set<number>();
    const missing: number[] = [];
    let most = 0;
    let before = { first: 0, last: 40 };
    for (let first = 0; first + 40 < TOTAL; first += 55) {
      const sight = { first, last: first + 40 };
      for (const page of pagesFor(sight, before, TOTAL)) {
        if (asked.has(page)) continue;
        asked.add(page);
        for (const gone of cache.put(page, rowsOf(page))) asked.delete(gone);
      }
      before = sight;
      most = Math.max(most, cache.rowsHeld);
      for (let index = sight.first; index <= sight.last; index += 1) if (cache.rowAt(index)?.name !== `${index}`) missing.push(index);
    }
    expect(missing).toEqual([]);
    expect(most).toBeLessThanOrEqual(24 * 200);
  });

  test.each([['a wheel', 3], ['a throw', 55], ['a throw upwards', -55]])('are asked for before they are in sight: %s', (_how, rowsPerFrame) => {
    const answerTakesFrames = 7;
    const coming: { page: number; atFrame: number }[] = [];
    const here = new Set<number>();
    const asked = new Set<number>();
    const blank: number[] = [];
    let first = 50_000;
    let before = { first, last: first + 40 };
    for (let frame = 0; frame < 600; frame += 1) {
      for (const { page, atFrame } of coming) if (atFrame <= frame) here.add(page);
      const sight = { first, last: first + 40 };
      for (const page of pagesFor(sight, before, TOTAL)) {
        if (!asked.has(page)) coming.push({ page, atFrame: frame + answerTakesFrames });
        asked.add(page);
      }
      if (frame >= answerTakesFrames) blank.push(...[Math.floor(sight.first / 200), Math.floor(sight.last / 200)].filter((page) => !here.has(page)));
      before = sight;
      if (frame >= answerTakesFrames) first += rowsPerFrame;
    }
    expect(blank).toEqual([]);
  });

  test('are the ones in sight first, and little else after a jump', () => {
    expect(pagesFor({ first: 90_010, last: 90_050 }, { first: 0, last: 40 }, TOTAL)).toEqual([450, 451, 449, 452, 448]);
    expect(pagesFor({ first: 0, last: 40 }, { first: 90_010, last: 90_050 }, TOTAL)).toEqual([0, 1, 2]);
    expect(pagesFor({ first: 99_950, last: 99_999 }, { first: 99_950, last: 99_999 }, TOTAL)).toEqual([499, 498, 497]);
    // Before anything is known of a listing, its first page is asked for.
    expect(pagesFor({ first: 0, last: 0 }, { first: 0, last: 0 }, 0)).toEqual([0]);
  });
});
