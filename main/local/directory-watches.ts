/**
 * A watch for each directory of a tree, where the system has none for the whole (Linux). Chokidar would do it too, but asks for the attributes of
 * every file at once when it begins: 300 MiB for a folder of 100,000 files, which it would be gigabytes for one of a million.
 *
 * Nothing is kept for a file, so that a folder of a million files costs what its directories cost. A name that has become a directory is
 * followed into by itself; what lies below it may be older than its watch, and is told too.
 */
import { watch, type FSWatcher } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { isOwnPath } from '../model/path.ts';
import { inodeOfDirectory } from './tree-watches.ts';
import type { TreeWatches, TreeWatchesOptions } from './tree-watches.ts';

const NAMES_AT_ONCE = 512;
/** Why a directory is not watched although nothing is wrong with watching: it is gone, or not to be read. */
const NOT_TO_BE_WATCHED: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP']);

export class DirectoryWatches implements TreeWatches {
  readonly #options: TreeWatchesOptions;
  /** By path: the root is `''`, the others end in `/`. */
  readonly #watches = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>();
  /** Names whose directory has not been looked at since an event. */
  readonly #toFollow = new Set<string>();
  readonly #unreadable = new Set<string>();
  #isFollowing = false;
  #isClosed = false;
  #isWhole = true;

  constructor(options: TreeWatchesOptions) {
    this.#options = options;
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }
  get watchedDirectories(): ReadonlySet<string> {
    return new Set(this.#watches.keys());
  }
  isRootSame(): boolean {
    const watched = this.#watches.get('');
    return watched !== undefined && inodeOfDirectory(this.#options.root) === watched.inode;
  }

  async begin(): Promise<void> {
    await this.#add('', () => undefined);
  }

  // oxlint-disable-next-line typescript/require-await -- the other kind of watch ends asynchronously
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { watcher } of this.#watches.values()) watcher.close();
    this.#watches.clear();
    this.#toFollow.clear();
  }

  /** From the top down, each directory watched before it is read: what comes meanwhile is an event. */
  async #add(top: string, onFound: (path: string) => void): Promise<void> {
    const pending = [top];
    for (let directory = pending.pop(); directory !== undefined && !this.#isClosed; directory = pending.pop()) {
      if (!(await this.#watch(directory))) continue;
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
      const watcher = watch(absolute, (event, name) => this.#hear(directory, event, name));
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
    const path = directory + name;
    if (isOwnPath(path)) return;
    this.#options.onEvent(path);
    if (event !== 'rename' && !this.#unreadable.has(`${path}/`)) return;
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

/** As {@link inodeOfDirectory}, for the many. */
async function inodeOf(absolute: string): Promise<number | null> {
  const stats = await lstat(absolute).catch(() => null);
  return stats?.isDirectory() === true ? stats.ino : null;
}
