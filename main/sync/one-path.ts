/** What the next cycle would do at one path, by the same lookups and the same planner as a cycle, over that one row. */
import { isSyncError } from '../model/errors.ts';
import type { Plan } from '../model/action.ts';
import type { SyncPath } from '../model/path.ts';
import type { LocalState, PathStates, RemoteState } from '../model/snapshot.ts';
import { makePlan } from '../plan/plan.ts';
import { policyOf } from './cycle.ts';
import { enrich, isTooLong } from './enrich.ts';
import type { FolderFacts, FolderParts } from './parts.ts';
import { reasonToSkip } from './quarantine.ts';

export type OnePath = {
  /** With what was looked up. */
  readonly states: PathStates;
  /** Of this row alone: whether it belongs to a rename, or to more deletions than are carried out unasked, only a whole plan can tell. */
  readonly plan: Plan;
  /** Why the remote version cannot be used; null: it can, or there is none. */
  readonly remoteDetail: string | null;
};

/**
 * Asks for one HEAD, and what it makes necessary. Writes nothing.
 *
 * @throws what the remote throws when it cannot be asked at all
 */
export async function planPath(parts: Pick<FolderParts, 'tree' | 'remote' | 'state'>, facts: Pick<FolderFacts, 'direction' | 'isClientSide' | 'guard'>, path: SyncPath, local: LocalState, signal: AbortSignal): Promise<OnePath> {
  const base = parts.state.baseAt(path);
  const { files } = parts.state.baseTotals();
  const policy = policyOf(parts, facts, { local: { files }, remote: { files }, isListed: true }, {});
  if (base === null && isTooLong(path, parts.remote)) {
    const nowhere: PathStates = { path, base, local: { type: 'unknown', reason: 'name-too-long' }, remote: { type: 'absent', tombstone: null } };
    return { states: nowhere, plan: makePlan([nowhere], policy), remoteDetail: null };
  }
  let remote: RemoteState;
  let remoteDetail: string | null = null;
  try {
    const version = await parts.remote.head(base?.objectKey ?? parts.remote.objectKeyOf(path), path, signal);
    remote = version === null ? { type: 'absent', tombstone: null } : { type: 'present', version };
  } catch (error) {
    const reason = reasonToSkip(error);
    if (reason === null) throw error;
    remoteDetail = isSyncError(error) ? error.code : null;
    remote = { type: 'unknown', reason };
  }
  let states: PathStates = { path, base, local, remote };
  const row: Parameters<typeof enrich>[0]['state'] = {
    // A later page has nothing more.
    differences: (after) => (after === undefined ? [states] : []),
    putLocalDifferences: (rows) => {
      for (const { state } of rows) states = { ...states, local: state };
    },
    putRemoteDifferences: (rows) => {
      for (const { state } of rows) states = { ...states, remote: state };
    },
    putSkipped: ([skipped]) => {
      remoteDetail ??= skipped?.detail ?? null;
    },
    commit: () => undefined,
  };
  await enrich({ ...parts, state: row }, policy, signal);
  return { states, plan: makePlan([states], policy), remoteDetail };
}
