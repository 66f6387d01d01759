/**
 * Paths of one synced folder on disk: from sync path to absolute path and back to safety. Node has no openat, so every parent is
 * looked at by lstat right before something is written below it; what remains is the moment between the look and the write.
 */
import { closeSync, constants, fsync, lstatSync, mkdirSync, openSync, rmdirSync, type BigIntStats } from 'node:fs';
import { dirname, sep } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { OWN_DIRECTORY, type LocalPath, type SyncPath } from '../model/path.ts';
import { errnoOf, fromOsError, isMissing } from './os-error.ts';

export type Place = {
  readonly root: string;
  /** Without a trailing separator, which would make the system follow a symbolic link. */
  at(path: SyncPath | ''): LocalPath;
};

export function createPlace(root: string): Place {
  const base = root.endsWith(sep) ? root.slice(0, -1) : root;
  return {
    root,
    at(path) {
      const inner = path.endsWith('/') ? path.slice(0, -1) : path;
      return (inner === '' ? root : `${base}${sep}${sep === '/' ? inner : inner.replaceAll('/', sep)}`) as LocalPath;
    },
  };
}

type OnMade = (parent: string, made: string) => void;

/** Takes directories away again that were made for something that failed, as far as they are still empty. An empty directory would be synced. */
export function unmake(made: readonly string[]): void {
  for (const directory of made.toReversed()) {
    try {
      rmdirSync(directory);
    } catch {
      return;
    }
  }
}

/** lstat to the nanosecond, or null where nothing is there. @throws SyncError */
export function lookAt(absolute: string, path: string): BigIntStats | null {
  try {
    return lstatSync(absolute, { bigint: true, throwIfNoEntry: false }) ?? null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw fromOsError(error, path);
  }
}

/** The directories above `path`, from the top down, each with a trailing `/`. */
export function parentsOf(path: SyncPath): readonly SyncPath[] {
  const parents: SyncPath[] = [];
  for (let cut = path.indexOf('/'); cut >= 0 && cut < path.length - 1; cut = path.indexOf('/', cut + 1)) parents.push(path.slice(0, cut + 1) as SyncPath);
  return parents;
}

/**
 * Whether all directories above `path` are real directories.
 *
 * @returns false where one is missing.
 * @throws SyncError path-symlink where one is a symbolic link, target-exists where one is a file
 */
export function hasRealParents(place: Place, path: SyncPath): boolean {
  for (const parent of parentsOf(path)) {
    const stats = lookAt(place.at(parent), path);
    if (stats === null) return false;
    refuseUnlessDirectory(stats, path);
  }
  return true;
}

/**
 * Makes the missing directories above `path`.
 *
 * @param onMade - called with the directory that has a new entry and must be fsynced, and with the new one.
 * @throws SyncError as hasRealParents
 */
export function makeParents(place: Place, path: SyncPath, onMade: OnMade): void {
  for (const parent of parentsOf(path)) makeOneDirectory(place, parent, path, onMade);
}

export function makeOneDirectory(place: Place, directory: SyncPath, about: string, onMade: OnMade): void {
  const absolute = place.at(directory);
  const stats = lookAt(absolute, about);
  if (stats !== null) {
    refuseUnlessDirectory(stats, about);
    return;
  }
  try {
    mkdirSync(absolute);
  } catch (error) {
    // Somebody was faster: fine where it is a directory.
    const now = errnoOf(error) === 'EEXIST' ? lookAt(absolute, about) : null;
    if (now === null) throw fromOsError(error, about);
    refuseUnlessDirectory(now, about);
    return;
  }
  onMade(dirname(absolute), absolute);
}

function refuseUnlessDirectory(stats: BigIntStats, path: string): void {
  if (stats.isSymbolicLink()) throw new SyncError('path-symlink', { path });
  if (!stats.isDirectory()) throw new SyncError('target-exists', { path, detail: 'a file stands where a folder should be' });
}

/** Makes `.enfold` or a directory below it, 0700, never through a link. @returns its absolute path. */
export function makeOwnDirectory(place: Place, ...segments: readonly string[]): string {
  let absolute: string = place.root;
  for (const segment of [OWN_DIRECTORY, ...segments]) {
    absolute = `${absolute}${absolute.endsWith(sep) ? '' : sep}${segment}`;
    const stats = lookAt(absolute, OWN_DIRECTORY);
    if (stats !== null) {
      refuseUnlessDirectory(stats, OWN_DIRECTORY);
      continue;
    }
    try {
      mkdirSync(absolute, { mode: 0o700 });
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw fromOsError(error, OWN_DIRECTORY, { ENOENT: 'root-missing' });
    }
  }
  return absolute;
}

/**
 * fsync of directories, so that new names survive a power cut. Calls for one directory that arrive while its fsync runs share the next one:
 * a thousand deletions at once cost a few.
 */
export function createDirectoryFsync(): (absolute: string) => Promise<void> {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();
  const start = (absolute: string): Promise<void> => {
    const one = fsyncDirectory(absolute).finally(() => {
      if (running.get(absolute) === one) running.delete(absolute);
    });
    running.set(absolute, one);
    return one;
  };
  return (absolute) => {
    const current = running.get(absolute);
    if (current === undefined) return start(absolute);
    let next = waiting.get(absolute);
    if (next === undefined) {
      next = current.catch(() => undefined).then(() => {
        waiting.delete(absolute);
        return start(absolute);
      });
      waiting.set(absolute, next);
    }
    return next;
  };
}

/** A directory that vanished has no names left to keep. @throws SyncError io-error: nothing in it may be taken for durable */
async function fsyncDirectory(absolute: string): Promise<void> {
  // Windows cannot open a directory for this; NTFS journals names by itself.
  if (process.platform === 'win32') return;
  let file: number;
  try {
    file = openSync(absolute, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isMissing(error)) return;
    throw fromOsError(error, '', { EACCES: 'permission-denied' });
  }
  try {
    await new Promise<void>((resolve, reject) => {
      fsync(file, (error) => (error === null ? resolve() : reject(error)));
    });
  } catch (error) {
    // Some network and FUSE file systems have no fsync for directories.
    const errno = errnoOf(error);
    if (errno !== 'EINVAL' && errno !== 'ENOTSUP' && errno !== 'EOPNOTSUPP') throw fromOsError(error, '');
  } finally {
    closeSync(file);
  }
}
