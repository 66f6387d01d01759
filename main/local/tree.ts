/**
 * One synced folder on the real file system, behind the engine's LocalTree.
 *
 * Promises: nothing outside the root is read for upload, written, renamed or removed, whatever names and symbolic links say; nothing is
 * replaced or removed that is no longer what the caller saw; what the engine takes away is in the folder's trash first; a call that
 * returned is durable. What remains is the moment between the last look and the act, which Node cannot close.
 */
import { createHash, randomBytes } from 'node:crypto';
import { accessSync, close, constants, fchmodSync, fstat, fstatSync, fsyncSync, open, read, readdirSync, readSync, renameSync, closeSync, lstatSync, mkdirSync, openSync, rmdirSync, rmSync, type BigIntStats } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { SyncError } from '../model/errors.ts';
import { isDirectoryPath, isOwnPath, OWN_DIRECTORY, parentOf, type LocalPath, type ObjectKey, type SyncPath } from '../model/path.ts';
import type { LocalEntry } from '../model/snapshot.ts';
import type { LocalTree, NameCollisions } from '../sync/ports.ts';
import { createNameCollisions } from './collisions.ts';
import { IGNORE_FILE, parseIgnoreRules, type IgnoreRules } from './ignore.ts';
import { currentPlatform, mayCreate, type NamePlatform } from './names.ts';
import { errnoOf, fromOsError, isMissing } from './os-error.ts';
import { createDirectoryFsync, createPlace, hasRealParents, lookAt, makeOneDirectory, makeOwnDirectory, makeParents, type Place } from './place.ts';
import { refuseName, replaceFiles } from './replace.ts';
import { checkRootMarker } from './root.ts';
import { createBreather } from './slices.ts';
import { entryOf, isSameContent, stampOf } from './stamp.ts';
import { createTrash, expireTrash, listTrash, moveWithoutReplacing, removeFromTrash, restoreFromTrash, type TrashedFile } from './trash.ts';
import { lookAtOne, walkTree, type Classified } from './walk.ts';

export { createRootMarker, removeRootMarker } from './root.ts';

export type LocalTreeOptions = {
  readonly root: string;
  readonly folderId: string;
  /** Instead of the rules in the folder's own `.enfoldignore`, which are read again at each walk. */
  readonly ignore?: IgnoreRules;
  readonly platform?: NamePlatform;
  readonly nowMs?: () => number;
};

/** What a folder on disk can do beside what the engine needs. */
export type FolderOnDisk = LocalTree & {
  /** Removes staged files that are older than a day and what has been in the trash for 30, or does not fit into its share of the disk. */
  sweep(): Promise<void>;
  listTrash(): readonly TrashedFile[];
  /** @throws SyncError no-such-path, target-exists, path-symlink */
  restoreFromTrash(id: string, to?: SyncPath): Promise<SyncPath>;
  /** For good. @throws SyncError no-such-path, path-symlink */
  removeFromTrash(ids: readonly string[]): { readonly removed: number; readonly bytes: number };
  /** Lines of `.enfoldignore` that were not taken. */
  refusedRules(): readonly string[];
  /** The rule that keeps `path` out, or null. */
  ignoreRuleFor(path: SyncPath): string | null;
  /** One path as the walk would see it, or null where nothing is there. @throws SyncError root-missing */
  lookAt(path: SyncPath): Classified | null;
};

const READ_BYTES = 1024 * 1024;
/** Up to this size a file is read without the thread pool, which costs more than the reading. */
const SMALL_FILE_BYTES = 256 * 1024;
/** Begins the names of downloads that are gone on with; they are kept for longer, since they are large and were paid for. */
const PARTIAL = 'part-';
const PARTIAL_KEPT_MS = 7 * 24 * 3600_000;
/** The trash may take a tenth of the disk. */
const TRASH_SHARE = 10;
const STAGED_KEPT_MS = 24 * 3600_000;
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

const openFile = promisify(open);
const closeFile = promisify(close);
const readFile = promisify(read);
const statFile = promisify(fstat) as (file: number, options: { bigint: true }) => Promise<BigIntStats>;

/** Opens nothing yet: checkRoot says whether the folder is there. */
export function openLocalTree(options: LocalTreeOptions): FolderOnDisk {
  return new DiskTree(options);
}

class DiskTree implements FolderOnDisk {
  readonly root: LocalPath;
  readonly #folderId: string;
  readonly #place: Place;
  readonly #platform: NamePlatform;
  readonly #nowMs: () => number;
  /** Of the disk that is there since the root was last checked; null: not looked at. */
  #foldsCase: boolean | null = null;
  readonly #givenRules: IgnoreRules | undefined;
  readonly #fsyncDirectory = createDirectoryFsync();
  readonly #trash;
  readonly #breathe = createBreather();
  #rules: { readonly stamp: string; readonly rules: IgnoreRules } | null = null;
  #hasStaging = false;

  constructor(options: LocalTreeOptions) {
    this.root = options.root as LocalPath;
    this.#folderId = options.folderId;
    this.#place = createPlace(options.root);
    this.#platform = options.platform ?? currentPlatform();
    this.#nowMs = options.nowMs ?? Date.now;
    this.#givenRules = options.ignore;
    this.#trash = createTrash(this.#place);
  }

  // oxlint-disable-next-line typescript/require-await -- the port is asynchronous
  async checkRoot(): Promise<void> {
    checkRootMarker(this.root, this.#folderId);
    this.#foldsCase = null;
  }

  async *walk(signal: AbortSignal): ReturnType<typeof walkTree> {
    try {
      accessSync(this.root, constants.R_OK | constants.X_OK);
    } catch (error) {
      throw fromOsError(error, '', { EACCES: 'root-unreadable', EPERM: 'root-unreadable', ENOENT: 'root-missing' });
    }
    yield* walkTree(this.#place, this.#loadRules(), signal);
  }

  // oxlint-disable-next-line typescript/require-await -- the port is asynchronous
  async entryAt(path: SyncPath): Promise<LocalEntry | null> {
    return this.#entryAt(path);
  }

  #entryAt(path: SyncPath): LocalEntry | null {
    try {
      if (!hasRealParents(this.#place, path)) return null;
    } catch (error) {
      if (error instanceof SyncError && (error.code === 'path-symlink' || error.code === 'target-exists')) return null;
      throw error;
    }
    const stats = lookAt(this.#place.at(path), path);
    if (stats === null) return null;
    if (!path.endsWith('/')) return stats.isFile() ? entryOf(path, stats) : null;
    if (!stats.isDirectory()) return null;
    try {
      return entryOf(path, stats, readdirSync(this.#place.at(path)).length === 0);
    } catch (error) {
      if (isMissing(error)) return null;
      throw fromOsError(error, path);
    }
  }

  async hash(entry: LocalEntry, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    if (entry.sizeBytes <= SMALL_FILE_BYTES) {
      await this.#breathe();
      return this.#hashSmall(entry);
    }
    const hash = createHash('sha256');
    let file: number | undefined;
    try {
      file = await openFile(this.#place.at(entry.path), READ_FLAGS);
      refuseChange(entry, await statFile(file, { bigint: true }));
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      let total = 0;
      for (;;) {
        signal.throwIfAborted();
        const { bytesRead } = await readFile(file, buffer, 0, READ_BYTES, null);
        if (bytesRead === 0) break;
        total += bytesRead;
        // A file that grows for ever must not be read for ever.
        if (total > entry.sizeBytes) break;
        hash.update(buffer.subarray(0, bytesRead));
      }
      if (total !== entry.sizeBytes) throw new SyncError('changed-while-reading', { path: entry.path });
      refuseChange(entry, await statFile(file, { bigint: true }));
    } catch (error) {
      if (signal.aborted) throw error;
      throw fromOsError(error, entry.path, { ELOOP: 'changed-while-reading', ENXIO: 'changed-while-reading' });
    } finally {
      if (file !== undefined) await closeFile(file);
    }
    return hash.digest('hex');
  }

  #hashSmall(entry: LocalEntry): string {
    let file: number | undefined;
    try {
      file = openSync(this.#place.at(entry.path), READ_FLAGS);
      refuseChange(entry, fstatSync(file, { bigint: true }));
      const buffer = Buffer.allocUnsafe(entry.sizeBytes + 1);
      let total = 0;
      for (let got = -1; got !== 0 && total < buffer.length; total += got) got = readSync(file, buffer, total, buffer.length - total, null);
      if (total !== entry.sizeBytes) throw new SyncError('changed-while-reading', { path: entry.path });
      refuseChange(entry, fstatSync(file, { bigint: true }));
      return createHash('sha256').update(buffer.subarray(0, total)).digest('hex');
    } catch (error) {
      throw fromOsError(error, entry.path, { ELOOP: 'changed-while-reading', ENXIO: 'changed-while-reading' });
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }

  newStagingPath(): LocalPath {
    return this.#staged(randomBytes(16).toString('hex'));
  }
  partialPathOf(objectKey: ObjectKey, etag: string): LocalPath {
    return this.#staged(`${PARTIAL}${createHash('sha256').update(`${objectKey}\0${etag}`).digest('hex').slice(0, 32)}`);
  }
  #staged(name: string): LocalPath {
    if (!this.#hasStaging) makeOwnDirectory(this.#place, 'tmp');
    this.#hasStaging = true;
    return join(this.root, OWN_DIRECTORY, 'tmp', name) as LocalPath;
  }

  // oxlint-disable-next-line typescript/require-await -- the port is asynchronous
  async stagedEntry(staged: LocalPath, path: SyncPath): Promise<LocalEntry> {
    try {
      if (isDirectoryPath(path)) mkdirSync(staged);
      return entryOf(path, lstatSync(staged, { bigint: true }), isDirectoryPath(path) ? true : undefined);
    } catch (error) {
      throw fromOsError(error, path);
    }
  }

  // oxlint-disable-next-line typescript/require-await -- the port is asynchronous
  async removeStaged(staged: LocalPath): Promise<void> {
    if (dirname(staged) !== join(this.root, OWN_DIRECTORY, 'tmp')) throw new SyncError('invariant', { detail: 'not a staged file' });
    try {
      rmSync(staged, { force: true, recursive: true });
    } catch (error) {
      throw fromOsError(error, OWN_DIRECTORY);
    }
  }

  replace(items: Parameters<LocalTree['replace']>[0]): ReturnType<LocalTree['replace']> {
    return replaceFiles(items, { place: this.#place, trash: this.#trash, fsyncDirectory: this.#fsyncDirectory, nowMs: this.#nowMs });
  }

  async makeDirectory(path: SyncPath): Promise<LocalEntry> {
    if (!path.endsWith('/')) throw new SyncError('invariant', { detail: 'a directory\'s path ends in /' });
    refuseName(path, lookAt(this.#place.at(path), path) === null);
    const dirty = new Set<string>();
    makeParents(this.#place, path, (directory) => dirty.add(directory));
    makeOneDirectory(this.#place, path, path, (directory) => dirty.add(directory));
    await this.#fsyncAll(dirty);
    const entry = this.#entryAt(path);
    if (entry === null) throw new SyncError('target-changed', { path });
    return entry;
  }

  async moveToTrash(entry: LocalEntry): Promise<void> {
    refuseName(entry.path, false);
    const absolute = this.#place.at(entry.path);
    const stats = hasRealParents(this.#place, entry.path) ? lookAt(absolute, entry.path) : null;
    if (entry.kind === 'directory') {
      // Empty directories hold nothing to keep; one that holds something by now is not removed by rmdir.
      if (stats === null || !stats.isDirectory() || String(stats.ino) !== entry.inode) throw new SyncError('target-changed', { path: entry.path });
      try {
        rmdirSync(absolute);
      } catch (error) {
        throw fromOsError(error, entry.path, { EEXIST: 'target-changed' });
      }
      await this.#fsyncDirectory(dirname(absolute));
      return;
    }
    if (stats === null || !stats.isFile() || stampOf(stats) !== entry.stamp) throw new SyncError('target-changed', { path: entry.path });
    const dirty = new Set<string>([dirname(absolute)]);
    const slot = this.#trash.slotFor(entry.path, this.#nowMs(), (directory) => dirty.add(directory));
    dirty.add(slot.directory);
    try {
      renameSync(absolute, slot.absolute);
    } catch (error) {
      throw fromOsError(error, entry.path);
    }
    // Somebody wrote or replaced it after the last look: it goes back to its place unless that is taken, and then it stays in the trash.
    const moved = lookAt(slot.absolute, entry.path);
    if (moved !== null && !isSameContent(moved, stats)) {
      try {
        moveWithoutReplacing(slot.absolute, absolute, entry.path);
      } catch (error) {
        if (!(error instanceof SyncError) || error.code !== 'target-exists') throw error;
      }
      throw new SyncError('target-changed', { path: entry.path });
    }
    await this.#fsyncAll(dirty);
  }

  async setModeBits(entry: LocalEntry, modeBits: number): Promise<LocalEntry> {
    refuseName(entry.path, false);
    const absolute = this.#place.at(entry.path);
    const isThere = (): boolean => {
      const stats = hasRealParents(this.#place, entry.path) ? lookAt(absolute, entry.path) : null;
      return stats !== null && stats.isFile() && stampOf(stats) === entry.stamp;
    };
    if (!isThere()) throw new SyncError('target-changed', { path: entry.path });
    let file: number | undefined;
    try {
      // By its descriptor: what stands under the name by then may be another file.
      file = await openFile(absolute, READ_FLAGS);
      if (stampOf(fstatSync(file, { bigint: true })) !== entry.stamp) throw new SyncError('target-changed', { path: entry.path });
      fchmodSync(file, modeBits & 0o777);
      fsyncSync(file);
      return entryOf(entry.path, fstatSync(file, { bigint: true }));
    } catch (error) {
      throw fromOsError(error, entry.path, { ELOOP: 'target-changed', ENOENT: 'target-changed' });
    } finally {
      if (file !== undefined) await closeFile(file);
    }
  }

  nameCollisions(): NameCollisions | null {
    const rules = this.#nameRules();
    return rules === 'linux' ? null : createNameCollisions(this.#place, rules);
  }

  /**
   * A disk that takes `.ENFOLD` for `.enfold` takes any two names for one that differ in case only. Under Linux that is one made for other systems, a stick or
   * a memory card: there a name must do for all of them.
   */
  #nameRules(): NamePlatform {
    if (this.#platform !== 'linux') return this.#platform;
    this.#foldsCase ??= lookAt(join(this.root, OWN_DIRECTORY.toUpperCase()), OWN_DIRECTORY) !== null;
    return this.#foldsCase ? 'portable' : 'linux';
  }

  async pruneEmptyParents(path: SyncPath, keep: (directory: SyncPath) => boolean): Promise<void> {
    let last: string | null = null;
    for (let directory = parentOf(path); directory !== ''; directory = parentOf(directory)) {
      if (keep(directory)) break;
      const absolute = this.#place.at(directory);
      const stats = hasRealParents(this.#place, directory) ? lookAt(absolute, directory) : null;
      if (stats === null) continue;
      if (!stats.isDirectory()) break;
      try {
        rmdirSync(absolute);
      } catch (error) {
        const errno = errnoOf(error);
        if (errno === 'ENOENT') continue;
        // Not empty is the usual end; what may not be removed, stays.
        if (errno === 'ENOTEMPTY' || errno === 'EEXIST' || errno === 'EACCES' || errno === 'EPERM' || errno === 'EBUSY') break;
        throw fromOsError(error, directory);
      }
      last = dirname(absolute);
    }
    // Directories below the last one are gone with their names.
    if (last !== null) await this.#fsyncDirectory(last);
  }

  async rename(entry: LocalEntry, to: SyncPath): Promise<LocalEntry> {
    refuseName(entry.path, false);
    refuseName(to, true);
    const isDirectory = entry.kind === 'directory';
    if (isDirectory !== to.endsWith('/')) throw new SyncError('invariant', { detail: 'a rename keeps the kind' });
    const [from, target] = [this.#place.at(entry.path), this.#place.at(to)];
    const stats = hasRealParents(this.#place, entry.path) ? lookAt(from, entry.path) : null;
    const isSame = stats !== null && (isDirectory ? stats.isDirectory() && String(stats.ino) === entry.inode : stats.isFile() && stampOf(stats) === entry.stamp);
    if (!isSame) throw new SyncError('target-changed', { path: entry.path });
    const dirty = new Set<string>([dirname(from), dirname(target)]);
    makeParents(this.#place, to, (directory) => dirty.add(directory));
    const standing = lookAt(target, to);
    // On a file system that ignores case the new name may be the file itself.
    const isItself = standing !== null && standing.ino === stats.ino && standing.dev === stats.dev && target.toLowerCase() === from.toLowerCase() && target !== from;
    if (standing !== null && !isItself) throw new SyncError('target-exists', { path: to });
    if (isDirectory || isItself) {
      try {
        renameSync(from, target);
      } catch (error) {
        throw fromOsError(error, entry.path, { ENOTEMPTY: 'target-exists', EEXIST: 'target-exists' });
      }
    } else {
      moveWithoutReplacing(from, target, to);
    }
    await this.#fsyncAll(dirty);
    const moved = this.#entryAt(to);
    if (moved === null) throw new SyncError('target-changed', { path: to });
    return moved;
  }

  localPathOf(path: SyncPath): LocalPath {
    return this.#place.at(path);
  }

  mayCreate(path: SyncPath): ReturnType<LocalTree['mayCreate']> {
    if (isOwnPath(path)) return 'own-file';
    return mayCreate(path, this.#nameRules()) ?? (this.ignoreRuleFor(path) === null ? null : 'ignored');
  }

  async freeBytes(): Promise<number> {
    try {
      const stats = await statfs(this.root);
      return stats.bavail * stats.bsize;
    } catch (error) {
      throw fromOsError(error, '', { ENOENT: 'root-missing' });
    }
  }

  async sweep(): Promise<void> {
    const staging = join(this.root, OWN_DIRECTORY, 'tmp');
    const stats = lookAt(staging, OWN_DIRECTORY);
    if (stats?.isDirectory()) {
      for (const name of readdirSync(staging)) {
        const staged = `${staging}${sep}${name}`;
        const age = lookAt(staged, OWN_DIRECTORY);
        if (age !== null && this.#nowMs() - Number(age.ctimeMs) > (name.startsWith(PARTIAL) ? PARTIAL_KEPT_MS : STAGED_KEPT_MS)) rmSync(staged, { force: true, recursive: true });
      }
    }
    const { blocks, bsize } = await statfs(this.root);
    expireTrash(this.#place, this.#nowMs(), { limitBytes: (blocks * bsize) / TRASH_SHARE });
  }

  listTrash(): readonly TrashedFile[] {
    return listTrash(this.#place);
  }
  restoreFromTrash(id: string, to?: SyncPath): Promise<SyncPath> {
    if (to !== undefined) refuseName(to, true);
    return restoreFromTrash(this.#place, id, to);
  }
  removeFromTrash(ids: readonly string[]): { readonly removed: number; readonly bytes: number } {
    return removeFromTrash(this.#place, ids);
  }

  refusedRules(): readonly string[] {
    return this.#loadRules().refused;
  }
  ignoreRuleFor(path: SyncPath): string | null {
    return (this.#rules?.rules ?? this.#loadRules()).ruleFor(path);
  }

  lookAt(path: SyncPath): Classified | null {
    return lookAtOne(this.#place, this.#loadRules(), path);
  }

  /** @throws SyncError permission-denied: rules that cannot be read must not be taken for none */
  #loadRules(): IgnoreRules {
    if (this.#givenRules !== undefined) return this.#givenRules;
    const path = IGNORE_FILE as SyncPath;
    const entry = this.#entryAt(path);
    const stamp = entry?.stamp ?? '';
    if (this.#rules?.stamp === stamp) return this.#rules.rules;
    let text = '';
    if (entry !== null) {
      let file: number | undefined;
      try {
        file = openSync(this.#place.at(path), READ_FLAGS);
        const buffer = Buffer.alloc(Math.min(entry.sizeBytes, 1024 * 1024));
        text = buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, 0));
      } catch (error) {
        throw fromOsError(error, path);
      } finally {
        if (file !== undefined) closeSync(file);
      }
    }
    this.#rules = { stamp, rules: parseIgnoreRules(text) };
    return this.#rules.rules;
  }

  async #fsyncAll(directories: ReadonlySet<string>): Promise<void> {
    await Promise.all([...directories].map((directory) => this.#fsyncDirectory(directory)));
  }
}

/** The file that is open must be the one the walk saw, untouched: also where a link on the way now leads elsewhere. */
function refuseChange(entry: LocalEntry, stats: BigIntStats): void {
  if (!stats.isFile() || stampOf(stats) !== entry.stamp) throw new SyncError('changed-while-reading', { path: entry.path });
}
