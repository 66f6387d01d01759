/** Plans of very many rows, made in portions: the same actions as of one plan, and what belongs together is in the last. */
import { describe, expect, test } from 'vitest';
import type { Action, Plan } from '../../main/model/action.ts';
import type { PathStates, RemoteState } from '../../main/model/snapshot.ts';
import { syncPath } from '../../main/model/path.ts';
import { LARGE_BYTES } from '../../main/model/transfer-limits.ts';
import { renameSizes } from '../../main/plan/needs.ts';
import { makePlan } from '../../main/plan/plan.ts';
import { onePlan, plansOf } from '../../main/sync/portions.ts';
import type { FolderState, InLine } from '../../main/sync/ports.ts';
import { baseOf, newFile, policyOf, presentHere, entryOf, unchangedThere, versionOf } from '../plan/rows.ts';

const ABSENT: RemoteState = { type: 'absent', tombstone: null };
const NEWER = { '0123456789ab': 3, cccccccccccc: 3 };

/** Files that are new here, new there, edited here, edited there; a rename, deletions on both sides, and a large new file. */
function makeRows(): PathStates[] {
  const rows: PathStates[] = [];
  const add = (path: string, row: Omit<PathStates, 'path'>): unknown => rows.push({ path: syncPath(path), ...row });
  for (let i = 100; i < 130; i++) {
    const at = `d${i % 3}/${i}`;
    add(`${at} new here`, { base: null, local: newFile(`${at} new here`, `new ${i}`), remote: ABSENT });
    add(`${at} new there`, { base: null, local: { type: 'absent' }, remote: { type: 'present', version: versionOf(`${at} new there`, `theirs ${i}`, NEWER) } });
    const edited = baseOf(`${at} edited here`);
    add(edited.path, { base: edited, local: newFile(edited.path, `edited ${i}`), remote: unchangedThere(edited) });
    const changed = baseOf(`${at} edited there`);
    add(changed.path, { base: changed, local: presentHere(entryOf(changed), 'base'), remote: { type: 'present', version: versionOf(changed.path, `edited there ${i}`, NEWER) } });
  }
  const from = baseOf('before', 'what is renamed, of a length of its own');
  add('before', { base: from, local: { type: 'absent' }, remote: unchangedThere(from) });
  add('zz after', { base: null, local: newFile('zz after', 'what is renamed, of a length of its own'), remote: ABSENT });
  const gone = baseOf('gone here');
  add('gone here', { base: gone, local: { type: 'absent' }, remote: unchangedThere(gone) });
  add('a large one', { base: null, local: presentHere({ ...entryOf(baseOf('a large one'), { stamp: 'new' }), sizeBytes: LARGE_BYTES }, null), remote: ABSENT });
  return rows.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

const policy = policyOf({ totals: { baseFiles: 1_000, localFiles: 1_000, remoteFiles: 1_000 } });
const rows = makeRows();
const found = { rows: rows.length, bytes: 0, renameSizes: renameSizes(rows, policy), keptSizes: new Set<number>() };
const actionsOf = (plans: readonly Plan[]): Action[] => plans.flatMap(({ stages }) => stages.flat());
const named = (plans: readonly Plan[]): string[] => actionsOf(plans).map(({ type, path }) => `${type} ${path}`).toSorted((a, b) => (a < b ? -1 : 1));

/** Records that hold just these rows. */
function stateOf(all: readonly PathStates[]): Pick<FolderState, 'differences' | 'putInLine' | 'inLine'> {
  const line: InLine[] = [];
  const at = new Map(all.map((states) => [states.path, states]));
  return {
    differences: () => all,
    putInLine: (more) => void line.push(...more),
    inLine: () => line.toSorted((a, b) => a.sizeClass - b.sizeClass || b.mtimeMs - a.mtimeMs).map(({ path }) => at.get(path) as PathStates),
  };
}

async function portionsOf(portionRows: number): Promise<Plan[]> {
  const plans: Plan[] = [];
  for await (const plan of plansOf(stateOf(rows), found, policy, portionRows)) plans.push(plan);
  return plans;
}

describe('a plan in portions', () => {
  test('decides the same as one plan, never of more rows at once than it may, and keeps what belongs together for the end', async () => {
    const one = makePlan(rows, policy);
    const plans = await portionsOf(10);
    expect(plans.length).toBeGreaterThan(10);
    expect(named(plans)).toEqual(named([one]));
    const last = plans.at(-1);
    for (const plan of plans.slice(0, -1)) {
      expect(actionsOf([plan]).length).toBeLessThanOrEqual(10);
      expect(actionsOf([plan]).filter(({ type }) => type === 'rename-remote' || type === 'delete-remote' || type === 'delete-local')).toEqual([]);
    }
    expect(last === undefined ? [] : named([last])).toEqual(['delete-remote gone here', 'rename-remote zz after', 'upload a large one']);
  });

  test('is one plan where few rows differ', async () => {
    expect((await portionsOf(rows.length)).length).toBe(1);
  });

  test('is told as one, with all that it counts', async () => {
    const one = makePlan(rows, policy);
    const told = await onePlan(plansOf(stateOf(rows), found, policy, 10));
    expect(told.counts).toEqual(one.counts);
    expect(named([told])).toEqual(named([one]));
    expect(told.unlisted).toBeUndefined();
  });

  test('goes by size class and age over the whole folder, whatever the paths are', async () => {
    const KIB = 1024;
    const all = Array.from({ length: 60 }, (_, i): PathStates => {
      const path = `${String(i).padStart(2, '0')} file`;
      // In the order of paths: large and old first, small and new last.
      const sizeBytes = i < 20 ? 4_000 * KIB : i < 40 ? 600 * KIB : KIB;
      const entry = { ...entryOf(baseOf(path), { stamp: 'new' }), sizeBytes, mtimeMs: 1_000 * i };
      return { path: syncPath(path), base: null, local: presentHere(entry, null), remote: ABSENT };
    });
    const plans: Plan[] = [];
    for await (const plan of plansOf(stateOf(all), { rows: all.length, bytes: 0, renameSizes: new Set(), keptSizes: new Set() }, policy, 20)) plans.push(plan);
    const pathsOf = (plan: Plan | undefined): string[] => actionsOf(plan === undefined ? [] : [plan]).map(({ path }) => path);
    expect(plans.map((plan) => pathsOf(plan).length)).toEqual([20, 20, 20, 0]);
    expect(pathsOf(plans[0])).toEqual(all.slice(40).map(({ path }) => path).toReversed());
    expect(pathsOf(plans[1])).toEqual(all.slice(20, 40).map(({ path }) => path).toReversed());
    expect(pathsOf(plans[2])).toEqual(all.slice(0, 20).map(({ path }) => path).toReversed());
  });

  test('lets the file win where a file and what would lie below it both come, also when the latter is the more urgent', async () => {
    const there = (path: string, objectBytes: number): PathStates => ({ path: syncPath(path), base: null, local: { type: 'absent' }, remote: { type: 'present', version: { ...versionOf(path, path, NEWER), objectBytes } } });
    const all = [there('a', 900_000), there('a b', 10), there('a/deep/er', 10), there('a/x', 10), there('ab', 10), there('c', 10)];
    const plans: Plan[] = [];
    for await (const plan of plansOf(stateOf(all), { rows: all.length, bytes: 0, renameSizes: new Set(), keptSizes: new Set() }, policy, 2)) plans.push(plan);
    expect(named(plans)).toEqual(['download a', 'download a b', 'download ab', 'download c']);
    expect(plans.flatMap(({ skipped }) => skipped).map(({ path, reason }) => [path, reason])).toEqual([['a/deep/er', 'name-clash'], ['a/x', 'name-clash']]);
  });
});
