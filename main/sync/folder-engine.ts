/**
 * One sync folder as a running thing: cycles one at a time, by schedule or on demand, the user's answers to what is held,
 * and the folder's status. It owns no port: whoever made them closes them after `close`.
 */
import { isSyncError, SyncError, toWire } from '../model/errors.ts';
import { DEFAULT_GUARD } from '../model/action.ts';
import type { Direction, HoldReason, Plan, PlanPolicy, Question } from '../model/action.ts';
import type { KeyId } from '../model/mode.ts';
import type { SyncPath } from '../model/path.ts';
import { newMemory, previewCycle, runCycle } from './cycle.ts';
import type { CycleMemory, CycleOptions, CycleResult } from './cycle.ts';
import type { FolderFacts, FolderParts } from './parts.ts';
import type { LocalWatcher } from './ports.ts';
import { PORTION_ROWS } from './portions.ts';
import { Scheduler } from './scheduler.ts';
import type { CycleEnd, WakeReason } from './scheduler.ts';
import { StatusBoard } from './status.ts';
import type { SyncProblem, SyncStatus } from './status.ts';

export type FolderEngineOptions = FolderParts & {
  readonly folderId: string;
  /** Named in conflict copies. */
  readonly hostName: string;
  readonly policy: { readonly direction: Direction; readonly isClientSide: boolean; readonly guard?: PlanPolicy['guard'] };
  /** The epoch that is written now, and the key it uses. */
  readonly epoch: number;
  readonly keyId: KeyId | null;
  readonly isPaused?: boolean;
  /** Without one every poll walks the folder. */
  readonly watcher?: LocalWatcher;
  /** Most rows that are planned together; more are planned in portions. */
  readonly portionRows?: number;
  /** Scheduled cycles leave files alone that changed less than this long ago. */
  readonly quietMs?: number;
};

/** What a one-shot sync came to. `failed`, `held` and `questions` are of the last cycle, the rest of all. */
export type SyncResult = {
  readonly cycles: number;
  readonly done: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly failed: number;
  readonly problems: readonly SyncProblem[];
  readonly held: Plan['held'];
  readonly questions: readonly Question[];
  readonly skipped: number;
  readonly conflictCopies: readonly SyncPath[];
  readonly isInStep: boolean;
};

export type FolderEngine = {
  readonly folderId: string;
  runCycle(options?: CycleOptions & { readonly signal?: AbortSignal }): Promise<CycleResult>;
  /** Cycles until nothing is left to do but what is blocked. */
  runUntilDone(options?: CycleOptions & { readonly signal?: AbortSignal }): Promise<SyncResult>;
  /** Runs other work on the folder in turn with its cycles; its signal also ends with the engine. */
  exclusively<T>(work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** What the next cycle would do. @throws SyncError */
  preview(signal?: AbortSignal): Promise<Plan>;
  /** Keeps the folder in step from now on. */
  start(): void;
  pause(): Promise<void>;
  resume(): void;
  /** A cycle now, whatever is waited for. */
  syncNow(): void;
  /** The computer slept, or its network or clock changed: both sides are looked at now, and what failed is tried again. */
  woken(): void;
  /** `delete`: what is held was meant. `bring-back`: what is missing comes back from the side that has it. */
  answerHeld(answer: 'delete' | 'bring-back'): Promise<void>;
  /** Whether a window shows the folder: it is looked at more often then. */
  setShown(isShown: boolean): void;
  status(): SyncStatus;
  onStatus(listener: (status: SyncStatus) => void): () => void;
  /** Ends the cycle under way and the watcher. */
  close(): Promise<void>;
};

const MOST_CYCLES = 10;
const QUIET_MS = 300;
const LAST_SUCCESS = 'last-success';
const CONFLICT_COPIES = 'conflict-copies';
/** The fact of a plan that waits for the user. */
export const HELD = 'held';
export type HeldFact = { readonly reason: HoldReason; readonly deletions: number; readonly ofTotal: number };
/** A quiet folder's last success is news to nobody; it is written down this often at most. */
const WRITE_SUCCESS_EVERY_MS = 60_000;
/** Of held deletions, shown with the question. */
const MAX_EXAMPLES = 50;
const MAX_CONFLICT_COPIES = 1_000;

export function createFolderEngine(options: FolderEngineOptions): FolderEngine {
  const { folderId, state, clock, random, remote, watcher } = options;
  const parts: FolderParts = { tree: options.tree, remote, transfers: options.transfers, state, clock, random };
  const facts: FolderFacts = {
    folderId, direction: options.policy.direction, isClientSide: options.policy.isClientSide, guard: options.policy.guard ?? DEFAULT_GUARD,
    hostName: options.hostName, epoch: options.epoch, keyId: options.keyId, portionRows: options.portionRows ?? PORTION_ROWS,
  };
  const memory: CycleMemory = newMemory(parts);
  const board = new StatusBoard(folderId, clock, { ...initialFacts(), isPaused: options.isPaused ?? false });
  const closing = new AbortController();
  let turn: Promise<unknown> = Promise.resolve();
  let lastResult: CycleResult | null = null;
  let isWatching = false;
  let isClosed = false;
  let acceptNext = false;
  let writtenSuccessMs = Number.NEGATIVE_INFINITY;

  const scheduler = new Scheduler({ clock, random, run: runScheduled });

  function initialFacts(): Partial<SyncStatus> {
    const totals = state.baseTotals();
    return {
      lastSuccessMs: state.fact<number>(LAST_SUCCESS), files: totals.files, bytes: totals.bytes, skippedCount: state.skipped().length,
      twoVersions: conflictCopies().length,
    };
  }

  /** Cycles, previews and answers never overlap. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  function signalOf(given: AbortSignal | undefined): AbortSignal {
    return given === undefined ? closing.signal : AbortSignal.any([given, closing.signal]);
  }

  async function cycle(cycleOptions: CycleOptions, signal: AbortSignal): Promise<CycleResult> {
    if (isClosed) throw new SyncError('invariant', { detail: 'the folder is closed' });
    signal.throwIfAborted();
    try {
      let result = await runCycle(parts, facts, memory, board, cycleOptions, signal);
      // Nothing was done yet: the folder begins anew, and that cycle is the one that counts.
      if (result.stopped?.code === 'records-restored') result = await runCycle(parts, facts, memory, board, cycleOptions, signal);
      lastResult = result;
      show(result);
      return result;
    } catch (error) {
      // Stopped in the middle: what is left shows with the next cycle.
      lastResult = null;
      board.set({ phase: 'idle' });
      throw error;
    }
  }

  function show(result: CycleResult): void {
    const nowMs = clock.nowMs();
    const isInStep = isDone(result) && result.waiting === 0;
    if (isInStep && (result.done > 0 || nowMs - writtenSuccessMs >= WRITE_SUCCESS_EVERY_MS)) {
      writtenSuccessMs = nowMs;
      state.putFact(LAST_SUCCESS, nowMs);
    }
    // For whoever asks about one path: a plan of one row cannot tell that it is held with others.
    if (!result.isUnchanged) state.putFact(HELD, result.held === null ? null : ({ reason: result.held.reason, deletions: result.held.deletions.length, ofTotal: result.held.ofTotal } satisfies HeldFact));
    const totals = state.baseTotals();
    board.set({
      phase: phaseAfter(result),
      problems: [...result.problems, ...questionsAsProblems(result.questions), ...watchProblem()],
      held: heldStatus(result),
      isAnswered: false,
      files: totals.files,
      bytes: totals.bytes,
      skippedCount: result.skipped,
      twoVersions: rememberConflictCopies(result.conflictCopies),
      ...(isInStep ? { lastSuccessMs: nowMs } : {}),
      ...(result.done > 0 || !result.isClean ? { changedMs: nowMs } : {}),
    });
  }

  function watchProblem(): readonly SyncProblem[] {
    const problem = isWatching ? (watcher?.problem ?? null) : null;
    return problem === null ? [] : [{ path: null, error: toWire(problem) }];
  }

  function conflictCopies(): readonly SyncPath[] {
    return state.fact<SyncPath[]>(CONFLICT_COPIES) ?? [];
  }

  /** Those that still stand: in base, or made just now and not uploaded yet. */
  function rememberConflictCopies(made: readonly SyncPath[]): number {
    const before = conflictCopies();
    if (before.length + made.length === 0) return 0;
    const standing = [...new Set([...before.filter((path) => state.baseAt(path) !== null), ...made])].slice(-MAX_CONFLICT_COPIES);
    if (standing.length !== before.length || made.length > 0) state.putFact(CONFLICT_COPIES, standing);
    return standing.length;
  }

  async function runScheduled(reason: WakeReason, signal: AbortSignal): Promise<CycleEnd> {
    if (reason === 'asked' || reason === 'woken') memory.failures.forgetPauses();
    try {
      const result = await inTurn(() => {
        const acceptHeld = acceptNext;
        acceptNext = false;
        return cycle({ acceptHeld, quietMs: options.quietMs ?? QUIET_MS, look: lookFor(reason), news: () => scheduler.news }, signalOf(signal));
      });
      return endOf(result);
    } catch (error) {
      if (signal.aborted || closing.signal.aborted) throw error;
      // Even what was to be written down about the cycle failed. The schedule goes on: a full disk may be emptied.
      const wire = toWire(error);
      board.set({ phase: 'idle', problems: [{ error: wire, path: null }] });
      return { wasActive: false, stopped: { retry: wire.retry, retryAfterMs: null }, againAtMs: null };
    }
  }

  function endOf(result: CycleResult): CycleEnd {
    const nowMs = clock.nowMs();
    const again = [result.quietAtMs, memory.failures.nextTryMs(nowMs), isWorthAnother(result) ? nowMs : null].filter((at) => at !== null);
    return {
      wasActive: result.done > 0 || result.waiting > 0,
      stopped: result.stopped === null ? null : { retry: result.stopped.retry, retryAfterMs: result.stopped.retryAfterMs ?? null },
      againAtMs: again.length === 0 ? null : Math.min(...again),
    };
  }

  /** One side is enough to see that nothing is new, where the last cycle left nothing over and the watcher tells of the other. */
  function lookFor(reason: WakeReason): CycleOptions['look'] {
    switch (reason) {
      case 'start':
      case 'asked':
      case 'relist': return 'both';
      case 'hint': return lastResult?.isSettled === true ? 'local-first' : 'changes';
      case 'poll': return isWatching && lastResult !== null ? 'remote-first' : 'changes';
      case 'woken':
      case 'rescan':
      case 'retry': return 'changes';
    }
  }

  async function startWatching(): Promise<void> {
    if (watcher === undefined) return;
    try {
      await watcher.start(() => scheduler.hint());
      isWatching = true;
    } catch (error) {
      // Polling finds everything too, later.
      if (!isSyncError(error)) throw error;
    }
  }

  function start(): void {
    if (isClosed || board.current().state === 'paused') return;
    void startWatching();
    scheduler.start();
  }

  return {
    folderId,
    runCycle: ({ signal, ...cycleOptions } = {}) => inTurn(() => cycle(cycleOptions, signalOf(signal))),
    runUntilDone: ({ signal, ...cycleOptions } = {}) =>
      inTurn(async () => {
        memory.failures.forgetPauses();
        const total = emptyResult();
        const { look = 'both' } = cycleOptions;
        for (let i = 0; i < MOST_CYCLES; i++) {
          const result = await cycle({ ...cycleOptions, look: i === 0 || look === 'both' ? look : 'changes' }, signalOf(signal));
          addResult(total, result);
          if (!isWorthAnother(result)) break;
        }
        return total;
      }),
    exclusively: (work, signal) => inTurn(() => work(signalOf(signal))),
    preview: (signal) => inTurn(() => previewCycle(parts, facts, memory, {}, signalOf(signal))),
    start,
    async pause() {
      board.set({ isPaused: true });
      await scheduler.stop();
      await watcher?.stop();
      isWatching = false;
      board.set({ phase: 'idle' });
    },
    resume() {
      board.set({ isPaused: false });
      start();
    },
    syncNow: () => scheduler.ask(),
    woken: () => scheduler.woken(),
    answerHeld: (answer) =>
      inTurn(async () => {
        const held = lastResult?.held ?? null;
        const vanished = lastResult?.questions.filter((question) => question.type === 'vanished') ?? [];
        if (answer === 'bring-back') {
          // Without a base entry a path that is on one side only is new there, and comes to the other.
          state.commit({ drop: [...(held?.deletions ?? []), ...vanished.map(({ path }) => path)] });
        } else {
          acceptNext = held !== null;
          for (const { base } of vanished) {
            await remote.putTombstone({ path: base.path, operationId: base.operationId, vector: base.vector, deletedAtMs: clock.nowMs(), device: state.device }, closing.signal);
          }
        }
        board.set({ held: null, phase: 'waiting', isAnswered: true });
        scheduler.ask();
      }),
    setShown: (isShown) => scheduler.setShown(isShown),
    status: () => board.current(),
    onStatus: (listener) => board.onChange(listener),
    async close() {
      if (isClosed) return;
      closing.abort(new DOMException('closed', 'AbortError'));
      await scheduler.stop();
      await turn;
      isClosed = true;
      await watcher?.stop();
    },
  };
}

function isDone(result: CycleResult): boolean {
  return result.stopped === null && result.alarms === 0 && result.failed + result.postponed === 0 && result.held === null && result.questions.length === 0;
}

/** Conflict copies are uploaded by the next cycle, and what the world moved under is planned anew. A cycle that did all it planned left nothing. */
function isWorthAnother(result: CycleResult): boolean {
  if (result.stopped !== null || result.isUnchanged) return false;
  if (result.gaveWay) return true;
  if (result.done > 0) return result.conflictCopies.length + result.failed + result.postponed > 0;
  return result.failed > 0 && result.problems.some((problem) => problem.error.retry === 'replan');
}

const SIGNED_OUT: ReadonlySet<string> = new Set(['sign-in-expired', 'sign-in-wrong', 'sign-in-missing']);

function phaseAfter(result: CycleResult): SyncStatus['phase'] {
  if (result.stopped !== null && SIGNED_OUT.has(result.stopped.code)) return 'signed-out';
  if (result.held !== null || result.questions.some(({ type }) => type === 'vanished')) return 'held';
  return result.waiting > 0 || result.stopped?.retry === 'later' ? 'waiting' : 'idle';
}

function heldStatus(result: CycleResult): SyncStatus['held'] {
  const vanished = result.questions.filter(({ type }) => type === 'vanished');
  const { held } = result;
  if (held !== null) return { reason: held.reason, deletions: held.deletions.length, ofTotal: held.ofTotal, examples: held.deletions.slice(0, MAX_EXAMPLES) };
  if (vanished.length === 0) return null;
  return { reason: 'vanished', deletions: vanished.length, ofTotal: vanished.length, examples: vanished.slice(0, MAX_EXAMPLES).map(({ path }) => path) };
}

function questionsAsProblems(questions: readonly Question[]): readonly SyncProblem[] {
  const open = questions.filter(({ type }) => type === 'both-changed');
  return open.map(({ path }) => ({ path, error: toWire(new SyncError('version-changed', { path, detail: 'both sides changed; neither is touched until you choose' })) }));
}

type Total = { -readonly [K in keyof SyncResult]: SyncResult[K] } & { counts: Record<string, number> };

function emptyResult(): Total {
  return { cycles: 0, done: 0, counts: {}, failed: 0, problems: [], held: null, questions: [], skipped: 0, conflictCopies: [], isInStep: false };
}

function addResult(total: Total, result: CycleResult): void {
  total.cycles += 1;
  total.done += result.done;
  for (const [type, count] of Object.entries(result.counts ?? {})) total.counts[type] = (total.counts[type] ?? 0) + count;
  total.failed = result.failed + result.postponed;
  total.problems = result.problems;
  total.held = result.held;
  total.questions = result.questions;
  total.skipped = result.skipped;
  total.conflictCopies = [...total.conflictCopies, ...result.conflictCopies];
  total.isInStep = isDone(result) && result.waiting === 0;
}

