/**
 * One pass over one sync folder: watch -> scan -> plan -> encrypt -> transfer -> record.
 *
 * The engine keeps three snapshots of a folder: base (what both sides last agreed on), local and remote. Scan writes down
 * where the latter two differ from base, plan decides what that means, execute carries it out under preconditions on
 * both sides (encryption is part of a transfer), and only what was carried out is recorded. It promises that no byte is
 * lost or replaced silently, whatever fails in between, and leaves disk, S3 and keys to its ports.
 * @see docs/sync.md
 */
import { isSyncError, SyncError, toWire } from '../model/errors.ts';
import type { WireError } from '../model/errors.ts';
import type { Plan, PlanPolicy, Question } from '../model/action.ts';
import type { SyncPath } from '../model/path.ts';
import { addPlans } from '../plan/apart.ts';
import { Brakes } from './brakes.ts';
import { finishPruning } from './changes.ts';
import { enrich } from './enrich.ts';
import { createCopyGuard, executePlan } from './execute.ts';
import { resolveIntents } from './intents.ts';
import type { FolderFacts, FolderParts } from './parts.ts';
import { PathFailures } from './path-failures.ts';
import { onePlan, plansOf } from './portions.ts';
import { createPlacer, recallPlaced, withdrawAnnouncement } from './place.ts';
import { Recorder } from './record.ts';
import { FeedReader, publishChanges, publishMeanwhile } from './feed.ts';
import { Leftovers } from './leftovers.ts';
import type { Leftover } from './leftovers.ts';
import { dropOneSided, finishRejoining, FIRST_CYCLE_DONE, joinOnNewDirection, observe, rejoin } from './observe.ts';
import type { Look, Snapshots } from './observe.ts';
import type { Outcome, Run } from './run.ts';
import { clearUploads } from './saved-uploads.ts';
import { keepListedUnder } from './scan.ts';
import type { StatusBoard, SyncProblem } from './status.ts';

/** What a folder remembers from one cycle to the next, in memory only: losing it costs a look, never a file. */
export type CycleMemory = {
  readonly failures: PathFailures;
  readonly suspects: Set<SyncPath>;
  readonly feed: FeedReader;
  /** Remote states of paths at which the last cycle did not do what it planned. */
  leftovers: readonly Leftover[];
  /** More was left over than is remembered, or the last listing was not carried through. */
  mustList: boolean;
  /** What an earlier process left unfinished was looked at. */
  isTidy: boolean;
  /** The last cycle that planned. */
  last: CycleResult | null;
};

export function newMemory({ remote, state }: Pick<FolderParts, 'remote' | 'state'>): CycleMemory {
  return { failures: new PathFailures(), suspects: new Set(), feed: new FeedReader(remote.feeds, state), leftovers: [], mustList: false, isTidy: false, last: null };
}

export type CycleOptions = {
  /** Accept deletions that the guard would hold. */
  readonly acceptHeld?: boolean;
  /** Leave files alone that changed less than this long ago. 0: take all as they are. */
  readonly quietMs?: number;
  /** What to look at, and in which order. Default: both sides whole. */
  readonly look?: Look;
  /** Grows with all that a cycle would look at. Where it grows while only large transfers are left, they give way to another cycle. */
  readonly news?: (() => number) | undefined;
};

export type CycleResult = {
  readonly counts: Plan['counts'] | null;
  readonly done: number;
  readonly failed: number;
  /** Planned and not tried: a path waits after a failure, or something stopped the rest. */
  readonly postponed: number;
  readonly problems: readonly SyncProblem[];
  readonly held: Plan['held'];
  /** Paths at which only the user can decide; nothing happens there until then. */
  readonly questions: readonly Question[];
  readonly skipped: number;
  /** Files that are still being written. */
  readonly waiting: number;
  readonly quietAtMs: number | null;
  readonly conflictCopies: readonly SyncPath[];
  /** Made the cycle end before its end. */
  readonly stopped: WireError | null;
  /** Nothing is left to do but what was skipped by rule. */
  readonly isSettled: boolean;
  /** Large transfers were put off for what has come up meanwhile: another cycle is due. */
  readonly gaveWay: boolean;
  /** Nothing was new: all else is as the last cycle that planned left it. */
  readonly isUnchanged: boolean;
  /** Neither side differed from what was agreed, as far as was looked. */
  readonly isClean: boolean;
  /** A device's change feed was put back or forged; nothing rests on it, and somebody should know. */
  readonly alarms: number;
};

const MAX_LISTED_PROBLEMS = 1_000;

/**
 * Runs one cycle. Failures are results: of single paths in `problems`, of the whole in `stopped`.
 *
 * @throws only the signal's reason, on an abort.
 */
export async function runCycle(parts: FolderParts, facts: FolderFacts, memory: CycleMemory, board: StatusBoard, options: CycleOptions, signal: AbortSignal): Promise<CycleResult> {
  const ending = new AbortController();
  const newsBefore = options.news?.();
  const recorder = new Recorder(parts.state, parts.clock, ending.signal);
  const outcome: Outcome = { done: 0, failed: 0, postponed: 0, gaveWay: false, conflictCopies: [], left: new Leftovers() };
  let plan: Plan | null = null;
  let snapshots: Snapshots | null = null;
  let stopped: WireError | null = null;
  /** Suspects of before, until all that is known of them is planned. */
  let suspected: ReadonlySet<SyncPath> = new Set();
  const meanwhile = new AbortController();
  let publishing: Promise<void> = Promise.resolve();
  try {
    board.set({ phase: 'scanning' });
    await parts.tree.checkRoot();
    joinOnNewDirection(parts.state, facts.direction);
    await finishPruning(parts);
    if (!memory.isTidy) await clearUploads(parts, signal);
    memory.isTidy = true;
    await resolveIntents(parts, facts, recorder, signal);
    await recallPlaced(parts, recorder, signal);
    snapshots = await observe(parts, memory, { look: options.look ?? 'both', quietMs: options.quietMs ?? 0, epoch: facts.epoch }, signal);
    if (snapshots === null) {
      await publishChanges(parts, signal);
      return nothingNew(parts, memory);
    }

    board.set({ phase: 'planning' });
    if (isAnythingNew(snapshots)) await parts.remote.checkFolder?.(signal);
    dropOneSided(parts);
    const policy = policyOf(parts, facts, snapshots, options);
    const found = await enrich(parts, policy, signal);
    if (snapshots.isListed) keepListedUnder(parts.state, facts.epoch);

    const brakes = new Brakes();
    const placer = createPlacer(parts, facts, recorder, (copy, of) => {
      outcome.conflictCopies.push(copy.path);
      recorder.record({ note: { kind: 'two-versions', path: of, bytes: copy.sizeBytes, detail: copy.path } });
    });
    const run: Run = { parts, facts, recorder, board, brakes, failures: memory.failures, suspects: memory.suspects, signal, outcome, place: (staged) => placer.add(staged), hasNews: options.news === undefined ? undefined : () => options.news?.() !== newsBefore };
    const forgotten = new Set(memory.failures.paths());
    // From here on it holds what this cycle finds, for the next one.
    suspected = new Set(memory.suspects);
    memory.suspects.clear();
    const copies = createCopyGuard(found.keptSizes);
    let hasBegun = false;
    let isWhole = true;
    for await (const next of plansOf(parts.state, found, policy, facts.portionRows)) {
      plan = plan === null ? next : addPlans(plan, next);
      keepPlanned(forgotten, next);
      keepSkipped(memory.suspects, suspected, next);
      if (!hasActions(next)) continue;
      if (!hasBegun) {
        hasBegun = true;
        memory.feed.begin();
        board.expect(found.rows <= facts.portionRows ? totalsOf(next) : { files: found.rows, bytes: found.bytes });
        board.set({ phase: 'transferring' });
        publishing = publishMeanwhile(parts, AbortSignal.any([signal, meanwhile.signal]));
        // It is awaited at the end; until then it must not count as unhandled.
        publishing.catch(() => undefined);
      }
      await executePlan(next, run, copies, () => placer.drain());
      // What the others would do is for a later cycle.
      isWhole = brakes.stopped === null;
      if (!isWhole) break;
    }
    if (plan === null) throw new SyncError('invariant', { detail: 'a cycle without a plan' });
    if (hasBegun) withdrawAnnouncement(parts);
    if (isWhole) {
      suspected = new Set();
      for (const path of forgotten) memory.failures.forget(path);
    }
    stopped = brakes.stopped ?? [...brakes.stoppedLanes.values()][0] ?? null;
    if (brakes.stopped === null) finishFirstCycle(parts, recorder);
    recorder.flush();
    meanwhile.abort();
    await publishing;
    await publishChanges(parts, signal);
    remember(memory, snapshots, plan, outcome, { isStopped: brakes.stopped !== null, isJoining: policy.isJoining });
  } catch (error) {
    if (snapshots?.isListed === true) distrust(memory);
    signal.throwIfAborted();
    stopped = toWire(isSyncError(error) ? error : new SyncError('invariant', { detail: describe(error) }, { cause: error }));
    if (isSyncError(error, 'records-restored')) startAnew(parts, memory, recorder);
  } finally {
    for (const path of suspected) memory.suspects.add(path);
    meanwhile.abort();
    await publishing.catch(() => undefined);
    ending.abort();
    board.expect(null);
  }
  stopped = flush(recorder) ?? stopped;
  const result = resultOf(parts, memory, outcome, plan, snapshots, stopped);
  memory.last = result;
  return result;
}

/** What the feeds told is carried out, or kept for the next cycle. */
function remember(memory: CycleMemory, snapshots: Snapshots, plan: Plan, outcome: Outcome, { isStopped, isJoining }: { readonly isStopped: boolean; readonly isJoining: boolean }): void {
  if (isStopped) {
    // What a listing found is lost with this cycle; what the feeds told, they tell again.
    if (snapshots.isListed) memory.mustList = true;
    return;
  }
  outcome.left.addRows(plan.unheard);
  memory.leftovers = outcome.left.rows;
  // Who joins deletes nothing: what is gone in the bucket is for the cycle after it to find.
  const isPutOff = isJoining && snapshots.remote.vanished > 0;
  memory.mustList = isPutOff || !outcome.left.isWhole || plan.held !== null || plan.questions.length > 0;
  memory.feed.accept(snapshots.news, !memory.mustList && memory.leftovers.length === 0);
}

function distrust(memory: CycleMemory): void {
  memory.mustList = true;
  memory.feed.distrust();
}

function startAnew(parts: FolderParts, memory: CycleMemory, recorder: Recorder): void {
  rejoin(parts);
  memory.feed.distrust();
  memory.leftovers = [];
  recorder.record({ note: { kind: 'joined', path: '', bytes: 0, detail: 'records-restored' } });
}

/** What a cycle would do, and why. Looks things up, changes nothing. @throws SyncError */
export async function previewCycle(parts: FolderParts, facts: FolderFacts, memory: CycleMemory, options: CycleOptions, signal: AbortSignal): Promise<Plan> {
  await parts.tree.checkRoot();
  joinOnNewDirection(parts.state, facts.direction);
  const snapshots = await observe(parts, memory, { look: 'both', quietMs: options.quietMs ?? 0, epoch: facts.epoch }, signal);
  if (snapshots === null) throw new SyncError('invariant', { detail: 'a full scan found no snapshots' });
  if (isAnythingNew(snapshots)) await parts.remote.checkFolder?.(signal);
  dropOneSided(parts);
  const policy = policyOf(parts, facts, snapshots, options);
  const found = await enrich(parts, policy, signal);
  return onePlan(plansOf(parts.state, found, policy, facts.portionRows));
}

type Counted = { readonly local: { readonly files: number }; readonly remote: { readonly files: number }; readonly isListed: boolean };

/** Before a word of the other devices is believed and before one of this device's is sent, the folder must still be what it was. */
function isAnythingNew({ local, remote, news }: Snapshots): boolean {
  return !remote.isClean || !local.isClean || news.changes.length > 0 || !news.isGapless;
}

/** What the planner must know beside the rows; of the snapshots only how many files each side has. */
export function policyOf(parts: Pick<FolderParts, 'state'>, facts: Pick<FolderFacts, 'direction' | 'isClientSide' | 'guard'>, { local, remote, isListed }: Counted, options: Pick<CycleOptions, 'acceptHeld'>): PlanPolicy {
  return {
    direction: facts.direction,
    isJoining: parts.state.fact<boolean>(FIRST_CYCLE_DONE) !== true,
    isClientSide: facts.isClientSide,
    acceptHeld: options.acceptHeld ?? false,
    // A scan that did not come to its end has thrown.
    isLocalComplete: true,
    isRemoteComplete: true,
    isRemoteListed: isListed,
    guard: facts.guard,
    totals: { baseFiles: parts.state.baseTotals().files, localFiles: local.files, remoteFiles: remote.files },
    hasBase: (path) => parts.state.baseAt(path) !== null,
    baseEntriesBelow: (directory, limit) => countUpTo(parts.state.baseBelow(directory), limit),
  };
}

function countUpTo(entries: Iterable<unknown>, limit: number): number {
  let count = 0;
  for (const _ of entries) {
    count += 1;
    if (count >= limit) break;
  }
  return count;
}

/** Where nothing could be done about a version that the listing does not tell, the next cycle must not believe the listing either. */
function keepSkipped(suspects: Set<SyncPath>, before: ReadonlySet<SyncPath>, plan: Plan): void {
  if (before.size === 0) return;
  for (const { path } of plan.skipped) if (before.has(path as SyncPath)) suspects.add(path as SyncPath);
}

function hasActions(plan: Plan): boolean {
  return plan.stages.some((stage) => stage.length > 0);
}

function totalsOf(plan: Plan): { readonly files: number; readonly bytes: number } {
  return { files: plan.stages.reduce((sum, stage) => sum + stage.length, 0), bytes: plan.counts.bytesUp + plan.counts.bytesDown };
}

/** What no plan mentions any more is in step, or nobody's business now. */
function keepPlanned(forgotten: Set<SyncPath>, plan: Plan): void {
  if (forgotten.size === 0) return;
  for (const stage of plan.stages) for (const action of stage) forgotten.delete(action.path);
}

/** From now on an absent file is a deleted one. Paths that failed have no base entry, so nothing can be deleted for them. */
function finishFirstCycle(parts: FolderParts, recorder: Recorder): void {
  const { state } = parts;
  if (state.fact<boolean>(FIRST_CYCLE_DONE) === true) return;
  recorder.record({ note: { kind: 'joined', path: '', bytes: 0 } });
  recorder.flush();
  state.putFact(FIRST_CYCLE_DONE, true);
  finishRejoining(parts);
}

/** A failing last commit is the cycle's failure; what it held is found again by intents and scan. */
function flush(recorder: Recorder): WireError | null {
  try {
    recorder.flush();
    return null;
  } catch (error) {
    return toWire(error);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** What was left over still is. */
function nothingNew({ state }: FolderParts, { last, feed }: CycleMemory): CycleResult {
  const before = last ?? {
    counts: null, failed: 0, postponed: 0, problems: [], held: null, questions: [], skipped: state.skipped().length, waiting: 0, stopped: null, isSettled: true, alarms: feed.alarms.length,
  };
  const isQuiet = before.failed + before.postponed + before.waiting === 0 && before.stopped === null && before.held === null && before.questions.length === 0;
  return { ...before, counts: null, done: 0, quietAtMs: null, conflictCopies: [], gaveWay: false, isUnchanged: true, isClean: true, isSettled: isQuiet };
}

function resultOf(parts: FolderParts, memory: CycleMemory, outcome: Outcome, plan: Plan | null, snapshots: Snapshots | null, stopped: WireError | null): CycleResult {
  const problems: SyncProblem[] = [...memory.failures.list(MAX_LISTED_PROBLEMS)];
  if (stopped !== null && !problems.some((problem) => problem.error.code === stopped.code)) problems.unshift({ error: stopped, path: null });
  for (const error of memory.feed.alarms) problems.push({ error, path: null });
  const questions = plan?.questions ?? [];
  const waiting = Math.max(snapshots?.local.waiting ?? 0, plan?.skipped.filter((skip) => skip.reason === 'waiting-for-quiet').length ?? 0);
  const isLeft = stopped !== null || outcome.failed + outcome.postponed + waiting > 0 || (plan?.held ?? null) !== null || questions.length > 0;
  return {
    counts: plan?.counts ?? null,
    done: outcome.done,
    failed: outcome.failed,
    postponed: outcome.postponed,
    problems,
    held: plan?.held ?? null,
    questions,
    skipped: skippedCount(parts, plan),
    waiting,
    quietAtMs: snapshots?.local.quietAtMs ?? null,
    conflictCopies: outcome.conflictCopies,
    stopped,
    isSettled: !isLeft && outcome.done === 0,
    gaveWay: outcome.gaveWay,
    isUnchanged: false,
    isClean: snapshots === null || (snapshots.local.isClean && snapshots.remote.isClean),
    alarms: memory.feed.alarms.length,
  };
}

/** What the planner itself left out (a file and a directory of one name) is listed beside what the scan skipped. */
function skippedCount({ state }: FolderParts, plan: Plan | null): number {
  const listed = state.skipped();
  if (plan === null || plan.skipped.length === 0) return listed.length;
  const known = new Set(listed.map((skip) => `${skip.side} ${skip.path}`));
  const added = plan.skipped.filter((skip) => skip.reason !== 'waiting-for-quiet' && !known.has(`${skip.side} ${skip.path}`));
  if (added.length > 0) state.putSkipped(added);
  return listed.length + added.length;
}
