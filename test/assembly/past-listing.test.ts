import { expect, test } from 'vitest';
import type { FileVersion } from '../../main/assembly/api.ts';
import { pastRows } from '../../main/assembly/past-listing.ts';

const version = (path: string, atMs: number, part: Partial<FileVersion> = {}): FileVersion => ({ path, versionId: `${path} ${atMs}`, isLatest: false, isDeletion: false, atMs, sizeBytes: atMs, ...part });
/** Of each file the newest first. */
const ALL: readonly FileVersion[] = [
  version('a.txt', 9_000, { isLatest: true }), version('a.txt', 2_000),
  version('gone.txt', 8_000, { isLatest: true, isDeletion: true, sizeBytes: null }), version('gone.txt', 5_000), version('gone.txt', 1_000),
  version('new.txt', 9_500, { isLatest: true }),
  version('sub/', 1_000, { isLatest: true, sizeBytes: 0 }),
  version('sub/deep/x.txt', 1_500, { isLatest: true }), version('sub/deep/y.txt', 1_500, { isLatest: true }),
  version('sub/twice.txt', 7_000, { isLatest: true }), version('sub/twice.txt', 6_000, { isDeletion: true, sizeBytes: null }), version('sub/twice.txt', 1_200),
];

async function rows(directory: string, atMs: number | null, isDeep = false): Promise<string[]> {
  const found: string[] = [];
  const below = (async function* (): AsyncGenerator<FileVersion> {
    for (const one of ALL) if (one.path.startsWith(directory)) yield one;
  })();
  for await (const { path, kind, modifiedMs, past } of pastRows(below, directory, isDeep, atMs, 'sealed')) found.push(`${path} ${kind === 'file' ? `${modifiedMs} ${past?.now}` : kind}`);
  return found;
}

test('shows each file as it was at the time, and what became of it since', async () => {
  expect(await rows('', 5_500)).toEqual(['a.txt 2000 changed', 'gone.txt 5000 deleted', 'sub/ directory']);
  expect(await rows('', 9_600)).toEqual(['a.txt 9000 same', 'new.txt 9500 same', 'sub/ directory']);
  expect(await rows('', 900)).toEqual([]);
});

test('shows a directory once, what is in it when it is opened, and all below in a search', async () => {
  expect(await rows('sub/', 1_600)).toEqual(['sub/deep/ directory', 'sub/twice.txt 1200 changed']);
  expect(await rows('', 1_600, true)).toEqual(['gone.txt 1000 deleted', 'sub/deep/x.txt 1500 same', 'sub/deep/y.txt 1500 same', 'sub/twice.txt 1200 changed']);
});

test('shows no file in a moment in which it was deleted', async () => {
  expect(await rows('sub/', 6_500)).toEqual(['sub/deep/ directory']);
});

test('takes a time without a fraction for the whole second, as listings that tell whole seconds need', async () => {
  const found: number[] = [];
  for await (const { modifiedMs } of pastRows((async function* () { yield version('a', 4_999, { isLatest: true }); })(), '', false, 4_000, 'server')) found.push(modifiedMs ?? 0);
  expect(found).toEqual([4_999]);
});

test('shows of what was deleted the last that stood, and nothing that stands', async () => {
  expect(await rows('', null)).toEqual(['gone.txt 5000 deleted']);
});
