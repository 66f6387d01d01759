/**
 * The whole tree, directory by directory and a large one in parts, without following a link and without taking a directory that failed for an empty one.
 *
 * Calls are synchronous in slices of a few milliseconds: on a local disk that is five times as fast as asking through the thread
 * pool. Where the disk turns out to be slow (network, spun down), entries are looked at many at a time instead.
 */
import { lstat, lstatSync, opendirSync, readdir, readdirSync, type BigIntStats } from 'node:fs';
import { sep } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { OWN_DIRECTORY, type SyncPath } from '../model/path.ts';
import type { LocalEntry, Skipped, SkipReason } from '../model/snapshot.ts';
import type { WalkedDirectory } from '../sync/ports.ts';
import type { IgnoreRules } from './ignore.ts';
import { fromOsError, isMissing } from './os-error.ts';
import { lookAt, type Place } from './place.ts';
import { createBreather, sortInSlices } from './slices.ts';
import { entryOf } from './stamp.ts';

const SLOW_CALL_MS = 0.5;
const AT_ONCE = 32;
/** Entries of one directory that are told together. */
const PART = 512;
/** A directory whose own size says that it holds, or held, thousands of names: they are read through the thread pool, and sorted in slices. */
const LARGE_DIRECTORY_BYTES = 128n * 1024n;
/** Names of directories that are listed before their turn (to know whether they are empty); above this they are listed again. */
const MAX_HELD_NAMES = 100_000;

type Pending = { readonly directory: SyncPath | ''; names: readonly string[] | null; readonly stats: BigIntStats };

/** What a name stands for: a file, a directory to go into, or what is never synced and why. A directory's path ends in `/`. */
export type Classified =
  | { readonly type: 'skip'; readonly path: string; readonly reason: SkipReason; readonly detail: string | null }
  | { readonly type: 'file' | 'directory'; readonly path: SyncPath; readonly stats: BigIntStats };

/**
 * @param stats - as lstat saw it, or its error.
 * @param device - of the folder's top: what lies on another disk is not the folder's.
 * @returns null where nothing is there.
 */
export function classifyEntry(path: string, stats: BigIntStats | Error | null | undefined, rules: IgnoreRules, device: bigint | undefined): Classified | null {
  if (stats === null || stats === undefined) return null;
  const skip = (at: string, reason: SkipReason, detail: string | null = null): Classified => ({ type: 'skip', path: at, reason, detail });
  if (stats instanceof Error) return skip(path, 'unreadable', (stats as NodeJS.ErrnoException).code ?? null);
  if (stats.isSymbolicLink()) return skip(path, 'symlink');
  if (stats.isDirectory()) {
    const inside = `${path}/` as SyncPath;
    const rule = rules.ruleFor(inside);
    if (rule !== null) return skip(inside, 'ignored', rule);
    return stats.dev === device ? { type: 'directory', path: inside, stats } : skip(inside, 'filesystem-boundary');
  }
  if (!stats.isFile()) return skip(path, 'special-file', kindOf(stats));
  const rule = rules.ruleFor(path as SyncPath);
  return rule === null ? { type: 'file', path: path as SyncPath, stats } : skip(path, 'ignored', rule);
}

/**
 * One path as the walk would see it, what stands above it included.
 *
 * @returns null where nothing is there. @throws SyncError root-missing
 */
export function lookAtOne(place: Place, rules: IgnoreRules, path: SyncPath): Classified | null {
  const root = lookAt(place.root, '');
  if (root === null) throw new SyncError('root-missing');
  const inner = path.endsWith('/') ? path.slice(0, -1) : path;
  const segments = inner.split('/');
  for (let depth = 1; depth <= segments.length; depth += 1) {
    const at = segments.slice(0, depth).join('/');
    const kind = classifyEntry(at, lstatNow(place.at(at as SyncPath)), rules, root.dev);
    if (kind === null || kind.type === 'skip' || depth === segments.length) return kind;
    // A file where a directory would have to be.
    if (kind.type === 'file') return null;
  }
  return null;
}

/** @throws SyncError root-missing, root-unreadable; the signal's reason */
export async function* walkTree(place: Place, rules: IgnoreRules, signal: AbortSignal): AsyncGenerator<WalkedDirectory> {
  const rootStats = lookAt(place.root, '');
  if (rootStats === null) throw new SyncError('root-missing');
  if (!rootStats.isDirectory()) throw new SyncError('root-foreign', { detail: 'not a directory' });
  const breathe = createBreather();
  const stack: Pending[] = [{ directory: '', names: null, stats: rootStats }];
  let heldNames = 0;
  let isSlow = false;

  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    signal.throwIfAborted();
    const { directory, stats: opened } = next;
    const absolute = place.at(directory);
    let names = next.names;
    if (names === null) {
      try {
        names = opened.size >= LARGE_DIRECTORY_BYTES ? await sortInSlices(await readNamesSoon(absolute), compareText, breathe) : readNames(absolute);
      } catch (error) {
        if (directory === '') throw fromOsError(error, '', { ENOENT: 'root-missing', EACCES: 'root-unreadable', EPERM: 'root-unreadable' });
        // It was readable a moment ago. Leaving it out says to the engine that it was not listed.
        continue;
      }
    } else {
      heldNames -= names.length;
    }

    let entries: LocalEntry[] = [];
    let skipped: Skipped[] = [];
    const subdirectories: Pending[] = [];
    const skip = (path: string, reason: SkipReason, detail: string | null = null): void => {
      skipped.push({ path, side: 'local', reason, detail });
    };
    const prefix = absolute.endsWith(sep) ? absolute : `${absolute}${sep}`;
    for (let start = 0; start < names.length; start += AT_ONCE) {
      const pause = breathe();
      if (pause !== null) {
        await pause;
        signal.throwIfAborted();
      }
      const slice = names.slice(start, start + AT_ONCE);
      const startedAt = performance.now();
      const found = isSlow ? await Promise.all(slice.map((name) => lstatSoon(prefix + name))) : slice.map((name) => lstatNow(prefix + name));
      isSlow = (performance.now() - startedAt) / (isSlow ? AT_ONCE : slice.length) > (isSlow ? SLOW_CALL_MS / 10 : SLOW_CALL_MS);
      for (const [index, name] of slice.entries()) {
        if (directory === '' && name === OWN_DIRECTORY) continue;
        const path = directory + name;
        if (name.includes('\uFFFD') || !name.isWellFormed()) {
          // Text that stands for bytes which are none: the real name cannot be said, so the file cannot be reached.
          if (isTrueName(prefix + name, found[index])) classify(name, path, found[index]);
          else skip(path, 'name-encoding');
          continue;
        }
        classify(name, path, found[index]);
      }
      if (entries.length + skipped.length >= PART) {
        yield { directory, entries, skipped, isPart: true };
        entries = [];
        skipped = [];
      }
    }

    // The directory was swapped for something else while it was read: nothing that was seen belongs to it.
    const after = lookAt(absolute, directory);
    if (after === null || !after.isDirectory() || after.ino !== opened.ino) {
      if (directory === '') throw new SyncError('root-missing', { detail: 'it was replaced while it was read' });
      continue;
    }
    yield { directory, entries, skipped };
    for (const subdirectory of subdirectories.toReversed()) stack.push(subdirectory);

    function classify(name: string, path: string, stats: BigIntStats | Error | null | undefined): void {
      const kind = classifyEntry(path, stats, rules, rootStats?.dev);
      if (kind === null) return; // gone since it was listed
      if (kind.type === 'skip') skip(kind.path, kind.reason, kind.detail);
      else if (kind.type === 'file') entries.push(entryOf(path as SyncPath, kind.stats));
      else enter(kind.path, prefix + name, kind.stats);
    }

    function enter(inside: SyncPath, at: string, stats: BigIntStats): void {
      try {
        if (stats.size >= LARGE_DIRECTORY_BYTES) {
          entries.push(entryOf(inside, stats, isEmptyDirectory(at)));
          subdirectories.push({ directory: inside, names: null, stats });
          return;
        }
        const inner = readNames(at);
        const isHeld = heldNames + inner.length <= MAX_HELD_NAMES;
        if (isHeld) heldNames += inner.length;
        entries.push(entryOf(inside, stats, inner.length === 0));
        subdirectories.push({ directory: inside, names: isHeld ? inner : null, stats });
      } catch (error) {
        if (!isMissing(error)) skip(inside, 'directory-unreadable', (error as NodeJS.ErrnoException).code ?? null);
      }
    }
  }
  // A disk that was taken away meanwhile made everything below look gone.
  const last = lookAt(place.root, '');
  if (last === null || last.ino !== rootStats.ino || last.dev !== rootStats.dev) throw new SyncError('root-missing', { detail: 'it was replaced while it was read' });
}

/** Sorted, so that equal trees are walked equally. Text is enough: names that are no text show as U+FFFD, and are looked at again. */
function readNames(absolute: string): readonly string[] {
  return readdirSync(absolute).sort();
}

function readNamesSoon(absolute: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    readdir(absolute, (error, names) => (error === null ? resolve(names) : reject(error)));
  });
}

function isEmptyDirectory(absolute: string): boolean {
  const directory = opendirSync(absolute);
  try {
    return directory.readSync() === null;
  } finally {
    directory.closeSync();
  }
}

const compareText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

/** A name may really hold U+FFFD: then lstat of that very text finds the file. A name that is no text is not found under its replacement. */
function isTrueName(absolute: string, stats: BigIntStats | Error | null | undefined): boolean {
  if (stats === null || stats === undefined || stats instanceof Error || !absolute.isWellFormed()) return false;
  const cut = absolute.lastIndexOf(sep);
  const wanted = Buffer.from(absolute.slice(cut + 1));
  return readdirSync(absolute.slice(0, cut) || sep, { encoding: 'buffer' }).some((name) => wanted.equals(name));
}

function lstatNow(absolute: string): BigIntStats | Error | null {
  try {
    return lstatSync(absolute, { bigint: true, throwIfNoEntry: false }) ?? null;
  } catch (error) {
    return isMissing(error) ? null : (error as Error);
  }
}

function lstatSoon(absolute: string): Promise<BigIntStats | Error | null> {
  return new Promise((resolve) => {
    lstat(absolute, { bigint: true }, (error, stats) => {
      if (error === null) resolve(stats);
      else resolve(isMissing(error) ? null : error);
    });
  });
}

function kindOf(stats: BigIntStats): string {
  if (stats.isFIFO()) return 'pipe';
  if (stats.isSocket()) return 'socket';
  return 'device';
}
