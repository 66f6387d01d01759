/**
 * Native file events as hints: which paths are worth a look soon. Never evidence: events get lost, so a rescan finds what they missed.
 * Whatever goes wrong here becomes the hint 'everything'.
 */
import { relative, sep } from 'node:path';
import type { FSWatcher } from 'chokidar';
import { isOwnPath, type SyncPath } from '../model/path.ts';
import type { LocalWatcher } from '../sync/ports.ts';

export type WatcherOptions = {
  /** A hint comes when nothing has happened for so long, */
  readonly quietMs?: number;
  /** or at the latest after so long. */
  readonly atMostMs?: number;
  /** The rule that keeps a path out of sync, or null; asked for directories with a trailing `/`. */
  readonly ignoreRuleFor?: (path: SyncPath) => string | null;
};

type OnHint = (paths: ReadonlySet<string> | 'everything') => void;

/** Above this many paths at once a walk of the whole is cheaper than a look at each. */
const MAX_PATHS = 1000;

/** @param root - the folder; it must exist when the watcher is started. */
export function createLocalWatcher(root: string, options: WatcherOptions = {}): LocalWatcher {
  return new ChokidarWatcher(root, options);
}

class ChokidarWatcher implements LocalWatcher {
  readonly #root: string;
  readonly #options: WatcherOptions;
  #watcher: FSWatcher | null = null;
  #onHint: OnHint = () => undefined;
  #paths = new Set<string>();
  #isEverything = false;
  #quietTimer: NodeJS.Timeout | null = null;
  #latestTimer: NodeJS.Timeout | null = null;
  #run = 0;

  constructor(root: string, options: WatcherOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** Resolves when changes are seen from now on; what happened while it started is covered by the hint 'everything'. */
  async start(onHint: OnHint): Promise<void> {
    await this.stop();
    this.#onHint = onHint;
    const run = this.#run;
    // Loaded here, so that a one-shot command never pays for it.
    const { watch } = await import('chokidar');
    if (run !== this.#run) return;
    const watcher = watch(this.#root, {
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
      ignorePermissionErrors: true,
      ignored: (absolute, stats) => this.#isIgnored(absolute, stats?.isDirectory() === true),
    });
    this.#watcher = watcher;
    await new Promise<void>((resolve) => {
      watcher.once('ready', resolve);
      watcher.on('all', (_event, absolute) => this.#see(absolute));
      watcher.on('error', () => {
        this.#seeEverything();
        resolve();
      });
    });
    if (run === this.#run) this.#seeEverything();
  }

  async stop(): Promise<void> {
    this.#run += 1;
    this.#clear();
    const watcher = this.#watcher;
    this.#watcher = null;
    await watcher?.close();
    this.#clear();
  }

  #isIgnored(absolute: string, isDirectory: boolean): boolean {
    const path = this.#pathOf(absolute);
    if (path === '') return false;
    if (isOwnPath(path)) return true;
    const rule = this.#options.ignoreRuleFor;
    if (rule === undefined || path.startsWith('..')) return false;
    return rule(path as SyncPath) !== null || (isDirectory && rule(`${path}/` as SyncPath) !== null);
  }

  #pathOf(absolute: string): string {
    const inner = relative(this.#root, absolute);
    return sep === '/' ? inner : inner.replaceAll(sep, '/');
  }

  #see(absolute: string): void {
    if (this.#watcher === null) return;
    const path = this.#pathOf(absolute);
    if (path === '') {
      this.#seeEverything();
      return;
    }
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
