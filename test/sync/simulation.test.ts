/**
 * Random histories of particular kinds over the real planner and engine in a world in memory; the mixed ones are in a file for each
 * level. ENFOLD_SEED is where the seeds begin; a broken promise names the least history that breaks it again.
 */
import { describe, expect, test } from 'vitest';
import { runHistory } from './history.ts';
import type { HistoryOptions } from './history.ts';
import { brokenBy, FIRST_SEED, LEVELS, runHistories } from './many-histories.ts';
import type { Kind, Sum } from './many-histories.ts';

const HISTORIES = Math.ceil(Number(process.env['ENFOLD_HISTORIES'] ?? 3_000) / 20);

/** Every other history is client-side, and each server level has its turn. */
function optionsOf(kind: Kind, seed: number): HistoryOptions & Kind {
  return { level: LEVELS[Math.floor(seed / 2) % LEVELS.length] ?? 'full', isClientSide: seed % 2 === 1, ...kind, seed };
}
const runMany = (kind: Kind): Promise<Sum> => runHistories(HISTORIES, (seed) => optionsOf(kind, seed));

const stormy = { steps: 40, faultChance: 0.06, crashChance: 0.01, meanwhileChance: 0.02 };
const KINDS: readonly [string, Kind][] = [
  ['two devices on a good day', { devices: 2, steps: 40, faultChance: 0, crashChance: 0, meanwhileChance: 0 }],
  ['three devices in bad weather', { devices: 3, steps: 60, faultChance: 0.1, crashChance: 0.01, meanwhileChance: 0.03 }],
  ['one device that is paused in the middle of a cycle makes no conflict copy', { ...stormy, devices: 1, abortChance: 0.03, hasNoConflicts: true }],
  ['one device alone never makes a conflict copy', { ...stormy, devices: 1, faultChance: 0.08, crashChance: 0.02, hasNoConflicts: true }],
  ['one device alone never makes a conflict copy where attributes hide hashes', { ...stormy, devices: 1, level: 'full', isClientSide: false, hidesHashes: true, faultChance: 0.08, crashChance: 0.02, hasNoConflicts: true }],
  ['devices that only receive make no conflict copies', { ...stormy, devices: 3, writers: 1, faultChance: 0.08, hasNoConflicts: true }],
  ['users who never touch one another\'s files see no conflict copy', { ...stormy, devices: 3, isDisjoint: true, hasNoConflicts: true }],
  ['devices whose plans are made in portions of two rows', { ...stormy, devices: 3, portionRows: 2 }],
  ['one device alone, whose plans are made in portions, never makes a conflict copy', { ...stormy, devices: 1, portionRows: 2, hasNoConflicts: true }],
  ['names that are a file\'s on one device and a directory\'s on another', { ...stormy, devices: 2, hasClashes: true }],
  ['another program that writes to the bucket and deletes there', { ...stormy, devices: 2, level: 'full', isClientSide: false, hasForeigners: true }],
  ['a backup holds what is on the disk and changes nothing there', { ...stormy, devices: 1, direction: 'upload', hasNoConflicts: true }],
  ['a mirror of the disk holds what is on it and nothing else', { ...stormy, devices: 1, direction: 'upload-mirror', hasNoConflicts: true }],
  ['a device that mirrors the bucket has what is in it and nothing else', { ...stormy, devices: 2, writers: 1, direction: 'download-mirror', hasNoConflicts: true }],
  ['a device that only receives has all that is in the bucket, and sends nothing', { ...stormy, devices: 2, writers: 1, direction: 'download', hasNoConflicts: true }],
];

describe('whatever users do and whatever fails, nothing is lost and all come to the same rest', { timeout: 60_000 + HISTORIES * 200 }, () => {
  test.each(KINDS)('%s', async (_, kind) => {
    expect((await runMany(kind)).histories).toBe(HISTORIES);
  });

  test('the same seed gives the same history', async () => {
    const options = optionsOf({ devices: 3, steps: 40, faultChance: 0.06, crashChance: 0.005, meanwhileChance: 0.01 }, FIRST_SEED);
    expect((await runHistory(options)).trace).toEqual((await runHistory(options)).trace);
  });

  test('a history with a step left out goes on as before', async () => {
    const options = optionsOf({ devices: 2, steps: 12, faultChance: 0, crashChance: 0, meanwhileChance: 0 }, 7);
    const whole = await runHistory(options);
    const shorter = await runHistory({ ...options, without: [12] });
    const untilRest = (trace: readonly string[]): readonly string[] => trace.slice(0, trace.findIndex((line) => line.includes('at rest')));
    const before = untilRest(shorter.trace);
    expect(before.length).toBeGreaterThan(0);
    expect(untilRest(whole.trace).slice(0, before.length)).toEqual(before);
  });
});

const left = (...steps: readonly number[]): readonly number[] => Array.from({ length: 40 }, (_, i) => i + 1).filter((step) => !steps.includes(step));

/** Kept because they broke a promise before. */
const REMEMBERED: readonly [string, HistoryOptions & Kind][] = [
  [
    'an upload that arrived, whose answer was lost, of a file that was edited since, where attributes hide hashes',
    { seed: 7, level: 'full', isClientSide: false, hidesHashes: true, devices: 1, steps: 40, faultChance: 0.08, crashChance: 0.02, meanwhileChance: 0.05, hasNoConflicts: true, without: left(7, 8, 11, 22, 25, 26) },
  ],
  [
    'a version that was told, could not be taken, and was deleted before the next look',
    { seed: 237_013_427, level: 'none', isClientSide: false, devices: 2, steps: 12, faultChance: 0, crashChance: 0.003, meanwhileChance: 0.1, togetherChance: 0.3, restsOnFeeds: true, without: [2, 6, 8] },
  ],
];

describe('histories that were broken once', () => {
  test.each(REMEMBERED)('%s', async (_, options) => {
    expect((await brokenBy(options)).broken).toEqual([]);
  });
});
