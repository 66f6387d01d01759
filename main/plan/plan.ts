/**
 * From three snapshots to a plan: each differing path is reconciled, deletions and creations that belong together become
 * renames, an accident is held, and what is left is put into stages that are safe to execute.
 *
 * Pure: the same rows and policy give the same plan. It promises that no action loses a version that some side alone holds;
 * that the world is still as the rows say is the executor's to check, action by action.
 */
import type { Action, ActionType, Plan, PlanCounts, PlanPolicy, Question } from '../model/action.ts';
import { isDirectoryPath } from '../model/path.ts';
import type { SyncPath } from '../model/path.ts';
import type { PathStates, RemoteState, Skipped, SkipReason } from '../model/snapshot.ts';
import { localHashOf, remoteChangeOf, remoteSizeOf } from './changes.ts';
import { placeNewcomers } from './clash.ts';
import type { Newcomer } from './clash.ts';
import { reasonToHold } from './guard.ts';
import { findRenames } from './moves.ts';
import type { Created } from './moves.ts';
import { mayRename } from './needs.ts';
import { stageActions } from './order.ts';
import { reconcile } from './reconcile.ts';

type Deletion = Extract<Action, { type: 'delete-remote' | 'delete-local' }>;

/** Reasons that pass by themselves, often before the next look. */
const PASSING: ReadonlySet<SkipReason> = new Set<SkipReason>(['waiting-for-quiet', 'unreadable', 'directory-unreadable']);

/** @param differences - in any order; each path at most once. */
export function makePlan(differences: Iterable<PathStates>, policy: PlanPolicy): Plan {
  const actions = new Set<Action>();
  const questions: Question[] = [];
  const skipped: Skipped[] = [];
  const unheard: { path: SyncPath; state: RemoteState }[] = [];
  const created: Created[] = [];
  const present = new Set<SyncPath>();
  const absent = new Set<SyncPath>();

  for (const states of differences) {
    const { path, base, local, remote } = states;
    if (local.type !== 'absent') present.add(path);
    else if (base !== null) absent.add(path);
    const verdict = reconcile(states, policy);
    if (verdict.question !== null) questions.push(verdict.question);
    if (verdict.skipped !== null) skipped.push(verdict.skipped);
    if (local.type === 'unknown' && PASSING.has(local.reason) && isNews(states)) unheard.push({ path, state: remote });
    if (verdict.action === null) continue;
    actions.add(verdict.action);
    if (verdict.action.type === 'upload' && base === null && local.type === 'present' && remote.type === 'absent') {
      const sha256 = localHashOf(base, local);
      if (sha256 !== null) created.push({ action: verdict.action, sha256 });
    }
  }

  if (mayRename(policy)) {
    const deletions = [...actions].filter((action) => action.type === 'delete-remote');
    for (const { deletion, creation, action } of findRenames(deletions, created)) {
      actions.delete(deletion);
      actions.delete(creation);
      actions.add(action);
    }
  }

  const deletions = [...actions].filter((action): action is Deletion => action.type === 'delete-remote' || action.type === 'delete-local');
  const reason = policy.acceptHeld ? null : reasonToHold(deletions, policy);
  const isHeld = reason !== null;
  if (isHeld) for (const deletion of deletions) actions.delete(deletion);

  const leaving = new Set(isHeld ? [] : deletions.filter(({ type }) => type === 'delete-local').map(({ path }) => path));
  const newcomers = [...actions].filter((action): action is Newcomer => action.type === 'download' && action.replaces === null);
  const placements = placeNewcomers(newcomers, { present, absent, leaving }, policy);
  const waiting = new Set<Action>();
  for (const newcomer of newcomers) {
    const placement = placements.get(newcomer.path);
    if (placement === 'wait') waiting.add(newcomer);
    if (placement !== 'clash') continue;
    actions.delete(newcomer);
    skipped.push({ path: newcomer.path, side: 'remote', reason: 'name-clash', detail: null });
    unheard.push({ path: newcomer.path, state: { type: 'present', version: newcomer.remote } });
  }

  return {
    stages: stageActions(actions, waiting),
    counts: countActions(actions, policy),
    questions,
    skipped,
    unheard,
    held: isHeld ? { reason, deletions: deletions.map(({ path }) => path), ofTotal: policy.totals.baseFiles } : null,
  };
}

function isNews(states: PathStates): boolean {
  const change = remoteChangeOf(states);
  return change === 'changed' || change === 'new' || change === 'gone';
}

/** True where executing the plan would do nothing. */
export function isEmptyPlan(plan: Plan): boolean {
  return plan.stages.length === 0;
}

/** Files and directories alike; held deletions are not counted, the plan lists them. */
function countActions(actions: Iterable<Action>, policy: PlanPolicy): PlanCounts {
  const counts: { -readonly [type in ActionType]: number } & { bytesUp: number; bytesDown: number } = {
    upload: 0, download: 0, 'keep-both': 0, adopt: 0, 'refresh-base': 0, 'update-attributes': 0, 'rename-remote': 0, 'delete-remote': 0, 'delete-local': 0, forget: 0,
    bytesUp: 0, bytesDown: 0,
  };
  for (const action of actions) {
    counts[action.type] += 1;
    if (isDirectoryPath(action.path)) continue;
    if (action.type === 'upload') counts.bytesUp += action.local.sizeBytes;
    if (action.type === 'download' || action.type === 'keep-both') counts.bytesDown += remoteSizeOf(action.remote, policy.isClientSide);
  }
  return counts;
}
