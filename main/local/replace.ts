/**
 * Puts verified files in place so that at every instant a path is whole: old or new. What is replaced is in the trash, durably, before it
 * is replaced; a target that is no longer what the plan saw is left alone; one fsync per directory ends the batch.
 *
 * Calls between the last look at a target and its replacement are synchronous, so that only other programs can come between.
 */
import { chmodSync, linkSync, renameSync, rmSync, utimesSync, type BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { SyncError, toWire } from '../model/errors.ts';
import { isOwnPath, type SyncPath } from '../model/path.ts';
import type { Replacement, ReplaceOutcome } from '../sync/ports.ts';
import { mayCreate } from './names.ts';
import { errnoOf, fromOsError } from './os-error.ts';
import { hasRealParents, lookAt, makeParents, unmake, type Place } from './place.ts';
import { entryOf, isSameContent, stampOf } from './stamp.ts';
import { moveWithoutReplacing, type Trash, type TrashSlot } from './trash.ts';
import { createBreather } from './slices.ts';

export type ReplaceParts = {
  readonly place: Place;
  readonly trash: Trash;
  readonly fsyncDirectory: (absolute: string) => Promise<void>;
  readonly nowMs: () => number;
};

type Prepared = {
  readonly item: Replacement;
  readonly staged: BigIntStats;
  /** The stamp the target must still have; null where nothing may be there. */
  readonly target: string | null;
  readonly slot: TrashSlot | null;
  /** The file system knows no links: the target is moved to the trash at the last moment instead. */
  readonly isMoved: boolean;
  /** Directories that were made for it. */
  readonly made: readonly string[];
};

/** @returns one outcome per item, in the order given; never throws for a single item. */
export async function replaceFiles(items: readonly Replacement[], parts: ReplaceParts): Promise<readonly ReplaceOutcome[]> {
  const dirty = new Set<string>();
  const dirtyTrash = new Set<string>();
  const breathe = createBreather();
  const prepared: (Prepared | ReplaceOutcome)[] = [];
  for (const item of items) {
    await breathe();
    prepared.push(attempt(item.path, () => prepare(item, parts, dirty, dirtyTrash)));
  }
  const lostTrash = await fsyncAll(dirtyTrash, parts.fsyncDirectory);

  const outcomes: ReplaceOutcome[] = [];
  const needless: (readonly string[])[] = [];
  for (const one of prepared) {
    await breathe();
    if ('ok' in one) {
      outcomes.push(one);
      continue;
    }
    const lost = one.slot === null ? null : lostBelow(one.slot.absolute, lostTrash);
    const outcome = lost === null ? attempt(one.item.path, () => putInPlace(one, parts, dirty)) : failed(one.item.path, lost);
    if (!outcome.ok) {
      if (one.slot !== null && !one.isMoved) dropLink(one.slot);
      needless.push(one.made);
    }
    outcomes.push(outcome);
  }
  // Only now, since another item of the batch may have needed them.
  for (const made of needless.toReversed()) unmake(made);

  const lost = await fsyncAll(dirty, parts.fsyncDirectory);
  if (lost.size === 0) return outcomes;
  // A name whose directory could not be made durable must never be taken for written.
  return outcomes.map((outcome) => {
    const error = outcome.ok ? lostBelow(parts.place.at(outcome.path), lost) : null;
    return error === null ? outcome : failed(outcome.path, error);
  });
}

function prepare(item: Replacement, parts: ReplaceParts, dirty: Set<string>, dirtyTrash: Set<string>): Prepared {
  refuseName(item.path, item.replaces === null);
  const made: string[] = [];
  try {
    makeParents(parts.place, item.path, (parent, directory) => {
      dirty.add(parent);
      made.push(directory);
    });
    return { ...prepareTarget(item, parts, dirtyTrash), made };
  } catch (error) {
    unmake(made);
    throw error;
  }
}

function prepareTarget(item: Replacement, parts: ReplaceParts, dirtyTrash: Set<string>): Omit<Prepared, 'made'> {
  const { place } = parts;
  const absolute = place.at(item.path);

  const target = lookAt(absolute, item.path);
  if ((target === null ? null : stampOf(target)) !== (item.replaces?.stamp ?? null)) throw new SyncError('target-changed', { path: item.path });

  if (lookAt(item.staged, item.path)?.isFile() !== true) throw new SyncError('file-vanished', { path: item.path, detail: 'the staged file' });
  try {
    utimesSync(item.staged, new Date(parts.nowMs()), secondsOf(item.mtimeMs, parts.nowMs()));
    chmodSync(item.staged, item.modeBits & 0o777);
  } catch (error) {
    throw fromOsError(error, item.path, { ENOENT: 'file-vanished' });
  }
  const staged = lookAt(item.staged, item.path);
  if (staged === null || !staged.isFile()) throw new SyncError('file-vanished', { path: item.path, detail: 'the staged file' });
  if (target === null) return { item, staged, target: null, slot: null, isMoved: false };

  const slot = parts.trash.slotFor(item.path, parts.nowMs(), (directory) => dirtyTrash.add(directory));
  dirtyTrash.add(slot.directory);
  try {
    linkSync(absolute, slot.absolute);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EPERM' && errno !== 'ENOTSUP' && errno !== 'EOPNOTSUPP' && errno !== 'ENOSYS' && errno !== 'EMLINK') throw fromOsError(error, item.path);
    return { item, staged, target: stampOf(target), slot, isMoved: true };
  }
  // The link moved the ctime: look again, and make sure that it is the same file that now is in the trash.
  const linked = lookAt(absolute, item.path);
  if (linked === null || !isSameContent(linked, target)) {
    dropLink(slot);
    throw new SyncError('target-changed', { path: item.path });
  }
  return { item, staged, target: stampOf(linked), slot, isMoved: false };
}

function putInPlace(one: Prepared, parts: ReplaceParts, dirty: Set<string>): ReplaceOutcome {
  const { item, slot } = one;
  const absolute = parts.place.at(item.path);
  if (!hasRealParents(parts.place, item.path)) throw new SyncError('target-changed', { path: item.path });
  const now = lookAt(absolute, item.path);
  if ((now === null ? null : stampOf(now)) !== one.target) throw new SyncError('target-changed', { path: item.path });
  try {
    if (one.isMoved && slot !== null) renameSync(absolute, slot.absolute);
    if (one.target === null || one.isMoved) moveWithoutReplacing(item.staged, absolute, item.path);
    else renameSync(item.staged, absolute);
  } catch (error) {
    const known = fromOsError(error, item.path);
    // Something appeared where nothing was: that is for the next plan to see.
    throw known instanceof SyncError && known.code === 'target-exists' ? new SyncError('target-changed', { path: item.path }, { cause: error }) : known;
  }
  dirty.add(dirname(absolute));
  if (one.isMoved && slot !== null) dirty.add(slot.directory);
  const placed = lookAt(absolute, item.path);
  // Where somebody wrote to it already, its entry must not say so: the next scan has to see the difference.
  const isOurs = placed !== null && isSameContent(placed, one.staged);
  return { path: item.path, ok: true, entry: entryOf(item.path, isOurs ? placed : one.staged) };
}

/** @throws SyncError name-unsupported for Enfold's own files always, for other names only where one is created. */
export function refuseName(path: SyncPath, isNew: boolean): void {
  if (isOwnPath(path)) throw new SyncError('name-unsupported', { path, detail: 'own-file' });
  const reason = isNew ? mayCreate(path) : null;
  if (reason !== null) throw new SyncError(reason === 'name-too-long' ? 'name-too-long' : 'name-unsupported', { path, detail: reason });
}

/** Times that a file system cannot hold, or that are none, become now. */
function secondsOf(mtimeMs: number, nowMs: number): number {
  const isUsable = Number.isFinite(mtimeMs) && mtimeMs > -62_135_596_800_000 && mtimeMs < 253_402_300_800_000;
  return (isUsable ? mtimeMs : nowMs) / 1000;
}

function attempt<T>(path: SyncPath, body: () => T): T | (ReplaceOutcome & { readonly ok: false }) {
  try {
    return body();
  } catch (error) {
    return failed(path, error);
  }
}

function failed(path: SyncPath, error: unknown): ReplaceOutcome & { readonly ok: false } {
  return { path, ok: false, error: toWire(fromOsError(error, path)) };
}

function dropLink(slot: TrashSlot): void {
  try {
    rmSync(slot.absolute, { force: true });
  } catch {
    // One copy more in the trash harms nobody.
  }
}

async function fsyncAll(directories: ReadonlySet<string>, fsyncDirectory: (absolute: string) => Promise<void>): Promise<ReadonlyMap<string, unknown>> {
  const lost = new Map<string, unknown>();
  await Promise.all(
    [...directories].map((directory) =>
      fsyncDirectory(directory).catch((error: unknown) => {
        lost.set(directory, error);
      }),
    ),
  );
  return lost;
}

function lostBelow(absolute: string, lost: ReadonlyMap<string, unknown>): unknown {
  if (lost.size === 0) return null;
  for (let at = dirname(absolute); ; at = dirname(at)) {
    const error = lost.get(at);
    if (error !== undefined) return error;
    if (dirname(at) === at) return null;
  }
}
