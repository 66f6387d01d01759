/**
 * The plans of one cycle: one where few rows differ, else many small ones and a last one for all that belongs together. The small ones are made of rows in
 * the order of their urgency over the whole folder, which SQLite keeps: what is small and was just saved goes before what is large or old, wherever it lies.
 */
import type { Plan, PlanPolicy } from '../model/action.ts';
import type { PathStates } from '../model/snapshot.ts';
import { addPlans, standsAlone, urgencyOf } from '../plan/apart.ts';
import { makePlan } from '../plan/plan.ts';
import { breathe } from './bounded.ts';
import type { Differences } from './enrich.ts';
import type { FolderState, InLine } from './ports.ts';

/** Up to so many rows are planned together: a tenth of a second's calculation, a few MiB of actions. */
export const PORTION_ROWS = 10_000;

/** Rows that are looked at before others have their turn. */
const ROWS_PER_BREATH = 5_000;

/**
 * Makes plans one after the other; each is carried out before the next is made.
 *
 * @param rows - of one scan.
 * @param found - of all rows, as {@link enrich} counted them.
 * @param portionRows - most rows of one plan, but of the last.
 */
export async function* plansOf(rows: Pick<FolderState, 'differences' | 'putInLine' | 'inLine'>, found: Differences, policy: PlanPolicy, portionRows: number): AsyncGenerator<Plan> {
  if (found.rows <= portionRows) {
    yield makePlan(rows.differences(), policy);
    return;
  }
  const rest = await lineUp(rows, found, policy);
  let portion: PathStates[] = [];
  for (const states of rows.inLine()) {
    portion.push(states);
    if (portion.length < portionRows) continue;
    await breathe();
    yield makePlan(portion, policy);
    portion = [];
  }
  if (portion.length > 0) yield makePlan(portion, policy);
  yield makePlan(rest, policy);
}

/** Puts the rows that stand alone in line, and returns the others. */
async function lineUp(rows: Pick<FolderState, 'differences' | 'putInLine'>, found: Differences, policy: PlanPolicy): Promise<PathStates[]> {
  const rest: PathStates[] = [];
  let line: InLine[] = [];
  /** Those of which the path at hand may still be a continuation, each of the one before it. */
  let open: { readonly states: PathStates; isAlone: boolean }[] = [];
  const close = (count: number): void => {
    for (const { states, isAlone } of open.splice(count)) {
      if (isAlone) line.push({ path: states.path, ...urgencyOf(states) });
      else rest.push(states);
    }
  };
  let seen = 0;
  for (const states of rows.differences()) {
    const { path } = states;
    const firstDone = open.findIndex((one) => !path.startsWith(one.states.path));
    if (firstDone >= 0) close(firstDone);
    // A file at `a` and one at `a/b` cannot both come to the disk, and it must not matter which of them is small.
    const above = open.filter((one) => path.startsWith(`${one.states.path}/`));
    for (const one of above) one.isAlone = false;
    open.push({ states, isAlone: above.length === 0 && standsAlone(states, found.renameSizes, policy) });
    seen += 1;
    if (seen % ROWS_PER_BREATH !== 0) continue;
    rows.putInLine(line);
    line = [];
    await breathe();
  }
  close(0);
  rows.putInLine(line);
  return rest;
}

/** Actions that a preview of very many names one by one; the others it counts. */
const MOST_LISTED = 20_000;

/** All plans as one, to be shown. */
export async function onePlan(plans: AsyncIterable<Plan>): Promise<Plan> {
  let all: Plan | null = null;
  let listed = 0;
  let stages: Plan['stages'] = [];
  for await (const plan of plans) {
    const actions = plan.stages.reduce((sum, stage) => sum + stage.length, 0);
    const left = Math.max(0, MOST_LISTED - listed);
    const shown = listed === 0 && actions <= left ? plan.stages : actions <= left ? [...stages, ...plan.stages] : [...stages, plan.stages.flat().slice(0, left)];
    stages = shown.filter((stage) => stage.length > 0);
    listed += Math.min(actions, left);
    const counted: Plan = actions <= left ? plan : { ...plan, unlisted: actions - left };
    all = all === null ? counted : addPlans(all, counted);
  }
  return { ...(all as Plan), stages };
}
