/**
 * Carries a plan out, stage by stage; inside a stage everything goes at once, in lanes that never wait for one another.
 * Every remote change has a committed intent before its request. What fails goes back to the next plan; what succeeded
 * is recorded, and nothing else is.
 */
import { isSyncError } from '../model/errors.ts';
import type { ErrorCode, SyncError } from '../model/errors.ts';
import type { Action, Plan } from '../model/action.ts';
import { isDirectoryPath } from '../model/path.ts';
import { advanceVector, joinVectors } from '../model/version-vector.ts';
import type { VersionVector } from '../model/version-vector.ts';
import { LARGE_BYTES, sizeClassOf } from '../model/transfer-limits.ts';
import { mtimeOf, NOTHING_TO_SEND, type Urgency } from '../plan/apart.ts';
import { newOperationId } from './base-entry.ts';
import { breathe, forEachBounded } from './bounded.ts';
import type { Lane } from './brakes.ts';
import { beginPruning, deleteLocal, deleteRemote, finishPruning, renameRemote, updateAttributes } from './changes.ts';
import { resolveIntent } from './intents.ts';
import type { Intent, SavedUpload } from './ports.ts';
import type { Run } from './run.ts';
import { fittingUpload } from './saved-uploads.ts';
import { adopt, download, upload } from './transfer.ts';

/** Intents are committed in batches of this many: each commit waits for the disk. */
const INTENTS_PER_COMMIT = 256;
const LARGE_SHARE = 8;
const MOST_DOWNLOADS_AT_ONCE = 32;
const LOCAL_DELETIONS_AT_ONCE = 8;
/** What is only recorded needs no waiting; others must get their turn all the same. */
const ACTIONS_PER_BREATH = 1_000;

type Of<T extends Action['type']> = Extract<Action, { type: T }>;
type RemoteChange = Of<'upload'> | Of<'delete-remote'> | Of<'rename-remote'> | Of<'update-attributes'>;
type Travelling = RemoteChange | Of<'download'> | Of<'keep-both'> | Of<'adopt'>;
type Work = { readonly action: RemoteChange; readonly intent: Intent };

/**
 * Carries out all but what is held. Results are in `run.outcome`, problems in `run.failures`.
 *
 * @param notHeld - the same for all plans of a cycle.
 * @throws on abort, and on a failing state
 */
export async function executePlan(plan: Plan, run: Run, notHeld: CopyGuard, drainPlacer: () => Promise<void>): Promise<void> {
  for (const stage of plan.stages) {
    if (run.brakes.stopped !== null) {
      postpone(stage, run);
      continue;
    }
    const due = stage.filter((action) => !(plan.held !== null && isDeletion(action)) && isDue(action, run, notHeld) && notHeld.mayGo(action, run));
    await executeStage(due, run, drainPlacer, notHeld);
  }
}

function isDeletion(action: Action): boolean {
  return action.type === 'delete-local' || action.type === 'delete-remote';
}

function isDue(action: Action, run: Run, copies: CopyGuard): boolean {
  if (run.failures.blocking(action, run.parts.clock.nowMs()) === null) return true;
  putOff([action], run, copies);
  return false;
}

/** Left for a later cycle, and with it the deletion of what it may be a copy of. */
function putOff(actions: readonly Action[], run: Run, copies: CopyGuard): void {
  for (const action of actions) copies.notDone(action);
  postpone(actions, run);
}

/** Left for a later cycle. */
function postpone(actions: readonly Action[], run: Run): void {
  run.outcome.postponed += actions.length;
  run.outcome.left.add(actions);
}

async function executeStage(actions: readonly Action[], run: Run, drainPlacer: () => Promise<void>, copies: CopyGuard): Promise<void> {
  const remoteChanges: RemoteChange[] = [];
  const largeUploads: RemoteChange[] = [];
  const downloads: (Of<'download'> | Of<'keep-both'> | Of<'adopt'>)[] = [];
  const largeDownloads: (Of<'download'> | Of<'keep-both'>)[] = [];
  const localDeletions: Of<'delete-local'>[] = [];
  for (const [i, action] of actions.entries()) {
    if (i % ACTIONS_PER_BREATH === ACTIONS_PER_BREATH - 1) await breathe();
    switch (action.type) {
      case 'upload': (action.local.sizeBytes >= LARGE_BYTES ? largeUploads : remoteChanges).push(action); break;
      case 'delete-remote':
      case 'rename-remote':
      case 'update-attributes': remoteChanges.push(action); break;
      case 'download':
      case 'keep-both': (action.remote.objectBytes >= LARGE_BYTES ? largeDownloads : downloads).push(action); break;
      case 'delete-local': localDeletions.push(action); break;
      case 'adopt':
        if (action.remote.attributes === null) downloads.push(action);
        else await perform(action, 'down', run, copies, () => adopt(action, run));
        break;
      case 'refresh-base':
      case 'forget': await perform(action, 'down', run, copies, () => recordOnly(action, run)); break;
    }
  }
  remoteChanges.sort(smallAndRecentFirst);
  largeUploads.sort(smallAndRecentFirst);
  downloads.sort(smallAndRecentFirst);
  largeDownloads.sort(smallAndRecentFirst);

  const way = new AbortController();
  const largeRun: Run = { ...run, signal: AbortSignal.any([run.signal, way.signal]) };
  const going: Going = { mayGo: (lane) => run.brakes.mayGo(lane), copies };
  const goingLarge: Going = { mayGo: (lane) => !way.signal.aborted && run.brakes.mayGo(lane), copies };
  const atOnce = run.parts.transfers.concurrency;
  const largeAtOnce = Math.max(1, Math.floor(atOnce / LARGE_SHARE));
  const change = (work: Work): Promise<void> => perform(work.action, laneOf(work.action), run, copies, () => changeRemote(work, run), work.intent);
  const changeLarge = (work: Work): Promise<void> => unlessGivingWay(work.action, way.signal, run, copies, () => perform(work.action, laneOf(work.action), largeRun, copies, () => changeRemote(work, largeRun), work.intent));
  const fetch = (action: (typeof downloads)[number]): Promise<void> =>
    action.type === 'adopt' ? perform(action, 'down', run, copies, () => adopt(action, run)) : fetchAndPlace(action, run, copies);
  const fetchLarge = (action: (typeof largeDownloads)[number]): Promise<void> => unlessGivingWay(action, way.signal, run, copies, () => fetchAndPlace(action, largeRun, copies));
  const directories = downloads.filter(({ type, path }) => type === 'download' && isDirectoryPath(path)).map(({ path }) => path);
  beginPruning(localDeletions, directories, run.parts);
  // One lane's failing state must not leave the others running unwatched: all are awaited, then the first error is thrown.
  const small = Promise.allSettled([
    forEachBounded(withIntents(remoteChanges, INTENTS_PER_COMMIT, run, going), atOnce, change),
    forEachBounded(whileGoing(downloads, 'down', run, going), Math.min(atOnce, MOST_DOWNLOADS_AT_ONCE), fetch),
    forEachBounded(whileGoing(localDeletions, 'delete-local', run, going), LOCAL_DELETIONS_AT_ONCE, (action) => perform(action, 'delete-local', run, copies, () => deleteLocal(action, run))),
  ]);
  const large = Promise.allSettled([
    forEachBounded(withIntents(largeUploads, largeAtOnce, run, goingLarge), largeAtOnce, changeLarge),
    forEachBounded(whileGoing(largeDownloads, 'down', run, goingLarge), largeAtOnce, fetchLarge),
  ]);
  const smallLanes = await small;
  const isOver = new AbortController();
  const waiting = giveWay(way, [...largeUploads, ...largeDownloads], run, AbortSignal.any([run.signal, isOver.signal]));
  const lanes = [...smallLanes, ...(await large)];
  isOver.abort();
  await waiting;
  // Also after an abort: what is staged is verified, and putting it in place takes no time.
  await drainPlacer();
  run.recorder.flush();
  run.signal.throwIfAborted();
  for (const lane of lanes) if (lane.status === 'rejected') throw lane.reason;
  if (localDeletions.length + directories.length > 0) await finishPruning(run.parts);
}

/**
 * Large transfers have their turn for so long at least before they give way to what has come up meanwhile; what is on its way at that moment is sent or
 * fetched again. How much of a download has arrived is not known here, so these have longer.
 */
const LEAST_TURN_MS = 30_000;
const LEAST_DOWNLOAD_TURN_MS = 300_000;
/** An upload must have come on by so many parts, of which the last four may not have arrived; on a slow line that takes longer than the turn, */
const PARTS_PER_TURN = 12;
const MOST_WAITED_FOR_PARTS_MS = 1_800_000;
/** and long enough that reading again what was sent, as going on with an upload takes, is a small part of it. */
const BYTES_PER_TURN_MS = 100_000;
/** What other devices did is worth a look after so long, whether or not anything tells of it. */
const LONGEST_TURN_MS = 600_000;
const LOOK_FOR_NEWS_MS = 1_000;

/** Ends the large transfers when nothing else is left to do and something has come up. They are gone on with by the next cycle, behind what is small. */
async function giveWay(way: AbortController, large: readonly Travelling[], { hasNews, parts: { clock, state }, outcome }: Run, signal: AbortSignal): Promise<void> {
  if (hasNews === undefined || large.length === 0) return;
  const startMs = clock.nowMs();
  const uploads = large.filter(({ type }) => type === 'upload');
  const attemptsOf = (saved: SavedUpload | null): number => (saved === null ? 0 : Object.keys(saved.parts).length);
  const before = new Map(uploads.map(({ path }) => [path, attemptsOf(state.savedUpload(path))]));
  const hasComeOn = (): boolean => {
    const begun = uploads.map(({ path }) => state.savedUpload(path)).filter((saved) => saved !== null);
    return begun.length === 0 || begun.some((saved) => attemptsOf(saved) - (before.get(saved.path) ?? 0) >= Math.min(PARTS_PER_TURN, Math.ceil(saved.sizeBytes / saved.partBytes / 2)));
  };
  const largestBytes = large.reduce((most, action) => Math.max(most, bytesOf(action)), 0);
  const turnMs = Math.max(uploads.length < large.length ? LEAST_DOWNLOAD_TURN_MS : LEAST_TURN_MS, Math.ceil(largestBytes / BYTES_PER_TURN_MS));
  while (!signal.aborted) {
    await clock.sleep(LOOK_FOR_NEWS_MS, signal).catch(() => undefined);
    const ranMs = clock.nowMs() - startMs;
    if (signal.aborted || ranMs < turnMs || !(hasNews() || ranMs >= Math.max(turnMs, LONGEST_TURN_MS))) continue;
    if (ranMs < MOST_WAITED_FOR_PARTS_MS && !hasComeOn()) continue;
    outcome.gaveWay = true;
    way.abort(new DOMException('gives way', 'AbortError'));
    return;
  }
}

/** What was ended for others is left for the next cycle. Its intent stays open, since it may have been done at that moment. */
async function unlessGivingWay(action: Action, way: AbortSignal, run: Run, copies: CopyGuard, carryOut: () => Promise<void>): Promise<void> {
  try {
    await carryOut();
  } catch (error) {
    if (!way.aborted || run.signal.aborted || isSyncError(error)) throw error;
    putOff([action], run, copies);
  }
}

function bytesOf(action: Travelling): number {
  if (action.type === 'upload') return action.local.sizeBytes;
  return 'remote' in action ? action.remote.objectBytes : 0;
}

/** A million small files first, the newest of them before the oldest: what the user just saved is safe soonest. */
function smallAndRecentFirst(a: Travelling, b: Travelling): number {
  const [x, y] = [urgencyOf(a), urgencyOf(b)];
  return x.sizeClass !== y.sizeClass ? x.sizeClass - y.sizeClass : y.mtimeMs - x.mtimeMs;
}

function urgencyOf(action: Travelling): Urgency {
  switch (action.type) {
    case 'upload': return { sizeClass: sizeClassOf(action.local.sizeBytes), mtimeMs: action.local.mtimeMs };
    case 'download':
    case 'keep-both':
    case 'adopt': return { sizeClass: sizeClassOf(action.remote.objectBytes), mtimeMs: mtimeOf(action.remote) };
    case 'delete-remote': return { ...NOTHING_TO_SEND, mtimeMs: 0 };
    default: return { ...NOTHING_TO_SEND, mtimeMs: action.local.mtimeMs };
  }
}

function laneOf(action: RemoteChange): Lane {
  return action.type === 'delete-remote' ? 'delete-remote' : 'up';
}

type Going = { readonly mayGo: (lane: Lane) => boolean; readonly copies: CopyGuard };

function* whileGoing<T extends Action>(actions: readonly T[], lane: Lane, run: Run, { mayGo, copies }: Going): Generator<T> {
  for (const [i, action] of actions.entries()) {
    run.signal.throwIfAborted();
    if (!mayGo(lane)) {
      putOff(actions.slice(i), run, copies);
      return;
    }
    yield action;
  }
}

/** Commits the intents of the next batch just before its first action is taken; those not taken after all are dropped again. */
function* withIntents(actions: readonly RemoteChange[], perCommit: number, run: Run, { mayGo, copies }: Going): Generator<Work> {
  for (let start = 0; start < actions.length; start += perCommit) {
    const next = actions.slice(start, start + perCommit);
    const batch = next.filter((action) => mayGo(laneOf(action)));
    if (batch.length < next.length) putOff(next.filter((action) => !batch.includes(action)), run, copies);
    if (batch.length === 0) continue;
    const works = prepare(batch, run);
    let taken = 0;
    try {
      for (const work of works) {
        run.signal.throwIfAborted();
        taken += 1;
        if (mayGo(laneOf(work.action))) {
          yield work;
        } else {
          putOff([work.action], run, copies);
          run.recorder.record({ finish: work.intent.operationId });
        }
      }
    } finally {
      for (const work of works.slice(taken)) run.recorder.record({ finish: work.intent.operationId });
    }
  }
}

function prepare(actions: readonly RemoteChange[], run: Run): readonly Work[] {
  const { state, random, remote, clock } = run.parts;
  const advancing = actions.filter((action) => action.type === 'upload' || action.type === 'rename-remote').length;
  let counter = advancing === 0 ? 0 : state.takeCounters(advancing);
  const works: Work[] = [];
  for (const action of actions) {
    const common = { operationId: newOperationId(random), path: action.path, createdAtMs: clock.nowMs() };
    const advanced = (vector: VersionVector): VersionVector => advanceVector(vector, state.device, counter++);
    try {
      const intent = { ...common, ...intentOf(action, advanced, remote.objectKeyOf(action.path)) };
      const begun = action.type === 'upload' && action.local.sizeBytes >= LARGE_BYTES ? fittingUpload(state.savedUpload(action.path), action.local, ancestorOf(action), clock.nowMs()) : null;
      // What was begun carries its operation id and vector already.
      works.push({ action, intent: begun?.objectKey === intent.objectKey ? { ...intent, operationId: begun.operationId, vector: begun.vector } : intent });
    } catch (error) {
      if (!isSyncError(error)) throw error;
      settleFailure(action, laneOf(action), error, run);
    }
  }
  state.beginIntents(works.map((work) => work.intent));
  return works;
}

/** What the new version must have seen. */
function ancestorOf(action: Of<'upload'>): VersionVector {
  return joinVectors(action.ancestor, action.replaces?.attributes?.vector ?? {});
}

function intentOf(action: RemoteChange, advanced: (vector: VersionVector) => VersionVector, objectKey: Intent['objectKey']): Omit<Intent, 'operationId' | 'path' | 'createdAtMs'> {
  switch (action.type) {
    case 'upload': {
      const vector = advanced(ancestorOf(action));
      return { kind: 'upload', objectKey: action.replaces?.objectKey ?? objectKey, etag: action.replaces?.etag ?? null, fromPath: null, local: action.local, vector };
    }
    // The new path's history begins here. The old path's vector would claim to have seen versions that others made of the new one.
    case 'rename-remote': return { kind: 'rename', objectKey, etag: action.from.etag, fromPath: action.from.path, local: action.local, vector: advanced({}) };
    case 'update-attributes': return { kind: 'update-attributes', objectKey: action.base.objectKey, etag: action.base.etag, fromPath: null, local: action.local, vector: action.base.vector };
    case 'delete-remote': return { kind: 'delete', objectKey: action.base.objectKey, etag: action.base.etag, fromPath: null, local: null, vector: action.base.vector };
  }
}

async function changeRemote({ action, intent }: Work, run: Run): Promise<void> {
  switch (action.type) {
    case 'upload': await upload(action, intent, run); break;
    case 'delete-remote': await deleteRemote(action, intent, run); break;
    case 'rename-remote': await renameRemote(action, intent, run); break;
    case 'update-attributes': await updateAttributes(action, intent, run); break;
  }
}

async function recordOnly(action: Of<'refresh-base'> | Of<'forget'>, run: Run): Promise<void> {
  if (action.type === 'forget') {
    run.recorder.record({ drop: action.path });
  } else {
    const { base, local } = action;
    run.recorder.record({ put: { ...base, stamp: local.stamp, inode: local.inode, mtimeMs: local.mtimeMs, modeBits: local.modeBits } });
  }
  run.board.finishFile();
}

/** A download is settled when it is in place, which is later than when its lane has moved on. */
async function fetchAndPlace(action: Of<'download'> | Of<'keep-both'>, run: Run, copies: CopyGuard): Promise<void> {
  try {
    await download(action, run, (error) => {
      if (error === null) settleSuccess(action, 'down', run);
      else settleNotDone(action, 'down', error, run, copies);
    });
  } catch (error) {
    throwUnlessItsOwn(error, run);
    settleNotDone(action, 'down', error as SyncError, run, copies);
  }
}

async function perform(action: Action, lane: Lane, run: Run, copies: CopyGuard, carryOut: () => Promise<void>, intent?: Intent): Promise<void> {
  try {
    await carryOut();
    settleSuccess(action, lane, run);
  } catch (error) {
    throwUnlessItsOwn(error, run);
    const failure = error as SyncError;
    if (intent !== undefined && (await isDoneAfterAll(intent, failure, run))) settleSuccess(action, lane, run);
    else settleNotDone(action, lane, failure, run, copies);
  }
}

/** An abort ends the run; what is no SyncError is a bug, and ends it too. */
function throwUnlessItsOwn(error: unknown, run: Run): void {
  if (run.signal.aborted) throw run.signal.reason;
  if (!isSyncError(error)) throw error;
  if (error.family === 'InvariantError' || error.family === 'StateError') throw error;
}

/** Errors after which a request may have taken effect all the same; its intent stays open until a HEAD tells. */
const AMBIGUOUS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['offline', 'throttled', 'server-error', 'answer-invalid', 'not-s3', 'tls-failed']);

/**
 * Closes the intent of a failed change where its outcome is known. A condition that failed may have failed on this
 * device's own first attempt, whose answer was lost: one HEAD tells.
 */
async function isDoneAfterAll(intent: Intent, error: SyncError, run: Run): Promise<boolean> {
  if (AMBIGUOUS.has(error.code)) return false;
  const mayBeOwn = error.code === 'version-changed' || error.code === 'object-not-found';
  if (!mayBeOwn || intent.kind === 'delete') {
    run.recorder.record({ finish: intent.operationId });
    return false;
  }
  try {
    const results = await resolveIntent(intent, run.parts, run.facts, run.signal);
    for (const result of results) run.recorder.record(result);
    return intent.kind !== 'rename' && results.some((result) => result.put !== undefined);
  } catch (unknown) {
    throwUnlessItsOwn(unknown, run);
    return false;
  }
}

function settleSuccess(action: Action, lane: Lane, run: Run): void {
  run.brakes.succeeded(lane);
  run.failures.succeeded(action.path);
  run.outcome.done += 1;
}

function settleNotDone(action: Action, lane: Lane, error: SyncError, run: Run, copies: CopyGuard): void {
  copies.notDone(action);
  settleFailure(action, lane, error, run);
}

function settleFailure(action: Action, lane: Lane, error: SyncError, run: Run): void {
  run.brakes.failed(lane, error);
  run.outcome.failed += 1;
  run.outcome.left.add([action]);
  if (error.code === 'version-changed' || error.code === 'object-not-found') {
    run.suspects.add(action.path);
    if (action.type === 'rename-remote') run.suspects.add(action.from.path);
  }
  const isNews = run.failures.failed(action, error, run.parts.clock.nowMs());
  if (isNews && error.retry !== 'replan') run.recorder.record({ note: { kind: 'failed', path: action.path, bytes: 0, detail: error.code } });
}

/**
 * Copies before deletes, also where the copy failed: content that was moved by hand shows as one new file and one
 * deletion, and if the new file could not be transferred, the deletion of a file of the same size waits.
 */
export type CopyGuard = { notDone(action: Action): void; mayGo(action: Action, run: Run): boolean };

/** Client-side encryption adds a tag to each object. */
const MOST_OVERHEAD_BYTES = 64;

/** @param keptSizes - of files that cannot be uploaded at all. */
export function createCopyGuard(keptSizes: ReadonlySet<number> = new Set()): CopyGuard {
  const notUploaded = new Set<number>(keptSizes);
  const notDownloaded: number[] = [];
  return {
    notDone(action) {
      if (action.type === 'upload') notUploaded.add(action.local.sizeBytes);
      if (action.type === 'download' || action.type === 'keep-both') notDownloaded.push(action.remote.objectBytes);
    },
    mayGo(action, run) {
      const mustWait =
        (action.type === 'delete-remote' && action.base.sizeBytes > 0 && notUploaded.has(action.base.sizeBytes)) ||
        (action.type === 'delete-local' && action.base.sizeBytes > 0 && notDownloaded.some((bytes) => bytes >= action.base.sizeBytes && bytes <= action.base.sizeBytes + MOST_OVERHEAD_BYTES));
      if (mustWait) postpone([action], run);
      return !mustWait;
    },
  };
}
