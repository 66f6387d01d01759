/**
 * Puts verified downloads in place, many at once: each replacement waits for the disk, and one wait can serve a whole
 * batch. What stood there before is moved to the trash by the port, or kept as a conflict copy here.
 */
import { fromWire, isSyncError, SyncError, toWire } from '../model/errors.ts';
import type { SyncPath } from '../model/path.ts';
import type { BaseEntry, LocalEntry } from '../model/snapshot.ts';
import { conflictCopyPath } from '../plan/conflict-copy.ts';
import { Batcher } from './bounded.ts';
import type { FolderFacts, FolderParts } from './parts.ts';
import type { Recorder } from './record.ts';
import type { Staged } from './run.ts';

const BATCH_SIZE = 256;
/** Long enough for full batches where files come fast; the end of a stage waits for nothing. */
const BATCH_DELAY_MS = 250;
const MAX_NAME_TRIES = 60;

/** The fact that holds the base entries of what is just being put in place. */
const PLACING = 'placing';

/** @param onConflictCopy - told of every conflict copy, as soon as it stands. */
export function createPlacer(parts: FolderParts, facts: FolderFacts, recorder: Recorder, onConflictCopy: (copy: LocalEntry, of: SyncPath) => void): Batcher<Staged> {
  const placeBatch = async (batch: readonly Staged[]): Promise<void> => {
    const ready: Staged[] = [];
    for (const staged of batch) {
      try {
        if (staged.keepAside !== null) onConflictCopy(await keepAside(staged.keepAside, parts, facts), staged.replacement.path);
        ready.push(staged);
      } catch (error) {
        await giveUp(staged, error, parts);
      }
    }
    if (ready.length === 0) return;
    // What the batch before placed must be in base before its announcement is written over.
    recorder.flush();
    announce(ready, parts);
    const outcomes = await replaceAll(ready, parts);
    for (const [i, staged] of ready.entries()) {
      const outcome = outcomes[i];
      if (outcome?.ok === true) staged.placed(outcome.entry);
      else await giveUp(staged, outcome === undefined ? new SyncError('invariant', { detail: 'a replacement has no outcome' }) : fromWire(outcome.error), parts);
    }
  };
  return new Batcher({ size: BATCH_SIZE, delayMs: BATCH_DELAY_MS, clock: parts.clock, flush: placeBatch });
}

/**
 * Writes down what is about to stand where. A process that dies between placing and recording would otherwise find a file
 * that nobody agreed on, and take it for the user's edit when the remote side has moved on by then.
 */
function announce(ready: readonly Staged[], { state }: FolderParts): void {
  const entryOf = ({ replacement: { path, mtimeMs, modeBits } }: Staged): LocalEntry => ({ path, kind: 'file', sizeBytes: 0, mtimeMs, modeBits, inode: '', stamp: '' });
  state.putFact(PLACING, ready.map((staged) => staged.baseFor(entryOf(staged))));
}

/** At the end of a cycle, when all that was placed is recorded. */
export function withdrawAnnouncement({ state }: FolderParts): void {
  if (state.fact(PLACING) !== null) state.putFact(PLACING, null);
}

/**
 * At the start of a cycle: what was announced and stands there is in step, whether or not the process lived to record it.
 * What was not placed, or was changed since, is as the next scan finds it.
 */
export async function recallPlaced(parts: FolderParts, recorder: Recorder, signal: AbortSignal): Promise<void> {
  const announced = parts.state.fact<readonly BaseEntry[]>(PLACING);
  if (announced === null) return;
  for (const promised of announced) {
    if (parts.state.baseAt(promised.path)?.operationId === promised.operationId) continue;
    const entry = await parts.tree.entryAt(promised.path);
    if (entry === null || entry.kind !== 'file') continue;
    const sha256 = await hashOrNull(entry, parts, signal);
    if (sha256 !== promised.sha256) continue;
    const { sizeBytes, mtimeMs, modeBits, inode, stamp } = entry;
    recorder.record({ put: { ...promised, sizeBytes, mtimeMs, modeBits, inode, stamp } });
  }
  recorder.flush();
  withdrawAnnouncement(parts);
}

async function hashOrNull(entry: LocalEntry, parts: FolderParts, signal: AbortSignal): Promise<string | null> {
  try {
    return await parts.tree.hash(entry, signal);
  } catch (error) {
    if (isSyncError(error) && error.family === 'LocalError') return null;
    throw error;
  }
}

/** A port that throws as a whole failed at every item: nothing is known to be in place, and the next scan will tell. */
async function replaceAll(ready: readonly Staged[], parts: FolderParts): ReturnType<FolderParts['tree']['replace']> {
  try {
    return await parts.tree.replace(ready.map((staged) => staged.replacement));
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return ready.map((staged) => ({ path: staged.replacement.path, ok: false as const, error: toWire(error) }));
  }
}

async function giveUp(staged: Staged, error: unknown, parts: FolderParts): Promise<void> {
  if (!isSyncError(error)) throw error;
  await parts.tree.removeStaged?.(staged.replacement.staged);
  staged.failed(error);
}

/** Renames a local file to a conflict name that is free on disk and in base. @throws SyncError target-changed */
async function keepAside(aside: { readonly entry: LocalEntry; readonly sha256: string }, parts: FolderParts, facts: FolderFacts): Promise<LocalEntry> {
  const { tree, state, clock } = parts;
  const atMs = clock.nowMs();
  const name = { hostName: facts.hostName, deviceId: state.device, atMs, sha256: aside.sha256, utcOffsetMinutes: -new Date(atMs).getTimezoneOffset() };
  for (let attempt = 1; attempt <= MAX_NAME_TRIES; attempt++) {
    const to = conflictCopyPath(aside.entry.path, { ...name, attempt });
    if (state.baseAt(to) !== null) continue;
    try {
      return await tree.rename(aside.entry, to);
    } catch (error) {
      if (!isSyncError(error, 'target-exists')) throw error;
    }
  }
  throw new SyncError('target-exists', { path: aside.entry.path, detail: 'no free name for a conflict copy' });
}
