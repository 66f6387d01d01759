/**
 * The system's own file events for a tree: one watch over all of it where the system has such a thing, else one for each directory.
 *
 * Nothing is kept for a file, so that a folder of a million files costs what its directories cost. A name that has become a directory is
 * followed into by itself; what lies below it may be older than its watch, and is told too.
 */
import { lstatSync, watch, type FSWatcher } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { isOwnPath } from '../model/path.ts';

export type DirectoryWatchesOptions = {
  readonly root: string;
  /** One watch over the whole tree; by default where the system itself can: macOS and Windows. */
  readonly isRecursive?: boolean;
  readonly isIgnored: (directory: string) => boolean;
  /** Something happened at this path below the root, or, with null, the system does not say where. */
  readonly onEvent: (path: string | null) => void;
  /** A watch ended by itself. */
  readonly onError: () => void;
};

const NAMES_AT_ONCE = 512;
/** Why a directory is not watched although nothing is wrong with watching: it is gone, or not to be read. */
const NOT_TO_BE_WATCHED: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP']);

export class DirectoryWatches {
  readonly #options: DirectoryWatchesOptions;
  readonly #isRecursive: boolean;
  /** By path: the root is `''`, the others end in `/`. */
  readonly #watches = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>();
  /** Names whose directory has not been looked at since an event. */
  readonly #toFollow = new Set<string>();
  readonly #unreadable = new Set<string>();
  #isFollowing = false;
  #isClosed = false;
  #isWhole = true;

  constructor(options: DirectoryWatchesOptions) {
    this.#options = options;
    this.#isRecursive = options.isRecursive ?? (process.platform === 'darwin' || process.platform === 'win32');
  }

  /** Whether all that should be watched is; the system allows only so many watches. */
  get isWhole(): boolean {
    return this.#isWhole;
  }
  get watchedDirectories(): ReadonlySet<string> {
    return new Set(this.#watches.keys());
  }
  /** Whether the directory that is watched is the one that stands at the root now. */
  isRootSame(): boolean {
    try {
      const stats = lstatSync(this.#options.root, { throwIfNoEntry: false });
      return stats?.isDirectory() === true && this.#watches.get('')?.inode === stats.ino;
    } catch {
      return false;
    }
  }

  /** Watches all of the tree that is not watched yet. */
  async begin(): Promise<void> {
    await this.#add('', () => undefined);
  }

  close(): void {
    this.#isClosed = true;
    for (const { watcher } of this.#watches.values()) watcher.close();
    this.#watches.clear();
    this.#toFollow.clear();
  }

  /** From the top down, each directory watched before it is read: what comes meanwhile is an event. */
  async #add(top: string, onFound: (path: string) => void): Promise<void> {
    const pending = [top];
    for (let directory = pending.pop(); directory !== undefined && !this.#isClosed; directory = pending.pop()) {
      if (!(await this.#watch(directory)) || this.#isRecursive) continue;
      try {
        for await (const entry of await opendir(join(this.#options.root, directory), { bufferSize: NAMES_AT_ONCE })) {
          const path = directory + entry.name;
          if (isOwnPath(path)) continue;
          onFound(path);
          if (entry.isDirectory() && !this.#options.isIgnored(path)) pending.push(`${path}/`);
        }
      } catch {
        // Gone or unreadable since: an event in its parent says so.
      }
    }
  }

  /** @returns whether the directory is watched. */
  async #watch(directory: string): Promise<boolean> {
    const { root, onError } = this.#options;
    const absolute = join(root, directory);
    const inode = await inodeOf(absolute);
    if (inode === null || this.#isClosed) return false;
    const known = this.#watches.get(directory);
    if (known?.inode === inode) return true;
    known?.watcher.close();
    this.#watches.delete(directory);
    try {
      const watcher = watch(absolute, { recursive: this.#isRecursive }, (event, name) => this.#hear(directory, event, name));
      watcher.on('error', onError);
      this.#watches.set(directory, { watcher, inode });
      this.#unreadable.delete(directory);
      return true;
    } catch (error) {
      if (NOT_TO_BE_WATCHED.has((error as NodeJS.ErrnoException).code ?? '')) this.#unreadable.add(directory);
      else this.#isWhole = false;
      return false;
    }
  }

  #hear(directory: string, event: string, name: string | null): void {
    if (this.#isClosed) return;
    if (name === null) return this.#options.onEvent(null);
    const path = directory + (process.platform === 'win32' ? name.replaceAll('\\', '/') : name);
    if (isOwnPath(path)) return;
    this.#options.onEvent(path);
    if (this.#isRecursive || (event !== 'rename' && !this.#unreadable.has(`${path}/`))) return;
    this.#toFollow.add(path);
    if (!this.#isFollowing) void this.#follow();
  }

  /** A name came, went or was given to something else: if it was or is a directory, its watches are brought in line. */
  async #follow(): Promise<void> {
    this.#isFollowing = true;
    for (const path of this.#toFollow) {
      this.#toFollow.delete(path);
      const directory = `${path}/`;
      const inode = await inodeOf(join(this.#options.root, path));
      if (this.#isClosed) return;
      const known = this.#watches.get(directory);
      if (known?.inode === inode) continue;
      if (known !== undefined) this.#remove(directory);
      if (inode !== null && !this.#options.isIgnored(path)) await this.#add(directory, this.#options.onEvent);
    }
    this.#isFollowing = false;
  }

  #remove(top: string): void {
    for (const [directory, { watcher }] of this.#watches) {
      if (!directory.startsWith(top)) continue;
      watcher.close();
      this.#watches.delete(directory);
    }
  }
}

/** Of the directory at a place; null where none is. A symbolic link is none. */
async function inodeOf(absolute: string): Promise<number | null> {
  const stats = await lstat(absolute).catch(() => null);
  return stats?.isDirectory() === true ? stats.ino : null;
}
