import { describe, expect, test } from 'vitest';
import type { PathStates } from '../../main/model/snapshot.ts';
import { makePlan } from '../../main/plan/plan.ts';
import { ABSENT_HERE, baseOf, createdHere, createdThere, deletedHere, deletedThere, entryOf, policyOf, row, tombstoneOf } from './rows.ts';
import type { PlanPolicy } from '../../main/model/action.ts';

const stagesOf = (rows: readonly PathStates[], policy: PlanPolicy = policyOf()): string[][] =>
  makePlan(rows, policy).stages.map((stage) => stage.map(({ type, path }) => `${type} ${path}`).toSorted());
const skippedOf = (rows: readonly PathStates[], policy: PlanPolicy = policyOf()): string[] => makePlan(rows, policy).skipped.map(({ path, reason }) => `${reason} ${path}`);

function emptyDirectoryDeletedThere(path: string): PathStates {
  const base = baseOf(path);
  return row(path, base, { type: 'present', entry: entryOf(base), sha256: null }, { type: 'absent', tombstone: tombstoneOf(path, base.vector) });
}

describe('stages', () => {
  test('directories before files, copies before deletions, deep directories before shallow ones', () => {
    const rows = [
      deletedThere('x/y/old'), emptyDirectoryDeletedThere('x/'), emptyDirectoryDeletedThere('x/y/'), createdThere('n/'), createdThere('n/m/new'),
      deletedHere('gone'), createdHere('sent'),
    ];
    expect(stagesOf(rows)).toEqual([
      ['download n/'],
      ['download n/m/new', 'upload sent'],
      ['delete-local x/y/old', 'delete-remote gone'],
      ['delete-local x/y/'],
      ['delete-local x/'],
    ]);
  });
  test('an empty plan has none', () => {
    expect(stagesOf([])).toEqual([]);
  });
});

describe('a file and a directory of one name', () => {
  test('the file below waits until the file above is gone', () => {
    expect(stagesOf([deletedThere('a'), createdThere('a/b')])).toEqual([['delete-local a'], ['download a/b']]);
  });
  test('the file waits until all below its name is gone', () => {
    const rows = [deletedThere('a/b'), emptyDirectoryDeletedThere('a/c/'), createdThere('a')];
    expect(stagesOf(rows)).toEqual([['delete-local a/b'], ['delete-local a/c/'], ['download a']]);
  });
  test('nothing comes below a file that stays, and the clash is listed', () => {
    const rows = [createdHere('a'), createdThere('a/b')];
    expect([stagesOf(rows), skippedOf(rows)]).toEqual([[['upload a']], ['name-clash a/b']]);
  });
  test('nothing comes below an unchanged file, which no row mentions', () => {
    const policy = policyOf({ hasBase: (path) => path === 'a' });
    expect(skippedOf([createdThere('a/b/c')], policy)).toEqual(['name-clash a/b/c']);
    expect(skippedOf([createdThere('a/b/')], policy)).toEqual(['name-clash a/b/']);
  });
  test('no file comes over a directory that holds something', () => {
    expect(skippedOf([createdHere('a/b'), createdThere('a')])).toEqual(['name-clash a']);
    expect(skippedOf([createdThere('a')], policyOf({ baseEntriesBelow: (directory, limit) => (directory === 'a/' ? Math.min(limit, 1) : 0) }))).toEqual(['name-clash a']);
    const empty = { type: 'present', entry: entryOf(baseOf('a/b/')), sha256: null } as const;
    expect(skippedOf([row('a/b/', null, empty, { type: 'absent', tombstone: null }), createdThere('a')])).toEqual(['name-clash a']);
  });
  test('a file comes where a directory was that the user removed', () => {
    const rows = [deletedHere('a/b'), createdThere('a')];
    expect(stagesOf(rows, policyOf({ baseEntriesBelow: (_, limit) => Math.min(limit, 1) }))).toEqual([['download a'], ['delete-remote a/b']]);
  });
  test('of two that come, the file does', () => {
    const rows = [createdThere('a'), createdThere('a/b')];
    expect([stagesOf(rows), skippedOf(rows)]).toEqual([[['download a']], ['name-clash a/b']]);
  });
  test('nothing comes where the deletion that would make room is held', () => {
    const rows = [...Array.from({ length: 20 }, (_, i) => deletedThere(`f${i}`)), deletedThere('a'), createdThere('a/b')];
    const policy = policyOf({ totals: { baseFiles: 30, localFiles: 30, remoteFiles: 30 } });
    expect([stagesOf(rows, policy), skippedOf(rows, policy)]).toEqual([[], ['name-clash a/b']]);
  });
  test('is no clash where base knows what is gone from the disk', () => {
    const base = baseOf('a');
    const rows = [row('a', base, ABSENT_HERE, { type: 'absent', tombstone: null }), createdThere('a/b')];
    expect(skippedOf(rows, policyOf({ hasBase: (path) => path === 'a' }))).toEqual([]);
  });
});

test('counts what is planned, in actions and bytes', () => {
  const plan = makePlan([createdHere('a', 'four'), createdThere('b', 'seventy'), createdThere('d/')], policyOf());
  expect(plan.counts).toMatchObject({ upload: 1, download: 2, bytesUp: 4, bytesDown: 7 });
});
