/**
 * `<root>/.enfold/trash/<YYYY-MM-DD>/<opaque>/<path as it was>`: what the engine removed or replaced, for 30 days. The tree is its own
 * index, so it can neither be lost nor lie, and anybody can look into it without Enfold; a file's ctime says when it came here.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { nameOf, OWN_DIRECTORY, parseSyncPath, type SyncPath } from '../model/path.ts';
import { errnoOf, fromOsError, isMissing } from './os-error.ts';
import { createDirectoryFsync, hasRealParents, lookAt, makeOwnDirectory, makeParents, type Place } from './place.ts';
import { mtimeMsOf } from './stamp.ts';

export const TRASH_DAYS = 30;

/** Where one removed file goes: a name that is free, with its directory made. */
export type TrashSlot = { readonly absolute: string; readonly directory: string };

export type Trash = {
  /** @param onMade - called with each directory that has a new entry and must be fsynced */
  slotFor(path: SyncPath, nowMs: number, onMade: (absolute: string) => void): TrashSlot;
};

export function createTrash(place: Place): Trash {
  // One opaque directory per session and day; another one where it holds the path already.
  const sessions = new Map<string, string>();
  const made = new Set<string>();
  return {
    slotFor(path, nowMs, onMade) {
      const date = new Date(nowMs).toISOString().slice(0, 10);
      const inner = path.endsWith('/') ? path.slice(0, -1) : path;
      for (let attempt = 0; attempt < 4; attempt += 1) {
        let session = sessions.get(date);
        if (session === undefined || attempt > 0) {
          session = randomBytes(6).toString('hex');
          sessions.set(date, session);
        }
        const top = join(place.root, OWN_DIRECTORY, 'trash', date, session);
        // The last attempt keeps the name only: a path near the system's limit would not fit below the trash.
        const absolute = join(top, attempt === 3 ? nameOf(path) : inner);
        const directory = dirname(absolute);
        try {
          if (!made.has(directory) || lookAt(directory, path) === null) {
            makeOwnDirectory(place, 'trash', date, session);
            mkdirSync(directory, { recursive: true, mode: 0o700 });
            made.add(directory);
            for (let at = directory; at.length >= top.length; at = dirname(at)) onMade(dirname(at));
            onMade(dirname(dirname(top)));
          }
          if (lookAt(absolute, path) === null) return { absolute, directory };
        } catch (error) {
          const errno = errnoOf(error);
          // EEXIST, ENOTDIR: a file was trashed where this path needs a directory.
          if (errno !== 'ENAMETOOLONG' && errno !== 'EEXIST' && errno !== 'ENOTDIR') throw fromOsError(error, path);
        }
      }
      throw new SyncError('io-error', { path, detail: 'no place in the trash' });
    },
  };
}

export type TrashedFile = {
  /** `<date>/<opaque>/<path>`, to restore it by. */
  readonly id: string;
  readonly path: SyncPath;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly trashedAtMs: number;
};

/** Newest first. */
export function listTrash(place: Place): readonly TrashedFile[] {
  const top = join(place.root, OWN_DIRECTORY, 'trash');
  const found: TrashedFile[] = [];
  for (const date of namesIn(top)) {
    for (const session of namesIn(join(top, date))) collect(`${date}/${session}`, '');
  }
  return found.sort((a, b) => b.trashedAtMs - a.trashedAtMs || (a.id < b.id ? -1 : 1));

  function collect(session: string, inner: string): void {
    for (const name of namesIn(join(top, session, inner))) {
      const path = inner === '' ? name : `${inner}/${name}`;
      const stats = lookAt(join(top, session, path), path);
      const known = parseSyncPath(path);
      if (stats === null || known === null) continue;
      if (stats.isDirectory()) collect(session, path);
      else if (stats.isFile()) {
        found.push({ id: `${session}/${path}`, path: known, sizeBytes: Number(stats.size), mtimeMs: mtimeMsOf(stats), trashedAtMs: Number(stats.ctimeMs) });
      }
    }
  }
}

/**
 * Puts a trashed file back, to where it was or to `to`, durably. Nothing is replaced.
 *
 * @throws SyncError no-such-path, target-exists, path-symlink
 */
export async function restoreFromTrash(place: Place, id: string, to?: SyncPath): Promise<SyncPath> {
  const { path, from } = placeOfId(place, id);
  const stats = lookAt(from, id);
  if (stats === null || !stats.isFile()) throw new SyncError('no-such-path', { path: id });
  const target = to ?? path;
  const dirty = new Set<string>([dirname(place.at(target)), dirname(from)]);
  makeParents(place, target, (directory) => dirty.add(directory));
  hasRealParents(place, target);
  moveWithoutReplacing(from, place.at(target), target);
  const fsyncDirectory = createDirectoryFsync();
  await Promise.all([...dirty].map((directory) => fsyncDirectory(directory)));
  return target;
}

/**
 * Removes trashed files for good, and the directories that are empty then. What is gone already is no error.
 *
 * @returns how many went, and their bytes
 * @throws SyncError no-such-path for what is no id of the list, path-symlink
 */
export function removeFromTrash(place: Place, ids: readonly string[]): { readonly removed: number; readonly bytes: number } {
  const top = join(place.root, OWN_DIRECTORY, 'trash');
  let removed = 0;
  let bytes = 0;
  for (const id of ids) {
    const { from, inTrash } = placeOfId(place, id);
    if (!hasRealParents(place, inTrash)) continue;
    const stats = lookAt(from, id);
    if (stats === null) continue;
    if (!stats.isFile()) throw new SyncError('no-such-path', { path: id });
    try {
      rmSync(from, { force: true });
      removed += 1;
      bytes += Number(stats.size);
      for (let at = dirname(from); at.length > top.length; at = dirname(at)) rmdirSync(at);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== 'ENOTEMPTY' && errno !== 'EEXIST' && !isMissing(error)) throw fromOsError(error, id);
    }
  }
  return { removed, bytes };
}

/** @throws SyncError no-such-path */
function placeOfId(place: Place, id: string): { readonly path: SyncPath; readonly from: string; readonly inTrash: SyncPath } {
  const [date, session, ...rest] = id.split('/');
  const path = parseSyncPath(rest.join('/'));
  if (path === null || !isDate(date) || session === undefined || !/^[0-9a-f]{12}$/.test(session)) throw new SyncError('no-such-path', { path: id });
  return { path, from: join(place.root, OWN_DIRECTORY, 'trash', date, session, ...rest), inTrash: `${OWN_DIRECTORY}/trash/${id}` as SyncPath };
}

/** What came into the trash within this time stays, however much it is: whoever misses it has not had time to notice. */
const ALWAYS_KEPT_MS = 24 * 3600_000;

/**
 * Removes what has been in the trash for longer than `days`, and the oldest of the rest as long as it takes more than `limitBytes`.
 *
 * @param limitBytes - null: as much as there is.
 */
export function expireTrash(place: Place, nowMs: number, { days = TRASH_DAYS, limitBytes = null }: { readonly days?: number; readonly limitBytes?: number | null } = {}): void {
  const top = join(place.root, OWN_DIRECTORY, 'trash');
  const oldest = new Date(nowMs - days * 24 * 3600_000).toISOString().slice(0, 10);
  for (const date of namesIn(top)) {
    if (isDate(date) && date < oldest) rmSync(join(top, date), { recursive: true, force: true });
  }
  if (limitBytes === null) return;
  const files = listTrash(place);
  let totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  for (const { id, sizeBytes, trashedAtMs } of files.toReversed()) {
    if (totalBytes <= limitBytes || nowMs - trashedAtMs < ALWAYS_KEPT_MS) return;
    rmSync(join(top, id), { force: true });
    totalBytes -= sizeBytes;
  }
}

/** link and unlink: the only pair of calls that never replaces a file that appears meanwhile. @throws SyncError target-exists */
export function moveWithoutReplacing(from: string, to: string, path: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST') throw new SyncError('target-exists', { path }, { cause: error });
    // FAT and some network file systems know no links: a look and a rename, with a moment between them.
    if (errno !== 'EPERM' && errno !== 'ENOTSUP' && errno !== 'EOPNOTSUPP' && errno !== 'ENOSYS' && errno !== 'EMLINK') throw fromOsError(error, path);
    if (lookAt(to, path) !== null) throw new SyncError('target-exists', { path }, { cause: error });
    try {
      renameSync(from, to);
    } catch (cause) {
      throw fromOsError(cause, path);
    }
    return;
  }
  try {
    rmSync(from);
  } catch (error) {
    if (!isMissing(error)) throw fromOsError(error, path);
  }
}

function isDate(text: string | undefined): text is string {
  return text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text);
}

/** Names inside a real directory; none where it is missing or something else. */
function namesIn(directory: string): readonly string[] {
  try {
    if (!lstatSync(directory).isDirectory()) return [];
    return readdirSync(directory).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw fromOsError(error, OWN_DIRECTORY);
  }
}
