/**
 * Native file events as hints: which paths are worth a look soon. Never evidence: events get lost, so a rescan finds what they missed.
 * Whatever goes wrong here becomes the hint 'everything'.
 */
import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import type { SyncPath } from '../model/path.ts';
import type { LocalWatcher } from '../sync/ports.ts';
import { DirectoryWatches } from './directory-watches.ts';
import { RecursiveWatch } from './recursive-watch.ts';
import type { TreeWatches } from './tree-watches.ts';

export type WatcherOptions = {
  /** A hint comes when nothing has happened for so long, */
  readonly quietMs?: number;
  /** or at the latest after so long. */
  readonly atMostMs?: number;
  /** The rule that keeps a path out of sync, or null; asked for directories with a trailing `/`. */
  readonly ignoreRuleFor?: (path: SyncPath) => string | null;
  /** A folder that went away is looked for this often. */
  readonly rootLookMs?: number;
  /** By one watch over the whole tree; by default where the system itself has such a thing. */
  readonly isRecursive?: boolean;
};

const HAS_RECURSIVE_WATCH = process.platform === 'darwin' || process.platform === 'win32';

type OnHint = (paths: ReadonlySet<string> | 'everything') => void;

/** Above this many paths at once a walk of the whole is cheaper than a look at each. */
const MAX_PATHS = 1000;

/** A folder that is not there may come back, as a disk does that is plugged in again. */
const ROOT_LOOK_MS = 2_000;
/** What the system has no watch left for is looked at this often: a look at a million files takes many seconds. */
const UNWATCHED_LOOK_MS = 120_000;

/** @param root - the folder; it must exist when the watcher is started. */
export function createLocalWatcher(root: string, options: WatcherOptions = {}): LocalWatcher {
  return new FolderWatcher(root, options);
}

class FolderWatcher implements LocalWatcher {
  readonly #root: string;
  readonly #options: WatcherOptions;
  #watches: TreeWatches | null = null;
  #onHint: OnHint = () => undefined;
  #paths = new Set<string>();
  #isEverything = false;
  #quietTimer: NodeJS.Timeout | null = null;
  #latestTimer: NodeJS.Timeout | null = null;
  #lookTimer: NodeJS.Timeout | null = null;
  #run = 0;

  constructor(root: string, options: WatcherOptions) {
    this.#root = root;
    this.#options = options;
  }

  get problem(): SyncError | null {
    return this.#watches?.isWhole === false ? new SyncError('watch-limit') : null;
  }

  /** Resolves when changes are seen from now on; what happened while it started is covered by the hint 'everything'. */
  async start(onHint: OnHint): Promise<void> {
    await this.stop();
    this.#onHint = onHint;
    await this.#begin(this.#run);
    this.#seeEverything();
  }

  async stop(): Promise<void> {
    this.#run += 1;
    this.#clear();
    await this.#end();
  }

  async #begin(run: number): Promise<void> {
    const { isRecursive = HAS_RECURSIVE_WATCH } = this.#options;
    const watches = new (isRecursive ? RecursiveWatch : DirectoryWatches)({
      root: this.#root,
      isIgnored: (directory) => this.#isIgnored(directory, true),
      onEvent: (path) => this.#see(path),
      onError: () => this.#lose(run),
    });
    this.#watches = watches;
    await watches.begin();
    if (run !== this.#run || this.#watches !== watches) return;
    if (!watches.isRootSame()) return this.#wait(run);
    this.#seeEverything();
    if (!watches.isWhole) this.#lookTimer = setInterval(() => this.#seeEverything(), UNWATCHED_LOOK_MS);
  }

  async #end(): Promise<void> {
    if (this.#lookTimer !== null) clearInterval(this.#lookTimer);
    this.#lookTimer = null;
    const watches = this.#watches;
    this.#watches = null;
    await watches?.close();
  }

  /** As soon as a folder stands there, it is watched. */
  #wait(run: number): void {
    void this.#end();
    this.#lookTimer = setInterval(() => {
      if (!existsSync(this.#root)) return;
      void this.#end();
      void this.#begin(run);
    }, this.#options.rootLookMs ?? ROOT_LOOK_MS);
  }

  /** What was watched is there no more. */
  #lose(run: number): void {
    if (run !== this.#run || this.#watches === null) return;
    this.#wait(run);
    this.#seeEverything();
  }

  #isIgnored(path: string, isDirectory: boolean): boolean {
    const rule = this.#options.ignoreRuleFor;
    return rule !== undefined && (rule(path as SyncPath) !== null || (isDirectory && rule(`${path}/` as SyncPath) !== null));
  }

  #see(path: string | null): void {
    if (path === null) return this.#seeEverything();
    // What a name stands for is looked up only where it matters.
    if (this.#isIgnored(path, true) && (this.#isIgnored(path, false) || isDirectory(join(this.#root, path)))) return;
    if (!this.#isEverything) this.#paths.add(path);
    if (this.#paths.size > MAX_PATHS) this.#isEverything = true;
    this.#schedule();
  }

  #seeEverything(): void {
    this.#isEverything = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#quietTimer !== null) clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => this.#tell(), this.#options.quietMs ?? 50);
    this.#latestTimer ??= setTimeout(() => this.#tell(), this.#options.atMostMs ?? 500);
  }

  #tell(): void {
    if (this.#watches?.isRootSame() === false) this.#lose(this.#run);
    const hint = this.#isEverything ? 'everything' : this.#paths;
    this.#clear();
    if (hint === 'everything' || hint.size > 0) this.#onHint(hint);
  }

  #clear(): void {
    if (this.#quietTimer !== null) clearTimeout(this.#quietTimer);
    if (this.#latestTimer !== null) clearTimeout(this.#latestTimer);
    this.#quietTimer = null;
    this.#latestTimer = null;
    this.#paths = new Set();
    this.#isEverything = false;
  }
}

function isDirectory(absolute: string): boolean {
  try {
    return lstatSync(absolute, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false;
  }
}
