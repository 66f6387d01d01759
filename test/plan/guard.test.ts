import { describe, expect, test } from 'vitest';
import type { PlanPolicy } from '../../main/model/action.ts';
import type { PathStates } from '../../main/model/snapshot.ts';
import { makePlan } from '../../main/plan/plan.ts';
import { createdHere, deletedHere, deletedThere, policyOf, baseOf, row, ABSENT_HERE, unchangedThere } from './rows.ts';

const many = (count: number, make: (path: string) => PathStates, directory = ''): PathStates[] => Array.from({ length: count }, (_, i) => make(`${directory}f${i}`));
const totals = (baseFiles: number, changes: Partial<PlanPolicy['totals']> = {}): Partial<PlanPolicy> => ({ totals: { baseFiles, localFiles: baseFiles, remoteFiles: baseFiles, ...changes } });
const reasonOf = (rows: readonly PathStates[], policy: PlanPolicy): string | null => makePlan(rows, policy).held?.reason ?? null;

describe('deletions wait for the user', () => {
  test.each([
    ['10 of 20 files', 10, 20, null],
    ['11 of 20 files', 11, 20, 'mass'],
    ['250 of 1,000 files', 250, 1_000, null],
    ['251 of 1,000 files', 251, 1_000, 'mass'],
  ])('%s', (_, count, baseFiles, expected) => {
    const held = expected === null ? [null, null] : ['mass-delete-remote', 'mass-delete-local'];
    expect([reasonOf(many(count, deletedHere), policyOf(totals(baseFiles))), reasonOf(many(count, deletedThere), policyOf(totals(baseFiles)))]).toEqual(held);
  });

  test('each side counts for itself', () => {
    const rows = [...many(9, deletedHere), ...many(9, (path) => deletedThere(`x${path}`))];
    expect(reasonOf(rows, policyOf(totals(20)))).toBeNull();
  });

  test('when one side came up empty, however few files there were', () => {
    expect(reasonOf(many(2, deletedHere), policyOf(totals(2, { localFiles: 0 })))).toBe('root-emptied');
    expect(reasonOf(many(2, deletedThere), policyOf(totals(2, { remoteFiles: 0 })))).toBe('remote-emptied');
    expect(reasonOf(many(1, deletedHere), policyOf(totals(1, { localFiles: 0 })))).toBeNull();
  });

  test('when all of a tree of more than 50 files goes, though it is a small part of the folder', () => {
    const rows = many(51, deletedHere, 'tree/d/');
    expect(reasonOf(rows, policyOf(totals(10_000, {})))).toBe('tree-delete-remote');
    expect(reasonOf(many(51, deletedThere, 'tree/d/'), policyOf(totals(10_000, {})))).toBe('tree-delete-local');
    expect(reasonOf(many(50, deletedHere, 'tree/d/'), policyOf(totals(10_000)))).toBeNull();
    expect(reasonOf(rows, policyOf({ ...totals(10_000), baseEntriesBelow: () => 52 }))).toBeNull();
    expect(reasonOf(rows, policyOf({ ...totals(10_000), baseEntriesBelow: (directory, limit) => Math.min(limit, directory === 'tree/' ? 60 : 51) }))).toBe('tree-delete-remote');
  });

  test('an emptied tree counts with the objects of its empty directories', () => {
    const empty = baseOf('tree/empty/');
    const rows = [...many(51, deletedHere, 'tree/'), row('tree/empty/', empty, ABSENT_HERE, unchangedThere(empty))];
    expect(reasonOf(rows, policyOf({ ...totals(10_000), baseEntriesBelow: (_, limit) => Math.min(limit, 52) }))).toBe('tree-delete-remote');
  });
});

describe('a held plan', () => {
  const rows = [...many(30, deletedHere), deletedThere('gone'), createdHere('new')];
  test('holds every deletion of either side and lets the rest go on', () => {
    const plan = makePlan(rows, policyOf(totals(40)));
    expect(plan.held).toMatchObject({ reason: 'mass-delete-remote', ofTotal: 40 });
    expect(plan.held?.deletions).toHaveLength(31);
    expect(plan.stages.flat().map(({ type, path }) => `${type} ${path}`)).toEqual(['upload new']);
    expect(plan.counts).toMatchObject({ upload: 1, 'delete-remote': 0, 'delete-local': 0 });
  });
  test('goes on as a whole once the user accepts it', () => {
    const plan = makePlan(rows, policyOf({ ...totals(40), acceptHeld: true }));
    expect(plan.held).toBeNull();
    expect(plan.counts).toMatchObject({ upload: 1, 'delete-remote': 30, 'delete-local': 1 });
  });
});

test('renames are no deletions', () => {
  const rows = Array.from({ length: 40 }, (_, i) => [deletedHere(`a/f${i}`, `content ${i}`), createdHere(`b/f${i}`, `content ${i}`)]).flat();
  const plan = makePlan(rows, policyOf(totals(40)));
  expect(plan.held).toBeNull();
  expect(plan.counts).toMatchObject({ 'rename-remote': 40, upload: 0, 'delete-remote': 0 });
});

test('forgetting what is gone on both sides is no deletion', () => {
  const rows = many(40, (path) => row(path, baseOf(path), ABSENT_HERE, { type: 'absent', tombstone: null }));
  expect(makePlan(rows, policyOf(totals(40, { localFiles: 0, remoteFiles: 0 })))).toMatchObject({ held: null, counts: { forget: 40 } });
});
