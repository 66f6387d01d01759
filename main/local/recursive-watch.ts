/**
 * One watch over a whole tree, where the system has such a thing (macOS, Windows), by chokidar, which knows their ways: first events that get
 * lost, buffers that overflow, deleted directories that end in an error.
 *
 * Chokidar is told to leave files out, and would say nothing of them then: what happens to them is taken from the system's events that it
 * passes on. So nothing is kept for a file (100,000 of them cost 86 MiB otherwise).
 */
import type { Stats } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { FSWatcher } from 'chokidar';
import { isOwnPath } from '../model/path.ts';
import { inodeOfDirectory } from './tree-watches.ts';
import type { TreeWatches, TreeWatchesOptions } from './tree-watches.ts';

const NAMES_AT_ONCE = 512;
/** The system has no more watches to give. */
const NO_WATCH_LEFT: ReadonlySet<unknown> = new Set(['ENOSPC', 'EMFILE', 'ENFILE']);

export class RecursiveWatch implements TreeWatches {
  readonly #options: TreeWatchesOptions;
  #watcher: FSWatcher | null = null;
  #rootInode: number | null = null;
  #isBegun = false;
  #isClosed = false;
  #isWhole = true;

  constructor(options: TreeWatchesOptions) {
    this.#options = options;
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }
  isRootSame(): boolean {
    return this.#rootInode !== null && inodeOfDirectory(this.#options.root) === this.#rootInode;
  }

  async begin(): Promise<void> {
    const { root } = this.#options;
    this.#rootInode = inodeOfDirectory(root);
    // Loaded here, so that a one-shot command never pays for it.
    const { watch } = await import('chokidar');
    if (this.#isClosed || this.#rootInode === null) return;
    const watcher = watch(root, {
      ignoreInitial: true, followSymlinks: false, atomic: false, ignorePermissionErrors: true,
      backend: 'native-recursive',
      ignored: (absolute, stats) => this.#isLeftOut(absolute, stats),
    });
    this.#watcher = watcher;
    await new Promise<void>((resolve) => {
      watcher.on('raw', (_event, name, details) => this.#hear(name, (details as { readonly watchedPath?: string }).watchedPath));
      watcher.on('addDir', (absolute) => void this.#tellAllIn(absolute));
      watcher.on('unlinkDir', (absolute) => this.#tell(this.#pathOf(absolute)));
      watcher.on('error', (error) => this.#fail(error));
      watcher.once('ready', resolve);
    });
    this.#isBegun = true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#watcher?.close();
    this.#watcher = null;
  }

  /** Null: outside. */
  #pathOf(absolute: string): string | null {
    const path = relative(this.#options.root, absolute);
    if (path === '..' || path.startsWith(`..${sep}`)) return null;
    return sep === '/' ? path : path.replaceAll(sep, '/');
  }

  #isLeftOut(absolute: string, stats: Stats | undefined): boolean {
    if (stats !== undefined && !stats.isDirectory()) return true;
    const path = this.#pathOf(absolute);
    return path !== null && path !== '' && (isOwnPath(path) || this.#options.isIgnored(path));
  }

  #hear(name: string | null, watched: string | undefined): void {
    if (name === null || watched === undefined) return this.#tell('');
    // Chokidar also watches where the root stands; the root's own end is told by `unlinkDir`.
    if (this.#pathOf(watched) !== null) this.#tell(this.#pathOf(join(watched, name)));
  }

  #tell(path: string | null): void {
    if (this.#isClosed || path === null || isOwnPath(path)) return;
    this.#options.onEvent(path === '' ? null : path);
  }

  async #tellAllIn(absolute: string): Promise<void> {
    const directory = this.#pathOf(absolute);
    if (!this.#isBegun || directory === null) return;
    this.#tell(directory);
    try {
      for await (const { name } of await opendir(absolute, { bufferSize: NAMES_AT_ONCE })) this.#tell(directory === '' ? name : `${directory}/${name}`);
    } catch {
      // Gone or unreadable since: an event in its parent says so.
    }
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    if (NO_WATCH_LEFT.has((error as NodeJS.ErrnoException).code)) {
      this.#isWhole = false;
      this.#tell('');
    } else {
      this.#options.onError();
    }
  }
}
