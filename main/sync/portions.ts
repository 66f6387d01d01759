/** The plans of one cycle: one where few rows differ, else many small ones and a last one for all that belongs together. */
import type { Plan, PlanPolicy } from '../model/action.ts';
import type { PathStates } from '../model/snapshot.ts';
import { addPlans, standsAlone } from '../plan/apart.ts';
import { makePlan } from '../plan/plan.ts';
import { breathe } from './bounded.ts';
import type { Differences } from './enrich.ts';

/** Up to so many rows are planned together: a tenth of a second's calculation, a few MiB of actions. */
export const PORTION_ROWS = 10_000;

/**
 * Makes plans one after the other; each is carried out before the next is made.
 *
 * @param found - of all rows, as {@link enrich} counted them.
 * @param portionRows - most rows of one plan, but of the last.
 */
export async function* plansOf(rows: () => Iterable<PathStates>, found: Differences, policy: PlanPolicy, portionRows: number): AsyncGenerator<Plan> {
  if (found.rows <= portionRows) {
    yield makePlan(rows(), policy);
    return;
  }
  const rest: PathStates[] = [];
  let portion: PathStates[] = [];
  for (const states of rows()) {
    if (!standsAlone(states, found.renameSizes, policy)) rest.push(states);
    else portion.push(states);
    if (portion.length < portionRows) continue;
    await breathe();
    yield makePlan(portion, policy);
    portion = [];
  }
  if (portion.length > 0) yield makePlan(portion, policy);
  yield makePlan(rest, policy);
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
