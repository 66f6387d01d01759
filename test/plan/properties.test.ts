/**
 * What holds for every plan. Local and remote are made by changing base, as users do. ENFOLD_PLAN_RUNS is how many triples
 * are tried, ENFOLD_SEED repeats a run.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Action, Plan, PlanPolicy } from '../../main/model/action.ts';
import { isEmptyPlan, makePlan } from '../../main/plan/plan.ts';
import { originalOfConflictCopy } from '../../main/plan/conflict-copy.ts';
import { isDirectoryPath } from '../../main/model/path.ts';
import { policyOf } from './rows.ts';
import { Triple } from './triple.ts';

const RUNS = Number(process.env['ENFOLD_PLAN_RUNS'] ?? 200_000);
/** For what says of a part of the plans only. */
const FEWER_RUNS = Math.ceil(RUNS / 40);
const SEED = Number(process.env['ENFOLD_SEED'] ?? Date.now() % 2 ** 31);
const MOST_ROUNDS = 6;

// One list with no file below another, so that what must hold holds without exception.
const PATHS = ['a', 'b', 'c', 'd/e', 'd/f', 'g/h/i', 'k/', 'k/l/'];
const FILES = PATHS.filter((path) => !path.endsWith('/'));

type Step =
  | { readonly type: 'write'; readonly path: string; readonly content: string; readonly flag: boolean }
  | { readonly type: 'remove'; readonly path: string; readonly flag: boolean }
  | { readonly type: 'rename'; readonly path: string; readonly to: string }
  | { readonly type: 'chmod'; readonly path: string };
type Setting = { readonly inStep: readonly { readonly path: string; readonly content: string }[]; readonly here: readonly Step[]; readonly there: readonly Step[] };

const anyFile = fc.constantFrom(...FILES);
const anyPath = fc.constantFrom(...PATHS);
// Few contents: repeated ones are what renames and adoptions go wrong with.
const anyContent = fc.constantFrom('', 'one', 'two', 'six', 'three');
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('write' as const), path: anyPath, content: anyContent, flag: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('remove' as const), path: anyPath, flag: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('rename' as const), path: anyFile, to: anyFile }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('chmod' as const), path: anyFile }) },
);
const anySetting: fc.Arbitrary<Setting> = fc.record({
  inStep: fc.uniqueArray(fc.record({ path: anyPath, content: anyContent }), { selector: ({ path }) => path, maxLength: 7 }),
  here: fc.array(anyStep, { maxLength: 6 }),
  there: fc.array(anyStep, { maxLength: 6 }),
});

type Made = { readonly triple: Triple; /** Contents that a user of either side put somewhere and none took away since. */ readonly live: ReadonlySet<string> };

function make(setting: Setting): Made {
  const triple = new Triple();
  for (const { path, content } of setting.inStep) triple.addInStep(path, path.endsWith('/') ? '' : content);
  const before = triple.contents().here;
  const taken = new Set<string>();
  for (const step of setting.here) noteTaken(triple.local, () => changeHere(triple, step), taken);
  for (const step of setting.there) noteTaken(triple.remote, () => changeThere(triple, step), taken);
  const { here, there } = triple.contents();
  const live = new Set([...before, ...here, ...there].filter((content) => !taken.has(content)));
  return { triple, live };
}

/** One copy fewer than before: a user deleted it or wrote over it, and meant that one. */
function noteTaken(side: ReadonlyMap<string, { readonly content: string }>, change: () => void, taken: Set<string>): void {
  const before = countContents(side);
  change();
  const now = countContents(side);
  for (const [content, count] of before) if ((now.get(content) ?? 0) < count) taken.add(content);
}

function countContents(side: ReadonlyMap<string, { readonly content: string }>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { content } of side.values()) counts.set(content, (counts.get(content) ?? 0) + 1);
  return counts;
}

function changeHere(triple: Triple, step: Step): void {
  if (step.type === 'write') triple.writeHere(step.path, step.path.endsWith('/') ? '' : step.content, step.flag);
  else if (step.type === 'remove') triple.removeHere(step.path);
  else if (step.type === 'rename') triple.renameHere(step.path, step.to);
  else triple.chmodHere(step.path, 0o600);
}

function changeThere(triple: Triple, step: Step): void {
  if (step.type === 'write') triple.writeThere(step.path, step.path.endsWith('/') ? '' : step.content, step.flag);
  else if (step.type === 'remove') triple.removeThere(step.path, step.flag);
  else if (step.type === 'rename') {
    const content = [...triple.remote].find(([path]) => path === step.path)?.[1].content;
    if (content === undefined || step.path === step.to) return;
    triple.writeThere(step.to, content, true);
    triple.removeThere(step.path, true);
  }
}

function applyPlan(triple: Triple, plan: Plan, orderOf: (stage: readonly Action[]) => readonly Action[] = (stage) => stage): void {
  for (const stage of plan.stages) for (const action of orderOf(stage)) triple.apply(action);
}

/** @returns how many plans it took until one was empty. */
function settle(triple: Triple, policy: PlanPolicy): number {
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    const plan = makePlan(triple.rows(), policy);
    if (isEmptyPlan(plan)) return round;
    applyPlan(triple, plan);
  }
  return Number.POSITIVE_INFINITY;
}

/** What a planner may never do with three snapshots, in words. */
function brokenBy({ triple, live }: Made, numbers: Iterator<number>): readonly string[] {
  const broken: string[] = [];
  const before = triple.contents().here;
  const [one, other] = [triple.copy(), triple.copy()];
  const plan = makePlan(triple.rows(), policy);
  applyPlan(one, plan);
  applyPlan(other, plan, (stage) => shuffle(stage, numbers));
  if (shapeOf(other) !== shapeOf(one)) broken.push(`another order gives ${shapeOf(other)}, not ${shapeOf(one)}`);

  if (settle(triple, policy) > MOST_ROUNDS) broken.push('plans do not come to an end');
  const at = (side: ReadonlyMap<string, { readonly content: string }>): string => [...side].map(([path, { content }]) => `${path}=${content}`).toSorted().join(', ');
  if (at(triple.local) !== at(triple.remote)) broken.push(`here is ${at(triple.local)}, there ${at(triple.remote)}`);
  if ([...triple.base.keys()].toSorted().join() !== [...triple.local.keys()].toSorted().join()) broken.push(`base knows ${[...triple.base.keys()].join()}`);
  const { here, there } = triple.contents();
  for (const content of live) if (!here.has(content) || !there.has(content)) broken.push(`'${content}' is lost`);
  for (const content of before) if (!here.has(content) && !triple.trash.includes(content)) broken.push(`'${content}' left this computer and is not in the trash`);
  return broken;
}

/** Names of conflict copies carry a counter here, so they are left out of comparisons. */
function shapeOf(triple: Triple): string {
  const side = (map: ReadonlyMap<string, { readonly content: string }>): string[] =>
    [...map].map(([path, { content }]) => `${originalOfConflictCopy(path as never) === null ? path : `copy of ${String(originalOfConflictCopy(path as never))}`}=${content}`).toSorted();
  return JSON.stringify([side(triple.local), side(triple.remote)]);
}

function check(property: (made: Made, setting: Setting) => void): void {
  fc.assert(fc.property(anySetting, (setting) => property(make(setting), setting)), { numRuns: FEWER_RUNS, seed: SEED });
}

const policy = policyOf({ acceptHeld: true });

describe(`for any three snapshots (seed ${SEED})`, { timeout: 30_000 + RUNS * 5 }, () => {
  test('plans come to an end with both sides the same, nothing is lost, and any order inside a stage gives the same', () => {
    let tried = 0;
    fc.assert(
      fc.property(anySetting, fc.infiniteStream(fc.nat()), (setting, numbers) => {
        tried += 1;
        const broken = brokenBy(make(setting), numbers);
        if (broken.length > 0) throw new Error(broken.join('; '));
      }),
      { numRuns: RUNS, seed: SEED },
    );
    expect(tried).toBe(RUNS);
  });

  test('the order of the rows makes no difference, and the same rows give the same plan', () => {
    check(({ triple }) => {
      const rows = triple.rows();
      const plan = makePlan(rows, policy);
      expect(makePlan(rows, policy)).toEqual(plan);
      const sorted = (one: Plan): unknown => ({ ...one, stages: one.stages.map((stage) => stage.toSorted((a, b) => (a.path < b.path ? -1 : 1))) });
      expect(sorted(makePlan(rows.toReversed(), policy))).toEqual(sorted(plan));
    });
  });

  test('a backup takes nothing from the bucket and changes nothing here', () => {
    check(({ triple }) => {
      const here = JSON.stringify([...triple.local]);
      const taken = triple.remote.size;
      expect(settle(triple, policyOf({ direction: 'upload', acceptHeld: true }))).toBeLessThanOrEqual(MOST_ROUNDS);
      expect(JSON.stringify([...triple.local])).toBe(here);
      expect(triple.remote.size).toBeGreaterThanOrEqual(taken);
    });
  });

  test('a backup replaces no version that somebody else wrote', () => {
    check(({ triple }) => {
      for (const action of makePlan(triple.rows(), policyOf({ direction: 'upload', acceptHeld: true })).stages.flat()) {
        expect(['upload', 'adopt', 'refresh-base', 'update-attributes', 'forget']).toContain(action.type);
        if (action.type !== 'upload' || action.replaces === null) continue;
        const base = triple.base.get(action.path);
        expect(action.replaces.attributes?.sha256).toBe(base?.sha256);
      }
    });
  });

  test('joining deletes nothing on either side and replaces no file', () => {
    check(({ triple }) => {
      triple.base.clear();
      const before = triple.contents();
      const joining = policyOf({ isJoining: true, acceptHeld: true });
      settle(triple, joining);
      const now = triple.contents();
      for (const content of [...before.here, ...before.there]) expect(now.here.has(content) && now.there.has(content)).toBe(true);
    });
  });

  test('listings that are not complete delete nothing', () => {
    check(({ triple }) => {
      const blind = policyOf({ acceptHeld: true, isLocalComplete: false, isRemoteComplete: false });
      const types = makePlan(triple.rows(), blind).stages.flat().map(({ type }) => type);
      for (const type of types) expect(['delete-local', 'delete-remote', 'rename-remote', 'forget']).not.toContain(type);
    });
  });

  test('a held plan has no deletion in its stages', () => {
    check(({ triple }) => {
      const strict = policyOf({ guard: { maxFiles: 0, maxShare: 0, maxTree: 0 } });
      const plan = makePlan(triple.rows(), strict);
      const deletions = plan.stages.flat().filter(({ type, path }) => (type === 'delete-local' || type === 'delete-remote') && !isDirectoryPath(path));
      expect(deletions).toEqual([]);
    });
  });
});

function shuffle(stage: readonly Action[], numbers: Iterator<number>): readonly Action[] {
  const keyed = stage.map((action) => ({ action, key: Number(numbers.next().value) }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ action }) => action);
}
